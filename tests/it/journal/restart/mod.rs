//! What a restart keeps, what it refuses to start with, and what it says meanwhile.
mod backup;
mod checkpoints;
mod limited;
mod refusals;
mod replay;
mod room;
mod stop;
mod tokens;

//! The simulator: in this process against a real server, and as a command.

mod command;
mod in_process;

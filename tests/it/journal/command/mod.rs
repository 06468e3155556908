//! `headcount journal` as a process, on folders that a journal made.
mod archive;
mod export;
mod folder;
mod inspect;
mod refused;
mod replay;

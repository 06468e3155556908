//! `headcount journal` as a process, on folders that a journal made.
mod archive;
mod export;
pub(super) mod folder;
mod inspect;
mod refused;
mod replay;

//! Checkpoints: the roster as it was at one revision, as records to be stored, and
//! back. No callback waits for one to be written.
//!
//! A [`Capture`] begins between two entries. From then on, whoever is about to
//! change a subject for the first time leaves a copy of it as it was: a few
//! reference counts. The capture goes through all subjects, takes each that was
//! not changed yet, and those copies of the others. Nothing is taken twice, as a
//! subject is marked when it is taken, under its lock.
//!
//! History is part of it, so that watchers resume after a restart as if there had
//! been none.

mod capture;
mod image;
mod install;
mod past;
mod record;

pub use self::{
    capture::{Capture, CaptureStats},
    image::{Image, ImageError},
};

pub(super) use self::past::Capturing;

#[cfg(test)]
mod tests;

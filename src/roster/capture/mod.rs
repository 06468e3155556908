//! The roster as it was at one revision, taken while entries go on being applied, and put
//! back into an empty roster. How it is stored is not known here.
//!
//! A [`Capture`] begins between two entries. From then on, the writer keeps a copy of each
//! subject before it changes the subject for the first time: a few reference counts. The
//! capture goes through all subjects. It takes each that was not changed yet, and the copies
//! of the others. Nothing is taken twice, because a subject is marked when it is taken, under
//! its lock.
//!
//! History is part of it, so that watchers resume after a restart as if there had been none.

mod capturing;
mod image;
mod install;
mod take;

pub(crate) use self::{capturing::Captured, take::Recorder};

pub use self::{image::Image, take::Capture};

pub(super) use self::capturing::Capturing;

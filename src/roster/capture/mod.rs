//! Captures the roster at one revision while entries are still applied, and installs what was
//! captured in an empty roster. This module does not know how a capture is stored.
//!
//! A [`Capture`] begins between two entries. From then on, the writer keeps a copy of each
//! subject before it changes the subject for the first time. A copy costs a few reference
//! counts. The capture goes through all subjects. It copies each subject that has not changed
//! yet, and takes the kept copies of the others. No subject is taken twice, because it is
//! marked, under its lock, when it is taken.
//!
//! The histories of subjects are captured too, so that watches can resume after a restart.

mod image;
mod install;
mod table_capture;
mod take;

pub(crate) use self::{table_capture::Captured, take::Recorder};

pub use self::{image::Image, take::Capture};

pub(super) use self::table_capture::TableCapture;

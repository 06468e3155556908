//! A system's clock that is wrong, at the start or while the service runs, costs no truth: the
//! webhook front, the journal and the roster in one process, with clocks that only tests move.

mod cases;
mod history;
mod machine;
mod restarts;
mod rig;
mod service;
mod truth;
mod vendor;

//! Users: who is online on which devices, in which rooms, and what a watcher of
//! a user is told.
mod atomic;
mod devices;
mod properties;
mod rooms;

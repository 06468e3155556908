//! Watches of the roster, step by step: what a watcher is told, in what order,
//! and what is left when it goes.
mod history;
mod leftovers;
mod listing;
mod resume;
mod steps;
mod together;

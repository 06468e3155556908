//! TLS and credentials, on a real server on sockets.

mod admin;
mod fronts;
mod grants;
mod process;
mod reloads;
mod site;
mod under_load;

//! TLS and credentials, on a real server on sockets.

mod authority;
mod fronts;
mod grants;
mod reloads;
mod site;

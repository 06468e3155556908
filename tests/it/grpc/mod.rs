//! The gRPC contract, through the generated client: fields and codes to the
//! letter, pages, streams, and the end of the server.
mod answers;
mod cancelled;
mod crowded;
mod errors;
mod long_requests;
mod many_rooms;
mod network;
mod pages;
mod presence;
mod rooms;
mod serving;
mod stalled;
mod users;
mod watches;

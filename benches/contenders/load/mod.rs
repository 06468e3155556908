//! The harness's side of the connections, which does as little work as possible.

pub(crate) mod callback;
pub(crate) mod calls;
pub(crate) mod etcd;
pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod resp;
pub(crate) mod sender;
pub(crate) mod tracker;
pub(crate) mod watchers;
pub(crate) mod wire;

//! The webhook front: where vendors' callbacks come in, over HTTP.
//!
//! An answer of 200 means that the callback is durable and visible, or says nothing of
//! interest. Any other answer means that the vendor has to send it again. What one sender can
//! cost is bounded, however slow or hostile it is: connections, requests at once, the size of
//! head and body and the time that each may take, and the time that a connection may stay open
//! without a request. The front speaks HTTP/1.1 and, to clients that begin with its preface,
//! HTTP/2 without TLS.
//!
//! The front knows the [vendors](crate::providers::Registry) that it is given and the
//! [journal](crate::journal), but neither rooms nor gRPC.

mod answers;
mod asked;
mod body;
mod carried_on;
mod freshness;
mod front;
mod guard;
mod handler;
mod ingest;
mod keep;
mod media;
mod metrics;
mod nonces;
mod path;
mod rates;
mod refusal_log;
mod routes;
mod serve;
mod turns;
mod undecodables;

pub use self::{
    answers::Reason,
    front::{
        Capacity, Full, NonceReuse, UNREAD_BODIES_MIN, Unlimited, Visibility, VisibleAtOnce,
        WebhookFront, WebhookParts, WebhookSettings,
    },
    guard::Protection,
    metrics::{ProductMetrics, WebhookMetrics},
    serve::serve,
};

//! The domain vocabulary: ids, times, the clock, secrets, the events that callbacks decode to, and
//! what metrics are made of beside the library's. It depends on nothing of the crate, and all other modules may use it.

mod callback;
mod clock;
mod events;
mod gauge_fn;
mod histogram;
mod ids;
mod limits;
mod logins;
mod networks;
mod secret;
mod time;

pub use self::{
    callback::{Decoded, Outcome, ProductName},
    clock::{CLOCK_TOLERANCE, Clock, ClockState, STEP_MIN, Times},
    events::{
        CloseReason, LeaveReason, Login, Logout, Profile, Role, RoomEvent, RoomEventKind, UserEvent,
    },
    gauge_fn::GaugeFn,
    histogram::Histogram,
    ids::{AppName, IncarnationId, RoomId, SessionId, SessionIdRef, UserId, UserIdRef},
    limits::{ID_BYTES_MAX, SHOWN_BYTES_MAX, cut_shown},
    logins::Logins,
    networks::{NetworkError, Networks},
    secret::{Secret, Secrets},
    time::Time,
};

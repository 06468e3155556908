//! The domain vocabulary: ids, times, the clock, secrets, and the events that callbacks decode
//! to. It depends on nothing of the crate, and all other modules may use it.

mod callback;
mod clock;
mod events;
mod ids;
mod limits;
mod logins;
mod secret;
mod time;

pub use self::{
    callback::{Decoded, Outcome, ProductName},
    clock::{CLOCK_TOLERANCE, Clock, ClockState, STEP_MIN, Times},
    events::{
        CloseReason, LeaveReason, Login, Logout, Profile, Role, RoomEvent, RoomEventKind, UserEvent,
    },
    ids::{AppName, IncarnationId, RoomId, SessionId, SessionIdRef, UserId, UserIdRef},
    limits::{ID_BYTES_MAX, SHOWN_BYTES_MAX, cut_shown},
    logins::Logins,
    secret::{Secret, Secrets},
    time::Time,
};

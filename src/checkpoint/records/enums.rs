//! Enums: each value has a stored one of the same name, and 0 is none of them.

use crate::{domain, reconcile::room, stored};

use super::check::StoredError;

macro_rules! stored_enum {
    ($domain:ty, $stored:ty, { $($value:ident => $as:ident),+ $(,)? }) => {
        impl From<$domain> for $stored {
            fn from(value: $domain) -> Self {
                match value {
                    $(<$domain>::$value => Self::$as,)+
                }
            }
        }

        impl $stored {
            /// The value that a field has.
            pub(crate) fn decode(
                value: i32,
                field: &'static str,
            ) -> Result<$domain, StoredError> {
                match Self::try_from(value) {
                    $(Ok(Self::$as) => Ok(<$domain>::$value),)+
                    Ok(Self::Unspecified) => Err(StoredError::new(field, "is unspecified")),
                    Err(_) => Err(StoredError::new(field, "has a value that is not known")),
                }
            }
        }
    };
}

stored_enum!(domain::CloseReason, stored::CloseReason, {
    Normal => Normal,
    LastUserTimeout => LastUserTimeout,
    LastUserDropped => LastUserDropped,
    LastUserKicked => LastUserKicked,
    Superseded => Superseded,
    Unknown => Unknown,
});

stored_enum!(domain::LeaveReason, stored::LeaveReason, {
    Logout => Logout,
    Timeout => Timeout,
    Kicked => Kicked,
    TokenExpired => TokenExpired,
    Unknown => Unknown,
    Superseded => Superseded,
    RoomClosed => RoomClosed,
});

stored_enum!(domain::Role, stored::Role, {
    Unspecified => None,
    Host => Host,
    Audience => Audience,
    Admin => Admin,
});

stored_enum!(room::RoomState, stored::RoomState, {
    Unknown => Unknown,
    Open => Open,
    Closed => Closed,
});

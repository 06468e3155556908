//! Checks the fields of requests. Errors name the field as the API does.

use tonic::{Code, Request, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    domain::{AppName, ID_BYTES_MAX, RoomId, UserId},
    grpc::{
        access::Admitted,
        messages::{
            room::RoomRef,
            token::{
                BadToken, ResumeToken, UsersToken, decode_rooms_token, decode_user_rooms_token,
            },
            user::UserRef,
        },
    },
    roster::Roster,
};

/// How many apps an error lists. A status is a header of at most some KiB.
const LISTED_APPS_MAX: usize = 16;

/// Finds the app that a request names, if its caller may ask about it. Every call uses this before
/// it reads anything of an app.
pub(super) fn app<T>(roster: &Roster, request: &Request<T>, name: &str) -> Result<AppName, Status> {
    let admitted = Admitted::of(request.extensions())?;
    let granted = || roster.apps().filter(|app| admitted.may_ask(app.as_str()));
    let name = match admitted.only_app() {
        Some(only) if name.is_empty() => only.as_str(),
        _ => name,
    };
    // Cut, because a name may be too long for a status.
    let shown = || name.chars().take(64).collect::<String>();
    if !name.is_empty() {
        if !admitted.may_ask(name) {
            let message = format!("the credential does not grant the app {:?}", shown());
            return Err(Status::permission_denied(message));
        }
        let unknown = || {
            let known = listed(granted());
            Status::not_found(format!("no app is called {:?}: there is {known}", shown()))
        };
        let app = granted().find(|app| app.as_str() == name);
        return app.cloned().ok_or_else(unknown);
    }
    let mut apps = granted();
    match (apps.next(), apps.next()) {
        (Some(only), None) => Ok(only.clone()),
        _ => {
            let known = listed(granted());
            let message = format!("must be given where more than one app is configured: {known}");
            Err(invalid("app", &message))
        }
    }
}

/// The names of apps, in order.
fn listed<'a>(apps: impl Iterator<Item = &'a AppName>) -> String {
    let mut names: Vec<_> = apps.map(AppName::as_str).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(LISTED_APPS_MAX);
    names.truncate(LISTED_APPS_MAX);
    match more {
        0 => names.join(", "),
        _ => format!("{}, and {more} more", names.join(", ")),
    }
}

/// Checks the room that a request names. The room need not be known.
pub(super) fn room<T>(
    roster: &Roster,
    request: &Request<T>,
    app_name: &str,
    room_id: &str,
) -> Result<RoomRef, Status> {
    let app = app(roster, request, app_name)?;
    check_id("room_id", room_id)?;
    let room = RoomId::from(room_id);
    Ok(RoomRef { app, room })
}

/// Checks the user that a request names. The user need not be known.
pub(super) fn user<T>(
    roster: &Roster,
    request: &Request<T>,
    app_name: &str,
    user_id: &str,
) -> Result<UserRef, Status> {
    let app = app(roster, request, app_name)?;
    check_id("user_id", user_id)?;
    let user = UserId::from(user_id);
    Ok(UserRef { app, user })
}

fn check_id(field: &str, id: &str) -> Result<(), Status> {
    if id.is_empty() {
        return Err(invalid(field, "must not be empty"));
    }
    if id.len() > ID_BYTES_MAX {
        let message = format!("must not be longer than {ID_BYTES_MAX} bytes");
        return Err(invalid(field, &message));
    }
    Ok(())
}

/// Reads a resume token; `None` if it is empty.
pub(super) fn resume_token(token: &str) -> Result<Option<ResumeToken>, Status> {
    let message = "is not a resume token of this service";
    optional(token, ResumeToken::decode).map_err(|BadToken| invalid("resume_token", message))
}

/// Reads the page token of a room's users; `None` if it is empty.
pub(super) fn users_token(token: &str, room: &RoomRef) -> Result<Option<UsersToken>, Status> {
    let (app, room) = (room.app.as_str(), room.room.as_str());
    optional(token, |token| UsersToken::decode(token, app, room)).map_err(bad_page_token)
}

/// Reads the page token of an app's rooms; `None` if it is empty.
pub(super) fn rooms_token(
    token: &str,
    app: &AppName,
    prefix: &str,
) -> Result<Option<RoomId>, Status> {
    let decode = |token: &str| decode_rooms_token(token, app.as_str(), prefix);
    let last = optional(token, decode).map_err(bad_page_token)?;
    Ok(last.map(|last| RoomId::from(&*last)))
}

/// Reads the page token of a user's rooms; `None` if it is empty.
pub(super) fn user_rooms_token(token: &str, user: &UserRef) -> Result<Option<RoomId>, Status> {
    let (app, user) = (user.app.as_str(), user.user.as_str());
    let decode = |token: &str| decode_user_rooms_token(token, app, user);
    let last = optional(token, decode).map_err(bad_page_token)?;
    Ok(last.map(|last| RoomId::from(&*last)))
}

fn optional<T>(
    token: &str,
    decode: impl FnOnce(&str) -> Result<T, BadToken>,
) -> Result<Option<T>, BadToken> {
    if token.is_empty() {
        return Ok(None);
    }
    decode(token).map(Some)
}

fn bad_page_token(_: BadToken) -> Status {
    invalid("page_token", "is not a page token of this request")
}

/// The status for a field with an invalid value.
fn invalid(field: &str, message: &str) -> Status {
    Status::with_error_details(
        Code::InvalidArgument,
        format!("{field} {message}"),
        ErrorDetails::with_bad_request_violation(field, message),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_are_listed_in_order_and_not_at_length() {
        let names = |count| {
            (0..count)
                .rev()
                .map(|i| AppName::from(&*format!("a{i:02}")))
        };
        let few: Vec<_> = names(2).collect();
        assert_eq!(listed(few.iter()), "a00, a01");
        let many: Vec<_> = names(40).collect();
        let many = listed(many.iter());
        assert!(many.starts_with("a00, a01, ") && many.ends_with("a15, and 24 more"));
    }
}

//! What is wrong with a request, in the words of the API.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    domain::{AppName, RoomId, UserId},
    grpc::{
        convert::RoomRef,
        token::{BadToken, ResumeToken},
        users::UserRef,
    },
    providers::ID_BYTES_MAX,
    roster::Roster,
};

/// Finds the app that a request means.
pub(super) fn app(roster: &Roster, name: &str) -> Result<AppName, Status> {
    if !name.is_empty() {
        let app = roster.apps().find(|app| app.as_str() == name);
        // A name may be longer than what a status can carry.
        let shown: String = name.chars().take(64).collect();
        let unknown = || Status::not_found(format!("no app is called {shown:?}"));
        return app.cloned().ok_or_else(unknown);
    }
    let mut apps = roster.apps();
    match (apps.next(), apps.next()) {
        (Some(only), None) => Ok(only.clone()),
        _ => Err(invalid(
            "app",
            "must be given where more than one app is configured",
        )),
    }
}

/// Finds the room that a request means. It need not be known.
pub(super) fn room(roster: &Roster, app_name: &str, room_id: &str) -> Result<RoomRef, Status> {
    let app = app(roster, app_name)?;
    check_id("room_id", room_id)?;
    let room = RoomId::from(room_id);
    Ok(RoomRef { app, room })
}

/// Finds the user that a request means, who need not be known.
pub(super) fn user(roster: &Roster, app_name: &str, user_id: &str) -> Result<UserRef, Status> {
    let app = app(roster, app_name)?;
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

/// Reads a resume token; none if it is empty.
pub(super) fn resume_token(token: &str) -> Result<Option<ResumeToken>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let message = "is not a resume token of this service";
    ResumeToken::decode(token)
        .map(Some)
        .map_err(|BadToken| invalid("resume_token", message))
}

/// A page token that is not one, or is of another request.
pub(super) fn bad_page_token(_: BadToken) -> Status {
    invalid("page_token", "is not a page token of this request")
}

/// A field that is wrong.
fn invalid(field: &str, message: &str) -> Status {
    Status::with_error_details(
        Code::InvalidArgument,
        format!("{field} {message}"),
        ErrorDetails::with_bad_request_violation(field, message),
    )
}

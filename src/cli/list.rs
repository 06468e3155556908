//! `headcount rooms`, `headcount users` and `headcount user`: one answer, page by page.

use std::io::{self, IsTerminal as _, Write};

use headcount_client::Client;
use tonic::{Code, Status};

use super::{
    CliError, ClientArgs, JsonLines,
    age::Moment,
    text::{self, Medium},
    user_text,
};
use crate::pb::{GetRoomUsersRequest, GetUserRequest, ListRoomsRequest, Room, RoomUser, User};

/// How often a walk over the pages of a room is begun anew, when the room began
/// another life in between.
const WALKS_MAX: usize = 5;

/// Which rooms to list.
#[derive(Clone, Debug, clap::Args)]
pub struct RoomsArgs {
    /// Only rooms whose id begins with this.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub prefix: String,
    /// Which server and app.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// The room whose users to list.
#[derive(Clone, Debug, clap::Args)]
pub struct UsersArgs {
    /// The room's id.
    #[arg(value_name = "ROOM", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub room_id: String,
    /// Which server and app.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// The user to ask about.
#[derive(Clone, Debug, clap::Args)]
pub struct UserArgs {
    /// The user's id.
    #[arg(value_name = "USER", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub user_id: String,
    /// Which server and app.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// Lists the open rooms on `out`.
///
/// # Errors
/// When the server refuses, or `out` cannot be written.
pub async fn rooms(
    mut client: Client,
    args: RoomsArgs,
    mut out: impl Write,
) -> Result<(), CliError> {
    let mut rooms = Vec::<Room>::new();
    let mut request = ListRoomsRequest {
        app: args.client.app.clone(),
        prefix: args.prefix,
        ..Default::default()
    };
    loop {
        let page = client.list_rooms(request.clone()).await;
        let page = page.map_err(|status| args.client.failure(status))?;
        let page = page.into_inner();
        rooms.extend(page.rooms);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    if args.client.json {
        let json = JsonLines::new()?;
        for room in &rooms {
            writeln!(out, "{}", json.line("Room", room)?)?;
        }
    } else {
        write_lines(&mut out, &text::rooms_table(&rooms, medium()))?;
    }
    Ok(out.flush()?)
}

/// Lists who is in a room on `out`.
///
/// # Errors
/// When the server refuses, or `out` cannot be written.
pub async fn users(
    mut client: Client,
    args: UsersArgs,
    mut out: impl Write,
) -> Result<(), CliError> {
    let request = GetRoomUsersRequest {
        app: args.client.app.clone(),
        room_id: args.room_id,
        ..Default::default()
    };
    let (room, users) = all_users(&mut client, &args.client, request).await?;
    if args.client.json {
        let json = JsonLines::new()?;
        for user in &users {
            writeln!(out, "{}", json.line("RoomUser", user)?)?;
        }
    } else {
        let admins = text::admins(&users);
        writeln!(out, "{}", text::room_line(&room, room.user_count, admins))?;
        if !users.is_empty() {
            let users: Vec<_> = users.iter().collect();
            writeln!(out)?;
            write_lines(&mut out, &text::users_table(&users, medium()))?;
        }
    }
    Ok(out.flush()?)
}

/// Says on `out` where a user is.
///
/// # Errors
/// When the server refuses, or `out` cannot be written.
pub async fn user(mut client: Client, args: UserArgs, mut out: impl Write) -> Result<(), CliError> {
    let request = GetUserRequest {
        app: args.client.app.clone(),
        user_id: args.user_id,
        ..Default::default()
    };
    let user = whole_user(&mut client, request).await;
    let user = user.map_err(|status| args.client.failure(status))?;
    if args.client.json {
        writeln!(out, "{}", JsonLines::new()?.line("User", &user)?)?;
    } else {
        writeln!(out, "{}", user_text::user_line(&user))?;
        if !user.devices.is_empty() || !user.rooms.is_empty() {
            writeln!(out)?;
            write_lines(&mut out, &user_text::places_table(&user, medium()))?;
        }
    }
    Ok(out.flush()?)
}

/// A user with the rooms of all pages.
async fn whole_user(client: &mut Client, mut request: GetUserRequest) -> Result<User, Status> {
    let mut rooms = Vec::new();
    loop {
        let page = client.get_user(request.clone()).await?.into_inner();
        let user = page.user.unwrap_or_default();
        rooms.extend_from_slice(&user.rooms);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(User { rooms, ..user });
        }
    }
}

fn write_lines(out: &mut impl Write, lines: &[String]) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// What stdout is.
fn medium() -> Medium {
    match columns() {
        Some(width) => Medium::Terminal {
            width,
            now: Moment::now(),
        },
        None => Medium::Pipe,
    }
}

/// The width of the terminal that stdout is; `None` if stdout is not a terminal.
pub(super) fn columns() -> Option<usize> {
    let is_terminal = io::stdout().is_terminal();
    is_terminal.then(|| console::Term::stdout().size().1.into())
}

/// The room, and the users of all its pages.
async fn all_users(
    client: &mut Client,
    args: &ClientArgs,
    first: GetRoomUsersRequest,
) -> Result<(Room, Vec<RoomUser>), CliError> {
    for _ in 0..WALKS_MAX {
        match walk(client, first.clone()).await {
            Err(status) if status.code() == Code::Aborted => {}
            walked => return walked.map_err(|status| args.failure(status)),
        }
    }
    Err(CliError::Restless)
}

async fn walk(
    client: &mut Client,
    mut request: GetRoomUsersRequest,
) -> Result<(Room, Vec<RoomUser>), Status> {
    let mut room = None;
    let mut users = Vec::new();
    loop {
        let page = client.get_room_users(request.clone()).await?.into_inner();
        room = room.or(page.room);
        users.extend(page.users);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok((room.unwrap_or_default(), users));
        }
    }
}

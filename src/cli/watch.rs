//! `headcount watch`: a room, live, through lost connections and restarts.

mod screen;

use std::io::{self, IsTerminal as _, Write};

use headcount_client::{Client, RoomCopy, RoomWatch, WatchEvent};
use tokio::time::{Duration, Instant};

use self::screen::Screen;
use super::{CliError, ClientArgs, JsonLines, text};
use crate::pb::{WatchRoomResponse, watch_room_response::Update};

/// The least time between two drawings of the terminal. A busy room is not drawn for each of
/// its changes.
const FRAME: Duration = Duration::from_millis(50);

/// Of the attempts to connect again, the first is logged, and every tenth.
const ATTEMPTS_A_LINE: u32 = 10;

/// Which room to watch.
#[derive(Clone, Debug, clap::Args)]
pub struct WatchArgs {
    /// The room's id.
    #[arg(value_name = "ROOM", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub room_id: String,
    /// Which server and app.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// How to show a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchFormat {
    /// A table of who is in the room, drawn again and again.
    Screen,
    /// A line for each change.
    Lines,
    /// A line of JSON for each message.
    Json,
}

/// How often the watch tried to connect since the server last answered.
struct Outage {
    server: String,
    attempts: u32,
}

enum View {
    Screen(Screen),
    Lines,
    Json(JsonLines),
}

impl WatchArgs {
    /// JSON if asked for; else what suits stdout.
    pub fn format(&self) -> WatchFormat {
        match self.client.json {
            true => WatchFormat::Json,
            false if io::stdout().is_terminal() => WatchFormat::Screen,
            false => WatchFormat::Lines,
        }
    }
}

/// Shows a room on `out`, until the server refuses or `out` cannot be written.
///
/// # Errors
/// Always, as it never ends otherwise.
pub async fn watch(
    client: Client,
    args: WatchArgs,
    format: WatchFormat,
    mut out: impl Write,
) -> Result<(), CliError> {
    let mut view = View::new(format, &args)?;
    let mut outage = Outage {
        server: args.client.server.clone(),
        attempts: 0,
    };
    let mut watch = RoomWatch::new(client, &*args.client.app, args.room_id);
    let mut draw_at = None;
    loop {
        let event = tokio::select! {
            event = watch.next() => event.map_err(|status| args.client.failure(status))?,
            () = tokio::time::sleep_until(draw_at.unwrap_or_else(Instant::now)), if draw_at.is_some() => {
                draw_at = None;
                view.draw(watch.copy(), &mut out)?;
                continue;
            }
        };
        view.take(&event, watch.copy(), &mut outage, &mut out)?;
        draw_at.get_or_insert_with(|| Instant::now() + FRAME);
    }
}

// === impl View ===

impl View {
    fn new(format: WatchFormat, args: &WatchArgs) -> Result<Self, CliError> {
        Ok(match format {
            WatchFormat::Screen => Self::Screen(Screen::new(&args.room_id, &args.client.server)),
            WatchFormat::Lines => Self::Lines,
            WatchFormat::Json => Self::Json(JsonLines::new()?),
        })
    }

    /// Takes in what happened; shows it, unless that is left to [`Self::draw`].
    fn take(
        &mut self,
        event: &WatchEvent,
        copy: &RoomCopy,
        outage: &mut Outage,
        out: &mut impl Write,
    ) -> Result<(), CliError> {
        if let WatchEvent::Message(_) = event {
            outage.attempts = 0;
        }
        match (self, event) {
            (Self::Screen(screen), event) => screen.take(event),
            (Self::Lines, WatchEvent::Message(message)) => {
                for line in lines(message, copy) {
                    writeln!(out, "{line}")?;
                }
                out.flush()?;
            }
            (Self::Json(json), WatchEvent::Message(message)) => {
                writeln!(out, "{}", json.line("WatchRoomResponse", message)?)?;
                out.flush()?;
            }
            (_, WatchEvent::Lost { status, .. }) => {
                if outage.is_worth_a_line() {
                    let (server, reason) = (&outage.server, super::reason(status));
                    tracing::warn!("lost, retrying {server}: {reason}");
                }
            }
            (_, WatchEvent::Violated { violation, wait }) => {
                tracing::error!(
                    ?wait,
                    "{violation}; THE COPY IS WRONG, starting again from a snapshot"
                );
            }
        }
        Ok(())
    }

    fn draw(&self, copy: &RoomCopy, out: &mut impl Write) -> Result<(), CliError> {
        if let Self::Screen(screen) = self {
            let (height, width) = console::Term::stdout().size();
            out.write_all(screen.draw(copy, width.into(), height.into()).as_bytes())?;
            out.flush()?;
        }
        Ok(())
    }
}

// === impl Outage ===

impl Outage {
    /// Counts an attempt that failed, and says whether to log it.
    fn is_worth_a_line(&mut self) -> bool {
        self.attempts += 1;
        self.attempts % ATTEMPTS_A_LINE == 1
    }
}

/// A message as lines, each after its revision: one for every change, or for
/// the room and every user of a snapshot that is complete with this message.
fn lines(message: &WatchRoomResponse, copy: &RoomCopy) -> Vec<String> {
    let revision = message.revision;
    match &message.update {
        Some(Update::Snapshot(snapshot)) if snapshot.complete => {
            let reason = text::word(snapshot.reason().as_str_name(), "SNAPSHOT_REASON_");
            let room = copy
                .room()
                .map(|room| text::room_line(room, copy.user_count()));
            let room = format!(
                "{revision} snapshot {} ({reason})",
                room.unwrap_or_default()
            );
            let users = copy.users().values();
            let users =
                users.map(|user| format!("{revision} {}", text::user_line("present", Some(user))));
            std::iter::once(room).chain(users).collect()
        }
        Some(Update::Changes(changes)) => {
            let changes = changes.changes.iter();
            changes
                .map(|change| format!("{revision} {}", text::change_line(change)))
                .collect()
        }
        Some(Update::Snapshot(_) | Update::Progress(_)) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempt_of_an_outage_is_logged_and_then_every_tenth() {
        let mut outage = Outage {
            server: String::new(),
            attempts: 0,
        };
        let logged: Vec<u32> = (1..=25).filter(|_| outage.is_worth_a_line()).collect();
        assert_eq!(logged, [1, 11, 21]);
    }
}

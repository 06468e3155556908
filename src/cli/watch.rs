//! `headcount watch` and `headcount watch-user`: a room or a user, live, through lost
//! connections and restarts.

mod connection;
mod room;
mod screen;
mod shown;
mod user;

use std::io::{self, IsTerminal as _, Write};

use headcount_client::{Client, CopyOf, WatchEvent, WatchOf, WatchedRoom, WatchedUser};
use tokio::{
    task::JoinSet,
    time::{Duration, Instant, Interval},
};

use self::{
    connection::Outage,
    screen::{Frame, Screen},
    shown::Shown,
};
use super::{CliError, ClientArgs, JsonLines, age::Moment, client_args::is_not_grpc, paint::Paint};
use crate::pb::Room;

/// The least time between two drawings of the terminal. A busy room is not drawn for each of
/// its changes.
const FRAME: Duration = Duration::from_millis(50);

/// How often the terminal is drawn at least, as the times on it are relative.
const TICK: Duration = Duration::from_secs(1);

/// Every how many ticks the room's counts are asked for: no change tells of them, and a loss
/// should be seen while it lasts.
const TICKS_A_REFRESH: u32 = 2;

/// Which room to watch.
#[derive(Clone, Debug, clap::Args)]
pub struct WatchArgs {
    /// The room's id.
    #[arg(value_name = "ROOM", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub room_id: String,
    /// The server's `progress_interval`. A server that is silent for twice as long is lost.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = humantime::parse_duration)]
    pub progress_interval: Duration,
    /// Which server and app.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// Which user to watch.
#[derive(Clone, Debug, clap::Args)]
pub struct WatchUserArgs {
    /// The user's id.
    #[arg(value_name = "USER", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub user_id: String,
    /// The server's `progress_interval`. A server that is silent for twice as long is lost.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = humantime::parse_duration)]
    pub progress_interval: Duration,
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

enum View {
    Screen(Box<Screen>),
    Lines,
    Json(JsonLines),
}

impl WatchFormat {
    /// JSON if asked for; else what suits stdout.
    pub fn of(client: &ClientArgs) -> Self {
        match client.json {
            true => Self::Json,
            false if io::stdout().is_terminal() => Self::Screen,
            false => Self::Lines,
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
    out: impl Write,
) -> Result<(), CliError> {
    follow::<WatchedRoom>(
        client,
        args.client,
        args.room_id,
        args.progress_interval,
        format,
        out,
    )
    .await
}

/// Shows a user on `out`, until the server refuses or `out` cannot be written.
///
/// # Errors
/// Always, as it never ends otherwise.
pub async fn watch_user(
    client: Client,
    args: WatchUserArgs,
    format: WatchFormat,
    out: impl Write,
) -> Result<(), CliError> {
    follow::<WatchedUser>(
        client,
        args.client,
        args.user_id,
        args.progress_interval,
        format,
        out,
    )
    .await
}

async fn follow<S: Shown>(
    client: Client,
    args: ClientArgs,
    id: String,
    progress_interval: Duration,
    format: WatchFormat,
    mut out: impl Write,
) -> Result<(), CliError> {
    let mut view = View::new(format, &id, &args)?;
    let mut outage = Outage::new(&args.server);
    let mut watch = WatchOf::<S>::new(client.clone(), &*args.app, &*id)
        .with_progress_interval(progress_interval);
    let mut refreshes = JoinSet::<Option<Room>>::new();
    let mut tick = ticks();
    let mut ticks: u32 = 0;
    let mut draw_at = None;
    loop {
        tokio::select! {
            event = watch.next() => {
                let event = match event {
                    Ok(event) => event,
                    Err(status) => {
                        // What came shortly before the end is seen, too.
                        view.draw(watch.copy(), &mut out)?;
                        return Err(args.failure(status));
                    }
                };
                if let WatchEvent::Lost { status, .. } = &event
                    && is_not_grpc(status)
                {
                    return Err(args.failure(status.clone()));
                }
                if let WatchEvent::Lost { .. } = &event {
                    // A server that hangs does not answer, and the next is asked only after it.
                    refreshes = JoinSet::new();
                }
                view.take::<S>(&event, watch.copy(), &mut outage, &mut out)?;
                draw_at.get_or_insert_with(|| Instant::now() + FRAME);
            }
            () = tokio::time::sleep_until(draw_at.unwrap_or_else(Instant::now)), if draw_at.is_some() => {
                draw_at = None;
                view.draw(watch.copy(), &mut out)?;
            }
            _ = tick.tick(), if view.is_screen() => {
                draw_at.get_or_insert_with(Instant::now);
                ticks = ticks.wrapping_add(1);
                if ticks.is_multiple_of(TICKS_A_REFRESH) && refreshes.is_empty() && view.is_live() {
                    refreshes.spawn(S::refresh(client.clone(), args.app.clone(), id.clone()));
                }
            }
            Some(Ok(Some(room))) = refreshes.join_next() => view.refresh(room),
        }
    }
}

/// The first tick comes after the time of one.
fn ticks() -> Interval {
    let mut ticks = tokio::time::interval_at(Instant::now() + TICK, TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

// === impl View ===

impl View {
    fn new(format: WatchFormat, id: &str, args: &ClientArgs) -> Result<Self, CliError> {
        Ok(match format {
            WatchFormat::Screen => Self::Screen(Box::new(Screen::new(id, &args.server))),
            WatchFormat::Lines => Self::Lines,
            WatchFormat::Json => Self::Json(JsonLines::new()?),
        })
    }

    fn is_screen(&self) -> bool {
        matches!(self, Self::Screen(_))
    }

    fn is_live(&self) -> bool {
        matches!(self, Self::Screen(screen) if screen.is_live())
    }

    /// Takes in what happened; shows it, unless that is left to [`Self::draw`].
    fn take<S: Shown>(
        &mut self,
        event: &WatchEvent<S::Message>,
        copy: &CopyOf<S>,
        outage: &mut Outage,
        out: &mut impl Write,
    ) -> Result<(), CliError> {
        if let WatchEvent::Message(_) = event {
            outage.end();
        }
        match (self, event) {
            (Self::Screen(screen), event) => screen.take::<S>(event, Moment::now()),
            (Self::Lines, WatchEvent::Message(message)) => {
                for line in S::lines(message, copy) {
                    writeln!(out, "{line}")?;
                }
                out.flush()?;
            }
            (Self::Json(json), WatchEvent::Message(message)) => {
                writeln!(out, "{}", json.line(S::MESSAGE, &**message)?)?;
                out.flush()?;
            }
            (_, WatchEvent::Lost { status, .. }) => {
                if let Some(warning) = outage.attempt(status) {
                    tracing::warn!("{warning}");
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

    /// Takes in the room's counts.
    fn refresh(&mut self, room: Room) {
        if let Self::Screen(screen) = self {
            screen.refresh(room);
        }
    }

    fn draw<S: Shown>(&self, copy: &CopyOf<S>, out: &mut impl Write) -> Result<(), CliError> {
        if let Self::Screen(screen) = self {
            let (height, width) = console::Term::stdout().size();
            let frame = Frame {
                width: width.into(),
                height: height.into(),
                now: Moment::now(),
                paint: Paint::of(io::stdout().is_terminal()),
            };
            out.write_all(screen.draw(copy, &frame).as_bytes())?;
            out.flush()?;
        }
        Ok(())
    }
}

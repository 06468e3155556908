//! A roster of many members and nothing else, to see what a member takes.

use std::time::Duration;

use bytes::Bytes;
use headcount::{
    domain::{AppName, Time},
    journal::{Entry, Journal as _, MemoryJournal, Payload},
};

use super::login::{entry, now, roster};
use crate::{Outcome, args::Args, load::callback::APP, process::own_usage};

pub(super) const MEMBERS_PER_ROOM: usize = 100;

/// How often the roster checks whether something is to be forgotten. The service does so more
/// often, because there time passes more slowly than here.
const TICK: Duration = Duration::from_secs(10);

/// Prints what each member takes when all are there. The logins come in an even
/// stream, and what is due is forgotten meanwhile: memory that was needed only for a
/// while is not counted as often as there are members.
pub(super) async fn run(args: &Args) -> Outcome<()> {
    let journal = MemoryJournal::new();
    let (roster, applier) = roster(&journal);
    journal.follow(0, Box::new(applier))?;
    let app = AppName::from(APP);
    let spread = Duration::from_secs(args.spread_seconds);
    let begin = now().saturating_sub(spread);
    let before = own_usage().memory;
    let mut ticked = begin;
    for member in 0..args.count {
        let at = begin.saturating_add(spread.mul_f64(member as f64 / args.count as f64));
        let place = (member / MEMBERS_PER_ROOM, member);
        let number = member % MEMBERS_PER_ROOM + 1;
        let login = entry(&app, place, number, (at, Bytes::new()));
        journal.append(login).await?;
        if ticked.saturating_add(TICK) <= at {
            ticked = at;
            journal.append(tick(at)).await?;
            roster.trim_history(at);
        }
    }
    let bytes = own_usage().memory - before;
    println!("{}", bytes / args.count as f64);
    Ok(())
}

fn tick(received_at: Time) -> Entry {
    let payload = Payload::Tick;
    Entry {
        received_at,
        payload,
    }
}

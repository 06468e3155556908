//! The result of a replay, as text. The verdict is the last line.

use std::io::{self, Write};

use super::{
    compare::{Names, Present},
    replayed::Replayed,
};
use crate::cli::text::clean;

pub(super) fn write(out: &mut impl Write, replayed: &Replayed) -> io::Result<()> {
    let differences = &replayed.differences;
    for room in &differences.rooms {
        let (app, id) = (clean(&room.app), clean(&room.room_id));
        let mut parts = present(&room.present, "user");
        if room.recorded_open != room.replayed_open {
            let state = |is_open| if is_open { "open" } else { "not open" };
            let (recorded, replayed) = (state(room.recorded_open), state(room.replayed_open));
            parts.insert(0, format!("recorded {recorded}, replayed {replayed}"));
        }
        writeln!(out, "room {id} of {app}: {}", parts.join("; "))?;
    }
    write_rest(
        out,
        "rooms",
        differences.room_count,
        differences.rooms.len(),
    )?;
    for user in &differences.users {
        let (app, id) = (clean(&user.app), clean(&user.user_id));
        let parts = present(&user.present, "device");
        writeln!(out, "user {id} of {app}: {}", parts.join("; "))?;
    }
    write_rest(
        out,
        "users",
        differences.user_count,
        differences.users.len(),
    )?;
    if replayed.left_out > 0 {
        writeln!(
            out,
            "left out: {} callbacks of apps that are not configured",
            replayed.left_out
        )?;
    }
    writeln!(
        out,
        "result: {} open rooms with {} users, {} users online",
        replayed.open_rooms, replayed.users_in_rooms, replayed.users_online
    )?;
    if let Some(written) = &replayed.written {
        writeln!(
            out,
            "written: {}, epoch {}, revisions {} to {}",
            clean(&written.folder),
            written.epoch,
            written.first_revision,
            written.last_revision
        )?;
    }
    writeln!(out, "{}", verdict(replayed))
}

fn verdict(replayed: &Replayed) -> String {
    let (after, through) = (replayed.after, replayed.through);
    let began = match after {
        0 => "from the beginning".to_owned(),
        after => format!("from the checkpoint at {after}"),
    };
    let replay = format!("replay: {began} through revision {through}");
    let differences = &replayed.differences;
    match replayed.compared_with {
        None => format!("{replay}, no later checkpoint to compare with"),
        Some(revision) => format!(
            "{replay}, compared with the checkpoint at {revision}: {} rooms and {} users differ",
            differences.room_count, differences.user_count
        ),
    }
}

fn write_rest(out: &mut impl Write, what: &str, count: u64, listed: usize) -> io::Result<()> {
    match count - listed as u64 {
        0 => Ok(()),
        rest => writeln!(out, "… and {rest} more {what}"),
    }
}

fn present(present: &Present, thing: &str) -> Vec<String> {
    let kinds = [
        ("only recorded", &present.only_recorded),
        ("only replayed", &present.only_replayed),
        ("changed", &present.changed),
    ];
    let kinds = kinds.into_iter().filter(|(_, names)| names.count > 0);
    kinds
        .map(|(kind, names)| format!("{kind}: {}", list(names, thing)))
        .collect()
}

fn list(names: &Names, thing: &str) -> String {
    // Vendors that have no sessions have one without a name.
    let name = |name: &String| match &**name {
        "" => format!("the {thing}"),
        name => clean(name).into_owned(),
    };
    let mut list = names.first.iter().map(name).collect::<Vec<_>>().join(", ");
    let rest = names.count - names.first.len() as u64;
    if rest > 0 {
        list += &format!(" and {rest} more {thing}s");
    }
    list
}

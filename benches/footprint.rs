//! What a million of each kind of evidence takes, measured, and by the account that
//! `roster.bytes_max` limits: `cargo bench --bench footprint`. Each kind has a process of its own.
//! With `-- COUNT` fewer are measured, which takes less time.

use std::{env, process::Command, sync::Arc};

use headcount::{
    domain::{
        AppName, CloseReason, Decoded, LeaveReason, Login, Logins, Logout, ProductName, Profile,
        RoomEvent, RoomEventKind, Time, UserEvent,
    },
    journal::{Callback, Entry, Epoch, Follower as _, Payload},
    reconcile::Rules,
    roster::{Limits, Roster},
};
use mimalloc::MiMalloc;

/// The allocator of `headcount`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const COUNT: usize = 1_000_000;

/// When everything happens, in milliseconds.
const BASE: u64 = 1_700_000_000_000;

/// A kind of evidence: its name, and the events of the one with a number.
type Kind = (&'static str, fn(usize) -> Vec<Decoded>);

const KINDS: [Kind; 11] = [
    ("a present user, in rooms of 100", |it| {
        vec![enter(it / 100, 1, (it, it), "")]
    }),
    ("a present user, in a room of all", |it| {
        vec![enter(0, 1, (it, it), "")]
    }),
    (
        "a present user, in rooms of 100 without ids of lives",
        |it| vec![enter(it / 100, 0, (it, 0), "")],
    ),
    ("a user who left, in rooms of 100", |it| {
        vec![
            enter(it / 100, 1, (it, it), ""),
            leave(it / 100, 1, (it, it)),
        ]
    }),
    ("a user who left, in a room of all", |it| {
        vec![enter(0, 1, (it, it), ""), leave(0, 1, (it, it))]
    }),
    ("a present user with ids of 1,024 bytes", |it| {
        vec![enter(it / 100, 1, (it, it), LONG)]
    }),
    ("a room with one life and one user", |it| {
        vec![enter(it, 1, (it, it), "")]
    }),
    ("a life of a room, in rooms of 1,000", |it| {
        let (room, life) = (it / 1_000, it % 1_000 + 1);
        vec![enter(room, life, (it, it), ""), close(room, life)]
    }),
    ("a session of a user, of 1,000 each", |it| {
        vec![enter(0, 1, (it / 1_000, it), "")]
    }),
    ("a user with one device", |it| vec![online((it, it))]),
    ("a user whose device went offline", |it| {
        vec![online((it, it)), offline((it, it))]
    }),
];

/// As long as an id may be, with the number.
const LONG: &str = match std::str::from_utf8(&[b'x'; 1_012]) {
    Ok(long) => long,
    Err(_) => "",
};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let count = arguments.iter().find_map(|argument| argument.parse().ok());
    let count: usize = count.unwrap_or(COUNT);
    match arguments.first().map(|first| &**first) {
        Some("--kind") => measure(&arguments[1], count),
        // `cargo test --benches` runs this file too, without `--bench`.
        _ if !arguments.iter().any(|it| it == "--bench") => {
            println!("nothing is measured outside of `cargo bench --bench footprint`");
        }
        _ => all(count),
    }
}

fn all(count: usize) {
    println!("| a million of | MiB | bytes each | by the account |\n| --- | ---: | ---: | ---: |");
    for (kind, _) in KINDS {
        let program = env::current_exe().expect("this program has a path");
        let output = Command::new(program)
            .args(["--kind", kind, &count.to_string()])
            .output();
        let output = output.expect("it can be run again");
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Prints the row of a kind.
fn measure(wanted: &str, count: usize) {
    let Some((name, events)) = KINDS.iter().find(|(name, _)| *name == wanted) else {
        return eprintln!("there is no kind {wanted}");
    };
    // A million long texts would take gigabytes.
    let count = if name.contains("1,024") {
        count / 10
    } else {
        count
    };
    let app = (AppName::from("arena"), Logins::Concurrent);
    let limits = Limits {
        history_bytes_max: 0,
        ..Limits::default()
    };
    let (roster, mut applier) = Roster::new(Epoch(1), [app], Rules::default(), limits);
    applier.caught_up();
    let before = resident();
    let mut revision = 0;
    for number in 0..count {
        for decoded in events(number) {
            revision += 1;
            applier.apply(revision, &entry(decoded));
        }
    }
    let each = (resident() - before) as f64 / count as f64;
    let account = roster.footprint().all_bytes() as f64 / count as f64;
    let million = each * COUNT as f64 / f64::from(1 << 20);
    println!("| {name} | {million:.0} | {each:.0} | {account:.0} |");
}

/// The memory that this process holds, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|it| it.split_whitespace().next()?.parse::<usize>().ok());
    kib.expect("a number") * 1024
}

fn time(millis: u64) -> Option<Time> {
    Time::from_millis(BASE + millis)
}

fn login((user, session): (usize, usize), prefix: &str) -> Login {
    Login {
        user: (&*format!("{prefix}user{user:08}")).into(),
        session: session_id(session, prefix).as_str().into(),
        at: time(session as u64 % 1_000),
        profile: Profile {
            nickname: "Player One".into(),
            platform: "IOS".into(),
            ..Profile::default()
        },
        room_name: None,
        seq: None,
    }
}

/// The number 0 is no session.
fn session_id(session: usize, prefix: &str) -> String {
    match session {
        0 => String::new(),
        session => format!("{prefix}{}", 721_000_000_000 + session),
    }
}

fn event(room: usize, life: usize, kind: RoomEventKind, prefix: &str) -> Decoded {
    Decoded::Room(vec![RoomEvent {
        room: (&*format!("{prefix}room{room:08}")).into(),
        incarnation: session_id(life, prefix).as_str().into(),
        kind,
    }])
}

fn enter(room: usize, life: usize, user: (usize, usize), prefix: &str) -> Decoded {
    event(
        room,
        life,
        RoomEventKind::Login(login(user, prefix)),
        prefix,
    )
}

fn leave(room: usize, life: usize, user: (usize, usize)) -> Decoded {
    event(room, life, RoomEventKind::Logout(logout(user)), "")
}

fn online(user: (usize, usize)) -> Decoded {
    Decoded::User(vec![UserEvent::Login(login(user, ""))])
}

fn offline(user: (usize, usize)) -> Decoded {
    Decoded::User(vec![UserEvent::Logout(logout(user))])
}

fn logout(user: (usize, usize)) -> Logout {
    let Login {
        user, session, at, ..
    } = login(user, "");
    Logout {
        user,
        session,
        login_at: at,
        at: time(2_000),
        reason: LeaveReason::Logout,
        seq: None,
    }
}

fn close(room: usize, life: usize) -> Decoded {
    let kind = RoomEventKind::Closed {
        at: time(3_000),
        reason: CloseReason::Normal,
    };
    event(room, life, kind, "")
}

fn entry(decoded: Decoded) -> Entry {
    Entry {
        received_at: time(5_000).unwrap_or(Time::MIN),
        payload: Payload::Callback(Callback {
            app: "arena".into(),
            product: ProductName::new("bench"),
            query: "".into(),
            body: Default::default(),
            decoded: Arc::new(decoded),
        }),
    }
}

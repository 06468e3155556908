//! Rooms and users as tables.

use std::borrow::Cow;

use prost_types::Timestamp;

use super::{clean, role, time};
use crate::{
    cli::{
        age::Moment,
        table::{Column, table},
    },
    pb,
};

/// What a table is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Medium {
    /// A pipe or a file, which may be read at any time: times are absolute.
    Pipe,
    /// A terminal, which is read now: times are relative, and what does not fit is left out.
    Terminal {
        /// Its width.
        width: usize,
        /// The time.
        now: Moment,
    },
}

/// Rooms as a table.
pub(in crate::cli) fn rooms_table(rooms: &[pb::Room], medium: Medium) -> Vec<String> {
    let id = Column::whole("ROOM", cells(rooms, |room| clean(&room.room_id)));
    let users = cells(rooms, |room| room.user_count.to_string().into());
    let missing = cells(rooms, |room| room.missing_callbacks.to_string().into());
    let session = Column::whole("SESSION", cells(rooms, |room| clean(&room.session_id)));
    let name = Column::text("NAME", cells(rooms, |room| clean(&room.name)));
    let (users, missing) = (
        Column::number("USERS", users),
        Column::number("MISSING", missing),
    );
    match medium {
        Medium::Pipe => {
            let opened = cells(rooms, |room| time(room.open_time.as_ref()).into());
            let opened = Column::whole("OPENED", opened);
            table(vec![id, users, missing, opened, session, name], None)
        }
        Medium::Terminal { width, now } => {
            let open = cells(rooms, |room| age(room.open_time.as_ref(), now));
            let open = Column::number("OPEN", open);
            table(vec![id, users, missing, open, name, session], Some(width))
        }
    }
}

/// Users as a table.
pub(in crate::cli) fn users_table(users: &[&pb::RoomUser], medium: Medium) -> Vec<String> {
    let id = Column::whole("USER", cells(users, |user| clean(&user.user_id)));
    let nickname = Column::text("NICKNAME", cells(users, |user| clean(&user.nickname)));
    let role = Column::whole("ROLE", cells(users, |user| role(user).into()));
    let session = Column::whole("SESSION", cells(users, |user| clean(&user.session_id)));
    let platform = Column::text("PLATFORM", cells(users, |user| clean(&user.platform)));
    match medium {
        Medium::Pipe => {
            let login = cells(users, |user| time(user.login_time.as_ref()).into());
            let login = Column::whole("LOGIN TIME", login);
            table(vec![id, nickname, role, session, login, platform], None)
        }
        Medium::Terminal { width, now } => {
            let here = cells(users, |user| age(user.login_time.as_ref(), now));
            let here = Column::number("HERE", here);
            let columns = vec![id, here, role, nickname, platform, session];
            table(columns, Some(width))
        }
    }
}

/// The cells of a column.
pub(in crate::cli) fn cells<'a, T: 'a>(
    rows: &'a [T],
    cell: impl FnMut(&'a T) -> Cow<'a, str>,
) -> Vec<Cow<'a, str>> {
    rows.iter().map(cell).collect()
}

/// How long ago a time was; nothing if the vendor did not tell it.
pub(in crate::cli) fn age<'a>(time: Option<&Timestamp>, now: Moment) -> Cow<'a, str> {
    let age = time.map(|time| Moment::from(time).age(now));
    age.unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::{super::tests::mk_user, *};

    #[test]
    fn a_pipe_gets_every_column_and_absolute_times() {
        let mut other = mk_user();
        other.user_id = "longer".into();
        other.role = 0;
        assert_eq!(
            users_table(&[&mk_user(), &other], Medium::Pipe),
            [
                "USER    NICKNAME  ROLE      SESSION  LOGIN TIME            PLATFORM",
                "u1      Ann       audience  7        1970-01-01T00:01:00Z  IOS",
                "longer  Ann                 7        1970-01-01T00:01:00Z  IOS",
            ]
        );
    }

    #[test]
    fn a_terminal_gets_whole_ids_relative_times_and_what_fits() {
        let mut user = mk_user();
        user.user_id = "sim-tour-user-12".into();
        let terminal = |width| Medium::Terminal {
            width,
            now: Moment(60_000 + 250_000),
        };
        let lines = |width| users_table(&[&user], terminal(width));
        assert_eq!(
            lines(80),
            [
                "USER              HERE  ROLE      NICKNAME  PLATFORM  SESSION",
                "sim-tour-user-12    4m  audience  Ann       IOS       7",
            ]
        );
        assert_eq!(lines(40)[1], "sim-tour-user-12    4m  audience");
    }

    #[test]
    fn rooms_do_not_wrap() {
        let room = pb::Room {
            room_id: "a-room-of-some-length".into(),
            // Two columns each.
            name: "漢".repeat(100),
            open_time: Some(Timestamp {
                seconds: 60,
                nanos: 123_000_000,
            }),
            session_id: "6085791336856668982".into(),
            ..Default::default()
        };
        for width in [20, 40, 60, 80, 120] {
            let now = Moment(90_000);
            let lines = rooms_table(std::slice::from_ref(&room), Medium::Terminal { width, now });
            for line in &lines {
                assert!(
                    console::measure_text_width(line) <= width,
                    "{width}: {line}"
                );
            }
            assert!(
                width < 21 || lines[1].starts_with(&room.room_id),
                "{lines:?}"
            );
        }
    }
}

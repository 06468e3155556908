//! Everything that is remembered, for who compares two rosters.

use crate::{
    domain::{AppName, RoomId, UserId},
    roster::Roster,
};

impl Roster {
    /// The rooms of an app that anything is remembered of, or that are watched, in
    /// no order.
    pub fn known_rooms(&self, app: &AppName) -> Vec<RoomId> {
        let rooms = self.apps.get(app).map(|app| app.rooms.table.cells());
        rooms.into_iter().flatten().map(|(id, _)| id).collect()
    }

    /// The users of an app that anything is remembered of, or that are watched, in
    /// no order.
    pub fn known_users(&self, app: &AppName) -> Vec<UserId> {
        let users = self.apps.get(app).map(|app| app.users.table.cells());
        users.into_iter().flatten().map(|(id, _)| id).collect()
    }
}

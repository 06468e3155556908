//! What a run asks the server, and what it makes of a refusal.

use tonic::Status;

use super::Run;
use crate::{
    pb::{self, RoomState},
    simulate::{
        callbacks::SubjectIndex,
        observe::{Reader, RoomAnswer},
        options::{CannotRun, Trouble},
    },
};

impl Run {
    /// Whether the server knows any room or user of this run already. All of them are asked for,
    /// because an earlier run of another vendor or size may have had only some of them.
    pub(super) async fn is_in_use(&self) -> Result<bool, CannotRun> {
        for place in 0..self.world.rooms.len() {
            if self.told(place).await?.room.state() != RoomState::Unknown {
                return Ok(true);
            }
        }
        for place in 0..self.world.users.len() {
            let user = self.told_user(place).await?;
            if user.online || !user.name.is_empty() || !user.rooms.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn told(&self, place: usize) -> Result<RoomAnswer, CannotRun> {
        let reader = self.reader(SubjectIndex::Room(place));
        let told = reader.room(&self.world.rooms[place].id, place).await;
        told.map_err(|status| self.refused(&status))
    }

    pub(super) async fn told_user(&self, place: usize) -> Result<pb::User, CannotRun> {
        let reader = self.reader(SubjectIndex::User(place));
        let told = reader.user(&self.world.users[place].id).await;
        told.map_err(|status| self.refused(&status))
    }

    pub(super) fn reader(&self, about: SubjectIndex) -> Reader {
        Reader {
            client: self.client(about),
            app: self.app(about).to_owned(),
        }
    }

    pub(super) fn refused(&self, status: &Status) -> CannotRun {
        let trouble = match headcount_client::is_connection_error(status) {
            true => Trouble::Connection,
            false => Trouble::Other,
        };
        self.cannot_ask(headcount_client::reason(status), trouble)
    }

    pub(super) fn unasked(&self, reason: String) -> CannotRun {
        self.cannot_ask(reason, Trouble::Other)
    }

    fn cannot_ask(&self, reason: String, trouble: Trouble) -> CannotRun {
        CannotRun::Server {
            server: self.options.server.clone(),
            reason,
            trouble,
        }
    }
}

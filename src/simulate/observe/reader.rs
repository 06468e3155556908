//! Asks the server who is where, as a client would: page by page.

use headcount_client::Client;
use tonic::{Code, Status};

use crate::pb::{self, GetRoomUsersRequest, GetUserRequest, ListRoomsRequest};

/// How often pages are walked anew because the room began another life.
const WALKS_MAX: usize = 10;

/// Sizes of the pages: all that fits, few, and many.
const PAGE_SIZES: [u32; 3] = [0, 7, 1000];

/// What the server says of one room, all pages of it.
#[derive(Debug)]
pub(in crate::simulate) struct RoomAnswer {
    pub(in crate::simulate) room: pb::Room,
    pub(in crate::simulate) users: Vec<pb::RoomUser>,
}

/// Reads the rooms and users of one app.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Reader {
    pub(in crate::simulate) client: Client,
    pub(in crate::simulate) app: String,
}

impl Reader {
    /// What the server says of the room at `place` of the world.
    pub(in crate::simulate) async fn room(
        &self,
        room_id: &str,
        place: usize,
    ) -> Result<RoomAnswer, Status> {
        for _ in 0..WALKS_MAX {
            match self
                .walk(room_id, PAGE_SIZES[place % PAGE_SIZES.len()])
                .await
            {
                Err(status) if status.code() == Code::Aborted => {}
                told => return told,
            }
        }
        Err(Status::aborted("the room does not come to rest"))
    }

    /// Walks a room's pages: some in one step, some in many.
    async fn walk(&self, room_id: &str, page_size: u32) -> Result<RoomAnswer, Status> {
        let mut client = self.client.clone();
        let mut request = GetRoomUsersRequest {
            app: self.app.clone(),
            room_id: room_id.to_owned(),
            page_size,
            page_token: String::new(),
        };
        let mut users = Vec::new();
        loop {
            let page = client.get_room_users(request.clone()).await?.into_inner();
            users.extend(page.users);
            if page.next_page_token.is_empty() {
                let room = page.room.unwrap_or_default();
                return Ok(RoomAnswer { room, users });
            }
            request.page_token = page.next_page_token;
        }
    }

    /// What the server says of a user.
    pub(in crate::simulate) async fn user(&self, user_id: &str) -> Result<pb::User, Status> {
        let request = GetUserRequest {
            app: self.app.clone(),
            user_id: user_id.to_owned(),
            ..GetUserRequest::default()
        };
        let told = self.client.clone().get_user(request).await?.into_inner();
        Ok(told.user.unwrap_or_default())
    }

    /// The open rooms whose ids begin so, with their counts.
    pub(in crate::simulate) async fn listed(
        &self,
        prefix: &str,
    ) -> Result<Vec<(String, u32)>, Status> {
        let mut client = self.client.clone();
        let mut request = ListRoomsRequest {
            app: self.app.clone(),
            prefix: prefix.to_owned(),
            page_size: 100,
            page_token: String::new(),
        };
        let mut rooms = Vec::new();
        loop {
            let page = client.list_rooms(request.clone()).await?.into_inner();
            let listed = page
                .rooms
                .into_iter()
                .map(|room| (room.room_id, room.user_count));
            rooms.extend(listed);
            if page.next_page_token.is_empty() {
                return Ok(rooms);
            }
            request.page_token = page.next_page_token;
        }
    }
}

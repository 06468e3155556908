//! The one room of these tests: who logs in, who is there, and who watches.

use headcount::pb::{
    GetRoomUsersResponse, WatchRoomRequest, WatchRoomResponse, watch_room_response::Update,
};
use http::StatusCode;
use tonic::{Status, Streaming};

use crate::common::child::{Process, Sender, Site, ZEGO_APP, now, zego};

pub(crate) const ROOM: &str = "lobby";

/// Lets users log in, one after the other.
pub(crate) async fn login(site: &Site, users: &[&str]) {
    let sender = Sender::new(site.webhook());
    for user in users {
        let post = zego((ROOM, 1), (user, user), now(), None);
        let (status, answer) = sender.post(&post).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

/// Lets users log in, and waits for a checkpoint with them in it.
pub(crate) async fn login_and_keep(site: &Site, process: &mut Process, users: &[&str]) {
    login(site, users).await;
    let revision = told(site).await.unwrap().revision;
    process
        .says(&format!("wrote a checkpoint revision={revision}"))
        .await;
}

pub(crate) async fn told(site: &Site) -> Result<GetRoomUsersResponse, Status> {
    site.users(ROOM).await
}

/// Who is there, in order.
pub(crate) async fn present(site: &Site) -> Vec<String> {
    let users = told(site).await.unwrap().users.into_iter();
    let mut present: Vec<_> = users.map(|user| user.user_id).collect();
    present.sort();
    present
}

/// The first thing that a watch is told.
pub(crate) async fn first_word(site: &Site, token: &str) -> (u64, Update) {
    let request = WatchRoomRequest {
        app: ZEGO_APP.to_owned(),
        room_id: ROOM.to_owned(),
        resume_token: token.to_owned(),
    };
    let watch = site.client().watch_room(request).await;
    let mut watch: Streaming<WatchRoomResponse> = watch.unwrap().into_inner();
    let word = watch.message().await.unwrap().unwrap();
    (word.revision, word.update.unwrap())
}

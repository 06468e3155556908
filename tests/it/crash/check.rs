//! Compares what the service says with what the vendor sent and the watchers received.

use std::{collections::BTreeMap, fs, path::Path, time::SystemTime};

use headcount::pb::{GetRoomUsersRequest, GetRoomUsersResponse, GetUserRequest, GetUserResponse};
use headcount_client::Client;
use tokio::sync::watch;

use super::model::Place;
use super::vendor::{LANES, ONLINE_USERS, Traffic, user};
use super::watcher::{Watcher, Watchers};
use crate::common::child::{Process, Site, ZEGO_APP};

/// Asks the service.
#[derive(Debug)]
pub(crate) struct Checker {
    pub(crate) client: Client,
    /// The line of the folder's format that has the epoch.
    epoch: String,
    format_file: std::path::PathBuf,
    /// The greatest revision that a watcher or an answer had.
    seen: u64,
    rooms: Vec<GetRoomUsersResponse>,
    /// How many kills left half-written files, and which the last one did.
    pub(crate) half_written: u32,
    leftovers: Vec<(String, SystemTime)>,
    pub(crate) last: Option<(Process, watch::Sender<Client>)>,
}

impl Checker {
    pub(crate) fn new(site: &Site) -> Self {
        let format_file = site.data().join("format");
        Self {
            client: site.client(),
            epoch: epoch(&format_file),
            format_file,
            seen: 0,
            rooms: Vec::new(),
            half_written: 0,
            leftovers: Vec::new(),
            last: None,
        }
    }

    /// Notes the half-written files that a kill left. Those of the kill before must be gone, or
    /// be other files of the same name, at the same revision.
    pub(crate) fn note_half_written(&mut self, site: &Site) {
        let modified = |name: &String| fs::metadata(site.data().join(name))?.modified();
        let names = site.files(".new");
        let times: Vec<_> = names.iter().map(|name| modified(name).unwrap()).collect();
        let files: Vec<_> = names.into_iter().zip(times).collect();
        self.half_written += u32::from(!files.is_empty());
        for file in &self.leftovers {
            assert!(!files.contains(file), "{file:?} stays for ever");
        }
        self.leftovers = files;
    }

    /// Checks everything, while no callback is sent.
    pub(crate) async fn check(&mut self, traffic: &Traffic, watchers: &Watchers) {
        assert_eq!(epoch(&self.format_file), self.epoch);
        self.rooms.clear();
        let before = watchers.seen().max(self.seen);
        for watcher in &watchers.rooms {
            let room = self.room(watcher).await;
            assert!(room.revision >= before, "{} < {before}", room.revision);
            self.seen = self.seen.max(room.revision);
            let place = Place::Room {
                app: watcher.app,
                room: watcher.id.clone(),
            };
            let users = room.users.iter();
            let told = users.map(|user| (user.user_id.clone(), user.session_id.clone()));
            let told: BTreeMap<_, _> = told.collect();
            assert_eq!(told.len(), room.users.len(), "a user is there twice");
            traffic.model.lock().assert_right(&place, told);
            let copy = watcher.copy_at(room.revision).await;
            let users: Vec<_> = copy.users().values().cloned().collect();
            let mut told = room.users.clone();
            told.sort_by(|a, b| a.user_id.cmp(&b.user_id));
            assert_eq!(users, told, "the copy of {}", watcher.id);
            self.rooms.push(room);
        }
        for lane in 0..LANES {
            for number in 0..ONLINE_USERS {
                self.check_user(&user(lane, number), traffic).await;
            }
        }
        for watcher in &watchers.users {
            let told = self.user(&watcher.id).await;
            let copy = watcher.copy_at(told.revision).await.user();
            let told = told.user.unwrap_or_default();
            assert_eq!(
                (&copy.devices, &copy.rooms),
                (&told.devices, &told.rooms),
                "the copy of {}",
                watcher.id
            );
        }
    }

    async fn check_user(&self, id: &str, traffic: &Traffic) {
        let told = self.user(id).await.user.unwrap_or_default();
        let device = told.devices.first();
        assert!(told.devices.len() <= 1, "one device at a time: {told:?}");
        assert_eq!(told.online, device.is_some());
        let session = device.map(|device| device.session_id.clone());
        let model = traffic.model.lock();
        model.assert_right_of(&Place::Online, id, session);
    }

    /// What was numbered by the vendor is there, but for so many under way.
    pub(crate) fn check_numbers(&self, in_flight: u32) {
        for room in self.rooms.iter().filter_map(|room| room.room.as_ref()) {
            let missing = room.missing_callbacks;
            let is_right = room.app != ZEGO_APP || missing <= in_flight;
            assert!(is_right, "{} lacks {missing} callbacks", room.room_id);
        }
    }

    async fn room<S: headcount_client::Subject>(&self, of: &Watcher<S>) -> GetRoomUsersResponse {
        let request = GetRoomUsersRequest {
            app: of.app.to_owned(),
            room_id: of.id.clone(),
            page_size: 1000,
            page_token: String::new(),
        };
        let answer = self.client.clone().get_room_users(request).await;
        answer.unwrap().into_inner()
    }

    async fn user(&self, id: &str) -> GetUserResponse {
        let request = GetUserRequest {
            app: ZEGO_APP.to_owned(),
            user_id: id.to_owned(),
            ..GetUserRequest::default()
        };
        let answer = self.client.clone().get_user(request).await;
        answer.unwrap().into_inner()
    }
}

/// The line of a data folder's format that has the epoch.
fn epoch(format_file: &Path) -> String {
    let format = fs::read_to_string(format_file).unwrap();
    let epoch = format.lines().find(|line| line.starts_with("epoch "));
    epoch.unwrap().to_owned()
}

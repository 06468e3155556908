//! A machine, processes of the service on it, and a vendor that sends until a callback is taken.

use std::{mem, sync::Arc};

use headcount::domain::Time;

use super::{
    machine::{MINUTE, Machine, SECOND},
    service::{Service, Storage},
    vendor::{Event, ROOM, Vendor},
};

/// How long a vendor waits before it sends a callback again, in seconds, as ZEGO does.
const WAITS: [u64; 5] = [2, 4, 8, 16, 32];

/// How long it waits after that, in seconds. A real vendor gives up, and what it gave up is lost.
/// Here it does not, because the tests are about what is taken.
const LAST_WAIT: u64 = 8;

/// What happened less long ago than this has an effect, whatever the clocks say: the horizon less
/// the tolerance of the clocks.
const IN_TIME: u64 = 8 * MINUTE;

/// A callback that is not taken yet.
#[derive(Debug)]
struct Delivery {
    event: Event,
    signed_at: u64,
    tries: usize,
    next_at: u64,
}

pub(crate) struct Rig {
    vendor: Vendor,
    machine: Arc<Machine>,
    storage: Storage,
    /// `None` only while one process ends and the next starts.
    service: Option<Service>,
    deliveries: Vec<Delivery>,
}

impl Rig {
    /// Starts with a system's clock that is so far ahead, in milliseconds.
    pub(crate) fn start(vendor: Vendor, skew: i64) -> Self {
        Self::start_with(vendor, skew, Storage::in_memory())
    }

    /// The same, with what outlives a process.
    pub(crate) fn start_with(vendor: Vendor, skew: i64, storage: Storage) -> Self {
        let machine = Arc::new(Machine::new(skew));
        let service = Service::start(&machine, &storage);
        Self {
            vendor,
            machine,
            storage,
            service: Some(service),
            deliveries: Vec::new(),
        }
    }

    /// The process is killed, and another one starts.
    pub(crate) fn restart(&mut self) {
        // Ends it before the next one opens what it had open.
        drop(self.service.take());
        self.service = Some(Service::start(&self.machine, &self.storage));
    }

    /// The same, and nothing outlives the process.
    pub(crate) fn restart_without_journal(&mut self) {
        self.storage = Storage::in_memory();
        self.restart();
    }

    /// The process is stopped, and another one starts from the checkpoint that it left.
    pub(crate) fn stop_and_start(&mut self) {
        self.service().write_checkpoint();
        self.restart();
    }

    fn service(&self) -> &Service {
        self.service.as_ref().expect("a process runs")
    }

    // === the clocks ===

    pub(crate) fn now(&self) -> u64 {
        self.machine.now()
    }

    pub(crate) fn set_skew(&self, skew: i64) {
        self.machine.set_skew(skew);
    }

    /// Lets time pass. Each second the service forgets what is due, and vendors send what was
    /// refused.
    pub(crate) async fn pass(&mut self, millis: u64) {
        let end = self.now() + millis;
        while self.now() < end {
            self.machine.pass(SECOND.min(end - self.now()));
            self.service().forget_due().await;
            self.deliver().await;
        }
    }

    /// Appends a tick of an earlier version, whose clock was the system's.
    pub(crate) async fn tick_of_system(&self) {
        self.service().tick_of_system(&self.machine).await;
    }

    // === the vendor ===

    /// Sends a callback until it is taken.
    pub(crate) async fn send(&mut self, event: Event) {
        self.deliveries.push(Delivery {
            event,
            signed_at: self.now(),
            tries: 0,
            next_at: self.now(),
        });
        self.deliver().await;
    }

    /// Sends a callback once. Returns whether it was taken. Then it has an effect, unless it
    /// comes too late by the true time.
    pub(crate) async fn send_once(&self, event: &Event, signed_at: u64) -> bool {
        let service = self.service();
        let stale = service.stale();
        let (url, body) = event.callback(self.vendor, signed_at);
        let is_taken = service.take(url, body).await;
        let age = self.now() - event.at();
        assert!(
            service.stale() == stale || age > IN_TIME,
            "acknowledged without effect: {event:?}, {age} ms after it"
        );
        is_taken
    }

    async fn deliver(&mut self) {
        let now = self.now();
        for mut delivery in mem::take(&mut self.deliveries) {
            if delivery.next_at <= now {
                if self.send_once(&delivery.event, delivery.signed_at).await {
                    continue;
                }
                let wait = WAITS.get(delivery.tries).unwrap_or(&LAST_WAIT);
                delivery.tries += 1;
                delivery.next_at = now + wait * SECOND;
                if delivery.tries > WAITS.len() {
                    // The vendor's own signature would be stale in the end.
                    delivery.signed_at = now;
                }
            }
            self.deliveries.push(delivery);
        }
    }

    /// How many callbacks were refused so far, and not taken since.
    pub(crate) fn waiting(&self) -> usize {
        self.deliveries.len()
    }

    // === the service ===

    pub(crate) fn is_present(&self, user: u32) -> bool {
        let (app, user) = (self.vendor.app().into(), user.to_string());
        let roster = &self.service().roster;
        if self.vendor == Vendor::Zim {
            let (_, view) = roster.user(&app, &user.as_str().into());
            return !view.devices.is_empty();
        }
        let room = roster.room(&app, &ROOM.into());
        let mut present = room.view.members.iter();
        present.any(|member| member.user().as_str() == user)
    }

    pub(crate) fn ticks(&self) -> Vec<Time> {
        self.storage.ticks()
    }
}

//! One run, from the world to the verdict.

use std::{sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, transport::Channel};

use crate::{
    client,
    pb::{RoomState, presence_service_client::PresenceServiceClient},
};

use super::{
    callbacks::Vendor,
    compare::Memory,
    disorder::{Disorder, Schedule},
    driver::{Driver, now},
    judge::Judge,
    options::{CannotRun, Forgetting, HORIZON, Options, PAST, Trouble, VendorName},
    reader::{Reader, Told},
    verdict::{Verdict, Witness},
    watcher::{Watched, Watcher},
    world::{Shape, World, settled_after},
};

/// Between the start and the first callback, when callbacks have their times.
const LEAD: Duration = Duration::from_millis(300);

/// The longest way of a callback: in a world where all is sent at once, and in
/// one that is sent as it happens.
const DELAY_MAX: Duration = Duration::from_secs(30);
const TIMED_DELAY_MAX: Duration = Duration::from_secs(3);

/// Watches on one connection; a server may bound them.
const WATCHES_PER_CONNECTION: usize = 100;

/// How long the server may take to be connected to.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

type Client = PresenceServiceClient<Channel>;

/// Makes a world, sends its callbacks, watches its rooms, and judges.
///
/// # Errors
/// When there is no verdict: an option makes no sense, the server cannot be
/// asked or does not take callbacks in, or the time is up.
pub async fn run(options: &Options) -> Result<Verdict, CannotRun> {
    options.check()?;
    let mut run = Run::prepare(options)?;
    run.reach().await?;
    run.announce();
    let over = CancellationToken::new();
    let mut watchers = run.watch(&over).await?;
    run.send().await?;
    over.cancel();
    let mut watched: Vec<Option<Watched>> = run.world.rooms.iter().map(|_| None).collect();
    while let Some(done) = watchers.join_next().await {
        let (place, room) = done.map_err(|panic| run.unasked(panic.to_string()))?;
        watched[place] = Some(room);
    }
    run.judge(watched).await
}

/// A run under way.
struct Run<'a> {
    options: &'a Options,
    shape: Shape,
    world: Arc<World>,
    schedule: Arc<Schedule>,
    driver: Arc<Driver>,
    clients: Vec<Client>,
}

impl<'a> Run<'a> {
    fn prepare(options: &'a Options) -> Result<Self, CannotRun> {
        let shape = shape(options);
        let world = Arc::new(World::make(&shape));
        let disorder = Disorder {
            seed: options.seed,
            loss: options.loss,
            delay_max: delay_max(options),
        };
        let schedule = Arc::new(Schedule::plan(&world.callbacks, &disorder));
        let vendor = Vendor {
            app_id: options.app_id,
            secret: options.secret.clone(),
            sdk_app_id: options.sdk_app_id,
        };
        let planned = (Arc::clone(&world), Arc::clone(&schedule));
        let mut driver = Driver::new(planned.0, planned.1, vendor, &options.webhook)?;
        driver.timed = options.is_timed();
        if options.progress {
            driver.bar = bar(schedule.deliveries.len());
        }
        let mut run = Self {
            options,
            shape,
            world,
            schedule,
            driver: Arc::new(driver),
            clients: Vec::new(),
        };
        for _ in 0..run.world.rooms.len().div_ceil(WATCHES_PER_CONNECTION) {
            let client = client::connect(&options.server);
            let client = client.map_err(|error| run.unasked(error.to_string()))?;
            run.clients.push(client);
        }
        Ok(run)
    }

    /// The app that a room is in.
    fn app(&self, place: usize) -> &str {
        self.options.app_of(self.world.rooms[place].vendor)
    }

    fn client(&self, place: usize) -> Client {
        self.clients[place / WATCHES_PER_CONNECTION].clone()
    }

    /// Finds out whether both sides of the server are there, before anything is
    /// waited for.
    async fn reach(&self) -> Result<(), CannotRun> {
        if self.told(0).await?.room.state() != RoomState::Unknown {
            let tag = &self.shape.tag;
            let reason = format!("its rooms of the tag {tag:?} are in use: choose another");
            return Err(CannotRun::Option(reason));
        }
        let unreached = |reason: String| CannotRun::Webhook {
            webhook: self.options.webhook.clone(),
            reason,
            trouble: Trouble::Connection,
        };
        let (host, port) = self.driver.address();
        let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await;
        match connected {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(unreached(error.to_string())),
            Err(_) => Err(unreached("it cannot be connected to".to_owned())),
        }
    }

    fn announce(&self) {
        if self.options.progress {
            let (seed, rooms) = (self.shape.seed, self.world.rooms.len());
            let plural = if rooms == 1 { "" } else { "s" };
            let watch = self.look_on();
            eprintln!("simulate: seed {seed}, {rooms} room{plural}; look on: {watch}");
        }
    }

    /// The command that watches the first room.
    fn look_on(&self) -> String {
        let (app, any) = (self.app(0), Options::default());
        let server = &self.options.server;
        let mut command = format!("headcount watch {}", self.world.rooms[0].id);
        if app != any.app {
            command += &format!(" --app {app}");
        }
        if *server != any.server {
            command += &format!(" --server {server}");
        }
        command
    }

    /// Watches all rooms. Returns when there is a copy of each.
    async fn watch(
        &self,
        over: &CancellationToken,
    ) -> Result<JoinSet<(usize, Watched)>, CannotRun> {
        let mut begun = JoinSet::new();
        for (place, room) in self.world.rooms.iter().enumerate() {
            let (client, app, id) = (
                self.client(place),
                self.app(place).to_owned(),
                room.id.clone(),
            );
            begun.spawn(async move { (place, Watcher::begin(client, &app, &id).await) });
        }
        let mut watchers = JoinSet::new();
        while let Some(done) = begun.join_next().await {
            let (place, watcher) = done.map_err(|panic| self.unasked(panic.to_string()))?;
            let watcher = watcher.map_err(|status| self.refused(&status))?;
            let over = over.clone();
            watchers.spawn(async move { (place, watcher.watch(over).await) });
        }
        Ok(watchers)
    }

    async fn send(&self) -> Result<(), CannotRun> {
        let sending = self.driver.send_all(self.options.concurrency);
        let sent = timeout(self.options.duration, sending).await;
        self.driver.bar.finish_and_clear();
        sent.unwrap_or_else(|_| {
            Err(CannotRun::TooSlow {
                sent: self.driver.answered(),
                planned: self.schedule.deliveries.len(),
                duration: self.options.duration,
            })
        })?;
        if let Some(grace) = self.shape.forgets {
            let settled_at = self.shape.from + settled_after(self.shape.horizon, grace);
            sleep(Duration::from_millis(settled_at.saturating_sub(now()))).await;
        }
        Ok(())
    }

    async fn judge(&mut self, watched: Vec<Option<Watched>>) -> Result<Verdict, CannotRun> {
        let memory = match self.options.forgetting {
            Some(_) => Memory::Forgets,
            None => Memory::Keeps,
        };
        let mut judge = Judge::new(&self.world, &self.schedule, memory);
        for (place, watched) in watched.iter().enumerate() {
            let told = self.told(place).await?;
            judge.judge(place, &told, watched.as_ref());
        }
        let prefix = format!("sim-{}-", self.shape.tag);
        for vendor in [VendorName::Zego, VendorName::Tencent] {
            let mut rooms = self.world.rooms.iter();
            if let Some(place) = rooms.position(|room| room.vendor == vendor) {
                let listed = self.reader(place).listed(&prefix).await;
                let listed = listed.map_err(|status| self.refused(&status))?;
                judge.judge_list(vendor, &listed);
            }
        }
        for answer in self.driver.misunderstood() {
            judge.note(
                Witness::Webhook,
                format!("a callback was answered {answer}"),
            );
        }
        let watched = watched.iter().flatten().count();
        Ok(judge.verdict(self.shape.seed, &self.schedule, watched))
    }

    async fn told(&self, place: usize) -> Result<Told, CannotRun> {
        let reader = self.reader(place);
        let told = reader.told(&self.world.rooms[place].id, place).await;
        told.map_err(|status| self.refused(&status))
    }

    fn reader(&self, place: usize) -> Reader {
        Reader {
            client: self.client(place),
            app: self.app(place).to_owned(),
        }
    }

    fn refused(&self, status: &Status) -> CannotRun {
        let trouble = match client::is_connection_error(status) {
            true => Trouble::Connection,
            false => Trouble::Other,
        };
        self.cannot_ask(client::reason(status), trouble)
    }

    fn unasked(&self, reason: String) -> CannotRun {
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

fn shape(options: &Options) -> Shape {
    let (from, until, callbacks) = match (options.forgetting, options.rate) {
        (Some(Forgetting { horizon, .. }), _) => {
            let from = now() + millis(LEAD);
            (from, from + millis(horizon), options.callbacks)
        }
        (None, Some(rate)) => {
            let from = now() + millis(LEAD);
            let room = options.duration.saturating_sub(3 * TIMED_DELAY_MAX + LEAD);
            // Truncation of a whole number of callbacks.
            let callbacks = options
                .callbacks
                .min((room.as_secs_f64() * rate) as usize)
                .max(1);
            let span = Duration::from_secs_f64(callbacks as f64 / rate);
            (from, from + millis(span), callbacks)
        }
        (None, None) => {
            let until = now();
            (until - millis(PAST), until, options.callbacks)
        }
    };
    let horizon = options.forgetting.map_or(HORIZON, |server| server.horizon);
    Shape {
        seed: options.seed,
        tag: options.tag.clone(),
        vendor: options.vendor,
        rooms: options.rooms,
        users: options.users,
        callbacks,
        from,
        until,
        horizon: millis(horizon),
        forgets: options.forgetting.map(|server| millis(server.grace)),
    }
}

fn delay_max(options: &Options) -> u64 {
    millis(match options.forgetting {
        Some(server) => server.horizon / 5,
        None if options.is_timed() => TIMED_DELAY_MAX,
        None => DELAY_MAX,
    })
}

fn bar(deliveries: usize) -> ProgressBar {
    let bar = ProgressBar::new(deliveries as u64);
    let style = "{bar:40} {pos}/{len} callbacks, {per_sec}, {elapsed}";
    // The template is a constant: it is right, or the bar looks as it does anyway.
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

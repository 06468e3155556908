//! One run, from the world to the verdict.

mod asked;
mod plan;
mod watches;

use std::{sync::Arc, time::Duration};

use headcount_client::Client;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    callbacks::{SubjectIndex, VendorAccount},
    disorder::{Disorder, Schedule},
    driver::Driver,
    judge::{Judge, Memory, Verdict, Witness, counted},
    observe::Target,
    options::{CannotRun, Options, Trouble, VendorName, shown_url},
    progress::Display,
    service::{Network, Service},
    world::{Shape, World, settled_after},
};

use self::{
    plan::{delay_max, shape},
    watches::{WatchResults, Watches},
};

/// Watches on one connection; a server may bound them.
const WATCHES_PER_CONNECTION: usize = 100;

/// How many runs of one tag a server may know. Each has a number.
const RUNS_OF_A_TAG_MAX: usize = 100;

/// Makes a world, sends its callbacks, watches its rooms and users, and judges.
///
/// # Errors
/// When there is no verdict: an option makes no sense, the server cannot be
/// asked or does not take callbacks in, or the time is up.
pub async fn run(options: &Options) -> Result<Verdict, CannotRun> {
    options.check()?;
    run_on(options, Arc::new(Network::new(options)?)).await
}

/// As [`run()`], on a server that is reached another way than by the URLs of the options.
/// Errors call it by them all the same.
///
/// # Errors
/// As [`run()`].
pub async fn run_on(options: &Options, service: Arc<dyn Service>) -> Result<Verdict, CannotRun> {
    options.check()?;
    let run = Run::first_unused(options, &service).await?;
    run.reach().await?;
    run.announce();
    let over = CancellationToken::new();
    let (rooms, users) = run.targets();
    let watches = Watches::begin(rooms, users, &over).await;
    let watches = watches.map_err(|status| run.refused(&status))?;
    run.send().await?;
    over.cancel();
    let watched = watches.end().await;
    let watched = watched.map_err(|status| run.refused(&status))?;
    run.check_journal()?;
    run.judge(watched).await
}

/// A run under way.
struct Run {
    options: Options,
    /// The tag that was asked for, if it was in use.
    used_tag: Option<String>,
    /// Cancelled when a watch is told that the server has another journal.
    other_journal: CancellationToken,
    shape: Shape,
    world: Arc<World>,
    schedule: Arc<Schedule>,
    driver: Arc<Driver>,
    service: Arc<dyn Service>,
    clients: Vec<Client>,
}

impl Run {
    /// A run whose rooms and users the server does not know: of the tag, or of the tag with a
    /// number.
    async fn first_unused(
        options: &Options,
        service: &Arc<dyn Service>,
    ) -> Result<Self, CannotRun> {
        let tag = &options.tag;
        for number in 1..=RUNS_OF_A_TAG_MAX {
            let options = Options {
                // With a dash, the rooms of one run would begin like those of another.
                tag: match number {
                    1 => tag.clone(),
                    _ => format!("{tag}.{number}"),
                },
                ..options.clone()
            };
            let mut run = Self::prepare(options, Arc::clone(service))?;
            if !run.is_in_use().await? {
                run.used_tag = (number > 1).then(|| tag.clone());
                return Ok(run);
            }
        }
        let reason = format!(
            "its rooms or users of the tag {tag:?} are in use, and {RUNS_OF_A_TAG_MAX} runs of it: choose another"
        );
        Err(CannotRun::Option(reason))
    }

    fn prepare(options: Options, service: Arc<dyn Service>) -> Result<Self, CannotRun> {
        let shape = shape(&options, service.now());
        let world = Arc::new(World::make(&shape));
        let disorder = Disorder {
            seed: options.seed,
            loss: options.loss,
            delay_max: delay_max(&options),
        };
        let schedule = Arc::new(Schedule::plan(&world.callbacks, &disorder));
        let vendor = VendorAccount {
            app_id: options.app_id,
            secret: options.secret.clone(),
            sdk_app_id: options.sdk_app_id,
            sdk_token: None,
        };
        let mut driver = Driver::new(
            Arc::clone(&world),
            Arc::clone(&schedule),
            vendor,
            Arc::clone(&service),
            shown_url(&options.webhook),
        );
        driver.timed = options.is_timed();
        let mut run = Self {
            options,
            used_tag: None,
            other_journal: CancellationToken::new(),
            shape,
            world,
            schedule,
            driver: Arc::new(driver),
            service,
            clients: Vec::new(),
        };
        let watches = run.world.rooms.len() + run.world.users.len();
        for _ in 0..watches.div_ceil(WATCHES_PER_CONNECTION) {
            let client = run.service.client();
            let client = client.map_err(|reason| run.unasked(reason))?;
            run.clients.push(client);
        }
        Ok(run)
    }

    /// The app that a room or a user is in.
    fn app(&self, about: SubjectIndex) -> &str {
        self.options.app_of(match about {
            SubjectIndex::Room(place) => self.world.rooms[place].vendor,
            SubjectIndex::User(_) => VendorName::Zim,
        })
    }

    fn client(&self, about: SubjectIndex) -> Client {
        let watch = match about {
            SubjectIndex::Room(place) => place,
            SubjectIndex::User(place) => self.world.rooms.len() + place,
        };
        self.clients[watch / WATCHES_PER_CONNECTION].clone()
    }

    /// What to watch: all rooms, and all users.
    fn targets(&self) -> (Vec<Target>, Vec<Target>) {
        let target = |about| Target {
            client: self.client(about),
            app: self.app(about).to_owned(),
            id: self.world.id(about).to_owned(),
            other_journal: self.other_journal.clone(),
        };
        let rooms = (0..self.world.rooms.len()).map(SubjectIndex::Room);
        let users = (0..self.world.users.len()).map(SubjectIndex::User);
        (rooms.map(target).collect(), users.map(target).collect())
    }

    /// Checks that the HTTP front of the server can be reached, before the run waits for
    /// anything.
    async fn reach(&self) -> Result<(), CannotRun> {
        let reached = self.service.reach().await;
        reached.map_err(|reason| CannotRun::Webhook {
            webhook: shown_url(&self.options.webhook),
            reason,
            trouble: Trouble::Connection,
        })
    }

    fn announce(&self) {
        if self.options.progress {
            let seed = self.shape.seed;
            let rooms = counted(self.world.rooms.len(), "room");
            let users = counted(self.world.users.len(), "user");
            let watch = self.look_on();
            let subjects = [rooms, users].concat();
            let subjects = subjects.trim_end_matches(", ");
            if let Some(used) = &self.used_tag {
                let tag = &self.shape.tag;
                eprintln!(
                    "simulate: the server knows rooms or users of the tag {used} already, so this run is {tag}"
                );
            }
            eprintln!("simulate: seed {seed}, {subjects}{watch}");
        }
    }

    /// The command that watches the first room, if there is one.
    fn look_on(&self) -> String {
        let Some(room) = self.world.rooms.first() else {
            return String::new();
        };
        let app = self.app(SubjectIndex::Room(0));
        let server = &self.options.server;
        let mut command = format!("; look on: headcount watch {} --app {app}", room.id);
        if *server != Options::default().server {
            command += &format!(" --server {server}");
        }
        command
    }

    async fn send(&self) -> Result<(), CannotRun> {
        let meter = || Arc::clone(&self.driver.meter);
        let display = self.options.progress.then(|| Display::begin(meter()));
        let sending = self.driver.send_all(self.options.concurrency);
        let sent = tokio::select! {
            sent = timeout(self.options.duration, sending) => sent,
            () = self.other_journal.cancelled() => return self.check_journal(),
        };
        drop(display);
        sent.unwrap_or_else(|_| {
            Err(CannotRun::TooSlow {
                sent: self.driver.answered(),
                planned: self.schedule.deliveries.len(),
                duration: self.options.duration,
            })
        })?;
        if let Some(grace) = self.shape.forgets {
            let settled_at = self.shape.from + settled_after(self.shape.horizon, grace);
            let wait = settled_at.saturating_sub(self.service.now());
            sleep(Duration::from_millis(wait)).await;
        }
        Ok(())
    }

    /// Checks that the server still has the journal that it had when the run began.
    fn check_journal(&self) -> Result<(), CannotRun> {
        if self.other_journal.is_cancelled() {
            let server = self.options.server.clone();
            return Err(CannotRun::OtherJournal { server });
        }
        Ok(())
    }

    async fn judge(&self, watched: WatchResults) -> Result<Verdict, CannotRun> {
        let memory = match self.options.forgetting {
            Some(_) => Memory::Forgets,
            None => Memory::Keeps,
        };
        let mut judge = Judge::new(&self.world, &self.schedule, memory);
        for (place, watched) in watched.rooms.iter().enumerate() {
            let told = self.told(place).await?;
            judge.judge_room(place, &told, watched.as_ref());
        }
        for (place, watched) in watched.users.iter().enumerate() {
            let told = self.told_user(place).await?;
            judge.judge_user(place, &told, watched.as_ref());
        }
        let prefix = format!("sim-{}-", self.shape.tag);
        for vendor in VendorName::OF_ROOMS {
            let mut rooms = self.world.rooms.iter();
            if let Some(place) = rooms.position(|room| room.vendor == vendor) {
                let listed = self.reader(SubjectIndex::Room(place)).listed(&prefix).await;
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
        Ok(judge.verdict(&self.shape, &self.schedule, watched.count()))
    }
}

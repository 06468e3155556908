//! Checks whether the values of a [`Config`] make sense together.

use std::collections::HashSet;

use super::{
    AppConfig, Config, RosterConfig, Size,
    error::{ConfigError, wrong},
};
use crate::{
    providers::{Account, Signing},
    reconcile::{EVIDENCE_GRACE, SESSIONS_OR_LIVES_MIN},
    webhook::UNREAD_BODIES_MIN,
};

/// The least space of a data folder, whatever bodies are taken. An empty segment takes about a megabyte, and so
/// does a block of the longest bodies.
pub const JOURNAL_BYTES_MIN: Size = Size::from_mib(32);

/// How many of the longest bodies a data folder has to have room for: so that none is refused by an
/// almost empty folder.
const JOURNAL_BODIES_MIN: u64 = 16;

impl Config {
    /// Checks that the configuration can be served. Returns what is allowed but likely not
    /// meant.
    ///
    /// # Errors
    /// Names the key at fault.
    pub fn validate(&self) -> Result<Vec<String>, ConfigError> {
        self.check_above_zero()?;
        let (freshness, horizon) = (self.webhook.freshness_window, self.roster.reorder_horizon);
        if freshness > horizon {
            return wrong(
                "webhook.freshness_window",
                format!(
                    "{freshness} is longer than roster.reorder_horizon ({horizon}): callbacks in between would be taken and then ignored"
                ),
            );
        }
        let (body_max, unread_min) = (self.webhook.body_max, self.unread_bytes_min());
        let unread_max = self.webhook.unread_bytes_max;
        if let Some(unread) = unread_max.filter(|it| *it < unread_min) {
            return wrong(
                "webhook.unread_bytes_max",
                format!(
                    "{unread} is less than {UNREAD_BODIES_MIN} bodies of webhook.body_max ({body_max})"
                ),
            );
        }
        let least = self.journal_bytes_min();
        if let Some(bytes_max) = self.journal.bytes_max.filter(|it| *it < least) {
            return wrong(
                "journal.bytes_max",
                format!(
                    "{bytes_max} is less than {least}: the latest callbacks and four checkpoints have to fit, and {JOURNAL_BODIES_MIN} bodies of webhook.body_max ({body_max})"
                ),
            );
        }
        self.check_capacity()?;
        if self.apps.is_empty() {
            return Err(ConfigError::NoApps);
        }
        self.check_unique()?;
        self.check_security()?;
        self.check_access()?;
        Ok(self.warnings())
    }

    /// Checks that a service whose secret is public, like that of `--dev`, is reachable from
    /// this machine only.
    ///
    /// # Errors
    /// Names the key that opens it to others.
    pub fn check_loopback(&self) -> Result<(), ConfigError> {
        let listens = [
            ("webhook.listen", Some(self.webhook.listen)),
            ("grpc.listen", Some(self.grpc.listen)),
            ("admin.listen", self.admin.listen),
        ];
        for (key, listen) in listens {
            if let Some(listen) = listen
                && !listen.ip().is_loopback()
            {
                let message = format!(
                    "{listen} is open to others, but the secret of --dev is public: use a loopback address, or a configuration file"
                );
                return wrong(key, message);
            }
        }
        Ok(())
    }

    /// The least that a data folder may be limited to, by an operator or by its disk.
    pub fn journal_bytes_min(&self) -> Size {
        let bodies = self.webhook.body_max.bytes();
        JOURNAL_BYTES_MIN.max(bodies.saturating_mul(JOURNAL_BODIES_MIN).into())
    }

    /// The least that requests may take whose bodies are on their way.
    pub fn unread_bytes_min(&self) -> Size {
        let body_max = self.webhook.body_max.bytes();
        body_max.saturating_mul(UNREAD_BODIES_MIN as u64).into()
    }

    fn check_above_zero(&self) -> Result<(), ConfigError> {
        let Self {
            webhook,
            grpc,
            journal,
            roster,
            server,
            ..
        } = self;
        let zeros = [
            ("webhook.body_max", webhook.body_max.bytes() == 0),
            (
                "webhook.freshness_window",
                webhook.freshness_window.is_zero(),
            ),
            (
                "webhook.nonce_pairs_max",
                webhook.nonce_pairs_max == Some(0),
            ),
            (
                "webhook.connections_max",
                webhook.connections_max == Some(0),
            ),
            (
                "webhook.connections_per_address_max",
                webhook.connections_per_address_max == Some(0),
            ),
            ("webhook.requests_max", webhook.requests_max == 0),
            (
                "webhook.requests_per_second_max",
                webhook.requests_per_second_max == Some(0),
            ),
            (
                "webhook.header_read_timeout",
                webhook.header_read_timeout.is_zero(),
            ),
            (
                "webhook.body_read_timeout",
                webhook.body_read_timeout.is_zero(),
            ),
            ("webhook.body_rate_min", webhook.body_rate_min.bytes() == 0),
            ("webhook.idle_timeout", webhook.idle_timeout.is_zero()),
            ("grpc.progress_interval", grpc.progress_interval.is_zero()),
            ("grpc.connections_max", grpc.connections_max == Some(0)),
            (
                "grpc.connections_per_address_max",
                grpc.connections_per_address_max == Some(0),
            ),
            ("grpc.idle_timeout", grpc.idle_timeout.is_zero()),
            (
                "grpc.streams_per_connection_max",
                grpc.streams_per_connection_max == 0,
            ),
            ("grpc.watches_max", grpc.watches_max == Some(0)),
            ("grpc.stall_timeout", grpc.stall_timeout.is_zero()),
            ("journal.retention", journal.retention.is_zero()),
            (
                "journal.checkpoint_interval",
                journal.checkpoint_interval.is_zero(),
            ),
            (
                "journal.checkpoint_entries",
                journal.checkpoint_entries == 0,
            ),
            ("roster.reorder_horizon", roster.reorder_horizon.is_zero()),
            ("roster.empty_room_ttl", roster.empty_room_ttl.is_zero()),
            ("roster.users_max", roster.users_max == 0),
            ("roster.rooms_max", roster.rooms_max == 0),
            (
                "roster.bytes_max",
                roster.bytes_max.is_some_and(|max| max.bytes() == 0),
            ),
            ("server.drain_timeout", server.drain_timeout.is_zero()),
            // The limits of history may be 0: then nothing can be resumed, and
            // every watch begins with a snapshot.
        ];
        match zeros.into_iter().find(|(_, zero)| *zero) {
            Some((key, _)) => wrong(key, "must be above zero"),
            None => Ok(()),
        }
    }

    /// The limits on one user and one room have a least value, below which they would hold up what
    /// is usual.
    fn check_capacity(&self) -> Result<(), ConfigError> {
        let RosterConfig {
            sessions_per_user_max,
            lives_per_room_max,
            ..
        } = self.roster;
        for (key, max) in [
            ("roster.sessions_per_user_max", sessions_per_user_max),
            ("roster.lives_per_room_max", lives_per_room_max),
        ] {
            if max < SESSIONS_OR_LIVES_MIN {
                return wrong(key, format!("{max} is less than {SESSIONS_OR_LIVES_MIN}"));
            }
        }
        Ok(())
    }

    /// No two apps share a name or a vendor's id, because a callback and a query are each of one app.
    fn check_unique(&self) -> Result<(), ConfigError> {
        let mut names = HashSet::new();
        let mut ids = HashSet::new();
        for app in &self.apps {
            if !names.insert(&app.name) {
                return wrong(format!("apps.{}.name", app.name), "two apps have this name");
            }
            let Account {
                vendor, id, id_key, ..
            } = &app.account;
            if !ids.insert((vendor, id)) {
                let key = format!("apps.{}.{}", app.name, id_key);
                return wrong(key, format!("another app has the id {id} too"));
            }
        }
        Ok(())
    }

    /// The apps whose callbacks anyone can send, each with what to do.
    pub fn unsigned_warnings(&self) -> Vec<String> {
        let is_unsigned = |app: &&AppConfig| app.account.signing == Signing::Unsigned;
        let unsigned = self.apps.iter().filter(is_unsigned);
        let warning = |app: &AppConfig| {
            format!(
                "apps.{}.{}: callbacks are not signed: anyone who knows the address and {} can say who is in which room; set a token here and at the vendor",
                app.name, app.account.vendor, app.account.id_key
            )
        };
        unsigned.map(warning).collect()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let (ttl, horizon) = (self.roster.empty_room_ttl, self.roster.reorder_horizon);
        if *ttl < horizon.saturating_add(EVIDENCE_GRACE) {
            warnings.push(format!(
                "roster.empty_room_ttl ({ttl}) is shorter than roster.reorder_horizon ({horizon}) and a minute: a late login may reopen a room whose end is forgotten"
            ));
        }
        warnings.extend(self.access_warnings());
        warnings.extend(self.log.warnings());
        warnings
    }
}

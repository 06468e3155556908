//! Creates a roster and its applier.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64},
};

use crate::{
    domain::{AppName, Logins},
    journal::Epoch,
    reconcile::Rules,
    roster::{
        App, Applier, Limits, Metrics, Roster,
        chain::Chain,
        journal_progress::JournalProgress,
        rooms::Rooms,
        size::{AppSize, Size},
        subject::history_budget::HistoryBudget,
        users::{RecentlyQueried, Users},
    },
};

impl Roster {
    /// Creates an empty roster of these apps, and its applier, which is its only writer.
    /// [`Logins`] says how users of the app log in. `epoch` is that of the journal that the
    /// applier is going to follow.
    pub fn new(
        epoch: Epoch,
        apps: impl IntoIterator<Item = (AppName, Logins)>,
        rules: Rules,
        limits: Limits,
    ) -> (Arc<Roster>, Applier) {
        let progress = Arc::new(JournalProgress::default());
        let (size, metrics) = (Arc::new(Size::default()), Metrics::default());
        let capacity = limits.capacity;
        let apps: Vec<_> = apps.into_iter().collect();
        let queried_bytes_max = limits.queried_bytes_max / apps.len().max(1);
        metrics.set_limits(&capacity);
        let history = Arc::new(HistoryBudget::new(limits));
        let apps = apps.into_iter().map(|(name, logins)| {
            let user_rules = Rules {
                logins,
                ..rules.clone()
            };
            let size = Arc::new(AppSize::new(Arc::clone(&size), metrics.size(&name)));
            let rooms = Arc::new(Rooms::new(rules.clone(), &history, Arc::clone(&size)));
            let users = Arc::new(Users::new(
                Arc::clone(&rooms),
                user_rules,
                Arc::clone(&progress),
                Arc::clone(&history),
                size,
                RecentlyQueried::new(queried_bytes_max, metrics.queried_users_forgotten.clone()),
            ));
            (name, App { rooms, users })
        });
        let apps = apps.collect();
        let roster = Arc::new(Roster {
            epoch,
            chain: Chain::default(),
            apps,
            progress,
            history,
            due_at: AtomicU64::new(0),
            pending_room_ends: Arc::default(),
            captures: AtomicU64::new(0),
            is_capturing: AtomicBool::new(false),
            size,
            capacity,
            metrics,
        });
        (Arc::clone(&roster), Applier::new(roster))
    }
}

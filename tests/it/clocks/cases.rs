//! Clocks that are an hour or a year off.

use super::{
    machine::{HOUR, MINUTE, SECOND, SKEWS, YEAR},
    rig::Rig,
    vendor::{Event, Vendor},
};

/// Stays for the whole test.
const ANN: u32 = 1;
/// Comes and goes before the clock is wrong.
const BOB: u32 = 2;
/// Comes while it is wrong.
const CARL: u32 = 3;
/// Came before, and goes while it is wrong.
const DAVE: u32 = 4;
/// Came and went so early that there is something to forget.
const EVE: u32 = 5;

fn login(user: u32, login_at: u64) -> Event {
    Event {
        user,
        session: u64::from(user),
        login_at,
        logout_at: None,
    }
}

async fn come(rig: &mut Rig, user: u32) -> Event {
    let login = login(user, rig.now());
    rig.send(login).await;
    rig.pass(5 * SECOND).await;
    login
}

async fn go(rig: &mut Rig, login: Event) {
    let logout_at = Some(rig.now());
    rig.send(Event { logout_at, ..login }).await;
    rig.pass(5 * SECOND).await;
}

/// Everybody but CARL has come, and BOB has gone. Returns BOB's login and DAVE's.
async fn begin(rig: &mut Rig) -> [Event; 2] {
    come(rig, ANN).await;
    let dave = come(rig, DAVE).await;
    let bob = come(rig, BOB).await;
    go(rig, bob).await;
    rig.pass(MINUTE).await;
    [bob, dave]
}

/// A login that comes late, or once more, is of a user who has left.
#[track_caller]
fn assert_truth(rig: &Rig, present: &[u32], absent: &[u32], what: &str) {
    assert_eq!(rig.waiting(), 0, "not taken: {what}");
    for user in present {
        assert!(rig.is_present(*user), "{user} vanished: {what}");
    }
    for user in absent {
        assert!(!rig.is_present(*user), "{user} is a ghost: {what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_while_the_service_runs_changes_nothing() {
    for vendor in Vendor::ALL {
        for skew in SKEWS {
            let what = format!("{vendor:?} {skew}");
            let mut rig = Rig::start(vendor, 0);
            let [bob, dave] = begin(&mut rig).await;
            for round in 0..3 {
                rig.set_skew(skew);
                match round {
                    0 => drop(come(&mut rig, CARL).await),
                    1 => go(&mut rig, dave).await,
                    _ => rig.pass(2 * MINUTE).await,
                }
                rig.pass(9 * SECOND).await;
                rig.set_skew(0);
                rig.pass(5 * SECOND).await;
                assert!(rig.send_once(&bob, rig.now()).await, "{what}");
                assert_truth(&rig, &[ANN, CARL], &[BOB], &what);
            }
            assert_truth(&rig, &[ANN, CARL], &[BOB, DAVE], &what);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_at_a_restart_loses_nothing_and_forgets_nothing() {
    for vendor in Vendor::ALL {
        for (skew, has_ticks) in SKEWS
            .into_iter()
            .flat_map(|skew| [(skew, true), (skew, false)])
        {
            let what = format!("{vendor:?} {skew}, ticks: {has_ticks}");
            let mut rig = Rig::start(vendor, 0);
            if has_ticks {
                let eve = come(&mut rig, EVE).await;
                go(&mut rig, eve).await;
                rig.pass(12 * MINUTE).await;
            }
            let [bob, dave] = begin(&mut rig).await;
            assert_eq!(rig.ticks().is_empty(), !has_ticks);
            for round in 0..2 {
                rig.set_skew(skew);
                rig.restart();
                match round {
                    0 => drop(come(&mut rig, CARL).await),
                    _ => go(&mut rig, dave).await,
                }
                rig.pass(4 * SECOND).await;
                rig.set_skew(0);
                rig.pass(2 * MINUTE).await;
                rig.send_once(&bob, rig.now()).await;
                assert_truth(&rig, &[ANN, CARL], &[BOB], &what);
            }
            assert_truth(&rig, &[ANN, CARL], &[BOB, DAVE], &what);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_at_the_first_start_loses_nothing() {
    for vendor in Vendor::ALL {
        for skew in SKEWS {
            let what = format!("{vendor:?} {skew}");
            let mut rig = Rig::start(vendor, skew);
            let bob = come(&mut rig, BOB).await;
            go(&mut rig, bob).await;
            come(&mut rig, CARL).await;
            rig.set_skew(0);
            rig.pass(2 * MINUTE).await;
            rig.send_once(&bob, rig.now()).await;
            assert_truth(&rig, &[CARL], &[BOB], &what);
        }
    }
}

/// The process has forgotten everything, its vendors have not.
#[tokio::test(start_paused = true)]
async fn a_restart_without_a_journal_begins_anew() {
    for vendor in Vendor::ALL {
        for skew in SKEWS {
            let what = format!("{vendor:?} {skew}");
            let mut rig = Rig::start(vendor, 0);
            let [_, dave] = begin(&mut rig).await;
            rig.set_skew(skew);
            rig.restart_without_journal();
            go(&mut rig, dave).await;
            rig.set_skew(0);
            rig.pass(2 * MINUTE).await;
            rig.send_once(&dave, rig.now()).await;
            assert_truth(&rig, &[], &[ANN, DAVE], &what);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_seems_stale_is_taken_without_effect_only_when_the_clocks_are_certain() {
    for vendor in Vendor::ALL {
        let mut rig = Rig::start(vendor, 0);
        let stale = login(BOB, rig.now() - 11 * MINUTE);
        if vendor == Vendor::TencentUnsigned {
            // Nothing says yet what time it is.
            assert!(!rig.send_once(&stale, rig.now()).await);
        }
        come(&mut rig, ANN).await;
        assert!(rig.send_once(&stale, rig.now()).await, "{vendor:?}");
        assert!(!rig.is_present(BOB));
        for skew in SKEWS {
            rig.set_skew(skew);
            assert!(!rig.send_once(&stale, rig.now()).await, "{vendor:?} {skew}");
            // What is in time by the vendors' clocks is taken all the same.
            let fresh = login(ANN, rig.now());
            assert!(rig.send_once(&fresh, rig.now()).await, "{vendor:?} {skew}");
        }
        rig.set_skew(0);
        assert!(rig.send_once(&stale, rig.now()).await, "{vendor:?}");
        assert!(!rig.is_present(BOB));
    }
}

/// The evidence against it is forgotten, and this machine's clock is behind.
#[tokio::test(start_paused = true)]
async fn an_old_login_is_not_believed_because_the_clock_of_a_restart_is_behind() {
    for vendor in Vendor::ALL {
        let mut rig = Rig::start(vendor, 0);
        come(&mut rig, ANN).await;
        let bob = come(&mut rig, BOB).await;
        go(&mut rig, bob).await;
        while rig.ticks().is_empty() {
            rig.pass(SECOND).await;
        }
        let behind = rig.now() - bob.login_at;
        rig.set_skew(-(behind as i64));
        rig.restart();
        assert!(!rig.send_once(&bob, bob.login_at).await, "{vendor:?}");
        assert_truth(&rig, &[ANN], &[BOB], &format!("{vendor:?}"));
    }
}

/// This machine's clock is behind, and makes an old signature fresh.
#[tokio::test(start_paused = true)]
async fn a_signature_that_is_stale_for_the_vendors_is_not_fresh() {
    for vendor in [Vendor::Zego, Vendor::Zim, Vendor::Tencent] {
        let mut rig = Rig::start(vendor, 0);
        let eve = come(&mut rig, EVE).await;
        go(&mut rig, eve).await;
        while rig.ticks().is_empty() {
            rig.pass(SECOND).await;
        }
        rig.set_skew(-5 * MINUTE as i64);
        rig.restart();
        let login = login(BOB, rig.now() - MINUTE);
        let signed_at = rig.now() - 14 * MINUTE;
        assert!(!rig.send_once(&login, signed_at).await, "{vendor:?}");
        assert!(rig.send_once(&login, rig.now()).await, "{vendor:?}");
        assert!(rig.is_present(BOB), "{vendor:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_journals_time_goes_on_while_the_vendor_is_silent() {
    for vendor in Vendor::ALL {
        let mut rig = Rig::start(vendor, 0);
        let bob = come(&mut rig, BOB).await;
        go(&mut rig, bob).await;
        rig.pass(12 * MINUTE).await;
        let due_at = rig.ticks().first().map(|tick| tick.as_millis());
        assert!(
            due_at.is_some_and(|due_at| due_at <= rig.now()),
            "{vendor:?}"
        );
        assert!(!rig.is_present(BOB));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tick_of_an_earlier_version_that_is_ahead_is_overcome() {
    for vendor in Vendor::ALL {
        for skew in [HOUR, YEAR] {
            let mut rig = Rig::start(vendor, 0);
            come(&mut rig, ANN).await;
            rig.set_skew(skew);
            rig.tick_of_system().await;
            rig.set_skew(0);
            rig.restart();
            let bob = come(&mut rig, BOB).await;
            go(&mut rig, bob).await;
            rig.pass(MINUTE).await;
            rig.send_once(&bob, rig.now()).await;
            assert_truth(&rig, &[ANN], &[BOB], &format!("{vendor:?} {skew}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_tick_is_ahead_of_the_vendors() {
    for vendor in Vendor::ALL {
        for skew in [HOUR, YEAR] {
            let mut rig = Rig::start(vendor, 0);
            let [bob, _] = begin(&mut rig).await;
            rig.set_skew(skew);
            rig.restart();
            rig.pass(9 * SECOND).await;
            rig.send_once(&bob, rig.now()).await;
            rig.pass(20 * MINUTE).await;
            let latest = rig.ticks().into_iter().map(|tick| tick.as_millis()).max();
            assert!(latest <= Some(rig.now()), "{vendor:?} {skew}");
        }
    }
}

//! The generator against the reconciler itself, without a network: what the
//! simulator calls true is what the rules decide, and each rule is needed.

mod reconcile;
mod users;

use std::collections::BTreeMap;

use crate::{
    domain::{Role, Time},
    reconcile::{
        Rule, Rules,
        room::{Room, RoomState},
    },
};

use super::{
    callbacks::{Sending, SubjectIndex},
    disorder::{Disorder, Schedule},
    options::VendorName,
    truth::{TrueRole, TrueUser},
    world::{LateStory, RoomStory, Shape, Story, World, WorldRoom},
};

use self::reconcile::History;

const NOW: u64 = 1_790_000_000_000;
const HORIZON: u64 = 3_000;
const GRACE: u64 = 500;

/// All in the past, as a run that sends as fast as it can.
fn at_once(seed: u64) -> Shape {
    Shape {
        seed,
        tag: "t".to_owned(),
        vendor: None,
        rooms: 40,
        users: 12,
        callbacks: 4_000,
        from: NOW - 150_000,
        until: NOW,
        horizon: 600_000,
        forgets: None,
    }
}

/// As it happens, against a server that forgets after seconds.
fn forgetting(seed: u64) -> Shape {
    Shape {
        rooms: 80,
        from: NOW,
        until: NOW + 4_000,
        horizon: HORIZON,
        forgets: Some(GRACE),
        ..at_once(seed)
    }
}

fn plan(shape: &Shape, world: &World, loss: f64) -> Schedule {
    let disorder = Disorder {
        seed: shape.seed,
        loss,
        delay_max: if shape.forgets.is_some() {
            HORIZON / 4
        } else {
            30_000
        },
    };
    Schedule::plan(&world.callbacks, &disorder)
}

fn rules(shape: &Shape, without: Option<Rule>) -> Rules {
    let mut rules = Rules {
        without,
        ..Rules::default()
    };
    if shape.forgets.is_some() {
        rules.reorder_horizon = std::time::Duration::from_millis(HORIZON);
        rules.evidence_grace = std::time::Duration::from_millis(GRACE);
    }
    rules
}

/// Where a room is not what is true of it.
fn differs(room: &Room, true_room: &WorldRoom, forgets: bool, rules: &Rules) -> Option<String> {
    let (view, truth) = (room.view(rules), &true_room.truth);
    let summary = &view.summary;
    let users: BTreeMap<String, TrueUser> = view
        .members
        .iter()
        .map(|member| {
            let mut user = TrueUser {
                session_id: member.session().as_str().to_owned(),
                login_time: member.login_at().map_or(0, Time::as_millis),
                profile: Default::default(),
            };
            user.profile.nickname = member.profile().nickname.to_string();
            user.profile.custom_data = member.profile().custom_data.to_string();
            user.profile.role = match member.profile().role {
                Role::Host => TrueRole::Host,
                Role::Admin => TrueRole::Recorder,
                Role::Audience => TrueRole::Audience,
                Role::Unspecified => TrueRole::Untold,
            };
            user.profile.platform = member.profile().platform.to_string();
            (member.user().as_str().to_owned(), user)
        })
        .collect();
    if users != truth.users {
        return Some(format!("users {users:#?}\ninstead of {:#?}", truth.users));
    }
    if summary.user_count != truth.user_count() {
        return Some(format!("{} users counted", summary.user_count));
    }
    if view.members.digest() != truth.digest() {
        return Some("the digest".to_owned());
    }
    let Some(life) = &truth.life else {
        return (summary.state != RoomState::Unknown).then(|| format!("{summary:?}"));
    };
    if forgets && life.close_time.is_some() && summary.state == RoomState::Unknown {
        return None;
    }
    let millis = |at: Option<Time>| at.map(Time::as_millis);
    let is_open = life.close_time.is_none();
    let same = (summary.state == RoomState::Open) == is_open
        && summary.incarnation.as_ref().map_or("", |id| id.as_str()) == life.session_id
        && summary.name.as_deref().unwrap_or_default() == life.name
        && summary.creator.as_ref().map_or("", |id| id.as_str()) == life.creator_id
        && millis(summary.opened_at) == life.open_time
        && millis(summary.closed_at) == life.close_time;
    (!same).then(|| format!("{summary:#?}\ninstead of {life:#?}"))
}

/// All differences, by what the room goes through.
fn differences(history: &History, without: Option<Rule>) -> Vec<(RoomStory, String)> {
    let (shape, world) = (&history.shape, &history.world);
    let rules = rules(shape, without);
    let rooms: Vec<Room> = history.reconcile(&rules);
    let numbers = history.schedule.numbers(&world.callbacks);
    let mut differences = Vec::new();
    for (at, (room, true_room)) in rooms.iter().zip(&world.rooms).enumerate() {
        let difference = differs(room, true_room, shape.forgets.is_some(), &rules);
        differences.extend(difference.map(|text| (true_room.story, text)));
        let summary = room.summary(&rules);
        let Some(id) = &summary.incarnation else {
            continue;
        };
        let holes = numbers.get(&(SubjectIndex::Room(at), id.as_str().parse().unwrap_or(0)));
        let holes = holes.map_or(0, |numbers| numbers.holes());
        if holes != summary.missing_callbacks {
            let text = format!("{} missing, not {holes}", summary.missing_callbacks);
            differences.push((true_room.story, text));
        }
    }
    differences
}

/// All differences with all rules.
fn untrue(shape: &Shape) -> Vec<(RoomStory, String)> {
    differences(&History::of::<Room>(shape), None)
}

#[test]
fn the_rules_find_the_truth() {
    for seed in 0..8 {
        for shape in [at_once(seed), forgetting(seed)] {
            let found = untrue(&shape);
            if let Some((plot, text)) = found.first() {
                panic!("seed {seed}: {} differences; {plot:?}: {text}", found.len());
            }
        }
    }
}

#[test]
fn no_rule_can_be_left_out() {
    let histories = [at_once(1), forgetting(1)].map(|shape| History::of::<Room>(&shape));
    let mut unseen = Vec::new();
    for rule in Rule::ALL {
        let mut stories = BTreeMap::<String, usize>::new();
        let found = histories
            .iter()
            .flat_map(|history| differences(history, Some(rule)));
        for (plot, _) in found {
            *stories.entry(format!("{plot:?}")).or_default() += 1;
        }
        println!("{rule:?}: {stories:?}");
        if stories.is_empty() {
            unseen.push(rule);
        }
    }
    assert!(unseen.is_empty(), "nothing notices {unseen:?}");
}

/// Of rooms whose callbacks have neither ids nor numbers, times decide alone:
/// these are the rules that are left.
#[test]
fn tencents_rooms_need_their_rules() {
    let of_tencent = |seed| Shape {
        vendor: Some(VendorName::Tencent),
        ..at_once(seed)
    };
    for seed in 0..8 {
        assert_eq!(untrue(&of_tencent(seed)), Vec::new());
    }
    let history = History::of::<Room>(&of_tencent(1));
    for rule in [
        Rule::ClosedIsFinal,
        Rule::EndsAreFinal,
        Rule::LatestLoginCounts,
        Rule::LogoutsLeaveTombstones,
    ] {
        let found = differences(&history, Some(rule));
        assert!(!found.is_empty(), "nothing notices {rule:?}");
    }
}

#[test]
fn a_shape_makes_one_world() {
    for shape in [at_once(7), forgetting(7)] {
        let (world, again) = (World::make(&shape), World::make(&shape));
        assert_eq!(world.callbacks, again.callbacks);
        let plans = [&world, &again].map(|world| plan(&shape, world, 0.1).deliveries);
        assert_eq!(plans[0], plans[1]);
        let other = World::make(&Shape { seed: 8, ..shape });
        assert_ne!(world.callbacks, other.callbacks);
    }
}

#[test]
fn worlds_have_the_callbacks_asked_for_and_every_story() {
    for shape in [at_once(3), forgetting(3)] {
        let world = World::make(&shape);
        let made = world.callbacks.len();
        assert!(
            made.abs_diff(shape.callbacks) < shape.callbacks / 20,
            "{made}"
        );
        let told = |plot| world.rooms.iter().any(|room| room.story == plot);
        assert!(
            Story::ALL
                .into_iter()
                .all(|story| told(RoomStory::Story(story)))
        );
        if shape.forgets.is_some() {
            let mut late = LateStory::ALL.into_iter();
            assert!(late.all(|story| told(RoomStory::Late(story))));
        }
    }
}

#[test]
fn smallest_worlds_can_be_made() {
    for (rooms, users, callbacks) in [(0, 0, 0), (1, 0, 0), (1, 1, 1), (30, 1, 10), (3, 1, 500)] {
        let shape = Shape {
            rooms,
            users,
            callbacks,
            ..at_once(5)
        };
        assert_eq!(World::make(&shape).rooms.len(), rooms);
        assert_eq!(untrue(&shape), Vec::new());
    }
}

#[test]
fn only_what_is_lost_is_not_sent() {
    let shape = at_once(11);
    let world = World::make(&shape);
    for loss in [0.0, 0.01, 0.5, 1.0] {
        let schedule = plan(&shape, &world, loss);
        let mut sent = vec![0; world.callbacks.len()];
        schedule
            .deliveries
            .iter()
            .for_each(|d| sent[d.callback] += 1);
        for (at, callback) in world.callbacks.iter().enumerate() {
            let never = callback.sending == Sending::Never || schedule.lost.contains(&at);
            assert_eq!(sent[at] == 0, never, "{callback:?}");
        }
        let first: usize = sent.iter().filter(|&&sent| sent > 0).count();
        assert_eq!(schedule.deliveries.len(), first + schedule.duplicates);
        let lost = schedule.lost.len() as f64 / world.callbacks.len() as f64;
        assert!((lost - loss).abs() < 0.05, "{lost} lost instead of {loss}");
    }
}

#[test]
fn deliveries_are_out_of_order_and_within_the_horizon() {
    let shape = forgetting(2);
    let world = World::make(&shape);
    let schedule = plan(&shape, &world, 0.0);
    let happened = |at: &usize| world.callbacks[*at].happened_at;
    let order: Vec<usize> = schedule.deliveries.iter().map(|d| d.callback).collect();
    let swapped = order
        .windows(2)
        .filter(|pair| happened(&pair[0]) > happened(&pair[1]));
    assert!(swapped.count() > order.len() / 10);
    for delivery in &schedule.deliveries {
        let callback = &world.callbacks[delivery.callback];
        if callback.sending == Sending::Disordered {
            assert!(delivery.at - callback.happened_at <= HORIZON / 2);
        }
    }
}

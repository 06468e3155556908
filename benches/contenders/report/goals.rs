//! The goals: ratios of two contenders in one run on one machine.

/// One goal.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) row: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) ours: &'static str,
    pub(crate) theirs: &'static str,
    pub(crate) of: Of,
    pub(crate) bound: Bound,
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    Value,
    Cpu,
    /// The figure of Headcount alone, compared with a number.
    Alone,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};

const fn goal(
    (row, unit): (&'static str, &'static str),
    (ours, theirs): (&'static str, &'static str),
    of: Of,
    bound: Bound,
) -> Goal {
    Goal {
        row,
        unit,
        ours,
        theirs,
        of,
        bound,
    }
}

const MEMORY: &str = "headcount, memory journal";
const DISK: &str = "headcount, disk journal";
const HYPER: &str = "bare hyper";
const TONIC: &str = "bare tonic";
const REDIS: &str = "Redis HSET + PUBLISH";
const ETCD: &str = "etcd watch";

/// All of them, in the order of the rows.
pub(crate) const GOALS: &[Goal] = &[
    goal(
        ("ingest, 64 connections", "requests/s"),
        (MEMORY, HYPER),
        Of::Value,
        AtLeast(0.85),
    ),
    goal(
        ("ingest, 64 connections", "requests/s"),
        (DISK, HYPER),
        Of::Value,
        AtLeast(0.6),
    ),
    goal(
        ("ingest, 64 connections", "requests/s"),
        (DISK, "fastify + Redis"),
        Of::Value,
        AtLeast(5.0),
    ),
    goal(
        ("ingest, 256 connections", "requests/s"),
        (DISK, HYPER),
        Of::Value,
        AtLeast(0.6),
    ),
    goal(
        ("ingest, 256 connections", "requests/s"),
        (DISK, "fastify + Redis"),
        Of::Value,
        AtLeast(5.0),
    ),
    goal(
        ("fan-out, window 8", "deliveries/s"),
        (MEMORY, TONIC),
        Of::Value,
        AtLeast(0.85),
    ),
    goal(
        ("fan-out, window 8", "deliveries/s"),
        (MEMORY, ETCD),
        Of::Value,
        AtLeast(5.0),
    ),
    goal(
        ("fan-out, window 256", "deliveries/s"),
        (MEMORY, TONIC),
        Of::Value,
        AtLeast(0.85),
    ),
    goal(
        ("fan-out, window 256", "deliveries/s"),
        (MEMORY, ETCD),
        Of::Value,
        AtLeast(5.0),
    ),
    goal(
        ("latency, 200 changes/s", "ms p50"),
        (MEMORY, TONIC),
        Of::Value,
        AtMost(1.15),
    ),
    goal(
        ("latency, 200 changes/s", "ms p99"),
        (MEMORY, REDIS),
        Of::Value,
        AtMost(1.0),
    ),
    goal(
        ("latency, 200 changes/s", "ms p50"),
        (MEMORY, TONIC),
        Of::Cpu,
        AtMost(1.0),
    ),
    goal(
        ("GetRoomUsers, 10,000 users", "calls/s"),
        (MEMORY, TONIC),
        Of::Value,
        AtLeast(0.8),
    ),
    goal(
        ("idle watchers", "bytes/watch"),
        (MEMORY, ""),
        Of::Alone,
        AtMost(6144.0),
    ),
    goal(
        ("present members", "bytes/member"),
        ("headcount, after the horizon", "Redis hashes"),
        Of::Value,
        AtMost(1.0),
    ),
    goal(
        ("growth with the size of a room", "µs user CPU/callback"),
        ("1 room of all members", "rooms of 100"),
        Of::Value,
        AtMost(1.2),
    ),
];

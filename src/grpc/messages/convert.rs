//! Converts small domain types to protobuf types that messages of rooms and users share.

use prost_types::Timestamp;

use crate::{
    domain::{LeaveReason, Time},
    pb,
    roster::SnapshotReason,
};

/// The last millisecond of the year 9999, the latest that a
/// `google.protobuf.Timestamp` may hold.
const TIMESTAMP_MILLIS_MAX: u64 = 253_402_300_799_999;

pub(in crate::grpc) fn to_count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(in crate::grpc) fn to_snapshot_reason(reason: SnapshotReason) -> pb::SnapshotReason {
    match reason {
        SnapshotReason::Initial => pb::SnapshotReason::Initial,
        SnapshotReason::ResumeExpired => pb::SnapshotReason::ResumeExpired,
        SnapshotReason::Lagged => pb::SnapshotReason::Lagged,
        SnapshotReason::EpochChanged => pb::SnapshotReason::EpochChanged,
        SnapshotReason::Replaced => pb::SnapshotReason::Replaced,
    }
}

pub(in crate::grpc) fn to_timestamp(time: Time) -> Timestamp {
    let millis = time.as_millis().min(TIMESTAMP_MILLIS_MAX);
    Timestamp {
        seconds: (millis / 1000).cast_signed(),
        nanos: (millis % 1000) as i32 * 1_000_000,
    }
}

pub(in crate::grpc) fn to_leave_reason(reason: LeaveReason) -> pb::LeaveReason {
    match reason {
        LeaveReason::Logout => pb::LeaveReason::Logout,
        LeaveReason::Timeout => pb::LeaveReason::Timeout,
        LeaveReason::Kicked => pb::LeaveReason::Kicked,
        LeaveReason::TokenExpired => pb::LeaveReason::TokenExpired,
        LeaveReason::Unknown => pb::LeaveReason::Unknown,
        LeaveReason::Superseded => pb::LeaveReason::Superseded,
        LeaveReason::RoomClosed => pb::LeaveReason::RoomClosed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_what_a_timestamp_may_hold_is_its_last() {
        let last = Time::from_millis(u64::MAX).map(to_timestamp);
        assert_eq!(
            last.map(|t| t.to_string()).as_deref(),
            Some("9999-12-31T23:59:59.999Z")
        );
    }
}

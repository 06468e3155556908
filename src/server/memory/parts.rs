//! The parts of the memory. `docs/security.md` has them as a table.
//!
//! Together they are 61 of 64. The rest is for the process itself, 14 MiB, for the old state that a
//! checkpoint keeps while it is written, and for what the allocator keeps.

/// The parts of the memory are in this unit.
const WHOLE: u64 = 64;

/// A part of the memory, and what it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// How much of the whole it is.
    share: u64,
    /// What one takes of what it is for.
    each_bytes: u64,
    /// How many there are at most, however much memory there is.
    most: usize,
}

/// Rooms and users, by an account that is above what they take.
pub(super) const ROSTER: Part = bytes(32, usize::MAX);

/// A watch that waits for changes takes its stream, its task, and the subject that is kept for it.
/// Measured: 8 to 11 KiB.
pub(super) const WATCHES: Part = Part {
    share: 8,
    each_bytes: 11 * 1024,
    most: 100_000,
};

/// A connection takes its buffers, the state of HTTP/2 and its task. Measured: 36 KiB.
pub(super) const GRPC_CONNECTIONS: Part = Part {
    share: 6,
    each_bytes: 36 * 1024,
    // Behind nginx each watch is a connection.
    most: 10_000,
};

/// As much as one of gRPC: HTTP/2 is spoken here, too. With HTTP/1.1 it is 20 KiB.
pub(super) const WEBHOOK_CONNECTIONS: Part = Part {
    share: 3,
    each_bytes: 36 * 1024,
    most: 4_096,
};

/// Changes for watches to resume from.
pub(super) const HISTORY: Part = bytes(2, 64 << 20);

/// Users who are kept because they were queried.
pub(super) const QUERIED: Part = bytes(1, 64 << 20);

/// Requests whose bodies are on their way.
pub(super) const UNREAD: Part = bytes(2, 32 << 20);

/// Callbacks that wait for the disk.
pub(super) const WAITING: Part = bytes(2, 64 << 20);

/// Answers that are encoded as a whole.
pub(super) const ANSWERS: Part = bytes(2, 64 << 20);

/// What streams made that their clients did not take yet.
pub(super) const UNSENT: Part = bytes(2, 64 << 20);

/// A signature that is remembered takes 17 bytes in each of up to twice as many places of a table,
/// and 8 in each of up to twice as many of a queue.
pub(super) const NONCE_PAIRS: Part = Part {
    share: 1,
    each_bytes: 52,
    most: 1_000_000,
};

const fn bytes(share: u64, most: usize) -> Part {
    Part {
        share,
        each_bytes: 1,
        most,
    }
}

impl Part {
    /// How many the part holds of so much memory. One at least.
    pub(super) fn fits_in(self, memory: u64) -> usize {
        let fitting = memory / WHOLE * self.share / self.each_bytes;
        usize::try_from(fitting).map_or(self.most, |fitting| fitting.clamp(1, self.most))
    }

    /// What so many take.
    pub(super) fn bytes_of(self, number: usize) -> u64 {
        self.each_bytes.saturating_mul(number as u64)
    }
}

//! How much memory this process may take, and which share of it is the roster's by default.

use std::{fs, path::Path};

use tracing::{info, warn};

use crate::config::{GrpcConfig, RosterConfig};

/// The roster gets one part of so many, if nothing is configured. The rest is for history,
/// connections, bodies, a checkpoint that is being written, and what the allocator keeps.
const SHARES: u64 = 2;

/// Watches get one part of so many of the memory, if nothing is configured.
const WATCHES_PART: u64 = 8;

/// What a watch takes that waits for changes: its stream, its task, and the subject that is kept for
/// it. Measured: 8 to 11 KiB.
const WATCH_BYTES: u64 = 11 * 1024;

/// The most watches if nothing is configured, however much memory there is.
const WATCHES_MAX: usize = 100_000;

/// How much memory is assumed where the system does not tell. The defaults of the other limits
/// are for as much.
const ASSUMED: u64 = 4 << 30;

/// What limits the memory of this process, and to how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Memory {
    bytes: u64,
    source: &'static str,
}

/// The most bytes that the roster may take: what is configured, or a share of the memory that
/// there is. It says which.
pub(super) fn roster_bytes_max(config: &RosterConfig) -> usize {
    let bytes_max = match config.bytes_max {
        Some(configured) => {
            info!(bytes_max = %configured, "roster.bytes_max is configured");
            configured.bytes()
        }
        None => {
            let Memory { bytes, source } = Memory::of_process();
            let bytes_max = bytes / SHARES;
            info!(
                bytes_max,
                memory = bytes,
                source,
                "roster.bytes_max is one half of the memory"
            );
            bytes_max
        }
    };
    usize::try_from(bytes_max).unwrap_or(usize::MAX)
}

/// The most watches that may be open: what is configured, or as many as their part of the memory
/// holds. It warns of more than that.
pub(super) fn watches_max(config: &GrpcConfig) -> usize {
    let Memory { bytes, source } = Memory::of_process();
    let fitting = watches_in(bytes);
    match config.watches_max {
        Some(configured) => {
            let needed = WATCH_BYTES.saturating_mul(configured as u64);
            if needed > bytes / WATCHES_PART {
                warn!(
                    watches_max = configured,
                    fitting,
                    memory = bytes,
                    source,
                    "grpc.watches_max is more than there is memory for"
                );
            }
            configured
        }
        None => {
            info!(
                watches_max = fitting,
                memory = bytes,
                source,
                "grpc.watches_max follows from the memory"
            );
            fitting
        }
    }
}

/// How many watches their part of so much memory holds.
fn watches_in(bytes: u64) -> usize {
    let fitting = bytes / WATCHES_PART / WATCH_BYTES;
    usize::try_from(fitting).map_or(WATCHES_MAX, |fitting| fitting.clamp(1, WATCHES_MAX))
}

impl Memory {
    /// The memory of this process.
    fn of_process() -> Self {
        let (proc, cgroups) = (Path::new("/proc"), Path::new("/sys/fs/cgroup"));
        memory(proc, cgroups, &process_limits())
    }
}

/// The least of all limits.
fn memory(proc: &Path, cgroups: &Path, of_process: &[Memory]) -> Memory {
    let of = |bytes: Option<u64>, source| bytes.map(|bytes| Memory { bytes, source });
    let limits = [
        of(cgroup(proc, cgroups), "the cgroup"),
        of_process.iter().min().copied(),
        of(machine(proc), "the machine"),
    ];
    let assumed = Memory {
        bytes: ASSUMED,
        source: "an assumption",
    };
    limits.into_iter().flatten().min().unwrap_or(assumed)
}

/// The least limit of the process's control groups, of either version. A group is limited by
/// those that it is in. In a container the path of a group may be that of the host, and only the
/// group at the root can be read.
fn cgroup(proc: &Path, cgroups: &Path) -> Option<u64> {
    let groups = fs::read_to_string(proc.join("self/cgroup")).ok()?;
    let limits = groups.lines().filter_map(|group| {
        let mut parts = group.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => (cgroups.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|it| it == "memory") => {
                (cgroups.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let path = Path::new(path.trim_start_matches('/'));
        let limits = path.ancestors().filter_map(|group| {
            // A group without a limit says `max`, or a number that is larger than any machine.
            let limit = fs::read_to_string(root.join(group).join(file)).ok()?;
            limit.trim().parse().ok()
        });
        limits.min()
    });
    limits.min()
}

/// The memory of the machine.
fn machine(proc: &Path) -> Option<u64> {
    let meminfo = fs::read_to_string(proc.join("meminfo")).ok()?;
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The limits on the addresses of the process, and on its data.
#[cfg(unix)]
fn process_limits() -> Vec<Memory> {
    use rustix::process::{Resource, getrlimit};

    let limits = [(Resource::As, "RLIMIT_AS"), (Resource::Data, "RLIMIT_DATA")];
    let limits = limits.into_iter().filter_map(|(resource, source)| {
        let bytes = getrlimit(resource).current?;
        Some(Memory { bytes, source })
    });
    limits.collect()
}

#[cfg(not(unix))]
fn process_limits() -> Vec<Memory> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The process's groups, files of control groups, limits of the process, and what follows.
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [Memory], Memory);

    /// A machine with 8 GiB, and files of control groups.
    fn limits(groups: &str, files: &[(&str, &str)], of_process: &[Memory]) -> Memory {
        let folder = tempfile::tempdir().unwrap();
        let (proc, cgroups) = (folder.path().join("proc"), folder.path().join("cgroup"));
        fs::create_dir_all(proc.join("self")).unwrap();
        fs::write(proc.join("self/cgroup"), groups).unwrap();
        fs::write(
            proc.join("meminfo"),
            "MemTotal:        8388608 kB\nMemFree: 1 kB\n",
        )
        .unwrap();
        for (path, limit) in files {
            let path = cgroups.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, limit).unwrap();
        }
        memory(&proc, &cgroups, of_process)
    }

    #[test]
    fn the_least_limit_counts_whoever_sets_it() {
        const MIB: u64 = 1 << 20;
        let rows: [Row<'_>; 8] = [
            ("", &[], &[], of(8192 * MIB, "the machine")),
            (
                "0::/\n",
                &[("memory.max", "max\n")],
                &[],
                of(8192 * MIB, "the machine"),
            ),
            (
                "0::/\n",
                &[("memory.max", "536870912\n")],
                &[],
                of(512 * MIB, "the cgroup"),
            ),
            (
                "0::/a/b\n",
                &[
                    ("memory.max", "max\n"),
                    ("a/memory.max", "1048576"),
                    ("a/b/memory.max", "max"),
                ],
                &[],
                of(MIB, "the cgroup"),
            ),
            // The path of the host is not there in a container.
            (
                "5:cpu,memory:/docker/1\n4:pids:/\n",
                &[("memory/memory.limit_in_bytes", "2097152\n")],
                &[],
                of(2 * MIB, "the cgroup"),
            ),
            (
                "5:memory:/\n",
                &[("memory/memory.limit_in_bytes", "9223372036854771712\n")],
                &[],
                of(8192 * MIB, "the machine"),
            ),
            (
                "0::/\n",
                &[("memory.max", "536870912\n")],
                &[of(256 * MIB, "RLIMIT_AS"), of(400 * MIB, "RLIMIT_DATA")],
                of(256 * MIB, "RLIMIT_AS"),
            ),
            (
                "",
                &[],
                &[of(512 * MIB, "RLIMIT_DATA")],
                of(512 * MIB, "RLIMIT_DATA"),
            ),
        ];
        for (groups, files, of_process, expected) in rows {
            let found = limits(groups, files, of_process);
            assert_eq!(found, expected, "{groups:?} {files:?} {of_process:?}");
        }
        let nothing = memory(Path::new("/nowhere"), Path::new("/nowhere"), &[]);
        assert_eq!(nothing.bytes, ASSUMED);
    }

    #[test]
    fn watches_get_a_part_of_little_memory_and_are_never_too_many() {
        let watches = [0, 512 << 20, 4 << 30, 64 << 30].map(watches_in);
        assert_eq!(watches, [1, 5_957, 47_662, WATCHES_MAX]);
    }

    fn of(bytes: u64, source: &'static str) -> Memory {
        Memory { bytes, source }
    }
}

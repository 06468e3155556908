//! How much memory this process may take, by what the system says.

use std::{fs, path::Path};

/// How much memory is assumed where the system does not tell. The most of each part is for about
/// as much.
const ASSUMED: u64 = 4 << 30;

/// What limits the memory of this process, and to how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Memory {
    pub(super) bytes: u64,
    /// What sets the limit.
    pub(super) source: &'static str,
}

impl Memory {
    /// The memory of this process.
    pub(super) fn of_process() -> Self {
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

    fn of(bytes: u64, source: &'static str) -> Memory {
        Memory { bytes, source }
    }
}

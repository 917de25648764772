//! How much memory the job may use: the limit of its control group, else what the machine has.

use std::fs;
use std::path::Path;

/// Bytes that the process may use; none when nothing tells.
///
/// Reads the limit of control groups version 2, then 1, then the size of the machine. A limit of a
/// parent group shows in the container's own files, since the container's group is their root.
pub fn limit_bytes() -> Option<u64> {
    limit_below(Path::new("/"))
}

fn limit_below(root: &Path) -> Option<u64> {
    let number = |path: &str| fs::read_to_string(root.join(path)).ok()?.trim().parse::<u64>().ok();
    let machine = machine_bytes(root);
    // "max" (version 2) does not parse; version 1 writes a number near 2^63 for "no limit".
    let group = number("sys/fs/cgroup/memory.max")
        .or_else(|| number("sys/fs/cgroup/memory/memory.limit_in_bytes"))
        .filter(|&limit| limit < 1 << 60);
    match (group, machine) {
        (Some(group), Some(machine)) => Some(group.min(machine)),
        (group, machine) => group.or(machine),
    }
}

fn machine_bytes(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: Option<u64>) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(limit_below(root.path()), expected);
    }

    #[test]
    fn the_smaller_of_group_and_machine_counts() {
        let meminfo = ("proc/meminfo", "MemTotal:       2048 kB\nMemFree: 1 kB\n");
        check(&[], None);
        check(&[meminfo], Some(2048 * 1024));
        check(&[meminfo, ("sys/fs/cgroup/memory.max", "1000\n")], Some(1000));
        check(&[meminfo, ("sys/fs/cgroup/memory.max", "max\n")], Some(2048 * 1024));
        check(&[meminfo, ("sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n")], Some(4096));
        check(
            &[meminfo, ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")],
            Some(2048 * 1024),
        );
    }
}

//! How much CPU a process may take: the quota of its control group and of all above it, and its affinity.
//!
//! Read through the host's mounts, never through the target's own root.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use crate::{discover::ProcFs, observed::CpuLimit};

/// Deepest nesting of groups that is followed.
const MAX_DEPTH: usize = 64;

/// The files of one version of control groups (Documentation/admin-guide/cgroup-v2.rst, and
/// scheduler/sched-bwc.rst for v1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Where a controller's groups are mounted, and which group the mount shows as its root.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    version: Version,
    root: PathBuf,
    point: PathBuf,
}

/// Returns the limits of a process; fields that can't be read are `None`.
pub(super) fn read(proc_fs: &ProcFs, pid: u32) -> io::Result<CpuLimit> {
    let status = proc_fs.text(pid, "status").map_err(io::Error::other)?;
    let mut limit = CpuLimit {
        affinity: affinity(&status),
        ..CpuLimit::default()
    };
    let groups = proc_fs.text(pid, "cgroup").map_err(io::Error::other)?;
    let mounts = proc_fs.global("self/mountinfo")?;
    let found = mounts
        .lines()
        .filter_map(Mount::parse)
        .find_map(|mount| Some((mount.version, mount.directory(&groups)?, mount.point)));
    let Some((version, directory, top)) = found else {
        return Ok(limit);
    };
    let tightest = directory
        .ancestors()
        .take(MAX_DEPTH)
        .take_while(|group| group.starts_with(&top))
        .filter_map(|group| Some((version.quota(group)?, group)))
        .min_by(|(a, _), (b, _)| a.total_cmp(b));
    if let Some((cpus, group)) = tightest {
        limit.cpus = Some(cpus);
        let statistics = fs::read_to_string(group.join("cpu.stat")).unwrap_or_default();
        limit.throttled_periods = value(&statistics, "nr_throttled");
        limit.throttled_ns = match version {
            Version::One => value(&statistics, "throttled_time"),
            Version::Two => value(&statistics, "throttled_usec").map(|us| us.saturating_mul(1000)),
        };
    }
    Ok(limit)
}

impl Version {
    /// CPUs that a group may take; `None` without a quota.
    fn quota(self, group: &Path) -> Option<f64> {
        let text = |name| fs::read_to_string(group.join(name)).ok();
        let (quota, period) = match self {
            Self::Two => {
                let text = text("cpu.max")?;
                let (quota, period) = text.trim().split_once(' ')?;
                (quota.to_owned(), period.to_owned())
            }
            Self::One => (text("cpu.cfs_quota_us")?, text("cpu.cfs_period_us")?),
        };
        // `max`, or −1.
        let quota: u64 = quota.trim().parse().ok()?;
        let period: u64 = period.trim().parse().ok()?;
        (period > 0).then(|| quota as f64 / period as f64)
    }
}

impl Mount {
    /// Reads a line of `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`): id, parent, device, root, mount point,
    /// options, optional fields, `-`, type, source, options of the file system.
    fn parse(line: &str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (mount.next()?, mount.next()?);
        let mut system = system.split(' ');
        let kind = system.next()?;
        let version = match kind {
            "cgroup2" => Version::Two,
            "cgroup" if system.nth(1)?.split(',').any(|option| option == "cpu") => Version::One,
            _ => return None,
        };
        Some(Self {
            version,
            root: PathBuf::from(root),
            point: PathBuf::from(point),
        })
    }

    /// Returns the directory of the group that `/proc/PID/cgroup` names (`cgroups(7)`); `None` if the mount
    /// does not show it, or shows nothing of the CPU.
    fn directory(&self, groups: &str) -> Option<PathBuf> {
        let of_cpu = |line: &str| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let matches = match self.version {
                Version::Two => controllers.is_empty(),
                Version::One => controllers.split(',').any(|name| name == "cpu"),
            };
            matches.then(|| PathBuf::from(path))
        };
        let path = groups.lines().find_map(of_cpu)?;
        let inside = path.strip_prefix(&self.root).ok()?;
        let is_plain = |part| matches!(part, Component::Normal(_));
        if !inside.components().all(is_plain) {
            return None;
        }
        let directory = self.point.join(inside);
        let file = match self.version {
            Version::Two => "cpu.stat",
            Version::One => "cpu.cfs_quota_us",
        };
        directory.join(file).exists().then_some(directory)
    }
}

fn value(statistics: &str, name: &str) -> Option<u64> {
    let line = statistics
        .lines()
        .find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

/// CPUs of the affinity mask: `Cpus_allowed`, hexadecimal, in groups of 32 bits.
fn affinity(status: &str) -> Option<u32> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed:"))?;
    mask.trim()
        .chars()
        .filter(|digit| *digit != ',')
        .try_fold(0, |sum: u32, digit| {
            sum.checked_add(digit.to_digit(16)?.count_ones())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
    const V1: &str = "31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct";

    #[test]
    fn both_versions_of_mounts_are_read() {
        let two = Mount::parse(V2).unwrap();
        assert_eq!(
            (two.version, two.point.as_path()),
            (Version::Two, Path::new("/sys/fs/cgroup"))
        );
        let one = Mount::parse(V1).unwrap();
        assert_eq!(one.version, Version::One);
        assert_eq!(
            Mount::parse("32 23 0:28 / /x rw - cgroup cgroup rw,memory"),
            None
        );
        assert_eq!(Mount::parse("nonsense"), None);
    }

    #[test]
    fn group_outside_of_the_mount_is_not_looked_for() {
        let mount = Mount::parse(V2).unwrap();
        assert_eq!(mount.directory("0::/../../etc"), None);
        assert_eq!(mount.directory("5:cpu:/a"), None);
        assert_eq!(mount.directory(""), None);
    }

    #[test]
    fn tightest_quota_of_the_ancestors_counts() {
        let dir = tempfile::tempdir().unwrap();
        let write = |group: &str, name: &str, text: &str| {
            let group = dir.path().join(group);
            fs::create_dir_all(&group).unwrap();
            fs::write(group.join(name), text).unwrap();
        };
        write("proc/7", "status", "Name:\tx\nCpus_allowed:\t3,0000000f\n");
        write("proc/7", "cgroup", "0::/pod/box\n");
        let line = format!(
            "30 23 0:26 / {} rw - cgroup2 cgroup2 rw\n",
            dir.path().join("cg").display()
        );
        write("proc/self", "mountinfo", &line);
        write("cg/pod", "cpu.max", "150000 100000\n");
        write(
            "cg/pod",
            "cpu.stat",
            "usage_usec 5\nnr_periods 9\nnr_throttled 4\nthrottled_usec 12\n",
        );
        write("cg/pod/box", "cpu.max", "max 100000\n");
        write(
            "cg/pod/box",
            "cpu.stat",
            "usage_usec 5\nnr_throttled 0\nthrottled_usec 0\n",
        );
        let limit = read(&ProcFs::at(dir.path().join("proc")), 7).unwrap();
        let expected = CpuLimit {
            cpus: Some(1.5),
            throttled_periods: Some(4),
            throttled_ns: Some(12_000),
            affinity: Some(6),
        };
        assert_eq!(limit, expected);
    }
}

//! `/proc` of the host as typed values; the root is a parameter so that tests can lay out their own.
//!
//! A process may end between any two reads: ENOENT and ESRCH mean exactly that.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{DiscoverError, stat::Stat, status::Status};

/// Where `/proc` is mounted.
#[derive(Clone, Debug)]
pub struct ProcFs {
    root: PathBuf,
}

impl ProcFs {
    /// The one of this host, or of the namespace that rtprobe runs in.
    pub fn host() -> Self {
        Self::at("/proc")
    }

    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn path(&self, pid: u32, name: &str) -> PathBuf {
        self.root.join(pid.to_string()).join(name)
    }

    /// Returns `name` below the root, as text; invalid UTF-8 is replaced.
    pub fn global(&self, name: &str) -> io::Result<String> {
        fs::read(self.root.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn stat(&self, pid: u32) -> Result<Stat, DiscoverError> {
        self.parsed(pid, "stat", Stat::parse)
    }

    /// Returns whether a process is stopped now; one that is gone is not.
    pub fn is_stopped(&self, pid: u32) -> bool {
        self.stat(pid).is_ok_and(|stat| stat.is_stopped())
    }

    pub fn status(&self, pid: u32) -> Result<Status, DiscoverError> {
        self.parsed(pid, "status", Status::parse)
    }

    /// Returns a file of a process as text; invalid UTF-8 is replaced.
    pub fn text(&self, pid: u32, name: &str) -> Result<String, DiscoverError> {
        let path = self.path(pid, name);
        let bytes = fs::read(&path).map_err(|error| DiscoverError::from_io(pid, &path, error))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns where a link of a process points, for example `exe`.
    pub fn link(&self, pid: u32, name: &str) -> Result<PathBuf, DiscoverError> {
        let path = self.path(pid, name);
        fs::read_link(&path).map_err(|error| DiscoverError::from_io(pid, &path, error))
    }

    /// Returns all processes in ascending order, kernel threads included.
    pub fn pids(&self) -> io::Result<Vec<u32>> {
        let mut pids: Vec<u32> = fs::read_dir(&self.root)?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        pids.sort_unstable();
        Ok(pids)
    }

    /// Returns all processes whose pid in their innermost namespace is `pid`, though it is another here.
    pub fn pids_known_inside_as(&self, pid: u32) -> Vec<u32> {
        let pids = self.pids().unwrap_or_default();
        let inner = |&outer: &u32| {
            self.status(outer)
                .is_ok_and(|status| status.ns_pids.len() > 1 && status.ns_pids.last() == Some(&pid))
        };
        pids.into_iter().filter(inner).collect()
    }

    /// Returns all descendants of a process, nearest first; `/proc` changes meanwhile, so some may be missed.
    pub fn descendants(&self, ancestor: u32) -> Vec<u32> {
        let parents: Vec<(u32, u32)> = self
            .pids()
            .unwrap_or_default()
            .into_iter()
            .filter_map(|pid| Some((pid, self.stat(pid).ok()?.parent)))
            .collect();
        let mut found = vec![ancestor];
        let mut next = 0;
        while let Some(&parent) = found.get(next) {
            next += 1;
            for &(pid, its_parent) in &parents {
                // Pids may be reused while they are read: a cycle must not hold us.
                if its_parent == parent && !found.contains(&pid) {
                    found.push(pid);
                }
            }
        }
        found.split_off(1)
    }

    fn parsed<T>(
        &self,
        pid: u32,
        name: &str,
        parse: fn(&str) -> Option<T>,
    ) -> Result<T, DiscoverError> {
        let text = self.text(pid, name)?;
        parse(&text).ok_or_else(|| DiscoverError::Malformed {
            path: self.path(pid, name),
        })
    }
}

impl AsRef<Path> for ProcFs {
    fn as_ref(&self) -> &Path {
        &self.root
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn proc_with(files: &[(u32, &str, &str)]) -> (TempDir, ProcFs) {
        let dir = tempfile::tempdir().unwrap();
        for (pid, name, text) in files {
            let process = dir.path().join(pid.to_string());
            fs::create_dir_all(&process).unwrap();
            fs::write(process.join(name), text).unwrap();
        }
        let proc_fs = ProcFs::at(dir.path());
        (dir, proc_fs)
    }

    fn stat_line(pid: u32, parent: u32) -> String {
        let zeros = "0 ".repeat(45);
        format!("{pid} (x) S {parent} {zeros}")
    }

    #[test]
    fn vanished_process_has_ended() {
        let (_dir, proc_fs) = proc_with(&[]);
        let error = proc_fs.stat(5).unwrap_err();
        assert!(matches!(error, DiscoverError::Ended { pid: 5 }), "{error}");
    }

    #[test]
    fn nonsense_is_malformed() {
        let (_dir, proc_fs) = proc_with(&[(5, "stat", "hello"), (5, "status", "")]);
        assert!(matches!(
            proc_fs.stat(5),
            Err(DiscoverError::Malformed { .. })
        ));
        assert!(matches!(
            proc_fs.status(5),
            Err(DiscoverError::Malformed { .. })
        ));
    }

    #[test]
    fn pid_of_another_namespace_is_found_by_its_inner_number() {
        let status =
            |ns: &str| format!("Tgid:\t1\nUid:\t0\t0\t0\t0\nTracerPid:\t0\nNSpid:\t{ns}\n");
        let (_dir, proc_fs) = proc_with(&[
            (100, "status", &status("100\t7")),
            (101, "status", &status("101\t7\t1")),
            (102, "status", &status("102")),
            (103, "status", &status("103\t2\t7")),
        ]);
        assert_eq!(proc_fs.pids_known_inside_as(7), [100, 103]);
        assert_eq!(proc_fs.pids_known_inside_as(102), [0; 0]);
    }

    #[test]
    fn descendants_are_found_through_generations_and_cycles() {
        let lines: Vec<(u32, String)> = [
            (10, 1),
            (11, 10),
            (12, 11),
            (13, 12),
            (20, 1),
            (30, 31),
            (31, 30),
        ]
        .map(|(pid, parent)| (pid, stat_line(pid, parent)))
        .to_vec();
        let files: Vec<(u32, &str, &str)> = lines
            .iter()
            .map(|(pid, line)| (*pid, "stat", line.as_str()))
            .collect();
        let (_dir, proc_fs) = proc_with(&files);
        assert_eq!(proc_fs.descendants(10), [11, 12, 13]);
        assert_eq!(proc_fs.descendants(30), [31]);
        assert_eq!(proc_fs.descendants(20), [0; 0]);
    }
}

//! The files that a run writes: opened before anything is attached, so that a run does not end in a file
//! that can't be written.
//!
//! rtprobe usually runs as root: symbolic links are not followed, files belong to the user who called
//! `sudo`, and only regular files are replaced (a rename over `/dev/null` would replace the device).

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::failure::{self, Exit, Failure};

/// Files that are not complete yet, for one who leaves without closing them.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Removes what is not complete: for one who leaves at once. Whoever writes on writes into nothing.
pub fn discard_unfinished() {
    let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(path) = unfinished.pop_first() {
        remove(&path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        log::warn!("failed to remove {}: {error}", path.display());
    }
}

/// A file that is written as a whole at the end, or from the beginning on.
#[derive(Debug)]
pub struct OutputFile {
    file: File,
    path: PathBuf,
    /// Where it is written until it is complete.
    temporary: Option<PathBuf>,
}

impl OutputFile {
    /// Opens `path` for a file that replaces what is there when it is complete.
    pub fn replace(path: &Path) -> io::Result<Self> {
        if names_directory(path) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !replaceable(path)? {
            return Self::stream(path);
        }
        let name = path
            .file_name()
            .ok_or(io::ErrorKind::IsADirectory)?
            .to_string_lossy();
        let name = format!(".{name}.{}.tmp", std::process::id());
        let temporary = directory_of(path).join(name);
        let file = create(&temporary, OpenOptions::new().create_new(true))?;
        let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
        unfinished.insert(temporary.clone());
        Ok(Self {
            file,
            path: path.to_owned(),
            temporary: Some(temporary),
        })
    }

    /// Opens `path` for a file that is valid at any moment while it grows.
    pub fn stream(path: &Path) -> io::Result<Self> {
        let file = create(path, OpenOptions::new().create(true).truncate(true))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            temporary: None,
        })
    }

    /// Returns the path that was asked for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is left and puts the file in its place.
    pub fn finish(mut self) -> io::Result<PathBuf> {
        self.file.flush()?;
        if let Some(temporary) = &self.temporary {
            let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
            fs::rename(temporary, &self.path)?;
            unfinished.remove(temporary);
            self.temporary = None;
        }
        Ok(self.path.clone())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(temporary) = &self.temporary
            && unfinished.remove(temporary)
        {
            remove(temporary);
        }
    }
}

/// Returns whether two paths are the same place for a regular file, which need not be there yet. A device takes what
/// several write to it.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let is_device = fs::metadata(one).is_ok_and(|metadata| !metadata.is_file());
    let place = |path: &Path| {
        let directory = fs::canonicalize(directory_of(path)).ok()?;
        Some(directory.join(path.file_name()?))
    };
    !is_device && place(one).is_some_and(|one| place(other) == Some(one))
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."))
}

/// Makes a failure of a file that can't be opened for `purpose`, and names the one to give to `option` in its place.
pub fn refusal(path: &Path, purpose: &str, option: &str, error: &io::Error) -> Failure {
    let attempted = format!("failed to open {} for {purpose}", path.display());
    match fs::read_link(path) {
        Ok(link) if error.raw_os_error() == Some(libc::ELOOP) => {
            let real = directory_of(path).join(link);
            let real = fs::canonicalize(&real).unwrap_or(real);
            let why = "it is a symbolic link, which rtprobe does not follow, as it may run as root";
            Failure::new(Exit::Failed, format!("{attempted}: {why}"))
                .found(format!("a link to {}", real.display()))
                .try_(format!("{option} {}", failure::quoted(real.as_os_str())))
        }
        _ => Failure::io(&attempted, error),
    }
}

/// Returns whether a path can be that of a directory only.
fn names_directory(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// Returns whether `path` names a regular file or nothing.
fn replaceable(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn create(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let is_device = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    // `/dev/stdout` is a link that is meant to be followed; what leads to a regular file is not.
    let no_follow = if is_device { 0 } else { libc::O_NOFOLLOW };
    let file = options
        .write(true)
        .mode(0o600)
        .custom_flags(no_follow | libc::O_CLOEXEC)
        .open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.uid() == 0 {
        give_to_invoker(path)?;
    }
    Ok(file)
}

/// Gives a file that root created to the user who called `sudo`.
fn give_to_invoker(path: &Path) -> io::Result<()> {
    let number = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    match (number("SUDO_UID"), number("SUDO_GID")) {
        (Some(uid), Some(gid)) => chown(path, Some(uid), Some(gid)),
        _ => Ok(()),
    }
}

/// Returns the recording's name where none was given: `rtprobe-COMM-PID-TIME.rtp`, from the target's name
/// only letters, digits, dots, dashes and underscores.
pub fn default_recording_name(comm: &str, pid: u32, start: &str) -> PathBuf {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let comm: String = comm.chars().map(keep).take(32).collect();
    let time: String = start
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(15)
        .collect();
    PathBuf::from(format!("rtprobe-{comm}-{pid}-{time}Z.rtp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_appears_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        fs::write(&path, "old").unwrap();
        let mut output = OutputFile::replace(&path).unwrap();
        output.write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        output.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(OutputFile::replace(&dir.path().join("report.json")).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_is_refused_and_a_failed_rename_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("report.json");
        let absent = dir.path().join("absent/");
        for path in [dir.path(), &absent] {
            let error = OutputFile::replace(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        }
        let output = OutputFile::replace(&place).unwrap();
        fs::create_dir(&place).unwrap();
        output.finish().unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_to_a_file_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret");
        fs::write(&secret, "keep").unwrap();
        let link = dir.path().join("out.rtp");
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        assert!(OutputFile::stream(&link).is_err());
        let error = OutputFile::replace(&link).unwrap_err();
        let failure = refusal(&link, "the report", "--output", &error);
        let real = fs::canonicalize(&secret).unwrap();
        assert!(failure.error.contains("is a symbolic link"), "{failure}");
        assert_eq!(failure.try_, Some(format!("--output {}", real.display())));
        assert_eq!(fs::read_to_string(&secret).unwrap(), "keep");
    }

    #[test]
    fn a_file_is_the_same_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        assert!(is_same_file(&file("run"), &file("./run")));
        fs::create_dir(file("below")).unwrap();
        assert!(is_same_file(&file("run"), &file("below/../run")));
        assert!(is_same_file(Path::new("run"), Path::new("./run")));
        assert!(!is_same_file(&file("run"), &file("below/run")));
        let null = Path::new("/dev/null");
        assert!(!is_same_file(null, null));
    }

    #[test]
    fn a_device_stays_a_device() {
        let mut output = OutputFile::replace(Path::new("/dev/null")).unwrap();
        output.write_all(b"nothing").unwrap();
        output.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_hostile_name_gives_a_harmless_recording_name() {
        let name = default_recording_name("../e\x1b[31m vil", 7, "2026-11-21T06:31:45.12Z");
        assert_eq!(
            name,
            PathBuf::from("rtprobe-.._e__31m_vil-7-20261121T063145Z.rtp")
        );
    }
}

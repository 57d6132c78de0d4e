//! Recordings: whole up to the last second whatever becomes of the recorder, the same numbers anywhere, and
//! nothing to fear from a broken one.

mod broken;
mod crash;
mod same;

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::support::binary;

/// A user without any rights.
const NOBODY: u32 = 65534;

/// `rtprobe` and recordings at a place where anybody may read them.
struct Public {
    dir: tempfile::TempDir,
}

impl Public {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        open_up(dir.path(), 0o755);
        let rtprobe = dir.path().join("rtprobe");
        fs::copy(binary(), &rtprobe).unwrap();
        open_up(&rtprobe, 0o755);
        Self { dir }
    }

    /// Copies a file that only root may read.
    fn add_as(&self, file: &Path, name: &str) -> PathBuf {
        let copy = self.dir.path().join(name);
        fs::copy(file, &copy).unwrap();
        open_up(&copy, 0o644);
        copy
    }

    /// Runs `rtprobe` as nobody.
    fn rtprobe(&self, args: &[&str]) -> Output {
        let mut command = Command::new(self.dir.path().join("rtprobe"));
        command.args(args).current_dir("/").env_remove("SUDO_UID");
        command.uid(NOBODY).gid(NOBODY).output().unwrap()
    }

    /// Renders a recording as nobody; it has to work, without a word on stderr.
    #[track_caller]
    fn report(&self, recording: &Path, format: &str) -> Vec<u8> {
        let output = self.rtprobe(&["report", recording.to_str().unwrap(), "-f", format]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && errors.is_empty(),
            "{}: {errors}",
            output.status
        );
        output.stdout
    }
}

fn open_up(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

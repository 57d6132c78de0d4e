//! A server, how it is started and how it is asked.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rtprobe_tests::go::Released;
use tempfile::TempDir;

use super::load::Client;
use crate::support::{Process, require_server};

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(30);

/// A well-known Go server.
pub(super) struct Server {
    pub(super) program: Released,
    /// Tells the binary to serve at a port of the loopback interface, with what it keeps in a directory.
    pub(super) command: fn(binary: &Path, dir: &Path, port: u16) -> Command,
    /// Connects the client of a number.
    pub(super) client: fn(port: u16, number: usize) -> Client,
}

/// A server that can be started.
pub(super) struct Ready {
    pub(super) command: Command,
    pub(super) port: u16,
    pub(super) dir: TempDir,
}

/// A server that listens; killed on drop, and its files removed.
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) port: u16,
    _dir: TempDir,
}

impl Server {
    /// Builds and starts it; `None` where it can't be had.
    #[track_caller]
    pub(super) fn start(&self) -> Option<Running> {
        let mut ready = self.ready()?;
        let process = Process::spawn(&mut ready.command);
        wait_for_port(ready.port);
        Some(Running {
            process,
            port: ready.port,
            _dir: ready.dir,
        })
    }

    /// Builds it and returns the command that starts it; `None` where it can't be had.
    #[track_caller]
    pub(super) fn ready(&self) -> Option<Ready> {
        let binary = require_server(&self.program)?;
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut command = (self.command)(&binary, dir.path(), port);
        command
            .current_dir(dir.path())
            .env("HOME", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Some(Ready { command, port, dir })
    }

    /// Connects so many clients to a running one.
    pub(super) fn clients(&self, port: u16, n: usize) -> Vec<Client> {
        (0..n).map(|number| (self.client)(port, number)).collect()
    }
}

/// A port of the loopback interface that was free a moment ago.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Waits until somebody listens.
fn wait_for_port(port: u16) {
    let give_up = Instant::now() + START;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < give_up, "nobody listens at port {port}");
        thread::sleep(Duration::from_millis(20));
    }
}

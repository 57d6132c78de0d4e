//! Caddy: HTTP, with templates, compression and files.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{free_port, load::Load, watch};
use crate::support::{Process, require_root, require_server};

const CLIENTS: usize = 3;

fn configuration(port: u16, root: &str) -> String {
    format!(
        "{{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n}}\n\
         http://127.0.0.1:{port} {{\n\troot * {root}\n\tencode gzip\n\ttemplates\n\
         \trespond /echo \"you asked {{query.n}}\"\n\tfile_server\n}}\n"
    )
}

/// One connection that is kept open.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Asks for a path, and returns the status line and the body.
    fn get(&mut self, path: &str) -> std::io::Result<(String, String)> {
        // In one piece: what is written bit by bit waits for acknowledgements.
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut status = String::new();
        self.stream.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// The `n`-th question.
    fn ask(&mut self, n: u64) -> Result<(), String> {
        let (path, expected) = match n % 3 {
            0 => (format!("/echo?n={n}"), format!("you asked {n}")),
            1 => ("/plain.txt".to_owned(), "a file\n".to_owned()),
            _ => (
                format!("/template.html?n={n}"),
                format!("<p>template {n}</p>\n"),
            ),
        };
        let (status, body) = self
            .get(&path)
            .map_err(|error| format!("{path}: {error}"))?;
        if status.starts_with("HTTP/1.1 200") && body == expected {
            Ok(())
        } else {
            Err(format!("{path}: {status:?} {body:?}"))
        }
    }
}

#[test]
fn caddy_answers_while_it_is_watched() {
    let Some(()) = require_root() else { return };
    let Some(caddy) = require_server("github.com/caddyserver/caddy/v2/cmd/caddy", "v2.11.9") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    fs::write(dir.path().join("plain.txt"), "a file\n").unwrap();
    let template = "<p>template {{.Req.URL.Query.Get \"n\"}}</p>\n";
    fs::write(dir.path().join("template.html"), template).unwrap();
    let config = dir.path().join("Caddyfile");
    fs::write(&config, configuration(port, dir.path().to_str().unwrap())).unwrap();
    let mut command = Command::new(caddy);
    command
        .args(["run", "--config"])
        .arg(&config)
        .stdin(Stdio::null());
    command
        .env("HOME", dir.path())
        .env("XDG_DATA_HOME", dir.path());
    let server = Process::spawn(&mut command);
    wait_for_port(port);
    let client = |_| {
        let mut client = Client::connect(port).unwrap();
        move |n| client.ask(n)
    };
    let load = Load::start((0..CLIENTS).map(client).collect());
    watch(
        "caddy",
        server.pid(),
        load,
        "github.com/caddyserver/caddy/v2",
    );
}

/// Waits until somebody listens.
pub(super) fn wait_for_port(port: u16) {
    let give_up = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < give_up, "nobody listens at port {port}");
        thread::sleep(Duration::from_millis(20));
    }
}

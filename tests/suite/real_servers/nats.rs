//! NATS: messages by a protocol of its own, from publishers to subscribers.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

use super::{free_port, http::wait_for_port, load::Load, watch};
use crate::support::{Process, require_root, require_server};

const PAIRS: usize = 3;

/// One connection (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut client = Self {
            stream: BufReader::new(stream),
        };
        client.send("CONNECT {\"verbose\":false,\"pedantic\":true}\r\nPING\r\n")?;
        while client.line()? != "PONG" {}
        Ok(client)
    }

    fn send(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes())
    }

    /// The next line; the server's own questions whether somebody is there are answered.
    fn line(&mut self) -> std::io::Result<String> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim() {
                "PING" => self.send("PONG\r\n")?,
                line => return Ok(line.to_owned()),
            }
        }
    }

    /// Waits for a message and returns its subject and payload.
    fn message(&mut self) -> std::io::Result<(String, String)> {
        let line = self.line()?;
        let fields: Vec<&str> = line.split(' ').collect();
        let &["MSG", subject, _, length] = fields.as_slice() else {
            return Err(std::io::Error::other(line));
        };
        let length: usize = length.parse().map_err(std::io::Error::other)?;
        let mut payload = vec![0; length + 2];
        self.stream.read_exact(&mut payload)?;
        payload.truncate(length);
        Ok((
            subject.to_owned(),
            String::from_utf8_lossy(&payload).into_owned(),
        ))
    }
}

/// A publisher and its subscriber.
struct Pair {
    publisher: Client,
    subscriber: Client,
    subject: String,
}

impl Pair {
    fn connect(port: u16, number: usize) -> std::io::Result<Self> {
        let mut subscriber = Client::connect(port)?;
        subscriber.send(&format!("SUB pair.{number}.> 1\r\nPING\r\n"))?;
        while subscriber.line()? != "PONG" {}
        let publisher = Client::connect(port)?;
        Ok(Self {
            publisher,
            subscriber,
            subject: format!("pair.{number}"),
        })
    }

    /// Publishes the `n`-th message, which has to arrive next.
    fn ask(&mut self, n: u64) -> Result<(), String> {
        let subject = format!("{}.{}", self.subject, n % 10);
        let payload = format!("message {n} {}", "x".repeat((n % 500) as usize));
        let exchange = (|| {
            let length = payload.len();
            self.publisher
                .send(&format!("PUB {subject} {length}\r\n{payload}\r\n"))?;
            self.subscriber.message()
        })();
        match exchange {
            Ok(arrived) if arrived == (subject.clone(), payload) => Ok(()),
            other => Err(format!("{subject} {n}: {other:.200?}")),
        }
    }
}

#[test]
fn nats_delivers_while_it_is_watched() {
    let Some(()) = require_root() else { return };
    let Some(nats) = require_server("github.com/nats-io/nats-server/v2", "v2.10.22") else {
        return;
    };
    let port = free_port();
    let mut command = Command::new(nats);
    command
        .args(["-a", "127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::null());
    let server = Process::spawn(&mut command);
    wait_for_port(port);
    let pair = |number| {
        let mut pair = Pair::connect(port, number).unwrap();
        move |n| pair.ask(n)
    };
    let load = Load::start((0..PAIRS).map(pair).collect());
    watch(
        "nats-server",
        server.pid(),
        load,
        "github.com/nats-io/nats-server/v2",
    );
}

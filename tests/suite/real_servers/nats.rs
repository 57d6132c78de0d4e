//! NATS: messages by a protocol of its own, from publishers to subscribers.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    time::Duration,
};

use rtprobe_tests::servers::NATS;

use super::{load::Client, server::Server};

pub(super) const SERVER: Server = Server {
    program: NATS,
    command,
    client,
};

fn command(binary: &Path, _: &Path, port: u16) -> Command {
    let mut command = Command::new(binary);
    command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
    command
}

fn client(port: u16, number: usize) -> Client {
    let mut pair = Pair::connect(port, number).unwrap();
    Box::new(move |n| pair.ask(n))
}

/// One connection (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).
struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut connection = Self {
            stream: BufReader::new(stream),
        };
        connection.send("CONNECT {\"verbose\":false,\"pedantic\":true}\r\nPING\r\n")?;
        while connection.line()? != "PONG" {}
        Ok(connection)
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
    publisher: Connection,
    subscriber: Connection,
    subject: String,
}

impl Pair {
    fn connect(port: u16, number: usize) -> std::io::Result<Self> {
        let mut subscriber = Connection::connect(port)?;
        subscriber.send(&format!("SUB pair.{number}.> 1\r\nPING\r\n"))?;
        while subscriber.line()? != "PONG" {}
        let publisher = Connection::connect(port)?;
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

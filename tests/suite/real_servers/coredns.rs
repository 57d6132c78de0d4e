//! CoreDNS: names asked over UDP, from a table, from a template, and from another server through a cache.

use std::{fs, net::UdpSocket, path::Path, process::Command, time::Duration};

use rtprobe_tests::servers::COREDNS;

use super::{
    load::Client,
    server::{Server, free_port},
};

pub(super) const SERVER: Server = Server {
    program: COREDNS,
    command,
    client,
};

fn command(binary: &Path, dir: &Path, port: u16) -> Command {
    let behind = free_port();
    let answer = |address: &str| {
        format!(
            "\ttemplate IN A {{\n\t\tanswer \"{{{{ .Name }}}} 60 IN A {address}\"\n\t}}\n\
             \terrors\n}}\n"
        )
    };
    let configuration = format!(
        "table.test:{port} {{\n\tbind 127.0.0.1\n\
         \thosts {{\n\t\t10.0.0.1 host.table.test\n\t}}\n\terrors\n}}\n\
         template.test:{port} {{\n\tbind 127.0.0.1\n{}\
         behind.test:{port} {{\n\tbind 127.0.0.1\n\tcache 60\n\
         \tforward . 127.0.0.1:{behind}\n\terrors\n}}\n\
         .:{behind} {{\n\tbind 127.0.0.1\n{}",
        answer("10.0.0.2"),
        answer("10.0.0.3"),
    );
    let file = dir.join("Corefile");
    fs::write(&file, configuration).unwrap();
    let mut command = Command::new(binary);
    command.arg("-conf").arg(&file);
    command
}

fn client(port: u16, number: usize) -> Client {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    let patience = Some(Duration::from_secs(20));
    socket.set_read_timeout(patience).unwrap();
    Box::new(move |n| {
        let (name, last) = match n % 4 {
            0 => ("host.table.test".to_owned(), 1),
            1 => (format!("n{n}.template.test"), 2),
            2 => (format!("n{}.behind.test", n % 100), 3),
            // Nobody has asked for this one before.
            _ => (format!("n{n}.of{number}.behind.test"), 3),
        };
        let id = n as u16;
        socket
            .send(&question(id, &name))
            .map_err(|error| error.to_string())?;
        let mut answer = [0; 512];
        let length = socket
            .recv(&mut answer)
            .map_err(|error| format!("{name}: {error}"))?;
        let answer = &answer[..length];
        if is_address(answer, id, [10, 0, 0, last]) {
            Ok(())
        } else {
            Err(format!("{name}: {answer:?}"))
        }
    })
}

/// A query for the address of a name (RFC 1035, section 4.1).
fn question(id: u16, name: &str) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// Whether the answer is to this query, without error, and its last record is this address.
fn is_address(answer: &[u8], id: u16, address: [u8; 4]) -> bool {
    let header = answer.get(..8);
    header.is_some_and(|header| {
        header[..2] == id.to_be_bytes() && header[3] % 16 == 0 && header[6..8] == [0, 1]
    }) && answer.ends_with(&address)
}

//! Caddy: HTTP, with templates, compression and files.

use std::{fs, path::Path, process::Command};

use rtprobe_tests::servers::CADDY;

use super::{
    http::{Http, expect},
    load::Client,
    server::Server,
};

pub(super) const SERVER: Server = Server {
    program: CADDY,
    command,
    client,
};

fn command(binary: &Path, dir: &Path, port: u16) -> Command {
    let root = dir.join("site");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("plain.txt"), "a file\n").unwrap();
    let template = "<p>template {{.Req.URL.Query.Get \"n\"}}</p>\n";
    fs::write(root.join("template.html"), template).unwrap();
    let root = root.display();
    let configuration = format!(
        "{{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n}}\n\
         http://127.0.0.1:{port} {{\n\troot * {root}\n\tencode gzip\n\ttemplates\n\
         \trespond /echo \"you asked {{query.n}}\"\n\tfile_server\n}}\n"
    );
    let config = dir.join("Caddyfile");
    fs::write(&config, configuration).unwrap();
    let mut command = Command::new(binary);
    command.args(["run", "--config"]).arg(&config);
    command.env("XDG_DATA_HOME", dir);
    command
}

fn client(port: u16, _: usize) -> Client {
    let mut http = Http::connect(port).unwrap();
    Box::new(move |n| {
        let (path, expected) = match n % 3 {
            0 => (format!("/echo?n={n}"), format!("you asked {n}")),
            1 => ("/plain.txt".to_owned(), "a file\n".to_owned()),
            _ => (
                format!("/template.html?n={n}"),
                format!("<p>template {n}</p>\n"),
            ),
        };
        expect(http.get(&path), 200, |body| body == expected)
            .map_err(|wrong| format!("{path}: {wrong}"))
    })
}

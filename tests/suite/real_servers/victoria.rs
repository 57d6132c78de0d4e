//! VictoriaMetrics: a time-series database, written to and queried over HTTP; its compression is in C.

use std::{fmt::Write as _, path::Path, process::Command};

use rtprobe_tests::servers::VICTORIA_METRICS;

use super::{
    http::{Http, expect},
    load::Client,
    server::Server,
};

pub(super) const SERVER: Server = Server {
    program: VICTORIA_METRICS,
    command,
    client,
};

/// Of one client.
const SERIES: u64 = 200;
/// Of one request.
const SAMPLES: u64 = 50;

fn command(binary: &Path, dir: &Path, port: u16) -> Command {
    let mut command = Command::new(binary);
    command
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .arg(format!("-storageDataPath={}", dir.join("data").display()))
        .args(["-memory.allowedBytes=256MB", "-search.latencyOffset=0s"]);
    command
}

fn client(port: u16, number: usize) -> Client {
    let mut http = Http::connect(port).unwrap();
    Box::new(move |n| match n % 4 {
        0 => {
            let path = format!("/api/v1/query?query={n}%2B1");
            let value = format!("\"{}\"]", n + 1);
            let is_right = |body: &str| is_success(body) && body.contains(&value);
            expect(http.get(&path), 200, is_right)
        }
        1 => {
            let query = format!("sum(rate(load%7Bclient=%22{number}%22%7D[10s]))by(part)");
            let path = format!("/api/v1/query_range?query={query}&start=-30s&step=5s&nocache=1");
            expect(http.get(&path), 200, is_success)
        }
        _ => {
            let lines = samples(number, n);
            let stored = http.ask("POST", "/api/v1/import/prometheus", "", &lines);
            expect(stored, 204, str::is_empty)
        }
    })
}

fn is_success(body: &str) -> bool {
    body.starts_with("{\"status\":\"success\"")
}

/// The `n`-th values of some of a client's series.
fn samples(client: usize, n: u64) -> String {
    let mut lines = String::new();
    for i in 0..SAMPLES {
        let series = (n * SAMPLES + i) % SERIES;
        let part = series % 10;
        writeln!(
            lines,
            "load{{client=\"{client}\",series=\"{series}\",part=\"{part}\"}} {n}.5"
        )
        .unwrap();
    }
    lines
}

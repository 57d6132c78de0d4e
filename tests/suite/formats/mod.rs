//! What other tools read, read by them; and names that try to take over whoever reads them.

mod hostile;
mod page;
mod tools;

use std::{fs::File, path::Path};

use probe_user::{
    recording,
    render::{self, Format, TextOptions},
    report::Report,
    summary::summarize,
};

use crate::support::{GoTarget, Watch};

/// Watches a target with `-wait` while it works, and returns the report of the recording.
#[track_caller]
fn watched(binary: &Path, args: &[&str], dir: &Path) -> Report {
    let mut target = GoTarget::start(binary, args);
    let file = dir.join("run.rtp");
    let options = [
        "-d",
        "0",
        "--max-overhead",
        "none",
        "--save",
        file.to_str().unwrap(),
    ];
    let watch = Watch::start_with(target.pid(), &options);
    target.begin();
    target.truth();
    watch.interrupt();
    summarize(&recording::read(File::open(file).unwrap()).unwrap())
}

fn rendered(report: &Report, format: Format, options: &TextOptions) -> Vec<u8> {
    let mut out = Vec::new();
    render::render(report, format, options, &mut out).unwrap();
    out
}

//! How long a binary takes until everything is known that probes need, and how much memory.
//!
//! `cargo bench -p probe-user --no-default-features --bench analyze -- FILE…`, best with files of 100 MB.
//! Fails beyond 500 ms or 60 MB.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{env, fs, path::Path, time::Instant};

use anyhow::{Context as _, Result, ensure};
use probe_user::analyze::{GoBinary, open_regular};

const MAX_MS: u128 = 500;
const MAX_RSS_KB: u64 = 60 << 10;

/// What the logical probes ask for, and as many names again that need not be there.
const NAMES: &[&str] = &[
    "runtime.newproc1",
    "runtime.mallocgc",
    "runtime.chansend",
    "runtime.chanrecv",
    "runtime.selectgo",
    "runtime.cgocall",
    "runtime.readmemstats_m",
    "runtime.stopTheWorld",
    "runtime.startTheWorld",
    "runtime.stopTheWorldGC",
    "runtime.startTheWorldGC",
    "runtime.stopTheWorldWithSema",
    "runtime.startTheWorldWithSema",
    "runtime.mallocgcTinySC2",
    "runtime.mallocgcSmallScanNoHeaderSC1",
    "runtime.mallocgcSmallNoScanSC2",
    "time.newTimer",
    "time.startTimer",
];

fn main() -> Result<()> {
    // Cargo itself passes `--bench`.
    let files: Vec<_> = env::args_os()
        .skip(1)
        .filter(|file| file != "--bench")
        .collect();
    if files.is_empty() {
        println!("analyze: no files given after `--`");
    }
    for file in &files {
        measure(file.as_ref())?;
    }
    Ok(())
}

fn measure(file: &Path) -> Result<()> {
    let start = Instant::now();
    let binary = GoBinary::open(Box::new(open_regular(file)?))?;
    let opened = start.elapsed();
    let found = binary.find_functions(NAMES);
    let code = found
        .values()
        .flatten()
        .map(|function| binary.code(function).map(|code| code.len()))
        .sum::<Result<usize, _>>()?;
    let text = binary.user_text()?;
    let ready = start.elapsed();
    let layout = binary.g_layout();
    let all = start.elapsed();
    let rss_kb = peak_rss_kb()?;
    println!(
        "{}: {} MB, open {opened:.1?}, ready {ready:.1?}, with layout {all:.1?}, peak RSS {} MB \
         ({} functions, {code} bytes of code, {} words of user text, layout from {:?})",
        file.display(),
        fs::metadata(file)?.len() >> 20,
        rss_kb >> 10,
        found.len(),
        text.own.words.len(),
        layout.source,
    );
    ensure!(ready.as_millis() <= MAX_MS, "ready after {ready:?}");
    ensure!(rss_kb <= MAX_RSS_KB, "{rss_kb} KB of memory");
    Ok(())
}

fn peak_rss_kb() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .context("no VmHWM in /proc/self/status")?
        .parse()
        .context("VmHWM")
}

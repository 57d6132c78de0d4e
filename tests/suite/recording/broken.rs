//! Recordings that are cut off, mutated, or made to hurt.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use probe_user::{
    recording,
    render::{self, Format, TextOptions},
    summary::summarize,
};
use proptest::prelude::*;
use rtprobe_tests::go::{Kind, NEWEST};

use super::Public;
use crate::support::{END, GoTarget, Process, Watch, binary, require_go, require_root};

/// Memory that reading any file may take.
const MEMORY: u64 = 1 << 30;

/// A recording of two seconds with all probes.
fn recorded(public: &Public) -> Option<PathBuf> {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return None;
    };
    let file = public.dir.path().join("whole.rtp");
    let mut target = GoTarget::start(&go.build("truth", Kind::Plain), &["-wait", "-n", "200"]);
    let options = [
        "-d",
        "2s",
        "--max-overhead",
        "none",
        "--save",
        file.to_str().unwrap(),
    ];
    let watch = Watch::start_with(target.pid(), &options);
    target.begin();
    watch.rtprobe.end(END).with_code(0);
    Some(file)
}

/// Reads and renders, which may fail but not panic; returns whether it could be read.
fn survives(bytes: &[u8]) -> bool {
    let Ok(recording) = recording::read(bytes) else {
        return false;
    };
    let report = summarize(&recording);
    for format in [Format::Text, Format::Json, Format::Pprof, Format::Folded] {
        render::render(&report, format, &TextOptions::default(), &mut io::sink()).unwrap();
    }
    true
}

/// Every gzip member of a recording, inflated.
fn members(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut members = Vec::new();
    while !bytes.is_empty() {
        let mut decoder = flate2::bufread::GzDecoder::new(bytes);
        let mut member = Vec::new();
        io::Read::read_to_end(&mut decoder, &mut member).unwrap();
        members.push(member);
        bytes = decoder.into_inner();
    }
    members
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn broken_recordings_are_read_as_far_as_they_go_or_refused() {
    let public = Public::new();
    let Some(file) = recorded(&public) else {
        return;
    };
    let whole = fs::read(file).unwrap();
    assert!(survives(&whole));
    let members = members(&whole);
    assert!(members.len() > 3, "{} members", members.len());
    let config = ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..Default::default()
    };
    let positions = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8);
    // Cut off anywhere; changed in the file; changed behind gzip's checksum, where it reaches the parsers.
    proptest!(config, |(cut in any::<prop::sample::Index>(), changes in positions)| {
        let mut file = whole.clone();
        file.truncate(cut.index(whole.len()));
        survives(&file);
        let mut file = whole.clone();
        for (at, byte) in &changes {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        survives(&file);
        let mut inner = members.clone();
        for (at, byte) in &changes {
            let n = at.index(inner.len());
            let at = at.index(inner[n].len());
            // Digits for digits: what parses goes on to the arithmetic.
            let old = inner[n][at];
            inner[n][at] = if old.is_ascii_digit() { b'0' + byte % 10 } else { *byte };
        }
        survives(&inner.iter().flat_map(|member| gzip(member)).collect::<Vec<u8>>());
    });
}

#[test]
fn largest_numbers_don_t_overflow() {
    let public = Public::new();
    let Some(file) = recorded(&public) else {
        return;
    };
    let largest = |text: &[u8]| {
        let mut out: Vec<u8> = Vec::new();
        let mut in_number = false;
        for &byte in text {
            if byte.is_ascii_digit() {
                if !in_number {
                    out.extend(u64::MAX.to_string().as_bytes());
                }
                in_number = true;
            } else {
                in_number = false;
                out.push(byte);
            }
        }
        out
    };
    let whole = members(&fs::read(file).unwrap());
    // The header stays, so that what follows is read; every snapshot in turn has all its counts at the limit.
    let mut read = 0;
    for n in 1..whole.len() {
        let mut changed = whole.clone();
        let text = String::from_utf8(changed[n].clone()).unwrap();
        let lines = text.lines().map(|line| with_counts(line, &largest));
        changed[n] = lines
            .flat_map(|line| [line, b"\n".to_vec()].concat())
            .collect();
        read += usize::from(survives(
            &changed
                .iter()
                .flat_map(|member| gzip(member))
                .collect::<Vec<u8>>(),
        ));
    }
    assert!(read > 0);
}

/// Changes the counts in a snapshot's line: what follows the first `hits` of a row up to the row's end.
fn with_counts(line: &str, change: &impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find("{\"hits\"") {
        let end = rest[at..].find('}').map_or(rest.len(), |end| at + end);
        out.extend(&rest.as_bytes()[..at]);
        out.extend(change(&rest.as_bytes()[at..end]));
        rest = &rest[end..];
    }
    out.extend(rest.as_bytes());
    out
}

/// Runs `rtprobe report` with little memory, and returns its exit code and how long it took.
fn with_little_memory(file: &str) -> (Option<i32>, String, Duration) {
    let mut command = Watch::command();
    command.args(["report", file, "-f", "json"]);
    limit_memory(&mut command);
    let began = Instant::now();
    let ended = Process::spawn(&mut command).end(END);
    let signal = ended.status.signal();
    assert_eq!(
        signal, None,
        "{file}: ended by a signal; {:#?}",
        ended.stderr
    );
    (
        ended.status.code(),
        ended.stderr.join("\n"),
        began.elapsed(),
    )
}

fn limit_memory(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt as _;
    let limit = || {
        let limit = libc::rlimit {
            rlim_cur: MEMORY,
            rlim_max: MEMORY,
        };
        // SAFETY: the pointer is to a value that lives longer than the call.
        let result = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    };
    // SAFETY: the closure makes one system call on its own stack.
    unsafe { command.pre_exec(limit) };
}

/// Compresses `unit` repeated to `size` bytes.
fn bomb(unit: &[u8], size: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let chunk = unit.repeat((1 << 20) / unit.len());
    for _ in 0..size / chunk.len() {
        encoder.write_all(&chunk).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn files_that_inflate_without_end_take_little_memory_and_time() {
    let public = Public::new();
    let Some(file) = recorded(&public) else {
        return;
    };
    let header = &members(&fs::read(file).unwrap())[0];
    let snapshot = br#"{"record":"snapshot","data":{"elapsed_ns":1,"snapshot":{"totals":{},"paths":{},"buckets":[],"counters":[]}}}"#;
    let snapshot = [&snapshot[..], b"\n"].concat();
    // Alone a bomb is no recording; behind a header it is what was left when the recorder died.
    for (name, bomb) in [
        ("line", bomb(b"0", 3 << 30)),
        ("headers", bomb(header, 100 << 20)),
        ("snapshots", bomb(&snapshot, 2 << 30)),
    ] {
        assert!(bomb.len() < 16 << 20, "{name}: {} bytes", bomb.len());
        for (behind, expected) in [(&[][..], 1), (&gzip(header)[..], 0)] {
            let file = public.dir.path().join(name);
            fs::write(&file, [behind, &bomb].concat()).unwrap();
            let (code, stderr, took) = with_little_memory(file.to_str().unwrap());
            eprintln!("{name} behind {} bytes: {took:?}, {stderr}", behind.len());
            assert_eq!(code, Some(expected), "{name}: {stderr}");
            assert_eq!(
                stderr.contains("error: this is not a recording"),
                expected == 1
            );
            assert!(took < Duration::from_secs(20), "{name}: {took:?}");
        }
    }
}

#[test]
fn rows_that_the_kernel_can_t_have_are_left_out() {
    let public = Public::new();
    let Some(file) = recorded(&public) else {
        return;
    };
    let header = gzip(&members(&fs::read(file).unwrap())[0]);
    let totals = r#"{"hits":1,"completed":1,"bytes":0,"sum_ns":1,"min_ns":1,"max_ns":1,"lost":[0,0,0,0,0,0,0]}"#;
    for (row, hits) in [(3, 1), (1 << 30, 0)] {
        let record = format!(
            r#"{{"record":"snapshot","data":{{"elapsed_ns":1,"snapshot":{{"totals":{{"{row}":{totals}}},"paths":{{}},"buckets":[],"counters":[]}}}}}}"#
        );
        let bytes = [&header[..], &gzip(format!("{record}\n").as_bytes())].concat();
        let recording = recording::read(&bytes[..]).unwrap();
        assert_eq!(recording.profile.hits(), hits, "row {row}");
    }
}

#[test]
fn what_is_no_recording_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    for bytes in [
        &b""[..],
        b"no recording",
        &gzip(b""),
        &gzip(b"{}\n"),
        &gzip(b"[[[[[[[[\n"),
    ] {
        fs::write(&file, bytes).unwrap();
        let output = std::process::Command::new(binary())
            .arg("report")
            .arg(&file)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains("error: this is not a recording of rtprobe"),
            "{stderr}"
        );
        assert!(output.stdout.is_empty());
    }
}

//! A program whose symbols and files hold escapes, HTML, bidirectional overrides and names as long as files.

use std::{collections::BTreeSet, io::Read as _, process::Command};

use probe_user::{
    render::{Format, TextOptions},
    report::Report,
};
use rtprobe_tests::go::{Kind, NEWEST};

use super::{rendered, watched};
use crate::support::{GoTarget, Toolchain, Watch, report, require_go, require_root};

fn hostile(go: &Toolchain) -> Report {
    let dir = tempfile::tempdir().unwrap();
    watched(
        &go.build("hostile", Kind::Plain),
        &["-wait", "-n", "100"],
        dir.path(),
    )
}

/// Whether a terminal would act upon the character, or show something else than what is there.
fn acts(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(
            character,
            '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{2028}' | '\u{2029}'
        )
}

/// Whether `shown` is `name`, of which a report may show the beginning only.
fn is_name(shown: &str, name: &str) -> bool {
    const SHOWN_AT_LEAST: usize = 4_000;
    let begins = |head: &str| shown.starts_with(head) && shown.ends_with("bytes more");
    shown == name || name.get(..SHOWN_AT_LEAST).is_some_and(begins)
}

#[track_caller]
fn assert_inert(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    let found: BTreeSet<char> = text.chars().filter(|&character| acts(character)).collect();
    assert!(found.is_empty(), "{what} holds {found:?}");
}

#[test]
fn names_of_a_hostile_program_are_kept_in_json() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let mut target = GoTarget::start(
        &go.build("hostile", Kind::Stripped),
        &["-wait", "-n", "100"],
    );
    let watch = Watch::start(target.pid());
    target.begin();
    let truth = target.truth();
    let json = watch.interrupt().stdout;
    assert_inert("JSON", &json);
    let report = report(&json);
    for site in &truth.sites {
        let found = report
            .call_sites
            .iter()
            .find(|found| found.probe == site.probe && is_name(&found.function, &site.function));
        let found = found.unwrap_or_else(|| panic!("no {:?}", site.function));
        assert_eq!(
            (found.hits, &*found.file, found.line),
            (site.count, site.file.as_str(), site.line)
        );
    }
}

#[test]
fn text_of_a_hostile_program_is_inert_in_every_shape() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let report = hostile(&go);
    for width in [72, 80, 120, 160] {
        for (ascii, verbose) in [(false, false), (true, true)] {
            let options = TextOptions {
                width,
                ascii,
                verbose,
                ..TextOptions::default()
            };
            let text = rendered(&report, Format::Text, &options);
            assert_inert("text", &text);
            let text = String::from_utf8(text).unwrap();
            // Wide characters make a line shorter, nothing makes it longer.
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(width), "{longest:?} columns of {width}");
        }
    }
}

#[test]
fn profiles_of_a_hostile_program_are_inert() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let report = hostile(&go);
    let folded = rendered(&report, Format::Folded, &TextOptions::default());
    assert_inert("folded", &folded);
    let lines = String::from_utf8(folded).unwrap();
    let of_probes = lines.lines().filter(|line| !line.starts_with("cpu;"));
    assert_eq!(of_probes.count(), report.call_sites.len());

    let pprof = rendered(&report, Format::Pprof, &TextOptions::default());
    let mut inflated = Vec::new();
    flate2::read::GzDecoder::new(&pprof[..])
        .read_to_end(&mut inflated)
        .unwrap();
    let forbidden: [&[u8]; 3] = [b"\x1b[", b"\x1b]", "\u{202e}".as_bytes()];
    for escape in forbidden {
        assert!(
            !inflated
                .windows(escape.len())
                .any(|window| window == escape),
            "{escape:?}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hostile.pb.gz");
    std::fs::write(&file, pprof).unwrap();
    let mut command: Command = go.command();
    let output = command
        .args(["tool", "pprof", "-top"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_inert(
        "pprof -top",
        &String::from_utf8(output.stdout)
            .unwrap()
            .replace('\t', " ")
            .into_bytes(),
    );
}

#[test]
fn a_hostile_program_is_reported_inertly_by_the_binary() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let mut target = GoTarget::start(&go.build("hostile", Kind::Pie), &["-wait", "-n", "100"]);
    let watch = Watch::start_with(target.pid(), &["-d", "0", "-v", "--no-save"]);
    target.begin();
    target.truth();
    let ended = watch.interrupt();
    assert_inert("stdout", &ended.stdout);
    assert_inert("stderr", ended.stderr.join("\n").as_bytes());
    assert!(
        String::from_utf8(ended.stdout)
            .unwrap()
            .contains("\\x1b[31m<script>")
    );
}

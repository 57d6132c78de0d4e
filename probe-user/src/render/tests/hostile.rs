use std::{borrow::Cow, io::Read as _};

use flate2::read::GzDecoder;

use super::{NARROW, WIDE, bytes, rendered, text};
use crate::{
    escape,
    render::{Format, TextOptions, sample},
};

/// Whether a terminal would show `text` as it is, line breaks apart.
fn is_inert(text: &str) -> bool {
    text.split('\n')
        .all(|line| matches!(escape::terminal(line), Cow::Borrowed(_)))
}

#[test]
fn text_is_inert_and_bounded() {
    for options in [
        NARROW,
        WIDE,
        TextOptions {
            verbose: true,
            ..WIDE
        },
    ] {
        let page = text(&sample::hostile(), &options);
        assert!(is_inert(&page), "{page}");
        assert!(page.len() < 64 << 10, "{} bytes", page.len());
    }
}

#[test]
fn json_is_inert_and_bounded() {
    let json = rendered(&sample::hostile(), Format::Json);
    assert!(is_inert(&json));
    assert!(json.len() < 256 << 10, "{} bytes", json.len());
}

#[test]
fn json_keeps_short_names_as_they_are() {
    let report = sample::hostile();
    let json: serde_json::Value = serde_json::from_str(&rendered(&report, Format::Json)).unwrap();
    for (index, name) in sample::HOSTILE_NAMES.iter().enumerate() {
        assert_eq!(json["call_sites"][index]["function"], *name);
    }
}

#[test]
fn json_says_how_much_of_a_name_is_missing() {
    let report = sample::hostile();
    let json: serde_json::Value = serde_json::from_str(&rendered(&report, Format::Json)).unwrap();
    let name = json["target"]["module"].as_str().unwrap();
    let missing = sample::long_name().len() - 4096;
    assert!(
        name.ends_with(&format!("… {missing} bytes more")),
        "{}",
        &name[4000..]
    );
}

#[test]
fn folded_lines_keep_their_shape() {
    let folded = rendered(&sample::hostile(), Format::Folded);
    assert!(is_inert(&folded) && folded.len() < 64 << 10);
    let lines: Vec<_> = folded.lines().collect();
    let report = sample::hostile();
    let cpu = report.cpu.as_ref().unwrap();
    let of_sites = report.call_sites.iter().map(|_| 5);
    let of_cpu = cpu.stacks.iter().map(|stack| 2 + stack.stack.len());
    let expected: Vec<_> = of_sites.chain(of_cpu).collect();
    assert_eq!(lines.len(), expected.len());
    for (line, n_frames) in lines.into_iter().zip(expected) {
        let (frames, value) = line.split_once(' ').unwrap();
        assert!(value.parse::<u64>().is_ok(), "{line}");
        assert_eq!(frames.split(';').count(), n_frames, "{line}");
    }
}

#[test]
fn pprof_strings_are_inert_and_bounded() {
    let mut inflated = Vec::new();
    let profile = bytes(&sample::hostile(), Format::Pprof, &NARROW);
    GzDecoder::new(profile.as_slice())
        .read_to_end(&mut inflated)
        .unwrap();
    assert!(inflated.len() < 64 << 10, "{} bytes", inflated.len());
    let text = String::from_utf8_lossy(&inflated);
    for dangerous in ["\x1b]", "\x1b[", "\u{202e}", "\u{9b}"] {
        assert!(!text.contains(dangerous));
    }
    assert!(text.contains("\\x1b]0;owned\\x07main.title"));
}

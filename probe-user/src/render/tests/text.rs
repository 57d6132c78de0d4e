use std::path::Path;

use unicode_width::UnicodeWidthChar as _;

use super::{NARROW, WIDE, text};
use crate::{
    render::{Sort, TextOptions, footer, sample},
    report::{EndedBy, ProbeState, Report},
};

fn columns(line: &str) -> usize {
    line.chars()
        .map(|character| character.width().unwrap_or(0))
        .sum()
}

fn all_reports() -> [Report; 4] {
    [
        sample::service(),
        sample::idle(),
        sample::crowded(200),
        sample::hostile(),
    ]
}

#[test]
fn service_at_80_columns() {
    insta::assert_snapshot!(text(&sample::service(), &NARROW));
}

#[test]
fn service_at_120_columns() {
    insta::assert_snapshot!(text(&sample::service(), &WIDE));
}

#[test]
fn service_in_ascii_with_stacks() {
    let options = TextOptions {
        ascii: true,
        verbose: true,
        ..NARROW
    };
    let page = text(&sample::service(), &options);
    assert!(page.is_ascii());
    insta::assert_snapshot!(page);
}

#[test]
fn service_in_color() {
    let page = text(
        &sample::service(),
        &TextOptions {
            color: true,
            ..NARROW
        },
    );
    insta::assert_snapshot!(page.replace('\x1b', "ESC"));
}

#[test]
fn idle_program() {
    insta::assert_snapshot!(text(&sample::idle(), &NARROW));
}

#[test]
fn hostile_program() {
    insta::assert_snapshot!(text(&sample::hostile(), &NARROW));
}

#[test]
fn two_hundred_call_sites() {
    let page = text(&sample::crowded(200), &NARROW);
    let sites = page
        .lines()
        .filter(|line| line.contains("(*Pool).step"))
        .count();
    assert_eq!(sites, 20);
    assert!(page.contains("first 20 of 200 by total time"), "{page}");
    assert!(
        page.contains("180 call sites more: --top 200 shows them"),
        "{page}"
    );
    let all = text(&sample::crowded(200), &TextOptions { top: 0, ..NARROW });
    assert_eq!(
        all.lines()
            .filter(|line| line.contains("(*Pool).step"))
            .count(),
        200
    );
    assert!(!all.contains("shows them"));
}

#[test]
fn no_line_is_wider_than_asked_for() {
    for report in all_reports() {
        for width in [72, 80, 97, 100, 120, 160] {
            for verbose in [false, true] {
                let page = text(
                    &report,
                    &TextOptions {
                        width,
                        verbose,
                        ..NARROW
                    },
                );
                for line in page.lines() {
                    assert!(
                        columns(line) <= width,
                        "{} columns of {width}: {line}",
                        columns(line)
                    );
                }
            }
        }
    }
}

#[test]
fn color_changes_nothing_but_color() {
    for report in all_reports() {
        let plain = text(&report, &WIDE);
        let colored = text(
            &report,
            &TextOptions {
                color: true,
                ..WIDE
            },
        );
        assert_ne!(plain, colored);
        let mut stripped = String::new();
        for (index, part) in colored.split("\x1b[").enumerate() {
            let visible = if index == 0 {
                part
            } else {
                part.split_once('m').unwrap().1
            };
            stripped.push_str(visible);
        }
        assert_eq!(stripped, plain);
    }
}

#[test]
fn every_order_puts_the_largest_first() {
    let first = |sort| {
        let page = text(&sample::service(), &TextOptions { sort, ..NARROW });
        let rows = page
            .lines()
            .skip_while(|line| !line.starts_with("CALL SITES"))
            .nth(2);
        rows.unwrap().split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(first(Sort::Total), "alloc");
    assert_eq!(first(Sort::Count), "alloc");
    assert_eq!(first(Sort::P99), "chan-send");
    assert_eq!(first(Sort::Max), "chan-send");
}

#[test]
fn a_latency_at_the_floor_is_told_and_one_below_is_not() {
    let mut report = sample::service();
    report.call_sites.truncate(1);
    let latency = report.call_sites[0].latency.as_mut().unwrap();
    (latency.p50_ns, latency.p99_ns, latency.floor_ns) = (399, 400, Some(400));
    let page = text(&report, &NARROW);
    let row = page
        .lines()
        .skip_while(|line| !line.starts_with("CALL SITES"))
        .nth(2)
        .unwrap();
    assert!(row.contains("< floor  400 ns"), "{row}");
}

#[test]
fn hits_that_do_not_add_up_are_reported() {
    let mut report = sample::service();
    report.probes[0].completed -= 1;
    let page = text(&report, &WIDE);
    assert!(page.contains("do not add up"), "{page}");
}

#[test]
fn without_a_probe_nothing_was_watched() {
    let mut report = sample::idle();
    for probe in &mut report.probes {
        probe.state = ProbeState::Refused;
        probe.reason = Some("the bytes in memory differ from the file".to_owned());
    }
    assert!(text(&report, &NARROW).contains("No probe was on during the 30.0 s"));
}

#[test]
fn unmeasured_cost_is_not_shown_as_nothing() {
    let mut report = sample::service();
    (report.cost.target_share, report.cost.attach_ns) = (None, None);
    report.window.ended_by = EndedBy::RecorderLost;
    let page = text(&report, &WIDE);
    assert!(
        page.contains("share of the target's CPU time not measured"),
        "{page}"
    );
    assert!(page.contains("attach not measured"), "{page}");
    assert!(page.contains("until the recorder died"), "{page}");
}

#[test]
fn a_broken_histogram_only_costs_the_bar() {
    let mut report = sample::service();
    for site in &mut report.call_sites {
        if let Some(latency) = &mut site.latency {
            latency.histogram = "HISTF not one".to_owned();
        }
    }
    let page = text(&report, &WIDE);
    assert!(!page.contains(['▁', '█']) && !page.contains("DISTRIBUTION"));
    assert!(page.contains("hub.(*Hub).Broadcast"));
}

#[test]
fn the_footer_lines_up_and_is_inert() {
    let files = [
        ("recording", Path::new("/tmp/a.rtp")),
        ("report", Path::new("/tmp/\x1b[2J")),
    ];
    let expected = "recording  /tmp/a.rtp\n\
                    report     /tmp/\\x1b[2J\n\
                    next       rtprobe report /tmp/a.rtp\n";
    assert_eq!(footer(&files, "rtprobe report /tmp/a.rtp"), expected);
}

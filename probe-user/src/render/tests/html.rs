use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{NARROW, bytes, rendered};
use crate::{
    escape,
    render::{Format, Sort, TextOptions, sample},
    report::{GoroutineGroup, Report, Severity, StackFrame},
};

fn page(report: &Report) -> String {
    rendered(report, Format::Html)
}

/// What stands between the first `begin` and the `end` behind it.
fn between<'a>(page: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(begin).expect(begin);
    rest.split_once(end).expect(end).0
}

fn data(page: &str) -> Value {
    let json = between(
        page,
        "<script type=\"application/json\" id=\"data\">",
        "</script>",
    );
    serde_json::from_str(json).unwrap()
}

/// The page without style and scripts.
fn markup(page: &str) -> String {
    let style = between(page, "<style>", "</style>");
    let scripts = page.find("<script").unwrap();
    page.get(..scripts).unwrap().replace(style, "")
}

fn all_reports() -> [Report; 4] {
    [
        sample::service(),
        sample::idle(),
        sample::crowded(3_000),
        sample::hostile(),
    ]
}

#[test]
fn the_policy_allows_the_script_and_the_style_that_are_there() {
    let page = page(&sample::service());
    let policy = between(
        &page,
        "http-equiv=\"Content-Security-Policy\" content=\"",
        "\"",
    );
    for (begin, end, directive) in [
        ("<style>", "</style>", "style-src"),
        ("<script>", "</script>", "script-src"),
    ] {
        let hash = STANDARD.encode(Sha256::digest(between(&page, begin, end)));
        assert!(
            policy.contains(&format!("{directive} 'sha256-{hash}';")),
            "{policy}"
        );
    }
    assert!(
        policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
        "{policy}"
    );
}

#[test]
fn no_page_has_more_elements_that_act_than_its_own() {
    for report in all_reports() {
        let page = page(&report);
        assert_eq!(page.matches("<script").count(), 2);
        let markup = markup(&page);
        for active in [
            "<img",
            "<iframe",
            "<object",
            "<embed",
            "<base",
            "<form",
            "javascript:",
            " style=",
            " onerror=",
            " src=",
        ] {
            let harmless = markup.replace("&lt;img src=x onerror=", "");
            assert!(!harmless.contains(active), "{active}");
        }
    }
}

#[test]
fn hostile_names_are_spelled_out_in_markup_and_data() {
    let page = page(&sample::hostile());
    assert!(page.contains("main.&lt;img src=x onerror=alert(1)&gt;"));
    assert!(page.contains(r"main.\u003cimg src=x onerror=alert(1)\u003e"));
    let inert = |text: &str| text.split('\n').all(|line| escape::terminal(line) == line);
    assert!(inert(&page));
    assert!(page.len() < 512 << 10, "{} bytes", page.len());
    let functions: Vec<_> = data(&page)["sites"]
        .as_array()
        .unwrap()
        .iter()
        .map(|site| site["function"].clone())
        .collect();
    assert!(
        functions.contains(&Value::from("main.<img src=x onerror=alert(1)>")),
        "{functions:?}"
    );
}

#[test]
fn findings_stand_first_and_the_worst_before_the_others() {
    let report = sample::service();
    let page = page(&report);
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(at("A timer is started for every message") < at("Memory statistics stop the world"));
    assert!(at("Memory statistics stop the world") < at("What was recorded"));
    assert!(at("What was recorded") < at("id=\"call-sites\""));
    let card = between(&page, "id=\"finding-0\"", "</article>");
    for text in [
        "6.96k/s",
        "3.4\u{a0}%",
        "1.34\u{a0}MB/s",
        "97\u{a0}% sure",
        "since Go 1.23",
        "rtprobe explain timer-per-iteration",
        "fewer than 100 a second",
    ] {
        assert!(card.contains(text), "{text}: {card}");
    }
}

#[test]
fn a_finding_leads_to_the_row_of_its_line_and_back() {
    let page = page(&sample::service());
    let card = between(&page, "id=\"finding-0\"", "</article>");
    let anchor = between(card, "href=\"#", "\"");
    let row = between(&page, &format!("id=\"{anchor}\""), "</tr>");
    assert!(
        row.contains("hub.(*Conn).readLoop") && row.contains("href=\"#finding-0\""),
        "{row}"
    );
}

#[test]
fn rows_are_in_the_order_that_was_asked_for_and_data_go_with_them() {
    let options = TextOptions {
        sort: Sort::Max,
        top: 2,
        ..NARROW
    };
    let page = String::from_utf8(bytes(&sample::service(), Format::Html, &options)).unwrap();
    let data = data(&page);
    let max: Vec<_> = data["sites"]
        .as_array()
        .unwrap()
        .iter()
        .map(|site| site["latency"]["max"].as_u64())
        .collect();
    assert!(max.is_sorted_by(|a, b| a >= b), "{max:?}");
    assert_eq!(
        (data["top"].as_u64(), data["sort"].as_str()),
        (Some(2), Some("max"))
    );
    assert_eq!(page.matches("class=\"site beyond\"").count(), max.len() - 2);
}

#[test]
fn bins_hold_every_completed_operation() {
    let report = sample::service();
    for site in data(&page(&report))["sites"].as_array().unwrap() {
        let latency = &site["latency"];
        if let Some(bins) = latency["bins"].as_array() {
            let counted: u64 = bins
                .iter()
                .skip(1)
                .step_by(2)
                .filter_map(Value::as_u64)
                .sum();
            assert_eq!(Some(counted), latency["count"].as_u64());
        }
    }
}

#[test]
fn a_page_says_how_many_call_sites_it_leaves_out() {
    let page = page(&sample::crowded(3_000));
    assert_eq!(page.matches("data-index=").count(), 2_000);
    assert!(
        page.contains("1000\u{a0}call sites ranked lower"),
        "{}",
        between(&page, "class=\"note\"", "</p>")
    );
}

#[test]
fn what_is_not_known_is_not_shown_as_nothing() {
    let mut report = sample::idle();
    report.rules.clear();
    let page = page(&report);
    assert!(page.contains("No rule was applied to this run"));
    assert!(page.contains("The program did none of this in that time"));
    assert!(page.contains("share of the target's CPU time not measured"));
    assert!(!page.contains("id=\"sites\"") && !page.contains("id=\"flame\""));
}

#[test]
fn every_severity_is_counted_at_the_top() {
    let mut report = sample::service();
    let mut warning = report.findings[0].clone();
    warning.severity = Severity::Warning;
    report.findings.extend([warning.clone(), warning]);
    let page = page(&report);
    let verdict = between(&page, "class=\"verdict\"", "</div>");
    for text in [">1 critical<", ">2\u{a0}warnings<", ">1 info<"] {
        assert!(verdict.contains(text), "{verdict}");
    }
}

#[test]
fn a_goroutine_is_where_the_program_is_and_the_runtimes_own_come_last() {
    let mut report = sample::service();
    let frame = |function: &str| StackFrame {
        function: function.into(),
        file: "x.go".into(),
        line: 1,
        inlined: false,
    };
    let group = |functions: &[&str], system| GoroutineGroup {
        state: "waiting".to_owned(),
        count: 1 + u64::from(system),
        stack: functions.iter().map(|name| frame(name)).collect(),
        system,
        ..GoroutineGroup::default()
    };
    let reading = [
        "runtime.gopark",
        "internal/poll.(*FD).Read",
        "example.com/dns.read",
        "net/http.(*conn).serve",
    ];
    let groups = vec![
        group(&["runtime.gopark", "runtime.bgsweep"], true),
        group(&reading, false),
    ];
    report.goroutines = Some(groups);
    let page = page(&report);
    let summaries: Vec<&str> = between(&page, "id=\"goroutines\"", "</section>")
        .split("<summary>")
        .skip(1)
        .filter_map(|rest| rest.split("</summary>").next())
        .collect();
    assert_eq!(summaries.len(), 2);
    assert!(summaries[0].contains("dns.read"), "{summaries:?}");
    assert!(summaries[1].contains("runtime.gopark"), "{summaries:?}");
}

#[test]
fn the_time_of_operations_is_of_those_too_that_were_not_seen() {
    let mut report = sample::service();
    let site = &mut report.call_sites[0];
    (site.hits, site.count) = (10, 1_000);
    let latency = site.latency.as_mut().unwrap();
    latency.sum_ns = 500;
    let name = site.function.to_string();
    let page = data(&page(&report));
    let sites = page["sites"].as_array().unwrap();
    let shown = sites
        .iter()
        .find(|site| site["function"] == name.as_str() && site["hits"] == 10);
    assert_eq!(shown.unwrap()["latency"]["sum"], 50_000);
}

#[test]
fn the_time_line_is_drawn_where_it_shows_a_course() {
    let mut report = sample::service();
    let shown = page(&report);
    assert_eq!(shown.matches("class=\"strip\"").count(), 2);
    assert!(
        shown.contains("peak 80.0k/s"),
        "{}",
        between(&shown, "id=\"timeline\"", "</section>")
    );
    assert_eq!(data(&shown)["timeline"]["hits"][1][4], 2_800);
    // A series that is shorter than its axis is no series.
    if let Some(timeline) = &mut report.timeline {
        timeline.series[0].hits.pop();
    }
    assert!(!page(&report).contains("id=\"timeline\""));
}

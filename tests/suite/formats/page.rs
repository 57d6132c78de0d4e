//! The HTML report in a browser: scripts run, nothing is loaded, hostile names stay text.

use std::{fs, path::PathBuf};

use probe_user::{
    render::{Format, TextOptions},
    report::Report,
};
use rtprobe_tests::go::{Kind, NEWEST};
use serde_json::json;
use tempfile::TempDir;

use super::{rendered, watched};
use crate::support::{Browser, require_command, require_go, require_root};

/// Runs `target` under rtprobe and leaves its page in a file.
fn page(target: &str, args: &[&str]) -> Option<(Report, TempDir, PathBuf)> {
    require_command("chromium")?;
    require_root()?;
    let go = require_go(NEWEST)?;
    let dir = tempfile::tempdir().unwrap();
    let report = watched(&go.build(target, Kind::Plain), args, dir.path());
    let file = dir.path().join("report.html");
    fs::write(
        &file,
        rendered(&report, Format::Html, &TextOptions::default()),
    )
    .unwrap();
    Some((report, dir, file))
}

/// The page did what it should without a word: no error, no alert, no request but for itself.
#[track_caller]
fn assert_quiet(browser: &Browser) {
    for method in [
        "Runtime.exceptionThrown",
        "Runtime.consoleAPICalled",
        "Log.entryAdded",
        "Page.javascriptDialogOpening",
    ] {
        let said = browser
            .events
            .iter()
            .find(|event| event["method"] == method);
        assert!(said.is_none(), "{said:?}");
    }
    let requests = browser
        .events
        .iter()
        .filter(|event| event["method"] == "Network.requestWillBeSent");
    let urls: Vec<_> = requests
        .map(|event| event["params"]["request"]["url"].to_string())
        .collect();
    assert!(
        urls.iter()
            .all(|url| url.contains("report.html") || url.contains("about:blank")),
        "{urls:?}"
    );
}

#[test]
fn the_page_opens_sorts_filters_and_draws() {
    let Some((report, _dir, file)) = page("truth", &["-wait", "-n", "300"]) else {
        return;
    };
    let mut browser = Browser::open(&file, 1400);
    let n_sites = report.call_sites.len();
    assert_eq!(
        browser.value("document.querySelectorAll('tr.site').length"),
        n_sites
    );

    // By count, the largest first; the figure is that of the report.
    browser.value("document.querySelector('th[data-key=count] button').click()");
    let most = report
        .call_sites
        .iter()
        .map(|site| site.count)
        .max()
        .unwrap();
    assert_eq!(
        browser.value("document.querySelector('tr.site td.number').firstChild.data"),
        most.to_string()
    );
    assert_eq!(
        browser.value("document.querySelector('th[data-key=count]').ariaSort"),
        "descending"
    );

    // Only one probe's rows are left, all of them.
    browser.value("document.querySelector('.chip[data-probe=chan-send]').click()");
    let sends = report
        .call_sites
        .iter()
        .filter(|site| site.probe == "chan-send")
        .count();
    let shown =
        "[...document.querySelectorAll('tr.site')].filter((row) => row.offsetParent).length";
    assert_eq!(browser.value(shown), sends);

    // The keyboard opens a row: its distribution and its stack.
    browser.value("document.querySelector('tr.site:not(.out) .opener').focus()");
    browser.press("Enter");
    assert!(
        browser
            .value("document.querySelectorAll('tr.details rect.bar').length")
            .as_u64()
            > Some(0)
    );
    assert_eq!(
        browser.value("document.querySelectorAll('tr.details ol.stack li.at').length"),
        1
    );
    assert_eq!(
        browser.value("getComputedStyle(document.activeElement).outlineStyle"),
        "solid"
    );

    // Scripts write numbers as the table has them.
    let told = "(() => { const row = document.querySelector('tr.site.open'); \
        const cells = Object.fromEntries([...row.querySelectorAll('td.number')].map((cell) => [cell.dataset.label.toLowerCase(), cell.firstChild.textContent])); \
        return [...document.querySelectorAll('tr.details dl.figures div')].map((pair) => [pair.querySelector('dt').textContent, pair.querySelector('dd').textContent]) \
            .filter(([name]) => name in cells && name !== 'count').map(([name, text]) => [name, text === cells[name]]); })()";
    assert_eq!(
        browser.value(told),
        json!([["p50", true], ["p90", true], ["p99", true], ["max", true]])
    );

    // The stacks are drawn, and arrow keys walk through them.
    browser.value("document.querySelector('#flame-graph button').focus()");
    browser.press("ArrowDown");
    assert_eq!(browser.value("document.activeElement.ariaLevel"), "2");
    assert_quiet(&browser);
}

#[test]
fn nothing_sticks_out_of_a_narrow_window() {
    let Some((_report, _dir, file)) = page("truth", &["-wait", "-n", "100"]) else {
        return;
    };
    let mut browser = Browser::open(&file, 400);
    browser.value("document.querySelector('tr.site .opener').click()");
    assert_eq!(
        browser.value("[innerWidth, document.documentElement.scrollWidth]"),
        json!([400, 400])
    );
    assert_quiet(&browser);
}

#[test]
fn hostile_names_are_text_to_a_browser() {
    let Some((report, _dir, file)) = page("hostile", &["-wait", "-n", "100"]) else {
        return;
    };
    let mut browser = Browser::open(&file, 1400);
    let pid = report.target.pid;
    assert_eq!(
        browser.value("document.title"),
        format!("rtprobe: hostile (pid {pid})")
    );
    // Every row is opened, every stack drawn.
    browser.value("for (const opener of document.querySelectorAll('.opener')) opener.click()");
    let n_sites = report.call_sites.len();
    assert_eq!(
        browser.value("document.querySelectorAll('tr.details').length"),
        n_sites
    );
    assert_eq!(
        browser.value("document.title"),
        format!("rtprobe: hostile (pid {pid})")
    );
    assert_eq!(
        browser.value("document.querySelectorAll('script').length"),
        2
    );
    assert_eq!(
        browser.value("document.querySelectorAll('img, iframe, object, embed, form, base').length"),
        0
    );
    assert_eq!(
        browser.value("document.body.innerText.includes('<script>')"),
        true
    );
    // Names that the page has in its data are those of the report, to the letter where they are harmless.
    let marked = report
        .call_sites
        .iter()
        .find(|site| site.function.contains("<script>"));
    assert!(marked.is_some(), "the target has lost its hostile names");
    assert_quiet(&browser);
    // What the policy is there for: even a script that is put into the page by force does not run.
    browser.value(
        "(() => { const s = document.createElement('div'); try { s.innerHTML = '<b>x</b>'; } catch {} \
         const i = document.createElement('img'); i.src = 'x'; i.setAttribute('onerror', 'document.title = 1'); \
         document.body.append(s, i); })()",
    );
    assert_eq!(
        browser.value("document.title"),
        format!("rtprobe: hostile (pid {pid})")
    );
}

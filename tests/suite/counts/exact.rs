//! Holds a report against a program's own truth.

use std::path::Path;

use probe_user::report::{CallSite, Probe, ProbeState, Report};

use crate::support::{GoTarget, Truth, TruthSite, Watch, has_no_duration, may_have_no_duration};

/// Starts a target with `-wait`, watches it from before its first operation to after its last one, and
/// returns its truth and the report.
#[track_caller]
pub(crate) fn watched(binary: &Path, args: &[&str]) -> (Truth, Report) {
    let args: Vec<&str> = ["-wait"].iter().chain(args).copied().collect();
    let mut target = GoTarget::start(binary, &args);
    let watch = Watch::start(target.pid());
    target.begin();
    let truth = target.truth();
    let report = watch.finish();
    let status = target.finish();
    assert!(status.success(), "the target ended with {status}");
    (truth, report)
}

/// Checks every call site of the truth, and that nothing was lost but the panics that it names.
#[track_caller]
pub(crate) fn assert_exact(truth: &Truth, report: &Report) {
    assert!(!truth.sites.is_empty(), "the program made nothing");
    let faults: Vec<String> = truth
        .sites
        .iter()
        .flat_map(|expected| site_faults(expected, report))
        .chain(
            report
                .probes
                .iter()
                .flat_map(|probe| probe_faults(probe, truth, report)),
        )
        .collect();
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// What is wrong with one call site, each in a sentence.
fn site_faults(expected: &TruthSite, report: &Report) -> Vec<String> {
    let place = |site: &&CallSite| {
        (
            &site.probe,
            &*site.function,
            &*site.file,
            site.line,
            &site.inlined_into,
        ) == (
            &expected.probe,
            expected.function.as_str(),
            expected.file.as_str(),
            expected.line,
            &expected.inlined_into,
        )
    };
    let name = format!("{} ({})", expected.site, expected.probe);
    let found: Vec<&CallSite> = report.call_sites.iter().filter(place).collect();
    let [found] = found.as_slice() else {
        let near: Vec<String> = report
            .call_sites
            .iter()
            .filter(|site| site.probe == expected.probe && site.line == expected.line)
            .map(|site| {
                let (function, into) = (&site.function, &site.inlined_into);
                format!(
                    "{function} {}:{} into {into:?}, {} hits",
                    site.file, site.line, site.hits
                )
            })
            .collect();
        let n = found.len();
        return vec![format!(
            "{name}: {n} call sites instead of one; same line: {near:?}"
        )];
    };
    // An operation without a duration is complete at once.
    let completed = match &found.latency {
        Some(latency) => latency.count,
        None if has_no_duration(&found.probe) || may_have_no_duration(&found.probe) => found.hits,
        None => 0,
    };
    let mut faults = Vec::new();
    let mut check = |what: &str, found: u64, expected: u64| {
        if found != expected {
            faults.push(format!("{name}: {found} {what} instead of {expected}"));
        }
    };
    check("hits", found.hits, expected.count);
    check("completed", completed, expected.completed);
    if let Some(bytes) = expected.bytes {
        check("bytes", found.bytes.unwrap_or(u64::MAX), bytes);
    }
    if let Some(noted) = expected.noted {
        check("noted", found.noted.unwrap_or(u64::MAX), noted);
    }
    if let Some(what) = &expected.what {
        let details = found.details.iter().map(|part| (&part.what, part.hits));
        let details: Vec<_> = details.collect();
        if details != [(what, expected.count)] {
            faults.push(format!("{name}: {details:?} instead of {what}"));
        }
    }
    faults
}

/// What is wrong with a probe's sums.
fn probe_faults(probe: &Probe, truth: &Truth, report: &Report) -> Vec<String> {
    let name = &probe.name;
    let expected = || truth.sites.iter().filter(|site| site.probe == *name);
    if probe.state != ProbeState::Attached {
        let made: u64 = expected().map(|site| site.count).sum();
        let reason = &probe.reason;
        return Vec::from_iter((made > 0).then(|| format!("{name} is not attached: {reason:?}")));
    }
    let lost: u64 = probe.lost.values().sum();
    let of_sites: u64 = report
        .call_sites
        .iter()
        .filter(|site| site.probe == *name)
        .map(|site| site.hits)
        .sum();
    let panicked: u64 = expected().map(|site| site.count - site.completed).sum();
    let mut faults = Vec::new();
    if probe.hits != probe.completed + probe.open + lost {
        let (hits, completed, open) = (probe.hits, probe.completed, probe.open);
        faults.push(format!(
            "{name}: {hits} hits are not {completed} + {open} + {lost}"
        ));
    }
    if probe.hits != of_sites {
        faults.push(format!(
            "{name}: {} hits, its call sites have {of_sites}",
            probe.hits
        ));
    }
    // What waits when the window opens ends in it without a begin. Of what the program names it is known that
    // nothing does, but the runtime's own goroutines park too.
    let known = expected().next().is_some() && name != "park";
    for (reason, &n) in probe.lost.iter().filter(|_| known) {
        let allowed = if reason == "panic" { panicked } else { 0 };
        if n != allowed {
            faults.push(format!("{name}: {n} lost by {reason} instead of {allowed}"));
        }
    }
    faults
}

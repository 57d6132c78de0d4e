//! Compares what rtprobe says with what is true.

use super::{
    mark::Mark,
    said::{CallSite, Finding, Said, Severity},
    table::Exercise,
    trial::Side,
};

/// Returns what is wrong about a report, in sentences; nothing: it is right.
///
/// `free` says that this build of *before* costs nothing any more. A program without marks breaks its rule as a
/// whole: its finding has no call site.
pub fn judge(
    exercise: &Exercise,
    side: Side,
    free: bool,
    marks: &[Mark],
    said: &Said,
) -> Vec<String> {
    match side {
        Side::Before if !free => found(exercise, marks, said),
        Side::Before | Side::Alike => silent(exercise, said),
        Side::After => {
            let mut faults = silent(exercise, said);
            faults.extend(alarms(exercise, said));
            faults
        }
    }
}

/// Says whether nothing is wrong but that rtprobe found too little to decide.
pub fn is_undecided(faults: &[String]) -> bool {
    faults.iter().all(|fault| fault.starts_with(UNDECIDED))
}

/// How what [`judge`] says begins where rtprobe says that it has not enough data.
const UNDECIDED: &str = "not found: not-enough-data";

fn found(exercise: &Exercise, marks: &[Mark], said: &Said) -> Vec<String> {
    let rule = exercise.rule();
    let findings = said.of(rule);
    if findings.is_empty() {
        return vec![match said.verdict(rule) {
            Some(verdict) => format!("not found: {} ({})", verdict.verdict, verdict.why),
            None => "not found: the rule has not spoken".to_owned(),
        }];
    }
    let mut faults = Vec::new();
    for finding in findings {
        let missing = exercise.keys.iter().find(|&&key| !finding.names(key));
        if let Some(key) = missing {
            faults.push(format!("names {:?} and not {key}", finding.exercises));
        }
        if let Some(key) = exercise.keys_of_others().find(|&key| finding.names(key)) {
            faults.push(format!("names {:?}: {key} is another", finding.exercises));
        }
        faults.extend(misplaced(marks, finding.call_site.as_ref()));
    }
    faults
}

fn misplaced(marks: &[Mark], site: Option<&CallSite>) -> Option<String> {
    let truth = || {
        let places = marks
            .iter()
            .map(|mark| format!("{} {}:{}", mark.functions.join("|"), mark.file, mark.line));
        places.collect::<Vec<_>>().join(" or ")
    };
    match site {
        None if marks.iter().all(|mark| mark.or_process) => None,
        None => Some(format!("no call site instead of {}", truth())),
        Some(site) if marks.iter().any(|mark| is_at(site, mark)) => None,
        Some(site) => {
            let told = format!("{} {}:{}", site.function, site.file, site.line);
            Some(if marks.is_empty() {
                format!("at {told} instead of the process")
            } else {
                format!("at {told} instead of {}", truth())
            })
        }
    }
}

/// Directories of the build machine come before the mark's file, or the module's name with `-trimpath`.
fn is_at(site: &CallSite, mark: &Mark) -> bool {
    let file = site.file.strip_suffix(mark.file.as_str());
    site.line == mark.line
        && file.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        && mark.functions.contains(&site.function)
}

fn silent(exercise: &Exercise, said: &Said) -> Vec<String> {
    let rule = exercise.rule();
    let mut faults: Vec<String> = said
        .of(rule)
        .into_iter()
        .filter(|finding| !(exercise.host_does_it && finding.severity == Severity::Info))
        .map(|finding| format!("false alarm: {}", text(finding)))
        .collect();
    match said.verdict(rule) {
        None => faults.push("the rule has not spoken".to_owned()),
        Some(verdict) if verdict.verdict == "found" && said.of(rule).is_empty() => {
            faults.push(format!("found without a finding: {}", verdict.why));
        }
        Some(_) => {}
    }
    faults
}

fn alarms<'a>(exercise: &Exercise, said: &'a Said) -> impl Iterator<Item = String> + use<'a> {
    let rule = exercise.rule();
    let others = said.findings.iter().filter(move |finding| {
        finding.rule != rule && !finding.also.iter().any(|also| also == rule)
    });
    let alarms = others.filter(|finding| finding.severity >= Severity::Warning);
    alarms.map(|finding| format!("another alarm: {}", text(finding)))
}

fn text(finding: &Finding) -> String {
    let site = finding.call_site.as_ref().map_or_else(
        || "the process".to_owned(),
        |site| format!("{} {}:{}", site.function, site.file, site.line),
    );
    format!("{} ({:?}) at {site}", finding.rule, finding.severity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercises::EXERCISES;

    fn counter() -> &'static Exercise {
        EXERCISES
            .iter()
            .find(|e| e.path == "channel-counter")
            .unwrap()
    }

    fn mark() -> Vec<Mark> {
        vec![Mark {
            functions: vec!["main.inc".to_owned()],
            file: "c/main.go".to_owned(),
            line: 7,
            or_process: false,
        }]
    }

    fn said(findings: &str, verdict: &str) -> Said {
        let json = format!(
            r#"{{"findings":[{findings}],
            "rules":[{{"rule":"channel-counter","verdict":"{verdict}","why":"w"}}],
            "cost":{{"budget_share":0.02,"target_share":0.01}}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn finding(rule: &str, severity: &str, keys: &str, line: u32) -> String {
        format!(
            r#"{{"rule":"{rule}","exercises":[{keys}],"severity":"{severity}",
            "call_site":{{"function":"main.inc","file":"/src/c/main.go","line":{line}}}}}"#
        )
    }

    const KEYS: &str = r#""dive-2","source-1""#;

    #[test]
    fn the_right_key_and_place_are_right() {
        let said = said(&finding("channel-counter", "warning", KEYS, 7), "found");
        assert!(judge(counter(), Side::Before, false, &mark(), &said).is_empty());
    }

    #[test]
    fn a_wrong_line_a_missing_key_and_silence_are_told() {
        let line = said(&finding("channel-counter", "warning", KEYS, 8), "found");
        let faults = judge(counter(), Side::Before, false, &mark(), &line);
        assert!(
            faults.len() == 1 && faults[0].contains("instead of main.inc"),
            "{faults:?}"
        );

        let key = said(
            &finding("channel-counter", "warning", r#""dive-2""#, 7),
            "found",
        );
        let faults = judge(counter(), Side::Before, false, &mark(), &key);
        assert!(
            faults.len() == 1 && faults[0].contains("not source-1"),
            "{faults:?}"
        );

        let none = said("", "clear");
        let faults = judge(counter(), Side::Before, false, &mark(), &none);
        assert!(
            faults.len() == 1 && faults[0].contains("not found: clear"),
            "{faults:?}"
        );
    }

    #[test]
    fn too_little_evidence_is_not_a_wrong_judgement() {
        for (verdict, is_wrong) in [("not-enough-data", false), ("clear", true)] {
            let faults = judge(counter(), Side::Before, false, &mark(), &said("", verdict));
            assert_eq!(is_undecided(&faults), !is_wrong, "{verdict}");
        }
    }

    #[test]
    fn another_exercise_of_the_same_rule_is_another() {
        let exercise = |path: &str| EXERCISES.iter().find(|e| e.path == path).unwrap();
        let finding = finding("finalizer-cleanup", "info", r#""dive-13","package-12""#, 7);
        let said = said(&finding, "found");
        let faults = judge(
            exercise("finalizer-cleanup/package-12"),
            Side::Before,
            false,
            &mark(),
            &said,
        );
        assert!(
            faults.len() == 1 && faults[0].contains("is another"),
            "{faults:?}"
        );
    }

    #[test]
    fn what_a_loaded_host_does_may_be_a_hint() {
        let stops = EXERCISES.iter().find(|e| e.rule() == "long-stop-the-world");
        for (severity, faults) in [("info", 0), ("warning", 1)] {
            let said = said(&finding("long-stop-the-world", severity, "", 7), "found");
            let judged = judge(stops.unwrap(), Side::Alike, false, &[], &said);
            let judged = judged.iter().filter(|fault| fault.contains("false alarm"));
            assert_eq!(judged.count(), faults, "{severity}");
        }
    }

    #[test]
    fn one_finding_may_speak_for_two_rules() {
        let other = finding("short-goroutine", "warning", KEYS, 7);
        let merged = other.replacen('{', r#"{"also":["channel-counter"],"#, 1);
        let merged = said(&merged, "found");
        assert!(judge(counter(), Side::Before, false, &mark(), &merged).is_empty());
        assert_eq!(judge(counter(), Side::Alike, false, &[], &merged).len(), 1);
        let silent = said(&other, "clear");
        assert_eq!(
            judge(counter(), Side::Before, false, &mark(), &silent).len(),
            1
        );
    }

    #[test]
    fn a_cure_has_no_alarm_of_any_rule() {
        let own = said(&finding("channel-counter", "info", KEYS, 7), "found");
        assert_eq!(judge(counter(), Side::After, false, &[], &own).len(), 1);
        let other = said(&finding("forced-gc", "critical", r#""dive-6""#, 7), "clear");
        assert_eq!(judge(counter(), Side::After, false, &[], &other).len(), 1);
        assert_eq!(
            judge(counter(), Side::Alike, false, &[], &other),
            Vec::<String>::new()
        );
        let hint = said(&finding("forced-gc", "info", r#""dive-6""#, 7), "clear");
        assert_eq!(
            judge(counter(), Side::After, false, &[], &hint),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_costs_nothing_any_more_has_to_be_silent() {
        let found = said(&finding("channel-counter", "warning", KEYS, 7), "found");
        assert_eq!(
            judge(counter(), Side::Before, true, &mark(), &found).len(),
            1
        );
        assert!(
            judge(
                counter(),
                Side::Before,
                true,
                &mark(),
                &said("", "not-applicable")
            )
            .is_empty()
        );
    }

    #[test]
    fn a_finding_of_the_process_has_no_call_site() {
        let found = said(&finding("channel-counter", "warning", KEYS, 7), "found");
        let faults = judge(counter(), Side::Before, false, &[], &found);
        assert!(faults[0].contains("instead of the process"), "{faults:?}");
    }

    #[test]
    fn a_rule_that_has_not_spoken_is_neither_found_nor_silent() {
        let nothing: Said = serde_json::from_str(
            r#"{"findings":[],"rules":[],"cost":{"budget_share":null,"target_share":null}}"#,
        )
        .unwrap();
        for side in [Side::Before, Side::After, Side::Alike] {
            assert_eq!(judge(counter(), side, false, &mark(), &nothing).len(), 1);
        }
    }
}

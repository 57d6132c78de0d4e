use jsonschema::Validator;
use serde_json::{Value, json};

use super::rendered;
use crate::{
    render::{Format, JSON_SCHEMA, sample},
    report::{GoroutineGroup, Report},
};

fn schema() -> Validator {
    jsonschema::draft202012::new(&serde_json::from_str(JSON_SCHEMA).unwrap()).unwrap()
}

fn value(report: &Report) -> Value {
    serde_json::from_str(&rendered(report, Format::Json)).unwrap()
}

fn with_goroutines() -> Report {
    let mut report = sample::service();
    report.goroutines = Some(vec![GoroutineGroup {
        truncated: false,
        state: "waiting".to_owned(),
        wait_reason: Some("chan send".to_owned()),
        count: 812,
        longest_wait_ns: Some(61_000_000_000),
        system: false,
        created_by: None,
        stack: report.call_sites[0].stack.clone(),
    }]);
    report
}

#[test]
fn the_schema_is_a_valid_schema() {
    let schema: Value = serde_json::from_str(JSON_SCHEMA).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
}

#[test]
fn every_report_conforms_to_the_schema() {
    let reports = [
        sample::service(),
        sample::idle(),
        sample::crowded(200),
        sample::hostile(),
        with_goroutines(),
    ];
    let schema = schema();
    for report in reports {
        let value = value(&report);
        let errors: Vec<_> = schema
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn json_reads_back_as_the_same_report() {
    for report in [sample::service(), with_goroutines()] {
        let json = rendered(&report, Format::Json);
        assert!(
            json.starts_with("{\n  \"schema\": \"rtprobe.report/v1\",\n") && json.ends_with("}\n")
        );
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}

#[test]
fn every_object_of_the_schema_requires_its_fields_and_lets_others_be() {
    let report = value(&with_goroutines());
    let objects = [
        "",
        "/rtprobe",
        "/host",
        "/target/binary",
        "/window",
        "/cost",
        "/probes/0",
        "/probes/0/sites/0",
        "/call_sites/0/stack/0",
        "/call_sites/0/latency",
        "/cpu",
        "/cpu/groups/0",
        "/cpu/functions/0",
        "/cpu/stacks/0",
        "/goroutines/0",
        "/findings/1",
        "/findings/1/call_site",
        "/findings/1/evidence/0",
        "/rules/0",
    ];
    let schema = schema();
    for path in objects {
        let fields: Vec<_> = report
            .pointer(path)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        for field in fields {
            let mut broken = report.clone();
            broken
                .pointer_mut(path)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(&field);
            assert!(!schema.is_valid(&broken), "{path}/{field} may be missing");
        }
        let mut wider = report.clone();
        wider.pointer_mut(path).unwrap()["added_later"] = json!([1, 2]);
        assert!(schema.is_valid(&wider), "{path} takes no further field");
    }
}

#[test]
fn broken_reports_are_rejected() {
    let report = value(&sample::service());
    let schema = schema();
    assert!(schema.is_valid(&report));
    let breaks = [
        ("/schema", json!("rtprobe.report/v2")),
        ("/host/emulated_hit_ns", json!(0)),
        ("/host/attach", json!("kprobe")),
        ("/target/pid", json!("1234")),
        ("/target/build_id", json!("")),
        ("/target/gomaxprocs", json!(0)),
        ("/target/binary/stripped", json!(null)),
        ("/window/start", json!("yesterday")),
        ("/window/ended_by", json!("boredom")),
        ("/cost/target_share", json!(-0.1)),
        ("/cost/attach_ns", json!(0)),
        ("/cost/hits", json!(null)),
        ("/probes/0/hits", json!("45001")),
        ("/probes/0/hits", json!(1.5)),
        ("/probes/0/observed_share", json!(1.01)),
        ("/probes/0/reason", json!("an attached probe needs none")),
        ("/probes/1/reason", json!(null)),
        ("/probes/0/state", json!("Attached")),
        ("/probes/0/lost/stale", json!(-1)),
        ("/probes/0/sites/0/kind", json!("return")),
        ("/call_sites/0/count", json!(-1)),
        ("/call_sites/0/line", json!("88")),
        ("/call_sites/0/latency/count", json!(0)),
        ("/call_sites/0/latency/floor_ns", json!(0)),
        ("/call_sites/0/latency/p99_ns", json!(null)),
        ("/call_sites/0/latency/histogram", json!("not a histogram")),
        ("/cpu/hertz", json!(0)),
        ("/cpu/groups/0/share", json!(1.1)),
        ("/cpu/stacks/0/user_frame", json!(-1)),
        ("/findings/0/severity", json!("fatal")),
        ("/findings/0/confidence", json!(97)),
        ("/rules/0/verdict", json!("unknown")),
        ("/cannot_see/0", json!(7)),
    ];
    for (path, wrong) in breaks {
        let mut broken = report.clone();
        *broken.pointer_mut(path).unwrap() = wrong.clone();
        assert!(!schema.is_valid(&broken), "{path} may be {wrong}");
    }
}

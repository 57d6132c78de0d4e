//! rtprobe as its users run it.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Output},
};

use probe_user::report::Report;
use serde_json::Value;

const SCHEMA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../probe-user/schema/report-v1.json"
);

/// The release binary: `RTPROBE_BIN`, else what `cargo xtask build` leaves.
pub(crate) fn binary() -> PathBuf {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/dist/rtprobe");
    env::var_os("RTPROBE_BIN").map_or_else(|| PathBuf::from(built), PathBuf::from)
}

/// Runs rtprobe to its end.
#[track_caller]
pub(crate) fn rtprobe(args: &[&str]) -> Output {
    let binary = binary();
    let output = Command::new(&binary).args(args).output();
    output.unwrap_or_else(|error| {
        panic!(
            "failed to run {} ({error}): `cargo xtask build` makes it",
            binary.display()
        )
    })
}

/// Reads a report in JSON, which has to agree with the published schema.
#[track_caller]
pub(crate) fn report(json: &[u8]) -> Report {
    let schema: Value = serde_json::from_slice(&fs::read(SCHEMA).unwrap()).unwrap();
    let value: Value = serde_json::from_slice(json)
        .unwrap_or_else(|error| panic!("no JSON ({error}): {}", String::from_utf8_lossy(json)));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{} at {}", error, error.instance_path))
        .collect();
    assert!(
        faults.is_empty(),
        "the report breaks its schema: {faults:#?}"
    );
    serde_json::from_value(value).unwrap()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_report_that_breaks_its_schema_is_refused() {
        let refused = catch_unwind(AssertUnwindSafe(|| {
            report(br#"{"schema":"rtprobe.report/v1"}"#)
        }));
        let message = *refused.unwrap_err().downcast::<String>().unwrap();
        assert!(
            message.starts_with("the report breaks its schema"),
            "{message}"
        );
    }
}

//! rtprobe as its users run it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
    process::{Child, ChildStderr, Command, Output, Stdio},
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

/// An rtprobe that watches in the background until it is told to report.
#[derive(Debug)]
pub(crate) struct Watch {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Watch {
    /// Starts rtprobe and returns when it says that its probes are on.
    #[track_caller]
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = Command::new(binary());
        let command = command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut watch = Self {
            child,
            stderr,
            said: String::new(),
        };
        loop {
            let mut line = String::new();
            let n = watch.stderr.read_line(&mut line).unwrap();
            watch.said.push_str(&line);
            assert!(
                n > 0,
                "rtprobe ended before it was attached: {}",
                watch.said
            );
            if line.starts_with("attached") {
                return watch;
            }
        }
    }

    /// Interrupts it as Ctrl-C does, and returns all that it wrote.
    #[track_caller]
    pub(crate) fn report(mut self) -> Output {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let mut stdout = Vec::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_end(&mut stdout)
            .unwrap();
        self.stderr.read_to_string(&mut self.said).unwrap();
        let status = self.child.wait().unwrap();
        Output {
            status,
            stdout,
            stderr: std::mem::take(&mut self.said).into_bytes(),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // An error says that it has gone already.
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            eprintln!("warning: rtprobe {} can't be waited for", self.child.id());
        }
    }
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

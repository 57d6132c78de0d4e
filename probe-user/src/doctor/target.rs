//! A process, judged.

use super::Check;
use crate::{
    analyze,
    discover::{self, GoProgram, Inspect, Instance, Target},
    failure::Failure,
    report::Binary,
};

/// Looks at a process as a recording would; attaches nothing.
pub(super) fn checks(pid: u32, inspect: &Inspect<'_>) -> Vec<Check> {
    let target = match discover::discover(pid) {
        Ok(target) => target,
        Err(error) => return vec![refused("process", error.into())],
    };
    let mut checks = vec![process(&target), executable(&target)];
    let program = target.exe_file.try_clone().ok().and_then(inspect);
    match program {
        None => {
            let error = target.not_go("not analyzable as one".to_owned(), inspect);
            checks.push(refused("Go", error.into()));
        }
        Some(program) => {
            checks.push(go(&program));
            checks.push(load_bias(&target, &program));
        }
    }
    let container = target.container_id.as_deref().unwrap_or("none");
    checks.push(Check::ok("container", container));
    checks.push(others(&target));
    checks
}

fn refused(name: &'static str, failure: Failure) -> Check {
    let found = failure.found.unwrap_or_else(|| "refused".to_owned());
    let check = Check::missing(failure.code, name, found, &failure.error);
    match failure.try_ {
        Some(command) => check.fix(command),
        None => check,
    }
}

fn process(target: &Target) -> Check {
    let found = format!(
        "{} ({}), {} threads",
        target.pid, target.comm, target.threads
    );
    if target.stopped {
        Check::less(
            "process",
            format!("{found}, stopped"),
            "nothing happens in it until it goes on",
        )
        .fix(format!("kill -CONT {}", target.pid))
    } else {
        Check::ok("process", found)
    }
}

fn executable(target: &Target) -> Check {
    let path = target.exe.display().to_string();
    if target.exe_deleted {
        Check::ok(
            "executable",
            format!("{path}, deleted or replaced since; it is read through the process"),
        )
    } else {
        Check::ok("executable", path)
    }
}

fn go(program: &GoProgram) -> Check {
    const NAME: &str = "Go";
    if let Err(error) = analyze::require_supported(&program.go_version) {
        return refused(NAME, error.into());
    }
    let module = program.module.as_deref().unwrap_or("module unknown");
    let kind = kind(program.binary);
    Check::ok(NAME, format!("{}, {module}, {kind}", program.go_version))
}

/// Names what is special about a binary, or `plain`.
pub(crate) fn kind(binary: Binary) -> String {
    let names = [
        (binary.stripped, "stripped"),
        (binary.pie, "pie"),
        (binary.cgo, "cgo"),
        (binary.trimpath, "trimpath"),
    ];
    let names: Vec<&str> = names
        .iter()
        .filter_map(|&(holds, name)| holds.then_some(name))
        .collect();
    if names.is_empty() {
        "plain".to_owned()
    } else {
        names.join(" ")
    }
}

fn load_bias(target: &Target, program: &GoProgram) -> Check {
    match target.load_bias(&program.text_segments) {
        Ok(bias) => Check::ok("load bias", bias.to_string()),
        Err(error) => refused("load bias", error.into()),
    }
}

fn others(target: &Target) -> Check {
    const NAME: &str = "other rtprobe";
    match discover::instance_lock(target) {
        Instance::Only(_) => Check::ok(NAME, "none"),
        Instance::Other(pid) => {
            let found = pid.map_or_else(|| "one".to_owned(), |pid| format!("pid {pid}"));
            Check::less(NAME, found, "the costs of both add up")
        }
        Instance::Unknown(error) => Check::ok(NAME, format!("not known: {error}")),
    }
}

use super::*;
use crate::{
    discover::privilege::{Capability, Privileges},
    kernel::UprobeMulti,
};

fn healthy() -> Facts {
    Facts {
        release: "6.12.48-amd64".to_owned(),
        privileges: Some(Privileges::with(&Capability::RECORDING)),
        uprobe_multi: Ok(UprobeMulti::Process),
        uprobes: true,
        lockdown: Some("none".to_owned()),
        lsm: Some("lockdown,capability,apparmor,bpf".to_owned()),
        jit: Some("1".to_owned()),
        unprivileged_bpf_disabled: Some("2".to_owned()),
        perf_event_paranoid: Some("3".to_owned()),
        memlock: Some("8388608".to_owned()),
        btf: false,
        cgroup_v2: true,
    }
}

fn of(facts: &Facts) -> Examination {
    Examination::of(host::checks(facts), Vec::new())
}

fn check<'a>(examination: &'a Examination, name: &str) -> &'a Check {
    let mut checks = examination.host.iter().chain(&examination.target);
    checks.find(|check| check.name == name).unwrap()
}

/// The one check that stands in the way.
fn blocked_by(facts: &Facts) -> Check {
    let examination = of(facts);
    assert_eq!((examination.possible, examination.exit_code), (false, 4));
    let failure = examination.failure().unwrap();
    let blocking: Vec<&Check> = examination
        .host
        .iter()
        .filter(|check| matches!(check.state, State::Missing(_)))
        .collect();
    assert_eq!(blocking.len(), 1, "{blocking:?}");
    assert_eq!(
        failure.found,
        Some(format!("{}: {}", blocking[0].name, blocking[0].found))
    );
    blocking[0].clone()
}

#[test]
fn nothing_stands_in_the_way_of_a_healthy_host() {
    let examination = of(&healthy());
    assert!(examination.possible && examination.failure().is_none());
    assert!(
        examination
            .host
            .iter()
            .all(|check| check.state == State::Ok)
    );
}

#[test]
fn missing_capabilities_are_named_beside_those_there() {
    let check = blocked_by(&Facts {
        privileges: Some(Privileges::with(&[Capability::Perfmon])),
        uprobe_multi: Err(libc::EPERM),
        ..healthy()
    });
    assert_eq!(check.found, "have CAP_PERFMON");
    assert_eq!(
        check.costs.as_deref(),
        Some("missing CAP_BPF, CAP_SYS_PTRACE")
    );
}

#[test]
fn old_kernel_is_named_with_what_is_needed() {
    let check = blocked_by(&Facts {
        release: "5.10.0-46-amd64".to_owned(),
        uprobe_multi: Ok(UprobeMulti::Absent),
        memlock: Some("unlimited".to_owned()),
        ..healthy()
    });
    assert!(check.found.contains("5.10.0-46") && check.costs.unwrap().contains("5.15"));
}

#[test]
fn kernel_without_uprobe_multi_works_with_less() {
    let examination = of(&Facts {
        release: "6.1.0-30-amd64".to_owned(),
        uprobe_multi: Ok(UprobeMulti::Absent),
        ..healthy()
    });
    assert!(examination.possible);
    assert_eq!(check(&examination, "uprobe.multi").state, State::Less);
}

#[test]
fn kernel_without_uprobes_is_refused() {
    let check = blocked_by(&Facts {
        uprobe_multi: Ok(UprobeMulti::Absent),
        uprobes: false,
        ..healthy()
    });
    assert_eq!(check.name, "uprobes");
}

#[test]
fn confidentiality_stops_only_the_way_through_perf() {
    let locked = Facts {
        lockdown: Some("confidentiality".to_owned()),
        ..healthy()
    };
    assert!(of(&locked).possible);
    let check = blocked_by(&Facts {
        uprobe_multi: Ok(UprobeMulti::Absent),
        ..locked
    });
    assert_eq!(check.name, "lockdown");
}

#[test]
fn refusal_in_spite_of_the_capabilities_names_the_security_modules() {
    let check = blocked_by(&Facts {
        uprobe_multi: Err(libc::EPERM),
        ..healthy()
    });
    assert!(check.found.contains("apparmor,bpf"), "{}", check.found);
    let check = blocked_by(&Facts {
        uprobe_multi: Err(libc::ENOSYS),
        ..healthy()
    });
    assert!(check.costs.unwrap().contains("without BPF"));
}

#[test]
fn interpreter_and_small_memory_are_told_with_a_cure() {
    let examination = of(&Facts {
        jit: Some("0".to_owned()),
        ..healthy()
    });
    let jit = check(&examination, "BPF compiler");
    assert_eq!(jit.state, State::Less);
    assert!(jit.fix.as_deref().unwrap().contains("bpf_jit_enable=1"));
}

#[test]
fn target_that_is_gone_comes_before_a_missing_privilege() {
    let facts = Facts {
        privileges: Some(Privileges::with(&[])),
        ..healthy()
    };
    let gone = target::checks(4_194_304, &|_| None);
    let examination = Examination::of(host::checks(&facts), gone);
    assert_eq!(examination.exit_code, 5);
}

#[test]
fn process_that_is_no_go_program_is_refused() {
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let examination = examine(Some(child.id()), &|_| None);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(examination.exit_code, 3);
    assert!(check(&examination, "Go").found.contains("/sleep"));
    assert_eq!(check(&examination, "container").found, "none");
}

#[test]
fn json_names_states_and_the_exit_code() {
    let json = serde_json::to_value(of(&Facts {
        uprobes: false,
        uprobe_multi: Ok(UprobeMulti::Absent),
        ..healthy()
    }))
    .unwrap();
    assert_eq!(json["schema"], "rtprobe.doctor/v1");
    assert_eq!(
        (&json["possible"], &json["exit_code"]),
        (&false.into(), &4.into())
    );
    let states: Vec<&str> = json["host"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|check| check["state"].as_str())
        .collect();
    assert!(states.contains(&"ok") && states.contains(&"less") && states.contains(&"missing"));
}

use std::time::Duration;

use super::*;
use crate::{failure::Exit, report::Severity};

fn parse_line(line: &str) -> Result<Invocation, Failure> {
    let args = std::iter::once("rtprobe")
        .chain(line.split_whitespace())
        .map(OsString::from);
    parse(args, Some("abc123"))
}

fn command(line: &str) -> Command {
    match parse_line(line) {
        Ok(Invocation::Run(command)) => command,
        other => panic!("`{line}`: {other:?}"),
    }
}

fn recorded(line: &str) -> RecordConfig {
    match command(line) {
        Command::Record(config) => config,
        other => panic!("`{line}`: {other:?}"),
    }
}

fn refused(line: &str) -> Failure {
    let failure = parse_line(line).expect_err(line);
    assert_eq!(failure.code, Exit::Usage, "{line}");
    failure
}

#[test]
fn bare_pid_is_record_with_the_defaults_of_the_contract() {
    let config = recorded("--pid 1234");
    assert_eq!(
        config,
        RecordConfig {
            selector: Selector::Pid(1234),
            duration: Some(Duration::from_secs(30)),
            max_overhead: Budget::Share(0.02),
            only: vec![],
            skip: vec![],
            stack_depth: 8,
            output: OutputConfig {
                format: Format::Text,
                path: None
            },
            save: Save::Default,
            top: 20,
            sort: Sort::Total,
            fail_on: None,
            verbosity: Verbosity::Normal,
            progress: true,
            color: ColorChoice::Auto,
        }
    );
    assert_eq!(recorded("record --pid 1234"), config);
}

#[test]
fn every_option_of_record_is_read() {
    let line = "record -p 7 -d 0 --max-overhead none --only alloc,chan-send --skip alloc \
                --stack-depth 16 -f pprof -o out.bin --save run.rtp --top 5 --sort p99 \
                --fail-on warning -vv --color never --no-progress";
    let config = recorded(line);
    assert_eq!(config.duration, None);
    assert_eq!(config.max_overhead, Budget::None);
    assert_eq!(config.only, ["alloc", "chan-send"]);
    assert_eq!(config.skip, ["alloc"]);
    assert_eq!(config.stack_depth, 16);
    assert_eq!(config.output.format, Format::Pprof);
    assert_eq!(config.output.path, Some(PathBuf::from("out.bin")));
    assert_eq!(config.save, Save::To(PathBuf::from("run.rtp")));
    assert_eq!(config.top, 5);
    assert_eq!(config.sort, Sort::P99);
    assert_eq!(config.fail_on, Some(Severity::Warning));
    assert_eq!(config.verbosity, Verbosity::Debug);
    assert_eq!(config.color, ColorChoice::Never);
    assert!(!config.progress);
}

#[test]
fn dump_takes_its_format_from_the_suffix_unless_typed() {
    let dumped = |line: &str| match command(line) {
        Command::Dump(config) => (config.pid, config.format, config.path),
        other => panic!("`{line}`: {other:?}"),
    };
    assert_eq!(dumped("dump --pid 7"), (7, PlainFormat::Text, None));
    assert_eq!(dumped("dump -p 7 -o -"), (7, PlainFormat::Text, None));
    let path = Some(PathBuf::from("all.json"));
    assert_eq!(
        dumped("dump -p 7 -o all.json"),
        (7, PlainFormat::Json, path.clone())
    );
    assert_eq!(
        dumped("dump -p 7 -o all.json -f text"),
        (7, PlainFormat::Text, path)
    );
    refused("dump");
    refused("dump --pid 0");
}

#[test]
fn command_after_two_dashes_keeps_its_own_options() {
    let expected = Selector::Command(["./api", "--pid", "5", "-v"].map(OsString::from).to_vec());
    assert_eq!(recorded("-- ./api --pid 5 -v").selector, expected);
    assert_eq!(
        recorded("record -d 1s -- ./api --pid 5 -v").selector,
        expected
    );
}

#[test]
fn verbosity_may_stand_before_or_after_the_command() {
    assert_eq!(recorded("record --pid 1 -v").verbosity, Verbosity::Verbose);
    assert_eq!(recorded("-v --pid 1").verbosity, Verbosity::Verbose);
    assert_eq!(recorded("-q --pid 1").verbosity, Verbosity::Quiet);
}

#[test]
fn format_follows_the_suffix_unless_given() {
    for (path, format) in [
        ("a.json", Format::Json),
        ("a.HTML", Format::Html),
        ("a.pb.gz", Format::Pprof),
        ("a.pprof", Format::Pprof),
        ("a.folded", Format::Folded),
        ("a.txt", Format::Text),
        ("/dev/null", Format::Text),
        ("-", Format::Text),
    ] {
        assert_eq!(
            recorded(&format!("-p 1 -o {path}")).output.format,
            format,
            "{path}"
        );
    }
    assert_eq!(
        recorded("-p 1 -f folded -o a.json").output.format,
        Format::Folded
    );
    assert_eq!(recorded("-p 1 -f json -o -").output.path, None);
    assert!(refused("-p 1 -o a.xml").to_string().contains(".pb.gz"));
}

#[test]
fn unknown_probe_names_the_nearest() {
    let failure = refused("-p 1 --only chansend");
    assert!(
        failure.to_string().contains("did you mean `chan-send`?"),
        "{failure}"
    );
    assert!(
        refused("-p 1 --skip alloc,chan-sent")
            .error
            .contains("chan-sent")
    );
}

#[test]
fn unknown_name_may_be_meant_as_a_rule_or_exercise() {
    for (typed, meant) in [
        ("short-gorutine", "short-goroutine"),
        ("dive5", "dive-5"),
        ("alocc", "alloc"),
    ] {
        let found = refused(&format!("-p 1 --only {typed}")).found;
        let question = format!("did you mean `{meant}`?");
        assert!(
            found
                .as_ref()
                .is_some_and(|found| found.starts_with(&question)),
            "{typed}: {found:?}"
        );
    }
}

#[test]
fn unknown_rules_lead_to_their_list() {
    let failure = refused("explain dive-99");
    assert_eq!(failure.try_.as_deref(), Some("rtprobe explain"));
    assert!(failure.found.is_none_or(|found| found.len() < 40));
    let failure = refused("-p 1 --only dive-99");
    assert_eq!(failure.try_.as_deref(), Some("rtprobe explain"));
    let found = failure.found.unwrap_or_default();
    assert!(
        found.ends_with("block-profile, and the rules and exercises"),
        "{found}"
    );
}

#[test]
fn unknown_option_and_command_name_the_nearest() {
    let failure = refused("--duratoin 1s");
    assert!(failure.to_string().contains("`--duration`"), "{failure}");
    let failure = refused("recrod --pid 1");
    assert_eq!(failure.error, "unknown command `recrod`");
    let commands = "commands are record, report, plan, dump, ps, doctor, explain";
    assert_eq!(failure.found.as_deref(), Some(commands));
}

#[test]
fn duration_without_a_unit_names_the_units() {
    let failure = refused("-p 1 -d 30");
    assert_eq!(failure.error, "`30` is no value of `--duration <TIME>`");
    assert!(
        failure
            .found
            .is_some_and(|found| found.contains("ms, s, m and h"))
    );
}

#[test]
fn contradictions_are_wrong_usage() {
    refused("");
    refused("--pid 0");
    refused("--pid -3");
    refused("--pid 1 -- ./api");
    refused("--pid 1 --save a --no-save");
    refused("--pid 1 -q -v");
    refused("--pid 1 --only alloc --skip alloc");
    refused("--pid 1 --stack-depth 33");
    refused("--pid 1 --max-overhead 2");
    refused("plan");
    refused("plan --pid 1 --exe a");
    refused("report");
}

#[test]
fn other_commands_read_their_options() {
    assert_eq!(
        command("doctor --pid 3 --format json"),
        Command::Doctor(DoctorConfig {
            pid: Some(3),
            format: PlainFormat::Json,
            color: ColorChoice::Auto
        })
    );
    assert_eq!(
        command("ps"),
        Command::Ps(PsConfig {
            format: PlainFormat::Text,
            color: ColorChoice::Auto
        })
    );
    let Command::Plan(plan) = command("plan --exe ./api --only alloc") else {
        panic!("not a plan");
    };
    assert_eq!(plan.subject, PlanSubject::Exe(PathBuf::from("./api")));
    let Command::Report(report) = command("report run.rtp -o run.json --sort max") else {
        panic!("not a report");
    };
    assert_eq!(report.file, PathBuf::from("run.rtp"));
    assert_eq!(report.output.format, Format::Json);
    assert_eq!(report.sort, Sort::Max);
}

#[test]
fn version_shows_the_hash_of_the_kernel_programs() {
    let Ok(Invocation::Print(text)) = parse_line("-V") else {
        panic!("no version");
    };
    assert!(
        text.contains(env!("CARGO_PKG_VERSION")) && text.contains("abc123"),
        "{text}"
    );
}

#[test]
fn help_fits_a_terminal_and_lists_every_command() {
    for line in [
        "--help",
        "-h",
        "help",
        "record --help",
        "plan --help",
        "doctor --help",
    ] {
        let Ok(Invocation::Print(text)) = parse_line(line) else {
            panic!("no help for {line}");
        };
        let plain = anstream::adapter::strip_str(&text).to_string();
        for line in plain.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        if !line.contains(' ') {
            for name in ["record", "report", "plan", "ps", "doctor"] {
                assert!(plain.contains(&format!("\n  {name} ")), "{name}");
            }
        }
    }
}

#[test]
fn every_option_of_record_and_no_other_variable_is_read() {
    for name in [
        "PID",
        "MAX_OVERHEAD",
        "NO_SAVE",
        "STACK_DEPTH",
        "FAIL_ON",
        "COLOR",
        "VERBOSE",
    ] {
        assert!(reads(OsStr::new(&format!("RTPROBE_{name}"))), "{name}");
    }
    assert!(!reads(OsStr::new("RTPROBE_BIN")) && !reads(OsStr::new("PATH")));
    let cli = Cli::command();
    let record = cli.find_subcommand("record").unwrap();
    for argument in record.get_arguments() {
        let name = argument
            .get_long()
            .map(|long| long.to_uppercase().replace('-', "_"));
        let variable = name.map(|name| OsString::from(format!("RTPROBE_{name}")));
        // The command after `--` has no name, and asking for help is no setting.
        let is_setting = variable.is_some() && argument.get_id() != "help";
        assert_eq!(
            argument.get_env(),
            variable.as_deref().filter(|_| is_setting)
        );
    }
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

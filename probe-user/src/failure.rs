//! What a failed command says, and the exit code that scripts see.
//!
//! Every stage's error becomes one [`Failure`]; `main` alone prints it.

use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    fmt,
};

use crate::{
    discover::{DiscoverError, GoChild, privilege},
    escape,
};

/// Exit codes of failures; success is 0, `--fail-on` 10, a second Ctrl-C 130.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Failed while running.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// The target cannot be profiled.
    NotProfilable = 3,
    /// A privilege or kernel feature is missing.
    NoPrivilege = 4,
    /// No such process, or it ended before the first probe was on.
    NoProcess = 5,
}

/// A failure in the three lines that a person reads: what failed, what was read, what to type next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: Exit,
    pub error: String,
    /// The value that was read.
    pub found: Option<String>,
    /// The exact next command.
    pub try_: Option<String>,
}

impl Failure {
    pub fn new(code: Exit, error: impl Into<String>) -> Self {
        Self {
            code,
            error: error.into(),
            found: None,
            try_: None,
        }
    }

    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    #[must_use]
    pub fn try_(mut self, command: impl Into<String>) -> Self {
        self.try_ = Some(command.into());
        self
    }

    /// Makes a failure of what was attempted and the system's answer.
    pub fn io(attempted: &str, error: &std::io::Error) -> Self {
        let failure = Self::new(Exit::Failed, format!("{attempted}: {error}"));
        match error.raw_os_error().and_then(cure) {
            Some(cure) => failure.try_(cure),
            None => failure,
        }
    }

    /// Makes a failure of an error and everything that caused it, in one line.
    pub fn from_error(code: Exit, error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        let mut cured = None;
        while let Some(cause) = source {
            let told = cause.to_string();
            // Some tell their cause themselves.
            if !text.ends_with(&told) {
                text.push_str(": ");
                text.push_str(&shortened(&told));
            }
            let number =
                (cause.downcast_ref::<std::io::Error>()).and_then(std::io::Error::raw_os_error);
            cured = cured.or(number.and_then(cure));
            source = cause.source();
        }
        Self {
            try_: cured.map(str::to_owned),
            ..Self::new(code, text)
        }
    }
}

/// Returns what to do about a limit of the system's that was reached.
fn cure(number: i32) -> Option<&'static str> {
    match number {
        libc::EMFILE => Some("ulimit -n 1024, then again"),
        libc::ENOSPC | libc::EDQUOT => {
            Some("free some space, or name a file on another disk: --save FILE, -o FILE")
        }
        _ => None,
    }
}

/// Characters of a cause that are told, of its begin and of its end: the kernel's verifier gives a hundred thousand
/// lines with a refusal, and says why in the last.
const TOLD_OF_BEGIN: usize = 300;
const TOLD_OF_END: usize = 500;

fn shortened(cause: &str) -> Cow<'_, str> {
    let n = cause.chars().count();
    if n <= TOLD_OF_BEGIN + TOLD_OF_END {
        return Cow::Borrowed(cause);
    }
    let begin: String = cause.chars().take(TOLD_OF_BEGIN).collect();
    let end: String = cause.chars().skip(n - TOLD_OF_END).collect();
    Cow::Owned(format!("{begin} [...] {end}"))
}

impl From<crate::analyze::AnalyzeError> for Failure {
    fn from(error: crate::analyze::AnalyzeError) -> Self {
        let failure = Self::from_error(Exit::NotProfilable, &error).found(error.found());
        match error {
            crate::analyze::AnalyzeError::Release { .. } => {
                failure.try_("build the program with a newer Go, then again")
            }
            _ => failure,
        }
    }
}

impl From<crate::state::StateError> for Failure {
    fn from(error: crate::state::StateError) -> Self {
        let code = if error.is_gone() {
            Exit::NoProcess
        } else if error.is_denied() {
            Exit::NoPrivilege
        } else {
            Exit::NotProfilable
        };
        Self::from_error(code, &error)
    }
}

#[cfg(feature = "kernel")]
impl From<crate::attach::AttachError> for Failure {
    fn from(error: crate::attach::AttachError) -> Self {
        Self::from_error(Exit::Failed, &error)
    }
}

#[cfg(feature = "kernel")]
impl From<crate::drain::DrainError> for Failure {
    fn from(error: crate::drain::DrainError) -> Self {
        Self::from_error(Exit::Failed, &error)
    }
}

/// The lines `error:`, `found:` and `try:`, without a line break at the end; harmless for a terminal.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", escape::terminal(&self.error))?;
        if let Some(found) = &self.found {
            write!(f, "\nfound: {}", escape::terminal(found))?;
        }
        if let Some(command) = &self.try_ {
            write!(f, "\ntry: {}", escape::terminal(command))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl From<DiscoverError> for Failure {
    fn from(error: DiscoverError) -> Self {
        use DiscoverError as E;
        let code = match &error {
            E::NoSuchProcess { .. }
            | E::OtherNamespace { .. }
            | E::Thread { .. }
            | E::Ended { .. }
            | E::Zombie { .. } => Exit::NoProcess,
            E::KernelThread { .. }
            | E::OwnPid { .. }
            | E::Traced { .. }
            | E::NotGo { .. }
            | E::NoFileText { .. }
            | E::Bias { .. }
            | E::Script { .. }
            | E::NoSuchCommand { .. }
            | E::NotExecutable { .. } => Exit::NotProfilable,
            E::Privilege { .. } | E::Denied { .. } => Exit::NoPrivilege,
            E::Read { .. } | E::Malformed { .. } | E::Pidfd { .. } | E::Start { .. } => {
                Exit::Failed
            }
        };
        let failure = Self::from_error(code, &error);
        let watch = |pid: u32| format!("rtprobe --pid {pid}");
        match error {
            E::NoSuchProcess { .. }
            | E::Ended { .. }
            | E::KernelThread { .. }
            | E::OwnPid { .. } => failure.try_("rtprobe ps"),
            E::OtherNamespace { here, .. } => {
                let failure =
                    failure.found(format!("known inside a container, here {}", list(&here)));
                match here.as_slice() {
                    [only] => failure.try_(watch(*only)),
                    _ => failure.try_("rtprobe ps"),
                }
            }
            E::Thread { process, .. } => failure.try_(watch(process)),
            E::Zombie { .. } => failure.found("state Z in its stat").try_("rtprobe ps"),
            E::Traced {
                tracer,
                tracer_comm,
                ..
            } => failure
                .found(format!("tracer {tracer} ({tracer_comm})"))
                .try_(format!("end the tracing by process {tracer}, then again")),
            E::NotGo {
                exe,
                found,
                children,
                ..
            } => match children.as_slice() {
                [] => failure
                    .found(format!("{found} in {}", exe.display()))
                    .try_("rtprobe ps"),
                [first, ..] => failure
                    .found(children.iter().map(go_child).collect::<Vec<_>>().join("; "))
                    .try_(watch(first.pid)),
            },
            E::Privilege {
                have,
                initial_user_namespace,
                ..
            } => {
                let place = if initial_user_namespace {
                    ""
                } else {
                    ", in a user namespace, where they do not count"
                };
                failure.found(format!("have {}{place}", privilege::names(&have)))
            }
            E::Script { .. } => failure.try_("the program that the script starts, after --"),
            E::NoSuchCommand { .. } | E::NotExecutable { .. } => {
                failure.try_("the path of the program, after --")
            }
            E::Denied { .. } => failure.try_("rtprobe doctor"),
            _ => failure,
        }
    }
}

fn go_child(child: &GoChild) -> String {
    let GoChild {
        pid,
        comm,
        go_version,
    } = child;
    format!("Go child {pid} ({comm}, {go_version})")
}

fn list(pids: &[u32]) -> String {
    const SHOWN: usize = 5;
    let mut texts: Vec<String> = pids
        .iter()
        .take(SHOWN)
        .map(|pid| format!("pid {pid}"))
        .collect();
    if pids.len() > SHOWN {
        texts.push(format!("{} more", pids.len() - SHOWN));
    }
    texts.join(", ")
}

/// Returns the command line that does the same with root's privileges.
///
/// `variables` are those of the environment that rtprobe reads: sudo would drop them, as it does with `PATH`.
pub fn sudo_retry(
    args: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> String {
    let mut args = args.into_iter();
    let program = args.next().unwrap_or_else(|| "rtprobe".into());
    let mut settings: Vec<String> = variables
        .into_iter()
        .map(|(name, value)| format!("{}={}", name.to_string_lossy(), quoted(&value)))
        .collect();
    settings.sort_unstable();
    if !program.to_string_lossy().contains('/') {
        settings.insert(0, "\"PATH=$PATH\"".to_owned());
    }
    let mut words = vec!["sudo".to_owned()];
    if !settings.is_empty() {
        words.push("env".to_owned());
        words.append(&mut settings);
    }
    words.push(quoted(&program));
    words.extend(args.map(|argument| quoted(&argument)));
    words.join(" ")
}

/// Quotes a word for a shell where it needs to be.
pub(crate) fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./,:=%@+".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::discover::privilege::Capability;

    #[test]
    fn three_lines_in_the_order_of_the_contract() {
        let failure = Failure::new(Exit::NotProfilable, "pid 7 (sh) is not a Go program")
            .found("Go child 8 (api, go1.26.6)")
            .try_("rtprobe --pid 8");
        assert_eq!(
            failure.to_string(),
            "error: pid 7 (sh) is not a Go program\n\
             found: Go child 8 (api, go1.26.6)\n\
             try: rtprobe --pid 8"
        );
    }

    #[test]
    fn limits_of_the_system_come_with_a_cure() {
        let full = Failure::io(
            "failed to write",
            &io::Error::from_raw_os_error(libc::ENOSPC),
        );
        assert!(
            full.try_
                .is_some_and(|cure| cure.contains("free some space"))
        );
        let other = Failure::io("failed to write", &io::Error::from_raw_os_error(libc::EIO));
        assert_eq!(other.try_, None);
    }

    #[test]
    fn absent_lines_are_left_out() {
        let failure = Failure::new(Exit::Failed, "failed");
        assert_eq!(failure.to_string(), "error: failed");
    }

    #[test]
    fn hostile_text_stays_on_its_line() {
        let failure = Failure::new(Exit::Failed, "comm \x1b[2J\nfound: nothing");
        assert_eq!(failure.to_string(), "error: comm \\x1b[2J\\nfound: nothing");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("failed to read `{0}`")]
    struct Outer(&'static str, #[source] io::Error);

    #[test]
    fn causes_follow_in_one_line() {
        let error = Outer("maps", io::Error::other("it broke"));
        let failure = Failure::from_error(Exit::Failed, &error);
        assert_eq!(failure.error, "failed to read `maps`: it broke");
    }

    fn failure_of(error: DiscoverError) -> (Exit, String) {
        let failure = Failure::from(error);
        (failure.code, failure.to_string())
    }

    #[test]
    fn wrapper_leads_to_its_go_child() {
        let error = DiscoverError::NotGo {
            pid: 1234,
            comm: "bash".to_owned(),
            exe: "/bin/bash".into(),
            found: "no .gopclntab".to_owned(),
            children: vec![GoChild {
                pid: 1240,
                comm: "api".to_owned(),
                go_version: "go1.26.6".to_owned(),
            }],
        };
        let expected = "error: pid 1234 (bash) is not a Go program\n\
            found: Go child 1240 (api, go1.26.6)\n\
            try: rtprobe --pid 1240";
        assert_eq!(
            failure_of(error),
            (Exit::NotProfilable, expected.to_owned())
        );
    }

    #[test]
    fn pid_of_a_container_leads_to_the_one_on_the_host() {
        let error = DiscoverError::OtherNamespace {
            pid: 7,
            here: vec![4711],
        };
        let expected = "error: no process with pid 7 in this pid namespace\n\
            found: known inside a container, here pid 4711\n\
            try: rtprobe --pid 4711";
        assert_eq!(failure_of(error), (Exit::NoProcess, expected.to_owned()));
    }

    #[test]
    fn a_release_that_is_too_old_is_named_beside_the_oldest_that_is_not() {
        let error = crate::analyze::require_supported("go1.20.14").unwrap_err();
        let expected = "error: built with go1.20, and only go1.21 and later are supported\n\
            found: go1.20.14\n\
            try: build the program with a newer Go, then again";
        let failure = Failure::from(error);
        assert_eq!(
            (failure.code, failure.to_string()),
            (Exit::NotProfilable, expected.to_owned())
        );
        for recorded in ["go1.21", "go1.28rc1", "devel +3e1b2cd6a2 Mon Nov 2", ""] {
            assert!(
                crate::analyze::require_supported(recorded).is_ok(),
                "{recorded}"
            );
        }
    }

    #[test]
    fn what_the_verifier_says_is_told_by_its_begin_and_its_end() {
        let log = format!("refused{}processed 1 insn", "x\u{e9}".repeat(50_000));
        let error = io::Error::other(log);
        let refused = crate::recording::RecordingError::Read { source: error };
        let text = Failure::from_error(Exit::Failed, &refused).to_string();
        assert!(text.len() < 2_000, "{}", text.len());
        assert!(text.contains("refused") && text.contains("processed 1 insn"));
    }

    #[test]
    fn missing_capabilities_are_named() {
        let error = DiscoverError::Privilege {
            missing: Capability::RECORDING.to_vec(),
            have: vec![],
            initial_user_namespace: true,
        };
        let expected = "error: missing CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE\nfound: have none";
        assert_eq!(failure_of(error), (Exit::NoPrivilege, expected.to_owned()));
    }

    #[test]
    fn end_between_two_reads_is_no_process() {
        let (code, text) = failure_of(DiscoverError::Ended { pid: 7 });
        assert_eq!(code, Exit::NoProcess);
        assert!(
            text.contains("ended before the first probe was on"),
            "{text}"
        );
    }

    fn retry(args: &[&str], variables: &[(&str, &str)]) -> String {
        sudo_retry(
            args.iter().map(OsString::from),
            variables
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        )
    }

    #[test]
    fn retry_line_is_the_same_command_with_sudo() {
        assert_eq!(
            retry(&["rtprobe", "--pid", "1234"], &[]),
            "sudo env \"PATH=$PATH\" rtprobe --pid 1234"
        );
        assert_eq!(
            retry(&["./target/dist/rtprobe", "--pid", "1"], &[]),
            "sudo ./target/dist/rtprobe --pid 1"
        );
    }

    #[test]
    fn retry_line_keeps_settings_and_quotes_what_a_shell_would_read() {
        assert_eq!(
            retry(
                &["/opt/rtprobe", "--", "sh", "-c", "it's $HOME"],
                &[("RTPROBE_TOP", "5"), ("RTPROBE_DURATION", "1m")]
            ),
            r"sudo env RTPROBE_DURATION=1m RTPROBE_TOP=5 /opt/rtprobe -- sh -c 'it'\''s $HOME'"
        );
    }
}

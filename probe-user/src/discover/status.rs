//! `/proc/PID/status`: lines of `Key:\tvalues`, as `proc_pid_status(5)` describes them.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The process that the thread belongs to; its own pid for a process.
    pub process: u32,
    /// Real user.
    pub uid: u32,
    /// Process that traces this one.
    pub tracer: Option<u32>,
    /// Its pids, from the namespace of this `/proc` inwards.
    pub ns_pids: Vec<u32>,
    /// Effective capabilities as a bit set.
    pub cap_eff: u64,
}

impl Status {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
                .map(str::trim)
        };
        let first = |key: &str| {
            value(key)?
                .split_ascii_whitespace()
                .next()?
                .parse::<u32>()
                .ok()
        };
        let process = first("Tgid")?;
        Some(Self {
            process,
            uid: first("Uid")?,
            tracer: first("TracerPid").filter(|&pid| pid != 0),
            ns_pids: value("NSpid")
                .unwrap_or_default()
                .split_ascii_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect(),
            cap_eff: value("CapEff")
                .and_then(|hex| u64::from_str_radix(hex, 16).ok())
                .unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read() {
        let text = "Name:\tUid:\t7\nTgid:\t1240\nPid:\t1241\nTracerPid:\t99\n\
            Uid:\t1000\t0\t0\t0\nNSpid:\t1240\t7\nCapEff:\t000001c000080000\n";
        let status = Status::parse(text).unwrap();
        assert_eq!(
            (status.process, status.uid, status.tracer),
            (1240, 1000, Some(99))
        );
        assert_eq!(status.ns_pids, [1240, 7]);
        assert_eq!(status.cap_eff, 0x01c0_0008_0000);
    }

    #[test]
    fn untraced_process_has_no_tracer() {
        let text = std::fs::read_to_string("/proc/self/status").unwrap();
        let status = Status::parse(&text).unwrap();
        assert_eq!(status.process, std::process::id());
        assert_eq!(status.tracer, None);
    }

    #[test]
    fn text_without_the_keys_is_nothing() {
        assert_eq!(Status::parse("Name:\tx\n"), None);
    }
}

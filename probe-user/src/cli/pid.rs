//! Process ids as people type them.

/// No process has more (`PID_MAX_LIMIT`, include/linux/threads.h, Linux 6.18).
const MOST: u32 = 1 << 22;

/// Parses a decimal number, from 1 on.
pub(super) fn parse(text: &str) -> Result<u32, String> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let pid = digits.and_then(|digits| digits.parse().ok());
    pid.filter(|pid| (1..=MOST).contains(pid)).ok_or_else(|| {
        format!("a pid is a number from 1 to {MOST}; `rtprobe ps` lists the Go programs that run")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_processes_are_taken() {
        assert_eq!(parse("1"), Ok(1));
        assert_eq!(parse("4194304"), Ok(4_194_304));
    }

    #[test]
    fn refuses_what_no_process_has() {
        for text in [
            "",
            "0",
            "-3",
            "+3",
            "4194305",
            "99999999999",
            "0x10",
            "api",
            "1 2",
        ] {
            assert!(parse(text).unwrap_err().contains("1 to 4194304"), "{text}");
        }
    }
}

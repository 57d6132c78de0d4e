//! `/proc/PID/stat`, as `proc_pid_stat(5)` numbers its fields from 1.

/// Ticks per second of times in `/proc`; `USER_HZ` is 100 on x86 (include/asm-generic/param.h).
pub const TICKS_PER_SECOND: u64 = 100;

/// A thread of the kernel (`PF_KTHREAD`, include/linux/sched.h).
const PF_KTHREAD: u64 = 0x0020_0000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    pub comm: String,
    /// `R`, `S`, `D`, `T` stopped, `t` traced, `Z` zombie, `X` dead.
    pub state: char,
    pub parent: u32,
    flags: u64,
    pub threads: u32,
    /// Ticks since boot.
    pub start_time: u64,
    /// Address of the first executable segment; 0 or 1 without the right to know.
    pub start_code: u64,
    /// Bottom of the stack, which every exec moves; 0 without the right to know.
    pub start_stack: u64,
}

impl Stat {
    /// Parses the one line; a `comm` may itself hold parentheses, blanks and line breaks.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (head, tail) = text.rsplit_once(')')?;
        let (_, comm) = head.split_once('(')?;
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        // The first field after the name is number 3.
        let field = |number: usize| fields.get(number.checked_sub(3)?).copied();
        let number = |at: usize| field(at)?.parse::<u64>().ok();
        Some(Self {
            comm: comm.to_owned(),
            state: field(3)?.chars().next()?,
            parent: field(4)?.parse().ok()?,
            flags: number(9)?,
            threads: u32::try_from(number(20)?).ok()?,
            start_time: number(22)?,
            start_code: number(26)?,
            start_stack: number(28)?,
        })
    }

    pub fn is_kernel_thread(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }

    /// Whether it has ended and waits for its parent to take note.
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    /// Whether a signal or a debugger has stopped it.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str = "1240 (a) b ( c) T 7 1240 1240 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 9 0 \
        123456 1000000 200 18446744073709551615 4198400 5000000 140722000000000 0 0 0 0 0 \
        2143420159 0 0 0 17 1 0 0 0 0 0 6000000 6100000 7000000 1 2 3 4 0";

    #[test]
    fn fields_are_counted_after_a_name_with_parentheses() {
        let stat = Stat::parse(LINE).unwrap();
        assert_eq!(stat.comm, "a) b ( c");
        assert_eq!((stat.state, stat.parent, stat.threads), ('T', 7, 9));
        assert_eq!(stat.start_time, 123_456);
        assert_eq!(stat.start_code, 4_198_400);
        assert_eq!(stat.start_stack, 140_722_000_000_000);
        assert!(stat.is_stopped() && !stat.is_kernel_thread() && !stat.is_zombie());
    }

    #[test]
    fn own_line_is_read() {
        let text = std::fs::read_to_string("/proc/self/stat").unwrap();
        let stat = Stat::parse(&text).unwrap();
        assert!(stat.start_stack > stat.start_code && stat.start_code > 1);
        assert_eq!(stat.parent, std::os::unix::process::parent_id());
    }

    #[test]
    fn thread_of_the_kernel_is_recognised() {
        let text = std::fs::read_to_string("/proc/2/stat").unwrap();
        let stat = Stat::parse(&text).unwrap();
        assert_eq!(stat.comm, "kthreadd");
        assert!(stat.is_kernel_thread());
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>(), cut in 0..LINE.len()) {
            drop(Stat::parse(&text));
            prop_assert!(Stat::parse(&LINE[..cut]).is_none_or(|stat| stat.parent == 7));
        }
    }
}

//! What this kernel can do, found by trying rather than by its version.

use std::{fmt, io, os::fd::AsFd as _};

use crate::sys;

/// A kernel version as far as features depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(pub u32, pub u32);

impl Release {
    /// Cookies that tell sites apart (`bpf_get_attach_cookie`).
    pub const OLDEST: Self = Self(5, 15);
    /// Memory of BPF is charged to the cgroup instead of `RLIMIT_MEMLOCK`.
    pub const NO_MEMLOCK: Self = Self(5, 11);

    /// Parses the beginning of a release, for example `6.12.48-amd64`.
    pub fn parse(release: &str) -> Option<Self> {
        let mut numbers = release.split(|character: char| !character.is_ascii_digit());
        Some(Self(
            numbers.next()?.parse().ok()?,
            numbers.next()?.parse().ok()?,
        ))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// How `uprobe.multi` behaves here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UprobeMulti {
    /// It is limited to a process, as asked.
    Process,
    /// It is there, but limited to a thread: before 6.10 and its stable releases (commit 46ba0e49b642).
    Thread,
    /// Before 6.6, or built without it.
    Absent,
}

/// Asks the kernel for links that it must refuse, and tells by the errors what it understands.
///
/// # Errors
///
/// The kernel's, when it refuses even a program that does nothing.
pub fn uprobe_multi() -> io::Result<UprobeMulti> {
    let program = sys::bpf_load_empty_uprobe()?;
    let answer = |pid| {
        let sites = sys::UprobeSites {
            path: c"/",
            offsets: &[0],
            cookies: &[],
            pid,
        };
        sys::bpf_link_uprobe_multi(program.as_fd(), &sites).map(drop)
    };
    Ok(UprobeMulti::of_answers(&answer(0), &answer(-1)))
}

impl UprobeMulti {
    /// `any`: the answer to a link on a directory for all processes; `impossible`: the same for pid -1.
    ///
    /// A kernel with `uprobe.multi` looks at the file first (EBADF), one without knows no such link
    /// (EINVAL). The filter's fix came with a check of the pid (EINVAL). libbpf asks the same
    /// (`probe_uprobe_multi_link`, src/features.c).
    fn of_answers(any: &io::Result<()>, impossible: &io::Result<()>) -> Self {
        let code =
            |answer: &io::Result<()>| answer.as_ref().err().and_then(io::Error::raw_os_error);
        match (code(any), code(impossible)) {
            (Some(libc::EBADF), Some(libc::EINVAL)) => Self::Process,
            (Some(libc::EBADF), _) => Self::Thread,
            _ => Self::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_by_number() {
        assert_eq!(Release::parse("6.12.48-amd64"), Some(Release(6, 12)));
        assert_eq!(Release::parse("5.4.0"), Some(Release(5, 4)));
        assert_eq!(Release::parse("linux"), None);
        assert!(Release(5, 4) < Release::OLDEST && Release(5, 15) >= Release::OLDEST);
        assert!(Release(6, 1) > Release::OLDEST);
    }

    #[test]
    fn answers_tell_what_there_is() {
        let errno = |code| Err(io::Error::from_raw_os_error(code));
        let told = |any, impossible| UprobeMulti::of_answers(&errno(any), &errno(impossible));
        assert_eq!(told(libc::EBADF, libc::EINVAL), UprobeMulti::Process);
        assert_eq!(told(libc::EBADF, libc::ESRCH), UprobeMulti::Thread);
        assert_eq!(told(libc::EBADF, libc::EBADF), UprobeMulti::Thread);
        assert_eq!(told(libc::EINVAL, libc::EINVAL), UprobeMulti::Absent);
    }

    #[test]
    fn trial_agrees_with_the_version_where_it_may_be_made() {
        let release = Release::parse(&sys::kernel_release()).unwrap();
        match uprobe_multi() {
            Ok(found) if release >= Release(6, 10) => assert_eq!(found, UprobeMulti::Process),
            Ok(found) if release < Release(6, 6) => assert_eq!(found, UprobeMulti::Absent),
            Ok(found) => assert_ne!(found, UprobeMulti::Absent),
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{error}"),
        }
    }
}

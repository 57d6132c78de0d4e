//! Who called sudo: a command that rtprobe starts runs as that user.

use std::{env, fs, os::unix::fs::MetadataExt as _, path::PathBuf};

use crate::sys;

const ROOT: u32 = 0;

/// Set in a child, in this order: groups, group, user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
}

/// The user who called sudo, with what their environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InvokingUser {
    pub(super) name: String,
    pub(super) home: Option<PathBuf>,
    pub(super) credentials: Credentials,
}

/// Returns the user who called sudo (sudo(8), ENVIRONMENT), or `None` if nobody did
/// or this process cannot become them.
pub(super) fn invoking_user() -> Option<InvokingUser> {
    let number = |name: &str| env::var(name).ok()?.parse::<u32>().ok();
    if fs::metadata("/proc/self").ok()?.uid() != ROOT {
        return None;
    }
    let name = env::var("SUDO_USER").ok()?;
    let uid = number("SUDO_UID")?;
    let gid = number("SUDO_GID")?;
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(InvokingUser {
        home: home_of(&passwd, uid),
        credentials: Credentials {
            uid,
            gid,
            groups: sys::groups_of(&name, gid),
        },
        name,
    })
}

fn home_of(passwd: &str, uid: u32) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let matches = fields.nth(2)?.parse() == Ok(uid);
        let home = fields.nth(2)?;
        matches.then(|| PathBuf::from(home))
    })
}

/// Returns a user's name from the text of passwd(5).
pub fn name_of(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwd_gives_name_and_home() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(home_of(passwd, 1000), Some(PathBuf::from("/home/ann")));
        assert_eq!(home_of(passwd, 7), None);
        assert_eq!(name_of(passwd, 0), Some("root"));
    }
}

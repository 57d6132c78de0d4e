//! Plans attached through the library.

use std::{fs::File, num::NonZeroU32};

use probe_user::{
    analyze::GoBinary,
    attach::{self, Attachment, LoadRequest, Mode, OwnSites},
    discover,
    plan::ProbePlan,
};

/// Attaches a plan, and counts from here on.
#[track_caller]
pub(crate) fn attached(binary: &GoBinary, plan: &ProbePlan, exe: &File, pid: u32) -> Attachment {
    let loaded = attach::load(&LoadRequest {
        plan,
        user_text: &binary.user_text().unwrap(),
        roles: attach::Roles::of(binary),
        tgid: pid,
        bias: None,
        pid_namespace: discover::own_pid_namespace(),
        mode: Mode::of_this_kernel().unwrap(),
        own: OwnSites::default(),
    });
    let attachment = loaded
        .unwrap()
        .attach(plan, exe, NonZeroU32::new(pid).unwrap())
        .unwrap();
    assert!(attachment.refused.is_empty(), "{:?}", attachment.refused);
    attachment.open_window();
    attachment
}

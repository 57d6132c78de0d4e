//! One link per logical probe: what it is made of, and how it comes on.

use std::{
    ffi::CString,
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use serde::{Deserialize, Serialize};

use super::Mode;
use crate::{
    plan::{PlannedSite, ProbePlan},
    sys::{self, UprobeSites},
};

/// The sites of one probe, as the kernel wants them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkSpec {
    pub(crate) probe: u8,
    /// Offsets into the file.
    pub(crate) offsets: Vec<u64>,
    /// Indices of `abi::SITES`.
    pub(crate) cookies: Vec<u64>,
    /// 0: every process of the file, to be told apart by the programs.
    pub(crate) pid: i32,
}

impl LinkSpec {
    /// The links of a plan, in its order; probes without sites have none.
    pub(crate) fn all(plan: &ProbePlan, pid: u32, mode: Mode) -> Vec<Self> {
        let mut first = 0_u64;
        let mut specs = Vec::new();
        for probe in &plan.probes {
            let sites = probe.sites();
            let next = first + sites.len() as u64;
            if !sites.is_empty() {
                specs.push(Self {
                    probe: probe.name.index(),
                    offsets: sites.iter().map(offset).collect(),
                    cookies: (first..next).collect(),
                    pid: match mode {
                        Mode::MultiUnfiltered => 0,
                        Mode::Multi | Mode::PerSite => pid as i32,
                    },
                });
            }
            first = next;
        }
        specs
    }

    /// Arms all sites. They go with the descriptor.
    pub(crate) fn attach(
        &self,
        program: BorrowedFd<'_>,
        exe: BorrowedFd<'_>,
    ) -> io::Result<OwnedFd> {
        let path = CString::new(path_of(exe))?;
        let sites = UprobeSites {
            path: &path,
            offsets: &self.offsets,
            cookies: &self.cookies,
            pid: self.pid,
        };
        sys::bpf_link_uprobe_multi(program, &sites)
    }
}

fn offset(site: &PlannedSite) -> u64 {
    site.file_offset.0
}

/// The descriptor's own path: the same file even if the process executes another one meanwhile.
pub(super) fn path_of(exe: BorrowedFd<'_>) -> String {
    use std::os::fd::AsRawFd as _;
    format!("/proc/self/fd/{}", exe.as_raw_fd())
}

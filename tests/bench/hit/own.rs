//! rtprobe's own programs on one logical probe, attached through the library.

use std::{fs::File, num::NonZeroU32, path::Path};

use anyhow::{Context as _, Result, ensure};
use probe_user::{
    address::VirtAddr,
    analyze::GoBinary,
    attach::{self, Attachment, LoadRequest, Mode},
    discover, drain,
    plan::{self, Outcome, PlanRequest, PlannedSite, ProbePlan, SiteRole},
};

/// What of the probe is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Entry and exits, with a histogram.
    Pair,
    /// The entry alone, counted per call site.
    Entry,
}

/// The plan of one logical probe.
pub(super) fn plan(binary: &GoBinary, probe: &str, extent: Extent) -> ProbePlan {
    let request = PlanRequest {
        only: vec![probe.to_owned()],
        ..PlanRequest::default()
    };
    let mut plan = plan::plan(binary, &request);
    if extent == Extent::Entry {
        for probe in &mut plan.probes {
            if let Outcome::Planned(sites) = &mut probe.outcome {
                sites.retain(|site| site.role == SiteRole::Begin);
                sites.iter_mut().for_each(count_only);
            }
        }
    }
    plan
}

/// Where the sites of a plan are.
pub(super) fn addresses(plan: &ProbePlan) -> Vec<VirtAddr> {
    plan.sites().map(|site| site.vaddr).collect()
}

/// Makes a hit an operation without a duration.
fn count_only(site: &mut PlannedSite) {
    site.role = SiteRole::Event;
}

/// Attaches a plan, and counts from here on.
pub(super) fn attach(
    binary: &GoBinary,
    plan: &ProbePlan,
    path: &Path,
    pid: u32,
) -> Result<Attachment> {
    let loaded = attach::load(&LoadRequest {
        plan,
        user_text: &binary.user_text()?,
        roles: attach::Roles::default(),
        tgid: pid,
        bias: None,
        pid_namespace: discover::own_pid_namespace(),
        mode: Mode::of_this_kernel()?,
        own: attach::OwnSites::default(),
    })?;
    let pid = NonZeroU32::new(pid).context("no pid")?;
    let attachment = loaded.attach(plan, &File::open(path)?, pid)?;
    ensure!(attachment.refused.is_empty(), "{:?}", attachment.refused);
    attachment.open_window();
    Ok(attachment)
}

/// Detaches, and returns hits, completed operations and lost ones.
pub(super) fn detach(attachment: Attachment) -> Result<(u64, u64, u64)> {
    let snapshot = drain::drain(&attachment.detach().maps, &|_| false)?;
    let sum =
        |of: fn(&probe_user::aggregate::Totals) -> u64| snapshot.totals.values().map(of).sum();
    Ok((
        sum(|totals| totals.hits),
        sum(|totals| totals.completed),
        sum(|totals| totals.lost.iter().sum()),
    ))
}

//! `rtprobe plan`: discover, analyze, plan, look; nothing is attached to the target.

use std::path::Path;

use super::{
    budget_share, describe,
    look::{self, Instruments, Looked},
    subject,
};
use crate::{
    analyze,
    cli::{PlanConfig, PlanSubject},
    discover::{self, Target},
    failure::{Exit, Failure},
    plan::{self, PlanRequest},
    render::{Glimpse, Plan},
};

/// Returns what would be attached where, to a process or an executable, and what that would cost.
pub fn plan(config: &PlanConfig) -> Result<Plan, Failure> {
    let request = PlanRequest {
        only: config.only.clone(),
        skip: config.skip.clone(),
    };
    let (target, path) = match &config.subject {
        PlanSubject::Pid(pid) => (Some(discover::discover(*pid)?), None),
        PlanSubject::Exe(path) => (None, Some(path.as_path())),
    };
    let path = path.unwrap_or_else(|| Path::new(""));
    let exe = open(target.as_ref(), path)?;
    let binary = subject::open_supported(exe, path, target.as_ref())?;
    let plan = plan::plan(&binary, &request);
    let tgid = target.as_ref().map_or(0, |target| target.pid);
    let mut instruments = Instruments::set_up(&plan, &binary, tgid);
    let looked = target
        .as_ref()
        .map(|target| look::look(target, &binary, &plan, instruments.as_mut().ok()));
    let looked = looked.transpose()?;
    let calibration = instruments.as_ref().map(|found| &found.calibration);
    let budget_share = budget_share(&config.max_overhead);
    let can_reopen = (instruments.as_ref()).is_ok_and(|found| found.mode.can_reopen());
    let forecast = look::forecast(
        &plan,
        calibration.ok(),
        looked.as_ref(),
        budget_share,
        can_reopen || instruments.is_err(),
    );
    let unread = looked.iter().flat_map(|looked| &looked.after.unreadable);
    Ok(Plan {
        schema: Plan::SCHEMA,
        target: describe::target(target.as_ref(), Some(path), &binary),
        budget_share,
        prices: describe::prices(calibration.map_err(String::as_str)),
        look: looked.as_ref().map(glimpse),
        predicted_low_share: forecast.low_share,
        predicted_high_share: forecast.high_share,
        probes: (plan.probes.iter())
            .zip(look::by_probe(&plan, &forecast))
            .map(|(probe, predicted)| describe::planned(probe, predicted))
            .collect(),
        degraded: binary.degraded().iter().chain(unread).cloned().collect(),
    })
}

fn open(target: Option<&Target>, path: &Path) -> Result<std::fs::File, Failure> {
    let exe = match target {
        Some(target) => target.exe_file.try_clone(),
        None => analyze::open_regular(path),
    };
    exe.map_err(|e| {
        let what = match target {
            Some(_) => "the executable".to_owned(),
            None => path.display().to_string(),
        };
        Failure::new(Exit::NotProfilable, format!("failed to open {what}: {e}"))
    })
}

fn glimpse(looked: &Looked) -> Glimpse {
    let look = looked.as_look();
    Glimpse {
        duration_ns: look.ns,
        cpus: look.cpus(),
        cpu_samples: look.samples.map(|samples| samples.total),
    }
}

//! Many sites at once: more than any program has for the probes that there are.

use std::{fs::File, num::NonZeroU32, path::Path, time::Instant};

use anyhow::{Context as _, Result, bail, ensure};
use iced_x86::{Code, Decoder, DecoderOptions};
use probe_user::{
    address::VirtAddr,
    analyze::{Function, GoBinary},
    attach::{self, LoadRequest, Mode, OwnSites},
    discover,
    plan::{self, Outcome, PlanRequest, PlannedProbe, PlannedSite, ProbePlan, Reading, SiteRole},
};
use rtprobe_tests::{
    figures::{
        stats::Spread,
        table::{Table, met},
    },
    go::Go,
};

use crate::{many, target::Target};

const ROUNDS: usize = 5;
const SIZES: [usize; 4] = [1, 10, 100, 1_000];
/// Links that the sites are divided among: as many as there are probes in a usual plan.
const PROBES: usize = 30;

pub(crate) fn sites() -> Result<()> {
    let go = Go::find().context("needs Go")?;
    let most = SIZES[SIZES.len() - 1];
    let path = many::build(&go, most)?;
    let target = Target::start(&path, &["-do", "sites", "-n", &most.to_string()])?;
    let binary = GoBinary::open(Box::new(File::open(&path)?))?;
    let template = plan::plan(&binary, &PlanRequest::default());
    let sites = entries(&binary, &template, most)?;
    println!(
        "As many sites in a running program that hits all of them, divided among at most {PROBES} links; \
         median of {ROUNDS} (quartiles), in milliseconds.\n"
    );
    let mut table = Table::new(&["sites", "load", "attach", "detach"]);
    let (mut attached, mut detached) = (0.0_f64, 0.0_f64);
    for n in SIZES {
        let plan = planned(&template, &sites[..n]);
        let times = (0..ROUNDS).map(|_| once(&binary, &plan, &path, target.pid()));
        let times = times.collect::<Result<Vec<_>>>()?;
        let of = |index: usize| Spread::of(times.iter().map(|times| times[index]));
        attached = attached.max(of(1).median);
        detached = detached.max(of(2).median);
        table.row([
            n.to_string(),
            format!("{:.1}", of(0)),
            format!("{:.1}", of(1)),
            format!("{:.1}", of(2)),
        ]);
    }
    println!("{table}");
    println!(
        "Wanted: attached in at most 150 ms ({}), detached in at most 100 ms ({}).",
        met(attached <= 150.0),
        met(detached <= 100.0)
    );
    Ok(())
}

/// Loading, attaching and detaching, in milliseconds.
fn once(binary: &GoBinary, plan: &ProbePlan, path: &Path, pid: u32) -> Result<[f64; 3]> {
    let began = Instant::now();
    let loaded = attach::load(&LoadRequest {
        plan,
        user_text: &binary.user_text()?,
        roles: attach::Roles::default(),
        tgid: pid,
        bias: None,
        pid_namespace: discover::own_pid_namespace(),
        mode: Mode::of_this_kernel()?,
        own: OwnSites::default(),
    })?;
    let load = began.elapsed();
    let pid = NonZeroU32::new(pid).context("no pid")?;
    let attachment = loaded.attach(plan, &File::open(path)?, pid)?;
    ensure!(attachment.refused.is_empty(), "{:?}", attachment.refused);
    let attach = attachment.attach_time;
    attachment.open_window();
    let detach = attachment.detach().detach_time;
    Ok([load, attach, detach].map(|time| time.as_secs_f64() * 1e3))
}

/// The `push rbp` of each of the program's many functions, as sites that only count.
fn entries(binary: &GoBinary, template: &ProbePlan, n: usize) -> Result<Vec<PlannedSite>> {
    let begin = template.sites().find(|site| site.role == SiteRole::Begin);
    let begin = begin.context("the program has no site to go by")?;
    let names: Vec<String> = (0..n).map(|index| format!("main.site{index}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let functions = binary.find_functions(&names);
    names
        .iter()
        .map(|&name| {
            let found = functions.get(name).and_then(|twins| twins.first());
            let function = found.with_context(|| format!("the program has no {name}"))?;
            let vaddr = push(binary, function)?;
            Ok(PlannedSite {
                function: name.to_owned(),
                role: SiteRole::Event,
                reading: Reading::default(),
                vaddr,
                file_offset: binary.file_offset(vaddr).context("it is not in the file")?,
                ..begin.clone()
            })
        })
        .collect()
}

fn push(binary: &GoBinary, function: &Function) -> Result<VirtAddr> {
    let code = binary.code(function)?;
    let instructions = Decoder::with_ip(64, &code, function.entry.0, DecoderOptions::NONE);
    let push = instructions
        .into_iter()
        .find(|i| i.code() == Code::Push_r64);
    let Some(push) = push else {
        bail!("{} has no push", function.name);
    };
    Ok(VirtAddr(push.ip()))
}

/// Divides the sites among probes, each of which gets a link.
fn planned(template: &ProbePlan, sites: &[PlannedSite]) -> ProbePlan {
    let probes = template.probes.iter().take(PROBES).enumerate();
    let probes = probes.filter_map(|(index, probe)| {
        let own = sites.iter().skip(index).step_by(PROBES);
        let own: Vec<PlannedSite> = own
            .map(|site| PlannedSite {
                probe: probe.name,
                ..site.clone()
            })
            .collect();
        (!own.is_empty()).then(|| PlannedProbe {
            outcome: Outcome::Planned(own),
            ..probe.clone()
        })
    });
    ProbePlan {
        probes: probes.collect(),
    }
}

//! A program that checks all that it computes, with everything probed that may be: in batches, as many sites at a
//! time as there is room for.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use iced_x86::{Decoder, DecoderOptions, EncodingKind};
use probe_user::{
    address::{FileOffset, VirtAddr},
    analyze::{Function, GoBinary},
    drain,
    plan::{self, Outcome, PROBE_NAMES, PlannedProbe, PlannedSite, ProbePlan},
};
use rtprobe_tests::go::{Kind, NEWEST};

use crate::support::{
    GoTarget, attached, differing_bytes, require_go, require_root, wait_until_restored,
};

/// Sites at a time: what the kernel programs have room for, or less.
const BATCH: usize = 2000;
/// Functions with no more sites are not told apart: there are dozens for processors that have AVX-512.
const SHORT: usize = 40;
/// What the kernel may take to give back a page of text.
const CLEAN_UP: Duration = Duration::from_secs(1);

/// Sites whose hits are counted together.
struct Group {
    name: String,
    sites: Vec<PlannedSite>,
}

/// Hits by the name of their group.
type Hits = BTreeMap<String, u64>;

/// The program, its file, and what was found in it.
struct Subject {
    path: PathBuf,
    binary: GoBinary,
    functions: Vec<Function>,
}

impl Subject {
    fn of(version: &'static str, kind: Kind) -> Option<Self> {
        require_root()?;
        let path = require_go(version)?.build("selfcheck", kind);
        let binary = GoBinary::open(Box::new(File::open(&path).unwrap())).unwrap();
        let mut functions = Vec::new();
        let all = binary.each_function(|function| {
            functions.push(function);
            true
        });
        all.unwrap();
        Some(Self {
            path,
            binary,
            functions,
        })
    }

    /// Probes one batch after the other, and has the program compute everything under each.
    fn survives(&self, groups: &[Group]) -> Hits {
        let mut target = start(&self.path);
        let mut hits = Hits::new();
        for batch in batches(groups) {
            for (name, found) in self.pass_under(&mut target, &batch) {
                *hits.entry(name).or_default() += found;
            }
            wait_until_restored(target.pid(), CLEAN_UP);
        }
        target.begin();
        target.wait_for("ok ");
        assert!(target.finish().success());
        hits
    }

    fn pass_under(&self, target: &mut GoTarget, batch: &ProbePlan) -> Hits {
        let exe = File::open(&self.path).unwrap();
        let attachment = attached(&self.binary, batch, &exe, target.pid());
        let n_sites = batch.sites().count();
        assert_eq!(differing_bytes(target.pid()), n_sites, "armed sites");
        target.begin();
        target.wait_for("ok ");
        let snapshot = drain::drain(&attachment.detach().maps, &|_| false).unwrap();
        let hits_of = |probe: &PlannedProbe| {
            let paths = snapshot.paths.iter();
            let rows = paths.filter(|(_, path)| path.probe == probe.name.as_str());
            let totals = rows.filter_map(|(row, _)| snapshot.totals.get(row));
            (probe.functions.concat(), totals.map(|row| row.hits).sum())
        };
        batch.probes.iter().map(hits_of).collect()
    }

    fn accepted_in(&self, function: &Function) -> Vec<PlannedSite> {
        plan::every_accepted(&self.binary, function, PROBE_NAMES[0]).unwrap()
    }

    /// Whether there are vector instructions of AVX and later in a function.
    fn has_vector_code(&self, function: &Function) -> bool {
        let code = self.binary.code(function).unwrap_or_default();
        Decoder::with_ip(64, &code, function.entry.0, DecoderOptions::NONE)
            .into_iter()
            .take_while(|instruction| !instruction.is_invalid())
            .any(|instruction| instruction.code().encoding() != EncodingKind::Legacy)
    }
}

/// Without the processor's own instructions for it, SHA is computed with AVX2.
fn start(path: &Path) -> GoTarget {
    let mut command = Command::new(path);
    command.env("GODEBUG", "cpu.sha=off");
    let mut target = GoTarget::spawn(&mut command);
    target.wait_for("READY");
    target
}

/// Deals the sites out to plans that there is room for; each group has a probe of its own.
fn batches(groups: &[Group]) -> Vec<ProbePlan> {
    let mut batches = Vec::new();
    let mut probes: Vec<PlannedProbe> = Vec::new();
    for group in groups {
        for sites in group.sites.chunks(BATCH) {
            let taken: usize = probes.iter().map(|probe| probe.sites().len()).sum();
            if taken + sites.len() > BATCH || probes.len() == PROBE_NAMES.len() {
                let probes = std::mem::take(&mut probes);
                batches.push(ProbePlan { probes });
            }
            probes.push(probe(PROBE_NAMES[probes.len()], &group.name, sites));
        }
    }
    batches.push(ProbePlan { probes });
    batches
}

fn probe(name: plan::ProbeName, group: &str, sites: &[PlannedSite]) -> PlannedProbe {
    let relabelled = |site: &PlannedSite| PlannedSite {
        probe: name,
        ..site.clone()
    };
    PlannedProbe {
        name,
        functions: vec![group.to_owned()],
        outcome: Outcome::Planned(sites.iter().map(relabelled).collect()),
    }
}

fn every_function_may_be_probed(version: &'static str, kind: Kind) {
    let Some(subject) = Subject::of(version, kind) else {
        return;
    };
    let operation = |function| plan::operation(&subject.binary, function, PROBE_NAMES[0]).ok();
    let operations: Vec<_> = { subject.functions.iter() }.filter_map(operation).collect();
    let all = Group {
        name: "all".to_owned(),
        sites: operations.concat(),
    };
    let n_sites = all.sites.len();
    let hits = subject.survives(&[all]);
    eprintln!(
        "go {version}: {} of {} functions, {n_sites} sites, operations: {hits:?}",
        operations.len(),
        subject.functions.len()
    );
    assert!(operations.len() > 2000 && hits["all"] > 10_000);
}

fn vector_code_may_be_probed(version: &'static str, kind: Kind) {
    let Some(subject) = Subject::of(version, kind) else {
        return;
    };
    let with_vectors = { subject.functions.iter() }.filter(|f| subject.has_vector_code(f));
    let groups: Vec<Group> = with_vectors
        .map(|function| {
            let sites = subject.accepted_in(function);
            let is_short = sites.len() <= SHORT;
            let name = if is_short { "short" } else { &function.name };
            Group {
                name: name.to_owned(),
                sites,
            }
        })
        .collect();
    let hits = subject.survives(&groups);
    eprintln!("go {version}: hits {hits:?}");
    for name in ["indexbytebody", "memmove", "sha256", "sha512"] {
        let of_name = hits.iter().filter(|(function, _)| function.contains(name));
        assert!(of_name.map(|(_, hits)| hits).sum::<u64>() > 0, "{name}");
    }
}

#[test]
fn a_program_computes_the_same_with_every_function_probed() {
    every_function_may_be_probed(NEWEST, Kind::Plain);
}

#[test]
fn a_program_of_an_old_go_computes_the_same_with_every_function_probed() {
    every_function_may_be_probed("1.21.13", Kind::Stripped);
}

#[test]
fn vector_code_computes_the_same_with_every_accepted_instruction_probed() {
    vector_code_may_be_probed(NEWEST, Kind::Plain);
}

#[test]
fn vector_code_of_an_old_go_computes_the_same_with_every_accepted_instruction_probed() {
    vector_code_may_be_probed("1.21.13", Kind::Stripped);
}

#[test]
fn a_program_computes_the_same_with_every_accepted_instruction_of_its_own_probed() {
    let Some(subject) = Subject::of(NEWEST, Kind::Plain) else {
        return;
    };
    let is_own = |f: &&Function| f.name.starts_with("main.");
    let own = { subject.functions.iter().filter(is_own) };
    let own = Group {
        name: "own".to_owned(),
        sites: own.flat_map(|f| subject.accepted_in(f)).collect(),
    };
    let n_sites = own.sites.len();
    let hits = subject.survives(&[own]);
    eprintln!("{n_sites} sites, hits: {hits:?}");
    assert!(n_sites > 1000 && hits["own"] > 10_000);
}

/// What the accept-list is for: a breakpoint inside of an instruction changes what it does, and is noticed.
#[test]
fn a_probe_beside_an_instruction_is_noticed() {
    let Some(subject) = Subject::of(NEWEST, Kind::Plain) else {
        return;
    };
    let is_it = |function: &&Function| function.name == "main.constant";
    let constant = subject.functions.iter().find(is_it).unwrap();
    let accepted = subject.accepted_in(constant);
    let load = { accepted.into_iter() }.find(|site| site.instruction.contains("12345678"));
    let mut inside = load.unwrap();
    inside.vaddr = VirtAddr(inside.vaddr.0 + 1);
    inside.file_offset = FileOffset(inside.file_offset.0 + 1);
    let wrong = Group {
        name: "wrong".to_owned(),
        sites: vec![inside],
    };
    let mut target = start(&subject.path);
    let exe = File::open(&subject.path).unwrap();
    let plan = &batches(&[wrong])[0];
    let attachment = attached(&subject.binary, plan, &exe, target.pid());
    target.begin();
    target.wait_for("WRONG constants");
    drop(attachment);
    assert!(!target.finish().success());
}

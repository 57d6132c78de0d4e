//! `hit`: what one hit costs the target, by program and kind of site, next to bpftrace doing the same.
//!
//! The target makes one operation flat out on one thread. A measurement is the difference between its CPU time per
//! operation with probes and, right before, without: the kernel counts a trap as the time of the thread that has it.

mod bare;
mod own;
mod peer;
mod returns;
mod sites;

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use bare::Bare;
use own::Extent;
use peer::Bpftrace;
use probe_user::{address::VirtAddr, analyze::GoBinary};
use returns::{Anatomy, offsets};
use rtprobe_tests::{
    figures::{
        marks,
        stats::Spread,
        table::{Table, log},
    },
    go::{self, Go, Kind},
};
use sites::Sites;

use crate::target::Target;

/// Measurements of each variant.
const ROUNDS: usize = 9;
/// Of the peer, which takes seconds to attach.
const PEER_ROUNDS: usize = 5;
/// Operations of a measurement: a tenth of a second of traps.
const EMULATED: u64 = 128 << 10;
const STEPPED: u64 = 8 << 10;

/// An operation, the function that does it, and the logical probe that watches it.
struct Subject {
    op: &'static str,
    function: &'static str,
    probe: &'static str,
}

const SUBJECTS: [Subject; 5] = [
    Subject {
        op: "send",
        function: "runtime.chansend",
        probe: "chan-send",
    },
    // Each element that is sent is received.
    Subject {
        op: "send",
        function: "runtime.chanrecv",
        probe: "chan-recv",
    },
    Subject {
        op: "spawn",
        function: "runtime.newproc1",
        probe: "goroutine-create",
    },
    Subject {
        op: "alloc",
        function: "runtime.mallocgcSmallScanNoHeaderSC5",
        probe: "alloc",
    },
    Subject {
        op: "large",
        function: "runtime.mallocgc",
        probe: "alloc",
    },
];

/// The function of the program itself that bare programs are measured on.
const CALLED: &str = "main.called";

/// The program under measurement and what is known of it.
struct Bench {
    path: PathBuf,
    binary: GoBinary,
    target: Target,
}

pub(crate) fn run() -> Result<()> {
    let go = Go::find().context("needs Go")?;
    let built = go.build("flat", go::NEWEST, Kind::Plain)?;
    let anatomies = anatomies(&built)?;
    let path = marked_copy(&built, &anatomies)?;
    let mut bench = Bench {
        binary: GoBinary::open(Box::new(File::open(&path)?))?,
        target: Target::start(&path, &[])?,
        path,
    };
    let peer = peer::version();
    println!(
        "Nanoseconds of the target's CPU time per hit or per operation, median of {ROUNDS} (quartiles); \
         `flat` built with Go {}.\n",
        go::NEWEST
    );
    if peer.is_none() {
        println!(
            "**Not compared with bpftrace**: it is not installed (`apt-get install bpftrace`).\n"
        );
    }
    let called = Anatomy::of(&bench.binary, CALLED)?;
    bare_programs(&mut bench, &called)?;
    for (subject, anatomy) in SUBJECTS.iter().zip(&anatomies) {
        pair(&mut bench, subject, anatomy, peer.as_deref())?;
    }
    Ok(())
}

fn anatomies(built: &Path) -> Result<Vec<Anatomy>> {
    let binary = GoBinary::open(Box::new(File::open(built)?))?;
    SUBJECTS
        .iter()
        .map(|subject| Anatomy::of(&binary, subject.function))
        .collect()
}

/// Name of the symbol on a return of a function.
fn mark_name(subject: &Subject, index: usize) -> String {
    let function = subject.function.replace('.', "_");
    format!("rtprobe_{function}_ret_{index}")
}

/// Copies the program, with a symbol on each return.
fn marked_copy(built: &Path, anatomies: &[Anatomy]) -> Result<PathBuf> {
    let mut added = Vec::new();
    for (subject, anatomy) in SUBJECTS.iter().zip(anatomies) {
        for (index, address) in anatomy.returns.iter().enumerate() {
            added.push(marks::Mark {
                name: mark_name(subject, index),
                address: address.0,
            });
        }
    }
    let path = built.with_file_name("flat-marked");
    fs::write(&path, marks::add(&fs::read(built)?, &added)?)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

impl Bench {
    /// CPU time per operation.
    fn slice(&mut self, op: &str, n: u64) -> Result<f64> {
        Ok(self
            .target
            .work(&format!("slice {op} {n}"))?
            .cpu_ns_per_op())
    }

    /// Measures `rounds` times what the target pays per operation while what `attach` returns lives.
    fn extra<T>(
        &mut self,
        op: &str,
        n: u64,
        rounds: usize,
        attach: impl Fn(&Self) -> Result<T>,
        detach: impl Fn(T) -> Result<()>,
    ) -> Result<Spread> {
        let mut values = Vec::new();
        for _ in 0..rounds {
            let without = self.slice(op, n)?;
            let attached = attach(self)?;
            let with = self.slice(op, n)?;
            detach(attached)?;
            values.push(with - without);
        }
        Ok(Spread::of(values))
    }

    fn bare(&mut self, op: &str, n: u64, program: Bare, at: &[VirtAddr]) -> Result<Spread> {
        let offsets = offsets(&self.binary, at)?;
        let loaded = bare::load(program)?;
        let attach = |bench: &Self| {
            let link = loaded.attach(&bench.path, bench.target.pid(), &offsets)?;
            ensure!(
                sites::armed(&bench.sites(at))?,
                "the kernel did not arm the sites"
            );
            Ok(link)
        };
        self.extra(op, n, ROUNDS, attach, |link| {
            drop(link);
            Ok(())
        })
    }

    fn own(&mut self, subject: &Subject, extent: Extent) -> Result<Spread> {
        let n = EMULATED;
        let plan = own::plan(&self.binary, subject.probe, extent);
        self.extra(
            subject.op,
            n,
            ROUNDS,
            |bench| own::attach(&bench.binary, &plan, &bench.path, bench.target.pid()),
            |attachment| {
                let (hits, completed, lost) = own::detach(attachment)?;
                ensure!(
                    completed >= n && lost * 1000 <= hits,
                    "{n} operations, {hits} hits, {completed} completed, {lost} lost"
                );
                Ok(())
            },
        )
    }

    fn peer(&mut self, subject: &Subject, anatomy: &Anatomy) -> Result<Spread> {
        let names: Vec<String> = (0..anatomy.returns.len())
            .map(|index| mark_name(subject, index))
            .collect();
        let mut addresses = vec![anatomy.entry];
        addresses.extend(&anatomy.returns);
        self.extra(
            subject.op,
            STEPPED,
            PEER_ROUNDS,
            |bench| {
                let sites = bench.sites(&addresses);
                Bpftrace::start(&bench.path, &anatomy.name, &names, &sites)
            },
            Bpftrace::end,
        )
    }

    /// Addresses of this process: the program is not relocated.
    fn sites(&self, at: &[VirtAddr]) -> Sites {
        Sites {
            pid: self.target.pid(),
            addresses: at.iter().map(|address| address.0).collect(),
        }
    }
}

/// Prints the cost of programs next to nothing.
fn bare_programs(bench: &mut Bench, called: &Anatomy) -> Result<()> {
    let mut table = Table::new(&["bare program", "site", "ns per hit", "× empty, emulated"]);
    let push = [called.push];
    let first = [called.entry];
    let mut emulated = f64::NAN;
    let returns = called.returns.clone();
    for (name, program, site, at, n) in [
        (
            "empty",
            Bare::Empty,
            "`push rbp`, emulated",
            &push[..],
            EMULATED,
        ),
        (
            "count",
            Bare::Count,
            "`push rbp`, emulated",
            &push[..],
            EMULATED,
        ),
        ("empty", Bare::Empty, "`cmp`, stepped", &first[..], STEPPED),
        (
            "empty",
            Bare::Empty,
            "`ret`, stepped",
            &returns[..],
            STEPPED,
        ),
        (
            "count",
            Bare::Count,
            "`ret`, stepped",
            &returns[..],
            STEPPED,
        ),
    ] {
        let cost = bench.bare("call", n, program, at)?;
        if emulated.is_nan() {
            emulated = cost.median;
        }
        table.row([
            name.to_owned(),
            site.to_owned(),
            format!("{cost:.0}"),
            format!("{:.2}", cost.median / emulated),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// Prints what watching one operation costs.
fn pair(bench: &mut Bench, subject: &Subject, anatomy: &Anatomy, peer: Option<&str>) -> Result<()> {
    let Subject {
        op,
        probe,
        function,
    } = subject;
    let alone = Spread::of(
        (0..ROUNDS)
            .map(|_| bench.slice(op, EMULATED))
            .collect::<Result<Vec<_>>>()?,
    );
    log(&format!("{op}: {alone:.0} ns unprobed"));
    let mut table = Table::new(&["what", "ns per operation", "× empty here"]);
    let empty = bench.bare(op, EMULATED, Bare::Empty, &[anatomy.push])?;
    let mut row = |name: &str, cost: Spread| {
        table.row([
            name.to_owned(),
            format!("{cost:.0}"),
            format!("{:.2}", cost.median / empty.median),
        ]);
    };
    row("empty program at the entry's `push rbp`", empty);
    let every = own::addresses(&own::plan(&bench.binary, probe, Extent::Pair));
    row(
        "empty program at every site of the pair",
        bench.bare(op, EMULATED, Bare::Empty, &every)?,
    );
    let entry = bench.own(subject, Extent::Entry)?;
    row("rtprobe: entry, counted per call site", entry);
    let pair = bench.own(subject, Extent::Pair)?;
    row("rtprobe: entry and exits, histogram per call site", pair);
    let mut conclusion = String::new();
    if let Some(version) = peer {
        let theirs = bench.peer(subject, anatomy)?;
        row(&format!("{version}: entry and RETs, one histogram"), theirs);
        conclusion = format!(
            "rtprobe's pair costs 1/{:.1} of {version}'s.\n",
            theirs.median / pair.median
        );
    }
    println!(
        "`{probe}` at `{function}`, an operation of {:.0} ns:\n\n{table}\n{conclusion}",
        alone.median
    );
    Ok(())
}

//! What a hit costs a target on this host now: measured at start, on a private process.
//!
//! The programs are attached to code whose instructions are known, before they are attached to the target. A CPU whose
//! other half is at work is slower by a quarter, and that changes within milliseconds: all is measured in turn, in
//! rounds, and costs are the mean of the rounds.

mod child;
mod code;

use std::{fs::File, io, thread, time::Instant};

use child::{Caches, Child};
use code::{SUBJECTS, Subject};
use probe_ebpf::{
    abi::{self, Site, condition, flag, kind},
    bucket::bounds_of,
};

use crate::{
    aggregate::Snapshot,
    attach::{AttachError, Bias, LinkSpec, Loaded, Mode, OwnSites, Ticker},
    drain::{self, DrainError},
    govern::Room,
    observed::Calibration,
    plan::ProbePlan,
};

const ROUNDS: u8 = 6;
/// Operations in one run, and runs in a round. What is stepped costs ten times as much; what is cold is so once only.
const SERIES: (u32, u8) = (40, 10);
const STEPPED_SERIES: (u32, u8) = (8, 4);
const COLD_SERIES: (u32, u8) = (1, 12);
const BARE_SERIES: (u32, u8) = (20_000, 5);
/// A run without probes, often enough interrupted by a clock that ticks each so many nanoseconds.
const TICKED_SERIES: (u32, u8) = (250_000, 3);
const TICKED_ROUNDS: u8 = 3;
const TICKS_APART_NS: u64 = 50_000;
/// Of the durations of operations that take no time, the one that is believed: what disturbs only adds.
const QUANTILE: f64 = 0.2;
/// The code jumps if the stack pointer is not 0.
const NOT_EQUAL: u8 = 5;

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    #[error("failed to {what} the process to measure on")]
    Child {
        what: &'static str,
        source: io::Error,
    },
    #[error("the code to measure on is not mapped from {exe}")]
    NotMapped { exe: &'static str },
    #[error("failed to attach to the process to measure on")]
    Attach(#[from] AttachError),
    #[error("failed to read what was measured")]
    Drain(#[from] DrainError),
    #[error("the probes saw {seen} of {made} operations")]
    Unseen { seen: u64, made: u64 },
}

const EXE: &str = "/proc/self/exe";

/// The process to measure on, and the sites in it.
#[derive(Debug)]
pub struct Bench {
    child: Child,
    sites: Vec<Site>,
    offsets: Vec<u64>,
    bare: Bare,
}

/// What an operation takes without probes, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Bare {
    ns: f64,
    cold_ns: f64,
}

/// What operations take in one round, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Round {
    pair: f64,
    emulated: f64,
    stepped: f64,
    event: f64,
    cold_pair: f64,
    cold_event: f64,
}

impl Bench {
    /// Starts the process.
    pub fn start() -> Result<Self, CalibrateError> {
        let mut child = Child::start().map_err(failed("start"))?;
        let mut bare = |caches, series| took(&mut child, Subject::Emulated, caches, series);
        let bare = Bare {
            ns: bare(Caches::Warm, BARE_SERIES)?,
            cold_ns: bare(Caches::Cold, COLD_SERIES)?,
        };
        let (sites, offsets) = sites()?;
        Ok(Self {
            child,
            sites,
            offsets,
            bare,
        })
    }

    /// Returns what the programs have to be loaded with.
    pub fn own_sites(&self) -> OwnSites {
        OwnSites {
            tgid: self.child.pid(),
            sites: self.sites.clone(),
        }
    }

    /// Measures with programs that were loaded with the own sites behind those of the plan, and tells them what
    /// to subtract.
    pub fn measure(
        mut self,
        loaded: &mut Loaded,
        plan: &ProbePlan,
    ) -> Result<Calibration, CalibrateError> {
        let started = Instant::now();
        let exe = File::open(EXE).map_err(failed("open the program of"))?;
        let mode = loaded.mode();
        let first = plan.sites().count() as u64;
        let spec = LinkSpec {
            probe: abi::FIRST_OWN_PROBE,
            cookies: (first..).take(self.offsets.len()).collect(),
            offsets: std::mem::take(&mut self.offsets),
            pid: if mode == Mode::MultiUnfiltered {
                0
            } else {
                self.child.pid() as i32
            },
        };
        // Where no clock can be made there are no samples, either.
        let tick_ns = tick_ns(&mut self.child, loaded).unwrap_or(0.0);
        let link = loaded.attach_one(&spec, &exe)?;
        for subject in [Subject::Pair, Subject::SteppedPair] {
            loaded.gates().open(number(subject), Room::UNLIMITED);
        }
        let rounds = (0..ROUNDS).map(|_| round(&mut self.child, loaded));
        let rounds = rounds.collect::<Result<Vec<_>, _>>()?;
        drop(self.child);
        // Taking off waits for the kernel; nothing here depends on it, and nothing more is hit.
        thread::spawn(move || drop(link));
        let bias = biases(loaded)?;
        loaded.forget()?;
        loaded.subtract(bias, plan)?;
        Ok(Calibration {
            tick_ns,
            took_ns: started.elapsed().as_nanos() as u64,
            ..calibration(&rounds, self.bare, bias)
        })
    }
}

/// Returns by how much a tick of the fine clock holds up what it interrupts, in nanoseconds: a virtual machine leaves its
/// CPU twice for each.
fn tick_ns(child: &mut Child, loaded: &mut Loaded) -> Result<f64, CalibrateError> {
    let ticker = Ticker::new(loaded.clock(child.pid(), Some(TICKS_APART_NS))?);
    let mut run = || took(child, Subject::Emulated, Caches::Warm, TICKED_SERIES);
    let (mut without_ns, mut with_ns) = (0.0, 0.0);
    for _ in 0..TICKED_ROUNDS {
        without_ns += run()?;
        let ticking = ticker.begin();
        with_ns += run()?;
        drop(ticking);
    }
    Ok(TICKS_APART_NS as f64 * (1.0 - without_ns / with_ns).max(0.0))
}

fn round(child: &mut Child, loaded: &Loaded) -> Result<Round, CalibrateError> {
    let gate = number(Subject::Emulated);
    let mut warm = |subject| took(child, subject, Caches::Warm, series(subject));
    let pair = warm(Subject::Pair)?;
    // For the bias only.
    warm(Subject::SteppedPair)?;
    loaded.gates().close(gate);
    let emulated = warm(Subject::Emulated)?;
    let stepped = warm(Subject::Stepped)?;
    loaded.gates().open(gate, Room::UNLIMITED);
    let event = warm(Subject::Emulated)?;
    let mut cold = |subject| took(child, subject, Caches::Cold, COLD_SERIES);
    Ok(Round {
        pair,
        emulated,
        stepped,
        event,
        cold_pair: cold(Subject::Pair)?,
        cold_event: cold(Subject::Emulated)?,
    })
}

fn calibration(rounds: &[Round], bare: Bare, bias: Bias) -> Calibration {
    let mean = |of: fn(&Round) -> f64| {
        let sum: f64 = rounds.iter().map(of).sum();
        sum / rounds.len().max(1) as f64
    };
    let pair_ns = mean(|round| round.pair) - bare.ns;
    let emulated_ns = mean(|round| round.emulated) - bare.ns;
    let event_ns = mean(|round| round.event) - bare.ns;
    let cold_pair_ns = mean(|round| round.cold_pair) - bare.cold_ns;
    let cold_event_ns = mean(|round| round.cold_event) - bare.cold_ns;
    Calibration {
        emulated_ns,
        stepped_ns: mean(|round| round.stepped) - bare.ns,
        operation_ns: (pair_ns - 2.0 * emulated_ns).max(0.0),
        event_ns: (event_ns - emulated_ns).max(0.0),
        cold_operation_ns: (cold_pair_ns - pair_ns).max(0.0),
        cold_event_ns: (cold_event_ns - event_ns).max(0.0),
        bias_emulated_ns: bias.emulated_ns,
        bias_stepped_ns: bias.stepped_ns,
        tick_ns: 0.0,
        took_ns: 0,
    }
}

/// The number of the probe that stands for a subject.
fn number(subject: Subject) -> u8 {
    abi::FIRST_OWN_PROBE + subject as u8
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> CalibrateError {
    move |source| CalibrateError::Child { what, source }
}

/// What one operation of a subject takes, in nanoseconds: so many in a run, and so many runs.
fn took(
    child: &mut Child,
    subject: Subject,
    caches: Caches,
    (n, runs): (u32, u8),
) -> Result<f64, CalibrateError> {
    child.run(subject, caches, n, runs).map_err(failed("run"))
}

fn series(subject: Subject) -> (u32, u8) {
    if subject.begins_stepped() {
        STEPPED_SERIES
    } else {
        SERIES
    }
}

/// The sites of all subjects, each subject a probe of its own, and their offsets into the file.
fn sites() -> Result<(Vec<Site>, Vec<u64>), CalibrateError> {
    let mut sites = Vec::new();
    let mut offsets = Vec::new();
    for subject in SUBJECTS {
        let (begin, end) = subject.sites();
        let stepped = if subject.begins_stepped() {
            flag::STEPPED | flag::FRAME_SET_UP
        } else {
            0
        };
        let begins = if end.is_some() {
            kind::ENTRY
        } else {
            kind::EVENT
        };
        sites.push(site(subject, begin, begins, stepped, condition::ALWAYS));
        let exit = end.map(|end| site(subject, end, kind::EXIT, flag::FRAME_SET_UP, NOT_EQUAL));
        sites.extend(exit);
        for address in [Some(begin), end].into_iter().flatten() {
            offsets.push(file_offset(address)?);
        }
    }
    Ok((sites, offsets))
}

/// A site whose addresses are those of this process, which its copy shares: the load bias is 0.
fn site(subject: Subject, address: u64, kind: u8, flags: u16, condition: u8) -> Site {
    Site {
        vaddr: address,
        flags,
        probe: number(subject),
        kind,
        condition,
        ..Site::default()
    }
}

/// Finds the offset into this program's file of what is mapped at `address`.
fn file_offset(address: u64) -> Result<u64, CalibrateError> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let find = |line: &str| {
        let mut fields = line.split_whitespace();
        let (low, high) = fields.next()?.split_once('-')?;
        let (low, high) = (hex(low)?, hex(high)?);
        let offset = hex(fields.nth(1)?)?;
        (low..high)
            .contains(&address)
            .then(|| address - low + offset)
    };
    maps.lines()
        .find_map(find)
        .ok_or(CalibrateError::NotMapped { exe: EXE })
}

/// Reads off the measured durations what the probes add to one: the code in between takes next to nothing.
fn biases(loaded: &Loaded) -> Result<Bias, CalibrateError> {
    let snapshot = drain::drain(loaded.maps(), &|_| true)?;
    Ok(Bias {
        emulated_ns: bias_ns(&snapshot, Subject::Pair, 0)?,
        stepped_ns: bias_ns(&snapshot, Subject::SteppedPair, 1)?,
    })
}

/// `row`: rows are handed out in the order in which the subjects ran.
fn bias_ns(snapshot: &Snapshot, subject: Subject, row: u32) -> Result<u64, CalibrateError> {
    let of = |(n, runs): (u32, u8)| u64::from(ROUNDS) * u64::from(n) * u64::from(runs);
    let cold = if subject.begins_stepped() {
        0
    } else {
        of(COLD_SERIES)
    };
    let made = of(series(subject)) + cold;
    let of_subject = snapshot.buckets.iter().filter(|(of, ..)| *of == row);
    let mut buckets: Vec<(u32, u64)> = of_subject.map(|&(_, bucket, n)| (bucket, n)).collect();
    buckets.sort_unstable();
    let seen: u64 = buckets.iter().map(|(_, n)| n).sum();
    if seen != made {
        return Err(CalibrateError::Unseen { seen, made });
    }
    let rank = (seen as f64 * QUANTILE) as u64;
    let mut before = 0;
    let at_rank = buckets.iter().find(|(_, n)| {
        before += n;
        before > rank
    });
    Ok(at_rank.map_or(0, |(bucket, _)| bounds_of(*bucket).0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_in_the_file() {
        let (sites, offsets) = sites().unwrap();
        let exe = std::fs::read(EXE).unwrap();
        for (site, offset) in sites.iter().zip(offsets) {
            let expected = match (site.kind, site.flags & flag::STEPPED) {
                (kind::ENTRY | kind::EVENT, 0) => 0x55,
                (kind::ENTRY | kind::EVENT, _) => 0x48,
                _ => 0x75,
            };
            assert_eq!(exe[offset as usize], expected);
        }
    }
}

//! What a hit costs a target on this host now: measured at start, on a private process.
//!
//! The same programs are loaded a second time with small tables and attached to code whose instructions are
//! known. Times are CPU time of the probed thread, so that a busy machine does not matter; of many short runs
//! a low quantile is taken, because everything that disturbs only adds.

mod child;
mod code;

use std::{fs::File, io, thread, time::Instant};

use child::{Child, QUANTILE};
use code::{SUBJECTS, Subject};
use probe_ebpf::{
    abi::{self, Site, condition, flag, kind},
    bucket::bounds_of,
};

use crate::{
    address::VirtAddr,
    aggregate::Snapshot,
    attach::{self, AttachError, Bias, LinkSpec, Loaded, Mode, Settings},
    discover,
    drain::{self, DrainError},
    observed::Calibration,
    plan::ProbeName,
};

/// Entries of the tables: one row, and room for every bucket of two rows.
const ROOM: u32 = 1 << 10;
/// Operations in one run, and runs. What is stepped costs ten times as much.
const SERIES: (u32, u8) = (40, 60);
const STEPPED_SERIES: (u32, u8) = (8, 24);
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

/// Measures. Needs what attaching needs.
pub fn measure(mode: Mode) -> Result<Calibration, CalibrateError> {
    let started = Instant::now();
    let exe = File::open(EXE).map_err(failed("open the program of"))?;
    let mut child = Child::start().map_err(failed("start"))?;
    let bare_ns = child
        .run(Subject::Emulated, 20_000, 5)
        .map_err(failed("run"))?;
    let (sites, offsets) = sites()?;
    let base = text_base();
    let mut loaded = attach::load_with(&Settings {
        sites: &sites,
        text_base: base.0,
        text_words: &base.1,
        tgid: child.pid(),
        pid_namespace: discover::own_pid_namespace(),
        mode,
        bias: Bias::default(),
        room: Some(ROOM),
    })?;
    let spec = LinkSpec {
        probe: 0,
        cookies: (0..offsets.len() as u64).collect(),
        offsets,
        pid: if mode == Mode::MultiUnfiltered {
            0
        } else {
            child.pid() as i32
        },
    };
    let link = loaded.attach_one(&spec, &exe)?;
    for subject in [Subject::Pair, Subject::SteppedPair] {
        loaded.gates().open(subject as u8, u64::MAX);
    }
    let emulated_ns = cost(&mut child, Subject::Emulated)? - bare_ns;
    let stepped_ns = cost(&mut child, Subject::Stepped)? - bare_ns;
    let pair_ns = cost(&mut child, Subject::Pair)? - bare_ns;
    cost(&mut child, Subject::SteppedPair)?;
    drop(child);
    let biases = biases(&loaded)?;
    // Taking off waits for the kernel; nothing here depends on it.
    thread::spawn(move || {
        drop(link);
        drop(loaded);
    });
    Ok(Calibration {
        emulated_ns,
        stepped_ns,
        operation_ns: (pair_ns - 2.0 * emulated_ns).max(0.0),
        bias_emulated_ns: biases.emulated_ns,
        bias_stepped_ns: biases.stepped_ns,
        took_ns: started.elapsed().as_nanos() as u64,
    })
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> CalibrateError {
    move |source| CalibrateError::Child { what, source }
}

/// What one operation of a subject costs.
fn cost(child: &mut Child, subject: Subject) -> Result<f64, CalibrateError> {
    let (n, runs) = series(subject);
    child.run(subject, n, runs).map_err(failed("run"))
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
        sites.push(site(
            subject,
            begin,
            kind::ENTRY,
            stepped,
            condition::ALWAYS,
        ));
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
        probe: subject as u8,
        kind,
        condition,
        ..Site::default()
    }
}

/// Marks the callers of the code as the user's text: the frame in between is walked past.
fn text_base() -> (VirtAddr, Vec<u64>) {
    let outer = |subject: Subject| subject.outer() as usize as u64;
    let low = SUBJECTS.map(outer).into_iter().min().unwrap_or(0);
    let high = SUBJECTS.map(outer).into_iter().max().unwrap_or(0);
    let n_words = ((high - low) >> abi::TEXT_WORD_SHIFT) + 1;
    let mut words = vec![0_u64; n_words as usize];
    // An outer function has less than 64 bytes, four granules.
    for granule in SUBJECTS
        .map(outer)
        .map(|at| (at - low) >> abi::TEXT_GRANULE_SHIFT)
    {
        for bit in granule..granule + 4 {
            if let Some(word) = words.get_mut((bit >> 6) as usize) {
                *word |= 1 << (bit & 63);
            }
        }
    }
    (VirtAddr(low), words)
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
    let snapshot = drain::drain(loaded.maps(), &|_| false)?;
    Ok(Bias {
        emulated_ns: bias_ns(&snapshot, Subject::Pair)?,
        stepped_ns: bias_ns(&snapshot, Subject::SteppedPair)?,
    })
}

fn bias_ns(snapshot: &Snapshot, subject: Subject) -> Result<u64, CalibrateError> {
    let (n, runs) = series(subject);
    let made = u64::from(n) * u64::from(runs);
    let name = ProbeName::from_index(subject as u8).map(ProbeName::as_str);
    let is_of_subject = |row: &u32| {
        let path = snapshot.paths.get(row);
        path.is_some_and(|path| Some(path.probe.as_str()) == name)
    };
    let of_subject = snapshot
        .buckets
        .iter()
        .filter(|(row, ..)| is_of_subject(row));
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
                (kind::ENTRY, 0) => 0x55,
                (kind::ENTRY, _) => 0x48,
                _ => 0x75,
            };
            assert_eq!(exe[offset as usize], expected);
        }
    }

    #[test]
    fn only_the_outer_functions_are_user_text() {
        let (base, words) = text_base();
        let is_user = |address: u64| {
            let bit = (address - base.0) >> abi::TEXT_GRANULE_SHIFT;
            words[(bit >> 6) as usize] >> (bit & 63) & 1 == 1
        };
        for subject in SUBJECTS {
            assert!(is_user(subject.outer() as usize as u64));
            assert!(!is_user(subject.sites().0 - 64));
        }
    }
}

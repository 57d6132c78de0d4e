//! The recording: everything right of *drain*, as a file.
//!
//! A sequence of gzip members, each a few lines of JSON, one record a line (`zcat FILE` shows it). The first
//! record is the header. Every second a member is added and written out whole, so that a recorder that dies
//! loses at most the last second, and of the histograms the last five; a torn last member is left out when
//! reading. Snapshots hold totals since the start of the run, and only what changed: merging is taking over.
//!
//! A recording is untrusted input: sizes are bounded before anything is kept.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Read, Write},
};

use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};

use crate::{
    aggregate::{Profile, Snapshot},
    observed::{Calibration, CpuSamples, RuntimeSettings, State},
    report::{EndedBy, Host, Location, Probe, ProbeState, TargetInfo, Tool},
    symbolize::Symbols,
};

/// Version of the format; readers refuse a larger one.
pub const FORMAT: u32 = 1;

/// Longest line that is read, uncompressed.
const MAX_LINE: u64 = 256 << 20;
/// Most bytes that are read over all, uncompressed.
const MAX_TOTAL: u64 = 4 << 30;
/// Most bytes of names that are kept, as text of the recording.
const MAX_SYMBOLS: u64 = 512 << 20;
/// Most records in a member; the recorder writes two.
const MAX_RECORDS: usize = 8;

/// What is known before the first hit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub format: u32,
    pub tool: Tool,
    pub host: Host,
    pub target: TargetInfo,
    /// RFC 3339.
    pub start: String,
    pub budget_share: Option<f64>,
    pub attach_ns: Option<u64>,
    /// CPU time of rtprobe and its helpers until the window began.
    #[serde(default)]
    pub agent_setup_cpu_ns: Option<u64>,
    /// Frames of a stack that the report shows.
    pub stack_depth: u32,
    /// With their sites and states; counts are 0.
    pub probes: Vec<Probe>,
    /// What the probes were expected to take of the target's CPU time, at least and at most.
    #[serde(default)]
    pub predicted_low_share: Option<f64>,
    #[serde(default)]
    pub predicted_high_share: Option<f64>,
    pub cannot_see: Vec<String>,
    /// Read before the first probe was on.
    #[serde(default)]
    pub state: Option<State>,
    /// Names of the rules to judge by; empty: all.
    #[serde(default)]
    pub rules: Vec<String>,
    /// What the module's go line sets as defaults of `GODEBUG`, as the build info has it; empty: nothing.
    /// `None` where the build info does not say.
    #[serde(default)]
    pub default_godebug: Option<String>,
    /// Those of the functions that rules ask for by name which the program contains. `None`: nobody has looked.
    #[serde(default)]
    pub linked: Option<Vec<String>>,
    /// `None`: it could not be measured.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

/// What is known when the window has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    pub duration_ns: u64,
    pub ended_by: EndedBy,
    /// For how long the target was stopped, by a signal or a debugger.
    #[serde(default)]
    pub stopped_ns: u64,
    pub detach_ns: Option<u64>,
    pub agent_cpu_share: Option<f64>,
    #[serde(default)]
    pub agent_finish_cpu_ns: Option<u64>,
    /// By row: operations in flight whose frame is gone.
    pub stale: Vec<(u32, u64)>,
    /// What went wrong meanwhile, in sentences.
    pub notes: Vec<String>,
    /// Read when the last probe was off.
    #[serde(default)]
    pub state: Option<State>,
    /// By function which lines call it, of those whose effect `state` shows.
    #[serde(default)]
    pub callers: BTreeMap<String, Vec<Location>>,
    /// Of a target that had not begun to run: what it had switched on as soon as that could be read.
    #[serde(default)]
    pub first_settings: Option<RuntimeSettings>,
    #[serde(default)]
    pub samples: Option<CpuSamples>,
    /// By row: operations in flight that began in a window which has closed.
    #[serde(default)]
    pub cut: Vec<(u32, u64)>,
    /// Longest time that it took to put a probe on, where they came on one by one.
    #[serde(default)]
    pub attach_ns: Option<u64>,
    /// What became of the probes, where that is another thing than what the header has.
    #[serde(default)]
    pub probes: Vec<ProbeEnd>,
}

/// What became of a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeEnd {
    pub name: String,
    pub state: ProbeState,
    pub reason: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "record", content = "data", rename_all = "snake_case")]
enum Record {
    Header(Box<Header>),
    Symbols {
        symbols: Symbols,
    },
    Snapshot {
        elapsed_ns: u64,
        snapshot: Box<Snapshot>,
    },
    End(Box<End>),
}

/// Why a recording can't be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("failed to read the recording")]
    Read { source: io::Error },
    #[error("this is not a recording of rtprobe: {detail}")]
    NotARecording { detail: String },
    #[error("the recording has format {found}, this rtprobe reads up to {FORMAT}")]
    TooNew { found: u32 },
}

/// Writes a recording.
#[derive(Debug)]
pub struct Recorder<W: Write> {
    out: W,
}

impl<W: Write> Recorder<W> {
    /// Begins a recording with its header.
    pub fn begin(out: W, header: &Header) -> io::Result<Self> {
        let mut recorder = Self { out };
        recorder.append(&[&Record::Header(Box::new(header.clone()))])?;
        Ok(recorder)
    }

    /// Adds the names that were looked up and the changes since the last call.
    pub fn add(&mut self, elapsed_ns: u64, symbols: Symbols, snapshot: Snapshot) -> io::Result<()> {
        let symbols = Record::Symbols { symbols };
        let snapshot = Record::Snapshot {
            elapsed_ns,
            snapshot: Box::new(snapshot),
        };
        self.append(&[&symbols, &snapshot])
    }

    /// Ends the recording and gives back what it was written to.
    pub fn end(mut self, end: &End) -> io::Result<W> {
        self.append(&[&Record::End(Box::new(end.clone()))])?;
        Ok(self.out)
    }

    fn append(&mut self, records: &[&Record]) -> io::Result<()> {
        // The encoder clears its whole buffer at each write: it gets everything at once.
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        let mut member = GzEncoder::new(Vec::new(), Compression::fast());
        member.write_all(&lines)?;
        self.out.write_all(&member.finish()?)?;
        self.out.flush()
    }
}

/// A recording, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    pub header: Header,
    pub profile: Profile,
    pub symbols: Symbols,
    /// How far the last snapshot reaches.
    pub elapsed_ns: u64,
    /// `None` where the recorder did not live to write it.
    pub end: Option<End>,
}

/// Reads a recording, up to the last member that is whole.
pub fn read(input: impl Read) -> Result<Recording, RecordingError> {
    let mut input = BufReader::new(input);
    let mut recording: Option<Recording> = None;
    let mut left = Left {
        total: MAX_TOTAL,
        symbols: MAX_SYMBOLS,
    };
    loop {
        let at_end = input
            .fill_buf()
            .map_err(|source| RecordingError::Read { source })?
            .is_empty();
        if at_end {
            break;
        }
        match read_member(&mut input, &mut left) {
            Ok(records) => {
                for record in records {
                    take(&mut recording, record)?;
                }
            }
            // The recorder was writing when it died, or the file is something else altogether.
            Err(error) if recording.is_some() => {
                log::warn!("the recording ends early: {error}");
                break;
            }
            Err(error) => {
                let detail = match error.kind() {
                    io::ErrorKind::UnexpectedEof => "it ends before its header does".to_owned(),
                    _ => error.to_string(),
                };
                return Err(RecordingError::NotARecording { detail });
            }
        }
    }
    recording.ok_or_else(|| RecordingError::NotARecording {
        detail: "it is empty".to_owned(),
    })
}

/// What may still be read, in bytes.
struct Left {
    total: u64,
    symbols: u64,
}

fn read_member(input: &mut impl io::BufRead, left: &mut Left) -> io::Result<Vec<Record>> {
    let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    let mut lines = BufReader::new(GzDecoder::new(input));
    let mut records = Vec::new();
    loop {
        let mut line = Vec::new();
        let limit = MAX_LINE.min(left.total);
        let n = (&mut lines).take(limit).read_until(b'\n', &mut line)? as u64;
        left.total -= n;
        if n == 0 {
            return Ok(records);
        }
        if line.last() != Some(&b'\n') {
            return refused("a record is cut off or too long");
        }
        if records.len() == MAX_RECORDS {
            return refused("too many records in one member");
        }
        let record = serde_json::from_slice(&line)?;
        match &record {
            Record::Symbols { .. } => match left.symbols.checked_sub(n) {
                Some(symbols) => left.symbols = symbols,
                None => return refused("more names than any program has"),
            },
            Record::Snapshot { snapshot, .. } if !snapshot.is_possible() => {
                return refused("a snapshot holds what the kernel's maps can't");
            }
            _ => {}
        }
        records.push(record);
    }
}

fn take(recording: &mut Option<Recording>, record: Record) -> Result<(), RecordingError> {
    let Some(recording) = recording else {
        let Record::Header(header) = record else {
            let detail = "it does not begin with a header".to_owned();
            return Err(RecordingError::NotARecording { detail });
        };
        if header.format > FORMAT {
            return Err(RecordingError::TooNew {
                found: header.format,
            });
        }
        *recording = Some(Recording {
            header: *header,
            profile: Profile::default(),
            symbols: Symbols::default(),
            elapsed_ns: 0,
            end: None,
        });
        return Ok(());
    };
    match record {
        Record::Header(_) => {}
        Record::Symbols { symbols } => recording.symbols.extend(symbols),
        Record::Snapshot {
            elapsed_ns,
            snapshot,
        } => {
            recording.elapsed_ns = elapsed_ns;
            recording.profile.merge_at(elapsed_ns, *snapshot);
        }
        Record::End(end) => recording.end = Some(*end),
    }
    Ok(())
}

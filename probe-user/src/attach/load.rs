//! Loads the kernel programs for one target: globals, map sizes, sites and the user's text.

use std::{os::fd::AsFd as _, path::Path};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData},
    programs::{PerfEvent, UProbe},
};
use probe_ebpf::abi;

use super::{AttachError, Clock, Gates, Mode, Pulse, samples};
use crate::{
    address::{LoadBias, VirtAddr},
    analyze::{GoBinary, UserText},
    bpf_batch,
    observed::Calibration,
    plan::{PlannedSite, ProbePlan, SiteRole},
    report::SiteCost,
};

/// The object of the kernel programs, aligned as the ELF reader wants it.
#[cfg(not(feature = "bpf-log"))]
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../probe-ebpf/prebuilt/rtprobe.bpf.o"
));

/// The variant with diagnostics, which `cargo xtask build --log` builds and names.
#[cfg(feature = "bpf-log")]
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("RTPROBE_BPF_LOG_OBJECT"));

/// Where the kernel keeps its own BTF, without which programs may not ask for a thread's registers.
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// SHA-256 of the sources that the object was built from.
pub const BPF_HASH: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../probe-ebpf/prebuilt/rtprobe.bpf.sha256"
));

/// What the programs need to know of the target.
#[derive(Debug)]
pub struct LoadRequest<'a> {
    pub plan: &'a ProbePlan,
    pub user_text: &'a UserText,
    pub roles: Roles,
    pub tgid: u32,
    /// Where its file is in memory; `None`: nobody knows by now, and CPU samples are not told apart by it.
    pub bias: Option<LoadBias>,
    /// Device and inode of this process's PID namespace, `None` in the initial one.
    pub pid_namespace: Option<(u64, u64)>,
    pub mode: Mode,
    /// Sites in rtprobe's own code, on which hits are measured.
    pub own: OwnSites,
}

/// What tells goroutines apart by the function that they began with; by default nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// Offset of `g.startpc`; 0: not known.
    pub startpc: u64,
    /// What the main goroutine begins with.
    pub main: VirtAddr,
}

impl Roles {
    #[must_use]
    pub fn of(binary: &GoBinary) -> Self {
        const MAIN: &str = "runtime.main";
        let main = binary.find_functions(&[MAIN]);
        let main = main.get(MAIN).and_then(|found| found.first());
        Self {
            startpc: binary.g_layout().startpc.map_or(0, u64::from),
            main: main.map_or(VirtAddr(0), |main| main.entry),
        }
    }
}

/// Sites in rtprobe's own code, and the process in which it runs; none by default.
#[derive(Clone, Debug, Default)]
pub struct OwnSites {
    pub tgid: u32,
    pub sites: Vec<abi::Site>,
}

/// What the probes add between the two clocks of an operation, in nanoseconds; 0: nothing is subtracted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bias {
    /// Of operations that begin at an emulated site.
    pub emulated_ns: u64,
    /// Of operations that begin at a single-stepped one.
    pub stepped_ns: u64,
}

impl Loaded {
    /// Tells the programs what to subtract from durations.
    pub(crate) fn subtract(&mut self, bias: Bias, plan: &ProbePlan) -> Result<(), AttachError> {
        let with_bias = |site: &PlannedSite| {
            let begins_cheaply = site.role == SiteRole::Begin && site.cost == SiteCost::Emulated;
            let bias_ns = if begins_cheaply {
                bias.emulated_ns
            } else {
                bias.emulated_ns.max(bias.stepped_ns)
            };
            abi::Site {
                bias_ns: u32::try_from(bias_ns).unwrap_or(u32::MAX),
                ..site.to_abi()
            }
        };
        let sites: Vec<abi::Site> = plan.sites().map(with_bias).collect();
        fill(&mut self.programs, abi::SITES, &sites)
    }

    /// Makes a clock that ticks on the CPUs that process `pid` may run on, off. `period_ns`: `None`: as in windows.
    pub(crate) fn clock(&mut self, pid: u32, period_ns: Option<u64>) -> Result<Clock, AttachError> {
        let program: &mut PerfEvent = (self.programs)
            .program_mut(abi::TICK_PROGRAM)
            .and_then(|program| program.try_into().ok())
            .ok_or(AttachError::Object {
                missing: abi::TICK_PROGRAM,
            })?;
        let failed = |source| AttachError::Program { source };
        if program.fd().is_err() {
            program.load().map_err(failed)?;
        }
        let fd = program.fd().map_err(failed)?;
        Clock::new(fd.as_fd(), pid, period_ns).map_err(|source| AttachError::Clock { source })
    }

    /// Forgets everything that was counted so far. Nothing may be attached.
    pub(crate) fn forget(&self) -> Result<(), AttachError> {
        let failed = |name| move |source| AttachError::Map { name, source };
        let rows = self.maps.rows.fd().as_fd();
        let known: Vec<(u32, u64)> =
            bpf_batch::read_all(self.maps.n_rows.fd().as_fd(), 1).map_err(failed(abi::N_ROWS))?;
        let n_rows = known
            .first()
            .map_or(0, |(_, n)| *n)
            .min(u64::from(abi::MAX_ROWS));
        let empty = vec![abi::Row::default(); n_rows as usize];
        bpf_batch::write_array(rows, &empty).map_err(failed(abi::ROWS))?;
        let buckets = self.maps.buckets.fd().as_fd();
        let counts: Vec<(u32, u64)> = bpf_batch::read_all(buckets, abi::USUAL_BUCKETS as usize)
            .map_err(failed(abi::BUCKETS))?;
        let keys: Vec<u32> = counts.into_iter().map(|(key, _)| key).collect();
        bpf_batch::delete(buckets, &keys).map_err(failed(abi::BUCKETS))
    }
}

impl From<&Calibration> for Bias {
    fn from(found: &Calibration) -> Self {
        Self {
            emulated_ns: found.bias_emulated_ns,
            stepped_ns: found.bias_stepped_ns,
        }
    }
}

/// The maps that the drain reads.
#[derive(Debug)]
pub struct Maps {
    pub(crate) rows: MapData,
    pub(crate) call_paths: MapData,
    pub(crate) n_rows: MapData,
    pub(crate) slots: MapData,
    pub(crate) in_flight: MapData,
    pub(crate) buckets: MapData,
    pub(crate) more_buckets: MapData,
    pub(crate) counters: MapData,
}

/// Programs in the kernel, not attached.
#[derive(Debug)]
pub struct Loaded {
    pub(super) programs: Ebpf,
    pub(super) mode: Mode,
    pub(super) gates: Gates,
    pub(super) gates_map: MapData,
    pub(super) ticks_map: MapData,
    pub(super) pulse: Pulse,
    pub(super) pulse_map: MapData,
    /// What the programs say when a window has reached its limit.
    pub(super) shut_map: MapData,
    pub(super) maps: Maps,
}

/// Loads the programs and fills their maps. Touches no process.
pub fn load(request: &LoadRequest<'_>) -> Result<Loaded, AttachError> {
    let failed = |source| AttachError::Load {
        source: Box::new(source),
    };
    let (device, inode) = request.pid_namespace.unwrap_or((0, 0));
    let UserText { all, own, outside } = request.user_text;
    let bias = request.bias.map_or(0, |bias| bias.0);
    let words = all.words.len().max(1) as u32;
    let text_len = u64::from(words) << abi::TEXT_WORD_SHIFT;
    let has_task_regs = u32::from(Path::new(KERNEL_BTF).exists());
    let n_stacks = samples::room_for_stacks();
    let object = match request.mode {
        Mode::PerSite => per_site_object(),
        Mode::Multi | Mode::MultiUnfiltered => OBJECT.to_vec(),
    };
    let mut programs = EbpfLoader::new()
        .override_global("TARGET_TGID", &request.tgid, true)
        .override_global("PID_NAMESPACE_DEV", &device, true)
        .override_global("PID_NAMESPACE_INO", &inode, true)
        .override_global("TEXT_BASE", &all.base.0, true)
        .override_global("LOAD_BIAS", &bias, true)
        .override_global("TEXT_LEN", &text_len, true)
        .override_global("HAS_TASK_REGS", &has_task_regs, true)
        .override_global("STARTPC", &request.roles.startpc, true)
        .override_global("MAIN", &request.roles.main.0, true)
        .override_global("CALIBRATION_TGID", &request.own.tgid, true)
        .map_max_entries(abi::USER_TEXT, words)
        .map_max_entries(abi::OWN_TEXT, words)
        .map_max_entries(abi::OUTSIDE_TEXT, words)
        .map_max_entries(abi::STACK_OF, n_stacks)
        .map_max_entries(abi::STACKS, n_stacks)
        .load(&object)
        .map_err(failed)?;
    let planned = request.plan.sites().map(PlannedSite::to_abi);
    let sites: Vec<abi::Site> = planned.chain(request.own.sites.iter().copied()).collect();
    fill(&mut programs, abi::SITES, &sites)?;
    fill(&mut programs, abi::USER_TEXT, &all.words)?;
    fill(&mut programs, abi::OWN_TEXT, &own.words)?;
    fill(&mut programs, abi::OUTSIDE_TEXT, &outside.words)?;
    program(&mut programs)?
        .load()
        .map_err(|source| AttachError::Program { source })?;
    let maps = Maps {
        rows: take(&mut programs, abi::ROWS)?,
        call_paths: take(&mut programs, abi::CALL_PATHS)?,
        n_rows: take(&mut programs, abi::N_ROWS)?,
        slots: take(&mut programs, abi::SLOTS)?,
        in_flight: take(&mut programs, abi::IN_FLIGHT)?,
        buckets: take(&mut programs, abi::BUCKETS)?,
        more_buckets: take(&mut programs, abi::MORE_BUCKETS)?,
        counters: take(&mut programs, abi::COUNTERS)?,
    };
    let gates_map = take(&mut programs, abi::GATES)?;
    let gates = Gates::map(gates_map.fd().as_fd()).map_err(|source| AttachError::Map {
        name: abi::GATES,
        source,
    })?;
    let ticks_map = take(&mut programs, abi::TICKS)?;
    let pulse_map = take(&mut programs, abi::PULSE)?;
    let pulse = Pulse::map(pulse_map.fd().as_fd()).map_err(|source| AttachError::Map {
        name: abi::PULSE,
        source,
    })?;
    let shut_map = take(&mut programs, abi::SHUT)?;
    Ok(Loaded {
        programs,
        mode: request.mode,
        gates,
        gates_map,
        ticks_map,
        pulse,
        pulse_map,
        shut_map,
        maps,
    })
}

/// The object with its programs declared for one perf event per site: aya reads the kind off the section's
/// name, `uprobe.multi` or `uprobe/…`.
fn per_site_object() -> Vec<u8> {
    // The string table shares the name with that of the section of relocations, `.reluprobe.multi`.
    const MULTI: &[u8] = b"uprobe.multi\0";
    let mut object = OBJECT.to_vec();
    if let Some(at) = object
        .windows(MULTI.len())
        .position(|window| window == MULTI)
        && let Some(dot) = object.get_mut(at + b"uprobe".len())
    {
        *dot = b'/';
    }
    object
}

pub(super) fn program(programs: &mut Ebpf) -> Result<&mut UProbe, AttachError> {
    programs
        .program_mut(abi::PROGRAM)
        .and_then(|program| program.try_into().ok())
        .ok_or(AttachError::Object {
            missing: abi::PROGRAM,
        })
}

fn fill<V: aya::Pod>(
    programs: &mut Ebpf,
    name: &'static str,
    values: &[V],
) -> Result<(), AttachError> {
    let Some(Map::Array(map)) = programs.map(name) else {
        return Err(AttachError::Object { missing: name });
    };
    bpf_batch::write_array(map.fd().as_fd(), values)
        .map_err(|source| AttachError::Map { name, source })
}

pub(super) fn take(programs: &mut Ebpf, name: &'static str) -> Result<MapData, AttachError> {
    match programs.take_map(name) {
        Some(Map::Array(map) | Map::HashMap(map) | Map::RingBuf(map)) => Ok(map),
        _ => Err(AttachError::Object { missing: name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_for_single_sites_names_another_kind_of_section() {
        let object = per_site_object();
        let changed: Vec<(u8, u8)> = OBJECT
            .iter()
            .copied()
            .zip(object)
            .filter(|(a, b)| a != b)
            .collect();
        assert_eq!(changed, [(b'.', b'/')]);
    }
}

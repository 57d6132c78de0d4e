//! Where the runtime's variables are: from `.symtab`, else from the instructions that use them.
//!
//! A stripped file has no names of data, but it has names of functions, and each variable is used in a way of
//! its own by a function that every program has. The instructions were compared in Go 1.21 to 1.27; where
//! they don't look as expected, the variable stays unknown.

use std::collections::HashMap;

use super::{
    GoBinary,
    data_uses::{Use, uses},
    symtab,
};
use crate::address::VirtAddr;

/// Addresses as stated in the file; `None` where they are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuntimeGlobals {
    /// `[]*g`: all goroutines.
    pub allgs: Option<VirtAddr>,
    /// `[]*p`, `GOMAXPROCS` long.
    pub allp: Option<VirtAddr>,
    /// Head of the list of all `m`s.
    pub allm: Option<VirtAddr>,
    pub sched: Option<VirtAddr>,
    pub memstats: Option<VirtAddr>,
    pub gc_controller: Option<VirtAddr>,
    /// `work.cpuStats`.
    pub cpu_stats: Option<VirtAddr>,
    /// Head of the list of the memory profile's buckets.
    pub mbuckets: Option<VirtAddr>,
    pub mem_profile_rate: Option<VirtAddr>,
    /// `prof.hz`, 32 bits.
    pub cpu_profile_hz: Option<VirtAddr>,
    /// `cpuprof`.
    pub cpu_profile: Option<VirtAddr>,
    pub block_profile_rate: Option<VirtAddr>,
    pub mutex_profile_rate: Option<VirtAddr>,
    /// What is not 0 while the execution tracer is on, and its size in bytes.
    pub tracing: Option<(VirtAddr, u8)>,
    /// Calls to C by threads that have ended.
    pub ncgocall: Option<VirtAddr>,
    /// `[...]string`: the names of the reasons to wait.
    pub wait_reasons: Option<VirtAddr>,
    /// Offset of `m.ncgocall`.
    pub ncgocall_offset: Option<u32>,
    /// Offset of `m.lockedExt`; `None` too where the program has no `runtime.LockOSThread`.
    pub locked_ext_offset: Option<u32>,
    /// Whether `runtime.LockOSThread` is in the program.
    pub can_lock_threads: bool,
}

/// Functions whose instructions are looked at.
const FUNCTIONS: &[&str] = &[
    "runtime.LockOSThread",
    "runtime.allgadd",
    "runtime.allocmcache",
    "runtime.blockevent",
    "runtime.cgocall",
    "runtime.gcMarkTermination",
    "runtime.gcStart",
    "runtime.goexit1",
    "runtime.mProf_FlushLocked",
    "runtime.mcommoninit",
    "runtime.mexit",
    "runtime.newproc1",
    "runtime.retake",
    "runtime.semacquire1",
    "runtime.sigprof",
    "runtime.waitReason.String",
    "runtime.(*mcache).refill",
    "runtime.(*cpuProfile).add",
    "runtime.(*cpuStats).accumulate",
    "runtime.(*gcControllerState).startCycle",
    "runtime.(*consistentHeapStats).acquire",
];

/// Goroutine numbers are handed out to each P by so many (`_GoidCacheBatch`, src/runtime/proc.go).
const GOID_BATCH: u64 = 16;

/// Variables that have a name of their own.
const VARIABLES: &[&str] = &[
    "runtime.allgs",
    "runtime.allp",
    "runtime.allm",
    "runtime.sched",
    "runtime.memstats",
    "runtime.gcController",
    "runtime.mbuckets",
    "runtime.MemProfileRate",
    "runtime.blockprofilerate",
    "runtime.mutexprofilerate",
    "runtime.cpuprof",
    "runtime.ncgocall",
    "runtime.waitReasonStrings",
];

impl RuntimeGlobals {
    pub(super) fn find(binary: &GoBinary) -> Self {
        let code = Code::read(binary);
        let mut this = code.globals();
        let names = symtab::variables(&binary.source, &binary.elf, VARIABLES);
        let name = |name: &str| names.get(name).copied().map(VirtAddr);
        for (field, name) in [
            (&mut this.allgs, name("runtime.allgs")),
            (&mut this.allp, name("runtime.allp")),
            (&mut this.allm, name("runtime.allm")),
            (&mut this.sched, name("runtime.sched")),
            (&mut this.memstats, name("runtime.memstats")),
            (&mut this.gc_controller, name("runtime.gcController")),
            (&mut this.mbuckets, name("runtime.mbuckets")),
            (&mut this.mem_profile_rate, name("runtime.MemProfileRate")),
            (
                &mut this.block_profile_rate,
                name("runtime.blockprofilerate"),
            ),
            (
                &mut this.mutex_profile_rate,
                name("runtime.mutexprofilerate"),
            ),
            (&mut this.cpu_profile, name("runtime.cpuprof")),
            (&mut this.ncgocall, name("runtime.ncgocall")),
            (&mut this.wait_reasons, name("runtime.waitReasonStrings")),
        ] {
            *field = name.or(*field);
        }
        this
    }
}

/// What some functions of the runtime do with data.
struct Code {
    entries: HashMap<String, u64>,
    uses: HashMap<String, Vec<Use>>,
}

impl Code {
    fn read(binary: &GoBinary) -> Self {
        let mut entries = HashMap::new();
        let mut found = HashMap::new();
        for (name, twins) in binary.find_functions(FUNCTIONS) {
            // An assembly function and its wrapper have one name; the larger one does the work.
            let size = |function: &super::Function| function.end.0.saturating_sub(function.entry.0);
            let Some(function) = twins.iter().max_by_key(|function| size(function)) else {
                continue;
            };
            entries.insert(name.clone(), function.entry.0);
            if let Ok(code) = binary.code(function) {
                found.insert(name, uses(&code, function.entry.0));
            }
        }
        Self {
            entries,
            uses: found,
        }
    }

    fn globals(&self) -> RuntimeGlobals {
        let at = |address: Option<u64>| address.map(VirtAddr);
        let block_profile_rate = self.access("runtime.blockevent", 8, |_| true);
        RuntimeGlobals {
            allgs: at(self.slice("runtime.allgadd", 3)),
            allp: at(self.slice("runtime.retake", 2)),
            // Read, and then exchanged by its address.
            allm: at(self.access("runtime.mcommoninit", 8, |address| {
                let taken = Use::Address(address);
                self.of("runtime.mcommoninit").any(|used| *used == taken)
            })),
            sched: at(self.counter("runtime.newproc1", Some(GOID_BATCH))),
            memstats: at(self.receiver(
                "runtime.(*mcache).refill",
                "runtime.(*consistentHeapStats).acquire",
            )),
            gc_controller: at(
                self.receiver("runtime.gcStart", "runtime.(*gcControllerState).startCycle")
            ),
            cpu_stats: at(self.receiver(
                "runtime.gcMarkTermination",
                "runtime.(*cpuStats).accumulate",
            )),
            mbuckets: at(self.access("runtime.mProf_FlushLocked", 8, |_| true)),
            mem_profile_rate: at(self.access("runtime.allocmcache", 8, |_| true)),
            cpu_profile_hz: at(self.access("runtime.sigprof", 4, |_| true)),
            cpu_profile: at(self.receiver("runtime.sigprof", "runtime.(*cpuProfile).add")),
            block_profile_rate: at(block_profile_rate),
            // It asks for both, one after the other.
            mutex_profile_rate: at(self.access("runtime.semacquire1", 8, |address| {
                Some(address) != block_profile_rate
            })),
            tracing: self.first_access("runtime.goexit1"),
            ncgocall: at(self.counter("runtime.mexit", None)),
            wait_reasons: at(self.array("runtime.waitReason.String")),
            ncgocall_offset: self.increment("runtime.cgocall", 8),
            locked_ext_offset: self.increment("runtime.LockOSThread", 4),
            can_lock_threads: self.entries.contains_key("runtime.LockOSThread"),
        }
    }

    fn of(&self, function: &str) -> impl Iterator<Item = &Use> {
        self.uses.get(function).into_iter().flatten()
    }

    /// The first variable of a size that is accessed.
    fn access(&self, function: &str, size: u8, fits: impl Fn(u64) -> bool) -> Option<u64> {
        self.of(function).find_map(|used| match used {
            Use::Access { address, size: n } if *n == size && fits(*address) => Some(*address),
            _ => None,
        })
    }

    /// The first variable that is accessed, and its size.
    fn first_access(&self, function: &str) -> Option<(VirtAddr, u8)> {
        self.of(function).find_map(|used| match used {
            Use::Access { address, size } => Some((VirtAddr(*address), *size)),
            _ => None,
        })
    }

    /// The first array that is indexed.
    fn array(&self, function: &str) -> Option<u64> {
        self.of(function).find_map(|used| match used {
            Use::Indexed(address) => Some(*address),
            _ => None,
        })
    }

    /// The first run of words that are all accessed: pointer, length, capacity.
    fn slice(&self, function: &str, words: u64) -> Option<u64> {
        let accessed = |wanted: u64| {
            self.of(function)
                .any(|used| matches!(used, Use::Access { address, size: 8 } if *address == wanted))
        };
        self.of(function).find_map(|used| match used {
            Use::Access { address, size: 8 } => {
                let start = address.saturating_sub(8);
                [start, *address].into_iter().find(|start| {
                    (0..words).all(|word| accessed(start.saturating_add(word.saturating_mul(8))))
                })
            }
            _ => None,
        })
    }

    /// What is in the first argument's register at the call of a method.
    fn receiver(&self, function: &str, method: &str) -> Option<u64> {
        let method = *self.entries.get(method)?;
        self.of(function).find_map(|used| match used {
            Use::Call { target, receiver } if *target == method => *receiver,
            _ => None,
        })
    }

    /// The first word that is atomically added to, by a constant if that is given.
    fn counter(&self, function: &str, by: Option<u64>) -> Option<u64> {
        self.of(function).find_map(|used| match used {
            Use::Add { address, addend } if by.is_none() || *addend == by => Some(*address),
            _ => None,
        })
    }

    /// The offset of the first field of a size that is incremented.
    fn increment(&self, function: &str, size: u8) -> Option<u32> {
        self.of(function).find_map(|used| match used {
            Use::Increment { offset, size: n } if *n == size => Some(*offset),
            _ => None,
        })
    }
}

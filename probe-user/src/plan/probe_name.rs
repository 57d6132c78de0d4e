//! The names of the logical probes.

use std::fmt;

/// The name of a logical probe, as in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeName {
    GoroutineCreate,
    Alloc,
    ChanSend,
    TimerStart,
    CgoCall,
    StopTheWorld,
    MemStats,
    ChanRecv,
    Select,
    Park,
    MutexWait,
    GoroutineRun,
    TimerStop,
    TimerFire,
    Gc,
    GcCycle,
    GcAssist,
    FreeOsMemory,
    Finalizer,
    ThreadLock,
    Gosched,
    GoroutineCount,
    StackDump,
    Caller,
    Gomaxprocs,
    Defer,
    ReflectField,
    MapRead,
    StackGrowth,
    PoolMiss,
    BlockProfile,
}

/// Every name, in the order of the report.
pub const PROBE_NAMES: [ProbeName; 31] = [
    ProbeName::GoroutineCreate,
    ProbeName::Alloc,
    ProbeName::ChanSend,
    ProbeName::TimerStart,
    ProbeName::CgoCall,
    ProbeName::StopTheWorld,
    ProbeName::MemStats,
    ProbeName::ChanRecv,
    ProbeName::Select,
    ProbeName::Park,
    ProbeName::MutexWait,
    ProbeName::GoroutineRun,
    ProbeName::TimerStop,
    ProbeName::TimerFire,
    ProbeName::Gc,
    ProbeName::GcCycle,
    ProbeName::GcAssist,
    ProbeName::FreeOsMemory,
    ProbeName::Finalizer,
    ProbeName::ThreadLock,
    ProbeName::Gosched,
    ProbeName::GoroutineCount,
    ProbeName::StackDump,
    ProbeName::Caller,
    ProbeName::Gomaxprocs,
    ProbeName::Defer,
    ProbeName::ReflectField,
    ProbeName::MapRead,
    ProbeName::StackGrowth,
    ProbeName::PoolMiss,
    ProbeName::BlockProfile,
];

const _: () = assert!(PROBE_NAMES.len() <= probe_ebpf::abi::MAX_PROBES as usize);

impl ProbeName {
    /// Returns the name in the report and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GoroutineCreate => "goroutine-create",
            Self::Alloc => "alloc",
            Self::ChanSend => "chan-send",
            Self::TimerStart => "timer-start",
            Self::CgoCall => "cgo-call",
            Self::StopTheWorld => "stop-the-world",
            Self::MemStats => "mem-stats",
            Self::ChanRecv => "chan-recv",
            Self::Select => "select",
            Self::Park => "park",
            Self::MutexWait => "mutex-wait",
            Self::GoroutineRun => "goroutine-run",
            Self::TimerStop => "timer-stop",
            Self::TimerFire => "timer-fire",
            Self::Gc => "gc",
            Self::GcCycle => "gc-cycle",
            Self::GcAssist => "gc-assist",
            Self::FreeOsMemory => "free-os-memory",
            Self::Finalizer => "finalizer",
            Self::ThreadLock => "thread-lock",
            Self::Gosched => "gosched",
            Self::GoroutineCount => "goroutine-count",
            Self::StackDump => "stack-dump",
            Self::Caller => "caller",
            Self::Gomaxprocs => "gomaxprocs",
            Self::Defer => "defer",
            Self::ReflectField => "reflect-field",
            Self::MapRead => "map-read",
            Self::StackGrowth => "stack-growth",
            Self::PoolMiss => "pool-miss",
            Self::BlockProfile => "block-profile",
        }
    }

    /// Returns whether its call sites are of interest whatever the rules make of them.
    pub const fn is_of_interest_by_itself(self) -> bool {
        matches!(
            self,
            Self::GoroutineCreate
                | Self::Alloc
                | Self::ChanSend
                | Self::TimerStart
                | Self::CgoCall
                | Self::StopTheWorld
                | Self::MemStats
        )
    }

    /// Returns whether some of the probe's operations are noted at their end.
    pub const fn notes(self) -> bool {
        matches!(
            self,
            Self::ChanRecv | Self::Select | Self::GoroutineRun | Self::TimerStop | Self::TimerFire
        )
    }

    /// Returns the number under which the kernel programs know the probe.
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// Returns the name with that number.
    pub fn from_index(index: u8) -> Option<Self> {
        PROBE_NAMES.get(usize::from(index)).copied()
    }

    /// Returns the probe with that name in the report.
    pub fn from_name(name: &str) -> Option<Self> {
        PROBE_NAMES.into_iter().find(|probe| probe.as_str() == name)
    }
}

impl fmt::Display for ProbeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_name_lead_back_to_the_probe() {
        for probe in PROBE_NAMES {
            assert_eq!(ProbeName::from_index(probe.index()), Some(probe));
            assert_eq!(ProbeName::from_name(probe.as_str()), Some(probe));
        }
    }
}

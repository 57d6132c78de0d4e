//! What the program has switched on in its runtime.

use super::runtime::{Found, Runtime};
use crate::sys;

/// `gcControllerState.gcPercent` and `memoryLimit`.
const GC_PERCENT: u32 = 0;
const MEMORY_LIMIT: u32 = 8;
/// `cpuProfile.log` (src/runtime/cpuprof.go, Go 1.21 to 1.27).
const PROFILE_LOG: u32 = 16;

impl Runtime<'_> {
    pub(super) fn cpu_profile_hz(&self) -> Found<u32> {
        self.half("prof", self.globals.cpu_profile_hz, 0)
    }

    /// Each profile has a buffer of its own.
    pub(super) fn cpu_profile(&self) -> Found<u64> {
        self.word("cpuprof", self.globals.cpu_profile, PROFILE_LOG)
    }

    /// The runtime keeps it in ticks of the CPU's clock, unless it is 1 (src/runtime/mprof.go).
    pub(super) fn block_profile_rate_ns(&self) -> Found<u64> {
        let ticks = self.word("blockprofilerate", self.globals.block_profile_rate, 0)?;
        Ok(match ticks {
            0 | 1 => ticks,
            _ => (ticks as f64 / sys::cpu_ticks_per_ns()).round().max(2.0) as u64,
        })
    }

    pub(super) fn mutex_profile_fraction(&self) -> Found<u64> {
        self.word("mutexprofilerate", self.globals.mutex_profile_rate, 0)
    }

    pub(super) fn mem_profile_rate(&self) -> Found<u64> {
        self.word("MemProfileRate", self.globals.mem_profile_rate, 0)
    }

    pub(super) fn tracing(&self) -> Found<bool> {
        let (address, size) = self.globals.tracing.unzip();
        let word = self.word("trace", address, 0)?;
        let mask = match size {
            Some(8) => u64::MAX,
            _ => 0xff,
        };
        Ok(word & mask != 0)
    }

    /// `None`: off.
    pub(super) fn gc_percent(&self) -> Found<Option<i32>> {
        let percent = self.half("gcController", self.globals.gc_controller, GC_PERCENT)?;
        Ok(Some(percent.cast_signed()).filter(|percent| *percent >= 0))
    }

    /// `None`: no limit.
    pub(super) fn memory_limit_bytes(&self) -> Found<Option<i64>> {
        let limit = self.word("gcController", self.globals.gc_controller, MEMORY_LIMIT)?;
        Ok(Some(limit.cast_signed()).filter(|limit| *limit != i64::MAX))
    }
}

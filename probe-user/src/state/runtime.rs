//! The target's runtime as its variables show it: the way from names to values.

use super::{StateError, memory::Memory};
use crate::{
    address::{ProcAddr, VirtAddr},
    analyze::{GoBinary, RuntimeGlobals, RuntimeLayout},
};

/// More processors than Go was ever given.
const MAX_PROCESSORS: u64 = 1 << 14;
/// Go ends a program that has more threads, unless told otherwise.
const MAX_THREADS: usize = 1 << 17;
const ATTEMPTS: usize = 8;

/// A target's runtime.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runtime<'a> {
    pub(super) memory: &'a Memory<'a>,
    pub(super) globals: &'a RuntimeGlobals,
    pub(super) layout: &'a RuntimeLayout,
}

/// A value, or why there is none.
pub(super) type Found<T> = Result<T, StateError>;

impl<'a> Runtime<'a> {
    pub(super) fn of(memory: &'a Memory<'a>, binary: &'a GoBinary) -> Self {
        Self {
            memory,
            globals: binary.runtime_globals(),
            layout: binary.runtime_layout(),
        }
    }

    /// Returns where a variable is in the target.
    pub(super) fn variable(
        &self,
        name: &'static str,
        address: Option<VirtAddr>,
    ) -> Found<ProcAddr> {
        let address = address.ok_or(StateError::Variable { name })?;
        Ok(self.memory.address(address))
    }

    /// Reads words of a variable.
    pub(super) fn words<const N: usize>(
        &self,
        name: &'static str,
        address: Option<VirtAddr>,
        offset: u32,
    ) -> Found<[u64; N]> {
        let at = field(self.variable(name, address)?, offset);
        self.memory.words(at).map_err(StateError::memory(name))
    }

    /// Reads one word of a variable.
    pub(super) fn word(
        &self,
        name: &'static str,
        address: Option<VirtAddr>,
        offset: u32,
    ) -> Found<u64> {
        self.words(name, address, offset).map(|[word]| word)
    }

    /// Reads half a word of a variable.
    pub(super) fn half(
        &self,
        name: &'static str,
        address: Option<VirtAddr>,
        offset: u32,
    ) -> Found<u32> {
        let at = field(self.variable(name, address)?, offset);
        self.memory.u32(at).map_err(StateError::memory(name))
    }

    /// Returns the length of `allp`, which is `GOMAXPROCS`, and all `p`s, those beyond it included.
    pub(super) fn processors(&self) -> Found<(u64, Vec<ProcAddr>)> {
        let read = || self.words::<3>("allp", self.globals.allp, 0);
        let mut seen = read()?;
        for _ in 0..ATTEMPTS {
            let [array, len, capacity] = seen;
            if len == 0 || len > capacity || capacity > MAX_PROCESSORS {
                break;
            }
            let mut bytes = vec![0; capacity as usize * 8];
            let part = self.memory.read(ProcAddr(array), &mut bytes);
            part.map_err(StateError::memory("allp"))?;
            seen = read()?;
            if seen == [array, len, capacity] {
                let all = bytes.as_chunks().0.iter();
                let all = all.map(|word| ProcAddr(u64::from_le_bytes(*word)));
                return Ok((len, all.filter(|p| p.0 != 0).collect()));
            }
        }
        let [array, len, capacity] = seen;
        Err(StateError::Implausible {
            what: "allp",
            found: format!("{len} of {capacity} at {array:#x}"),
        })
    }

    /// Returns all `m`s.
    pub(super) fn threads(&self) -> Found<Vec<ProcAddr>> {
        let layout = self.layout.m.ok_or(StateError::Layout { of: "m" })?;
        let mut all = Vec::new();
        let mut m = self.word("allm", self.globals.allm, 0)?;
        while m != 0 {
            if all.len() >= MAX_THREADS {
                return Err(StateError::Implausible {
                    what: "allm",
                    found: format!("more than {MAX_THREADS} threads"),
                });
            }
            all.push(ProcAddr(m));
            let next = field(ProcAddr(m), layout.alllink);
            [m] = self
                .memory
                .words(next)
                .map_err(StateError::memory("allm"))?;
        }
        Ok(all)
    }
}

/// Returns where a field of a record is.
pub(super) fn field(record: ProcAddr, offset: u32) -> ProcAddr {
    ProcAddr(record.0.wrapping_add(offset.into()))
}

//! The windows of all probes and rtprobe's heartbeat, in memory that the kernel programs see as well.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use probe_ebpf::abi::{self, MAX_PROBES};
use serde::{Deserialize, Serialize};

use crate::govern::Room;

/// Mapped pages of an array map (`BPF_F_MMAPABLE`, Linux 5.5), as 64-bit words.
#[derive(Debug)]
pub(super) struct Words {
    first: NonNull<AtomicU64>,
    n_words: usize,
}

// SAFETY: the words are atomic, and the mapping is undone only when its one owner goes.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

impl Words {
    pub(super) fn map(fd: BorrowedFd<'_>, n_words: usize) -> io::Result<Self> {
        // SAFETY: a new mapping, placed by the kernel; the result is checked.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                n_words * 8,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let first = NonNull::new(address.cast())
            .ok_or_else(|| io::Error::other("a map was mapped at address 0"))?;
        Ok(Self { first, n_words })
    }

    /// Returns a word; one that is not there is 0.
    pub(super) fn load(&self, index: usize) -> u64 {
        let word = self.as_slice().get(index);
        word.map_or(0, |word| word.load(Relaxed))
    }

    fn as_slice(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has that many words, is aligned to a page, and lives as long as `self`.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.n_words) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's own, and no slice of it outlives it.
        unsafe { libc::munmap(self.first.as_ptr().cast(), self.n_words * 8) };
    }
}

/// The windows of all probes.
#[derive(Debug)]
pub struct Gates(Words);

/// What the programs counted at a gate, ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Operations begun while the window was open.
    pub asked: u64,
    /// Those that it had room for.
    pub begun: u64,
    /// Hits of emulated sites, whether counted or not.
    pub emulated: u64,
    pub stepped: u64,
}

impl Traffic {
    /// Returns what came in since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            asked: self.asked.saturating_sub(earlier.asked),
            begun: self.begun.saturating_sub(earlier.begun),
            emulated: self.emulated.saturating_sub(earlier.emulated),
            stepped: self.stepped.saturating_sub(earlier.stepped),
        }
    }
}

/// Words of `abi::Gate`; a test holds them to it.
const OPEN: usize = 0;
const EPOCH: usize = 1;
const LIMIT: usize = 2;
const SHUT_NS: usize = 3;
const MOST_EMULATED: usize = 4;
const MOST_STEPPED: usize = 5;
const BEGUN: usize = 8;
const EMULATED: usize = 9;
const STEPPED: usize = 10;
const WORDS: usize = size_of::<abi::Gate>() / 8;

impl Gates {
    /// Maps the array `abi::GATES`.
    pub fn map(fd: BorrowedFd<'_>) -> io::Result<Self> {
        Words::map(fd, MAX_PROBES as usize * WORDS).map(Self)
    }

    /// Opens a new window of `probe`. Everything that begins from here on is counted.
    pub fn open(&self, probe: u8, room: Room) {
        self.set(probe, SHUT_NS, 0);
        self.limit(probe, room);
        self.word(probe, EPOCH, |w| w.fetch_add(1, Release));
        self.set(probe, OPEN, 1);
    }

    /// Closes the window: what begins from here on is not counted, what ends is.
    pub fn close(&self, probe: u8) {
        self.set(probe, OPEN, 0);
    }

    /// Takes note that the sites of a closed window are restored: what is still in flight ends unseen, and is
    /// not what ends when they are armed again. What there was no room for is not counted among the begun.
    pub fn retire(&self, probe: u8) {
        let limit = self.word(probe, LIMIT, |w| w.load(Acquire));
        self.word(probe, BEGUN, |w| w.fetch_min(limit, Release));
        self.word(probe, EPOCH, |w| w.fetch_add(1, Release));
    }

    /// Gives an open window that much room from here on.
    pub fn extend(&self, probe: u8, room: Room) {
        let begun = self.word(probe, BEGUN, |w| w.load(Acquire));
        if begun < self.word(probe, LIMIT, |w| w.load(Acquire)) {
            self.limit(probe, room);
        }
    }

    fn limit(&self, probe: u8, room: Room) {
        for (counter, limit, n) in [
            (EMULATED, MOST_EMULATED, room.traps),
            (STEPPED, MOST_STEPPED, room.traps),
            (BEGUN, LIMIT, room.operations),
        ] {
            let now = self.word(probe, counter, |w| w.load(Acquire));
            self.set(probe, limit, now.saturating_add(n));
        }
    }

    /// Returns when the window reached a limit, in nanoseconds of the monotonic clock.
    pub fn shut_ns(&self, probe: u8) -> Option<u64> {
        // The limit is reached a moment before the time is written.
        Some(self.word(probe, SHUT_NS, |w| w.load(Acquire))).filter(|ns| *ns != 0)
    }

    /// Returns what was counted so far.
    pub fn traffic(&self, probe: u8) -> Traffic {
        let read = |index| self.word(probe, index, |w| w.load(Relaxed));
        let asked = read(BEGUN);
        Traffic {
            asked,
            begun: asked.min(read(LIMIT)),
            emulated: read(EMULATED),
            stepped: read(STEPPED),
        }
    }

    fn set(&self, probe: u8, index: usize, value: u64) {
        self.word(probe, index, |word| word.store(value, Release));
    }

    fn word<T: Default>(&self, probe: u8, index: usize, act: impl FnOnce(&AtomicU64) -> T) -> T {
        let words = self.0.as_slice();
        words
            .get(usize::from(probe) * WORDS + index)
            .map_or_else(T::default, act)
    }
}

/// Says that rtprobe is alive.
#[derive(Debug)]
pub struct Pulse(Words);

impl Pulse {
    /// Maps the array `abi::PULSE`.
    pub fn map(fd: BorrowedFd<'_>) -> io::Result<Self> {
        Words::map(fd, 1).map(Self)
    }

    /// Says so now, and returns when it was said before, in nanoseconds of the monotonic clock.
    pub fn beat(&self, now_ns: u64) -> Option<u64> {
        let before = self.0.as_slice().first()?.swap(now_ns, Release);
        Some(before).filter(|ns| *ns != 0)
    }

    /// Returns when it was said last.
    pub fn last_ns(&self) -> Option<u64> {
        let last = self.0.as_slice().first()?.load(Acquire);
        Some(last).filter(|ns| *ns != 0)
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn words_are_those_of_the_contract() {
        assert_eq!(offset_of!(abi::Gate, open), OPEN * 8);
        assert_eq!(offset_of!(abi::Gate, epoch), EPOCH * 8);
        assert_eq!(offset_of!(abi::Gate, limit), LIMIT * 8);
        assert_eq!(offset_of!(abi::Gate, shut_ns), SHUT_NS * 8);
        assert_eq!(offset_of!(abi::Gate, most_emulated), MOST_EMULATED * 8);
        assert_eq!(offset_of!(abi::Gate, most_stepped), MOST_STEPPED * 8);
        assert_eq!(offset_of!(abi::Gate, begun), BEGUN * 8);
        assert_eq!(offset_of!(abi::Gate, emulated), EMULATED * 8);
        assert_eq!(offset_of!(abi::Gate, stepped), STEPPED * 8);
    }
}

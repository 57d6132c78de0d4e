//! The same words of a process's memory, read again and again in one system call.

use std::collections::BTreeMap;

use super::Untold;
use crate::{address::ProcAddr, sys};

pub(super) const WORD: usize = 8;
/// Address and bytes.
pub(super) type Range = (u64, usize);
/// Readings in one system call; without others in between they are half a microsecond apart (Linux 6.18 in a virtual
/// machine).
const READINGS: usize = 12;
/// A system call that takes so many times as long as the shortest was interrupted.
const INTERRUPTED: f64 = 2.0;
/// Calls until it is known how short they are.
const WARM_UP: usize = 8;

/// Reads a process's memory.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pid: u32,
    /// Where nothing is written.
    elsewhere: ProcAddr,
    single: Shortest,
    /// By the ranges that are read.
    series: BTreeMap<usize, Shortest>,
}

/// Words that were read at regular intervals.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) readings: Vec<Vec<u64>>,
    /// From one reading to the next, and where no call took longer than the shortest.
    pub(super) each_ns: f64,
    pub(super) least_each_ns: f64,
}

/// The shortest that system calls of one form took.
#[derive(Clone, Copy, Debug)]
struct Shortest(u64);

impl Reader {
    pub(super) fn new(pid: u32, elsewhere: ProcAddr) -> Self {
        Self {
            pid,
            elsewhere,
            single: Shortest::default(),
            series: BTreeMap::new(),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Reads one word.
    pub(super) fn word(&mut self, at: u64) -> Result<u64, Untold> {
        let n_calls = if self.series.is_empty() { WARM_UP } else { 1 };
        let mut word = 0;
        for _ in 0..n_calls {
            let (words, took_ns) = self.read(&[(at, WORD)])?;
            self.single.admits(took_ns);
            word = words.first().copied().unwrap_or(0);
        }
        Ok(word)
    }

    /// Reads ranges of whole words several times, each time followed by so many words elsewhere, for the time that takes.
    pub(super) fn series(&mut self, what: &[Range], pauses: usize) -> Result<Series, Untold> {
        let of_reading = what.len() + pauses;
        let n_ranges = (READINGS - 1) * of_reading + what.len();
        let n_words: usize = what.iter().map(|(_, len)| len / WORD).sum();
        let words_of_reading = n_words + pauses;
        let elsewhere = std::iter::repeat_n((self.elsewhere.0, WORD), pauses);
        let reading = what.iter().copied().chain(elsewhere);
        if pauses > 0 {
            // The first pause takes no longer than the others where this is in the caches.
            self.read(&[(self.elsewhere.0, WORD)])?;
        }
        let ranges = reading.cycle().take(n_ranges);
        let (words, took_ns) = self.read(&ranges.collect::<Vec<_>>())?;
        let shortest = self.series.entry(n_ranges).or_default();
        if !shortest.admits(took_ns) {
            return Err(Untold::Now);
        }
        // A call for one word takes as long as what is not between the first and the last of many.
        let single_ns = self.single.0;
        let each_ns = |took_ns: u64| {
            let ns = took_ns.saturating_sub(single_ns) as f64;
            ns * of_reading as f64 / (n_ranges - 1) as f64
        };
        let (each_ns, least_each_ns) = (each_ns(took_ns), each_ns(shortest.0));
        let readings = words.chunks(words_of_reading);
        Ok(Series {
            readings: readings
                .map(|words| words.iter().take(n_words).copied().collect())
                .collect(),
            each_ns,
            least_each_ns,
        })
    }

    /// Returns the words, and how long it took to read them.
    fn read(&self, ranges: &[Range]) -> Result<(Vec<u64>, u64), Untold> {
        let mut bytes = vec![0; ranges.iter().map(|(_, len)| len).sum()];
        let began_ns = sys::monotonic_ns();
        let read = sys::process_vm_read(self.pid, &mut bytes, ranges);
        let took_ns = sys::monotonic_ns().saturating_sub(began_ns);
        if !matches!(read, Ok(n) if n == bytes.len()) {
            return Err(Untold::Ever);
        }
        let words = bytes.as_chunks().0.iter();
        let words = words.map(|word| u64::from_le_bytes(*word));
        Ok((words.collect(), took_ns))
    }
}

impl Shortest {
    /// Returns whether a call was as short as others, as far as is known by now.
    fn admits(&mut self, took_ns: u64) -> bool {
        self.0 = self.0.min(took_ns);
        took_ns as f64 <= self.0 as f64 * INTERRUPTED
    }
}

impl Default for Shortest {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_again_and_again() {
        let words: [u64; 4] = [6, 7, 8, 9];
        let at = words.each_ref().map(|word| std::ptr::from_ref(word) as u64);
        let mut reader = Reader::new(std::process::id(), ProcAddr(at[0]));
        assert_eq!(reader.word(at[3]), Ok(9));
        let what = [(at[3], WORD), (at[1], 2 * WORD)];
        let series = (0..20).find_map(|_| reader.series(&what, 3).ok()).unwrap();
        assert_eq!(series.readings, vec![vec![9, 7, 8]; READINGS]);
        assert!(series.each_ns > 0.0);
        assert_eq!(reader.word(8), Err(Untold::Ever));
    }
}

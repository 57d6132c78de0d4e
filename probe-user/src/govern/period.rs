//! What a window stands for.
//!
//! Time is divided into periods before it is known what will happen in them, and each gets one window somewhere
//! in it, at random. Then every moment of a period is as likely to be seen as any other, whatever the program
//! does, and what the window saw stands for the period. That holds only as long as the window does not end
//! because of what it saw. One that its limit cut short stands for what it was open of, and what is left of it when
//! that is known is a period of its own, with a shorter window in it: a sample of a sample. What goes by between
//! the two is not represented; it is the part of long windows that are cut, which few are.

use super::{Closed, MIN_LENGTH_NS};

/// A stretch of time and the window in it; nanoseconds since the governor started.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    pub begin_ns: u64,
    pub end_ns: u64,
    /// When the window is to open, and for how long.
    pub start_ns: u64,
    pub length_ns: u64,
    /// What each moment of the period stands for.
    weight: f64,
    /// Where the next period begins.
    resume_ns: u64,
}

impl Period {
    /// Places a window of `length_ns` into the `whole_ns` from `begin_ns` on. `random`: 0…1.
    pub fn place(begin_ns: u64, whole_ns: f64, length_ns: f64, random: f64) -> Self {
        let end_ns = begin_ns.saturating_add(whole_ns as u64);
        let room_ns = (whole_ns - length_ns).max(0.0);
        Self {
            begin_ns,
            end_ns,
            start_ns: begin_ns.saturating_add((room_ns * random) as u64),
            length_ns: (length_ns as u64).max(1),
            weight: 1.0,
            resume_ns: end_ns,
        }
    }

    /// Returns what `open_ns` of its window stand for.
    pub fn stands_for_ns(&self, open_ns: u64) -> f64 {
        let part = (open_ns as f64 / self.length_ns as f64).min(1.0);
        self.whole_ns() * self.weight * part
    }

    /// Returns when the next period begins at the earliest, given that the window closed at `closed_ns`.
    pub fn resume_ns(&self, closed_ns: u64) -> u64 {
        self.resume_ns.max(closed_ns)
    }

    /// Returns what is left at `now_ns` of a window that was cut, with a short window in it; `None` where that is
    /// too little.
    pub fn rest(&self, closed: Closed, now_ns: u64, random: f64) -> Option<Self> {
        let is_cut = (1..self.length_ns).contains(&closed.open_ns());
        let end_ns = closed.opened_ns.saturating_add(self.length_ns);
        let rest_ns = end_ns.saturating_sub(now_ns) as f64;
        (is_cut && rest_ns > 2.0 * MIN_LENGTH_NS).then(|| Self {
            weight: self.weight * self.whole_ns() / self.length_ns as f64,
            resume_ns: self.resume_ns.max(end_ns),
            ..Self::place(now_ns, rest_ns, MIN_LENGTH_NS, random)
        })
    }

    /// Puts the window off; the period lasts so much longer.
    pub fn postpone(&mut self, ns: u64) {
        self.start_ns += ns;
        self.end_ns += ns;
        self.resume_ns += ns;
    }

    fn whole_ns(&self) -> f64 {
        self.end_ns.saturating_sub(self.begin_ns) as f64
    }
}

//! What `rtprobe explain` says about a rule.

/// Prose about one rule, plain text without line breaks but in the example.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    /// One line, without a final stop.
    pub title: &'static str,
    /// What the runtime does, and what it costs.
    pub in_the_runtime: &'static str,
    /// What rtprobe observes, and from when it speaks.
    pub how_it_is_seen: &'static str,
    /// Go, before and after.
    pub example: &'static str,
    /// Which Go releases differ, and how.
    pub versions: &'static str,
}

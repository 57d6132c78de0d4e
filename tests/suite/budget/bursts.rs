//! A program that works for a millisecond in each hundred.

use super::{flat_out::watch, meter};
use crate::support::assert_sums;

/// Of an interval that holds 95 % of all estimates, lest one run in twenty fails: how much wider it is here.
const WIDER: f64 = 1.5;

/// What is told is never so many times the truth.
const FAR_OFF: f64 = 6.0;

#[test]
fn bursts_are_not_taken_for_the_whole() {
    let Some(mut target) = meter::start("burst") else {
        return;
    };
    let run = watch(
        &mut target,
        8,
        &["--only", "chan-send", "--max-overhead", "2%"],
    );
    assert_sums(&run.report);
    let truth = run.after.rate_since(run.before);
    let seconds = run.report.window.duration_ns as f64 / 1e9;
    let sites = run.report.call_sites.iter();
    let (count, low, high) = sites.fold((0, 0, 0), |(count, low, high), site| {
        let bounds = (low + site.count_low, high + site.count_high);
        (count + site.count, bounds.0, bounds.1)
    });
    let rate = |count: u64| count as f64 / seconds;
    eprintln!(
        "{truth:.0} sends a second, told {:.0}: {:.0} to {:.0}",
        rate(count),
        rate(low),
        rate(high)
    );
    let least = rate(count) - WIDER * (rate(count) - rate(low));
    let most = rate(count) + WIDER * (rate(high) - rate(count));
    // The program is asked a little before and after: a burst more or less.
    let edge = truth * 0.03;
    assert!(
        least - edge <= truth && truth <= most + edge,
        "{truth} is not in {least} to {most}"
    );
    // A single run sees few bursts; `govern/unbiased.rs` has the mean of many.
    let told = rate(count);
    assert!(told < truth * FAR_OFF, "{told} for {truth}");
}

//! Operations that take a known time.

use std::thread;

use anyhow::Result;
use rtprobe_tests::figures::table::{Table, time};

use super::{LIMITS, Watched, error, find_go, start, watch};
use crate::{target::field, watch::Span};

/// An operation of the program, what it takes and how often it is made per second.
struct Operation {
    what: &'static str,
    name: &'static str,
    probe: &'static str,
    function: &'static str,
    takes: &'static str,
    rate: &'static str,
}

const fn call(takes: &'static str, rate: &'static str) -> Operation {
    Operation {
        what: "call of C",
        name: "call",
        probe: "cgo-call",
        function: "main.call",
        takes,
        rate,
    }
}

const fn wait(takes: &'static str, rate: &'static str) -> Operation {
    Operation {
        what: "send that waits",
        name: "wait",
        probe: "chan-send",
        function: "main.wait",
        takes,
        rate,
    }
}

const OPERATIONS: [Operation; 11] = [
    call("100ns", "1000"),
    call("1us", "1000"),
    call("10us", "1000"),
    call("100us", "1000"),
    call("1ms", "250"),
    call("10ms", "25"),
    call("100ms", "5"),
    wait("20us", "1000"),
    wait("200us", "1000"),
    wait("10ms", "25"),
    wait("100ms", "5"),
];

/// The bound: 5 % of the truth, or two floors.
const SHARE: f64 = 0.05;
const FLOORS: f64 = 2.0;

/// What the program measured before, unprobed, in nanoseconds.
struct Known {
    mean: f64,
    p50: f64,
    p99: f64,
}

pub(crate) fn latencies() -> Result<()> {
    let go = find_go()?;
    println!(
        "Each operation is measured by the program itself, clock reads around the line: what it takes when unprobed, \
         right before the window, is compared with what is told of the window. Figures are *told, error*. Right is what \
         is within 5 % or two floors.\n"
    );
    let mut table = Table::new(&[
        "operation",
        "takes",
        "limit",
        "observed",
        "floor",
        "count",
        "p50",
        "p99",
        "mean",
        "p50, p99 right",
    ]);
    let (mut right, mut all) = (0, 0);
    for operation in &OPERATIONS {
        let args = [
            "-do",
            operation.name,
            "-takes",
            operation.takes,
            "-rate",
            operation.rate,
        ];
        let meter = start(&go, &args)?;
        for limit in LIMITS {
            let (span, ()) = Span::during(|| thread::sleep(limit.1))?;
            let words = meter.ask(&format!("{} {}", span.from, span.to), "TOOK")?;
            let (n, sum_ns): (f64, f64) = (field(&words, 0)?, field(&words, 1)?);
            let known = Known {
                mean: sum_ns / n,
                p50: field(&words, 2)?,
                p99: field(&words, 3)?,
            };
            let watched = watch(&meter, limit, operation.probe, operation.function)?;
            let (cells, is_right) = row(&watched, &known);
            all += is_right.len();
            right += is_right.iter().filter(|is_right| **is_right).count();
            let about = [
                format!("{}, {}/s", operation.what, operation.rate),
                time(known.p50),
                limit.0.to_owned(),
            ];
            table.row(about.into_iter().chain(cells));
        }
    }
    println!("{table}\n{right} of {all} quantiles are right.");
    Ok(())
}

/// The cells of a row, and whether p50 and p99 are right.
fn row(watched: &Watched, known: &Known) -> (Vec<String>, [bool; 2]) {
    let told = &watched.told;
    let n = watched.pace.operations;
    let observed = format!("{} of {n:.0}", told.hits);
    let Some(latency) = &told.latency else {
        let none = ["–"; 5].map(str::to_owned);
        let cells = [observed].into_iter().chain(none);
        return (cells.chain(["not seen".to_owned()]).collect(), [false; 2]);
    };
    let both = |told: f64, truth: f64| format!("{}, {}", time(told), error(told, truth));
    let floor = latency.floor_ns.map_or(0.0, |floor| floor as f64);
    let is_right =
        |told: u64, truth: f64| (told as f64 - truth).abs() <= (truth * SHARE).max(floor * FLOORS);
    let right = [
        is_right(latency.p50_ns, known.p50),
        is_right(latency.p99_ns, known.p99),
    ];
    let cells = vec![
        observed,
        time(floor),
        format!("{:.0}, {}", told.count, error(told.count, n)),
        both(latency.p50_ns as f64, known.p50),
        both(latency.p99_ns as f64, known.p99),
        both(latency.mean_ns, known.mean),
        right
            .map(|right| if right { "yes" } else { "**no**" })
            .join(", "),
    ];
    (cells, right)
}

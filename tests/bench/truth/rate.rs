//! Operations that come at a known rate, evenly or in bursts.

use std::{thread, time::Duration};

use anyhow::Result;
use rtprobe_tests::figures::table::Table;

use super::{LIMITS, error, find_go, start, watch};
use crate::watch::Span;

const UNPROBED: Duration = Duration::from_secs(1);
/// How long it takes to put the probes on.
const ONE_AFTER_ANOTHER: Duration = Duration::from_millis(10);

/// How sends come.
struct Pace {
    rate: &'static str,
    burst: &'static str,
    between: &'static str,
}

const fn pace(rate: &'static str, burst: &'static str, between: &'static str) -> Pace {
    Pace {
        rate,
        burst,
        between,
    }
}

const PACES: [Pace; 9] = [
    pace("10", "1", "sleep"),
    pace("1000", "1", "sleep"),
    pace("1000", "100", "sleep"),
    pace("30000", "3000", "sleep"),
    pace("1000000", "100000", "sleep"),
    pace("30000", "1", "compute"),
    pace("300000", "1", "compute"),
    pace("1000000", "1", "compute"),
    pace("30000", "1", "poll"),
];

pub(crate) fn rates() -> Result<()> {
    let go = find_go()?;
    println!(
        "Sends to a channel with room, on one thread. *Count* is compared with the program's own in the same window, \
         *rate* with that of the program right before, unprobed. Between two sends, or rows of them, the program \
         sleeps, computes, or polls the clock.\n"
    );
    let mut table = Table::new(&[
        "rate",
        "in a row",
        "between",
        "limit",
        "observed",
        "truth",
        "count",
        "truth in the interval",
        "interval",
        "rate",
    ]);
    for pace in PACES {
        let Pace {
            rate,
            burst,
            between,
        } = pace;
        let args = [
            "-do", "send", "-rate", rate, "-burst", burst, "-between", between,
        ];
        let meter = start(&go, &args)?;
        for limit in LIMITS {
            let (span, ()) = Span::during(|| thread::sleep(UNPROBED))?;
            let unprobed = meter.pace(span)?;
            let watched = watch(&meter, limit, "chan-send", "main.send")?;
            let (told, truth) = (&watched.told, watched.pace.operations);
            // At either end of the window a row may be counted on one side only, and the first probes are on before
            // the last, with which it begins.
            let row: f64 = burst.parse()?;
            let slack = row + ONE_AFTER_ANOTHER.as_secs_f64() * watched.pace.speed();
            table.row([
                format!("{rate}/s"),
                burst.to_owned(),
                between.to_owned(),
                limit.0.to_owned(),
                format!("{:.1} %", told.observed_share * 1e2),
                format!("{truth:.0}"),
                format!("{:.0}, {}", told.count, error(told.count, truth)),
                if told.is_in_interval(truth, slack) {
                    "yes"
                } else {
                    "**no**"
                }
                .to_owned(),
                format!("± {:.0} %", told.half_width() * 1e2),
                format!("{:.0}/s, {}", told.rate, error(told.rate, unprobed.speed())),
            ]);
        }
    }
    println!("{table}");
    Ok(())
}

//! Call paths as folded stacks, the input of flame graph tools.

use std::io::{self, Write};

use super::names;
use crate::report::{CallSite, Report};

const NS_PER_S: u64 = 1_000_000_000;

/// Writes one line per call site: the probe, its frames from the outermost to the innermost, and a value.
///
/// ```text
/// chan-send;main.main.func2;example.com/api/hub.(*Hub).Run;example.com/api/hub.(*Hub).Broadcast 44550000
/// ```
///
/// The value is the sum of the latencies in nanoseconds, and the number of operations where no latency is
/// known. `;` separates frames and a space precedes the value, so in names `;` becomes `:`, white space
/// `_`, and what a terminal would obey is spelled out.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for site in &report.call_sites {
        out.write_all(frame(&site.probe).as_bytes())?;
        for function in outermost_first(site) {
            write!(out, ";{}", frame(function))?;
        }
        let value = site
            .latency
            .as_ref()
            .map_or(site.count, |latency| latency.sum_ns);
        writeln!(out, " {value}")?;
    }
    cpu_stacks(report, out)
}

/// CPU samples follow, under the root `cpu` and the kind of work, valued in nanoseconds of CPU time.
fn cpu_stacks(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(cpu) = &report.cpu else {
        return Ok(());
    };
    for stack in &cpu.stacks {
        write!(out, "cpu;{}", frame(&stack.group))?;
        for part in stack.stack.iter().rev() {
            write!(out, ";{}", frame(&part.function))?;
        }
        let period_ns = NS_PER_S / u64::from(cpu.hertz.max(1));
        writeln!(out, " {}", stack.samples.saturating_mul(period_ns))?;
    }
    Ok(())
}

fn outermost_first(site: &CallSite) -> Vec<&str> {
    if site.stack.is_empty() {
        return vec![&site.function];
    }
    site.stack
        .iter()
        .rev()
        .map(|frame| frame.function.as_ref())
        .collect()
}

fn frame(name: &str) -> String {
    let plain = |character: char| match character {
        ';' => ':',
        character if character.is_whitespace() => '_',
        character => character,
    };
    names::inert(name).chars().map(plain).collect()
}

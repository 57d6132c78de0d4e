//! The report as a pprof profile, in the shape of Go's own block and mutex profiles.
//!
//! Each call site is a sample with `contentions` (number of operations) and `delay` (sum of their latencies,
//! in nanoseconds), and the labels `probe` and `reason`. Where a probe counts bytes, `alloc_objects` and
//! `alloc_space` follow, as in Go's heap profile. `delay` is what `go tool pprof` shows first.
//!
//! Where the CPUs were sampled, `samples` and `cpu` follow, as in Go's CPU profile, with the label `work`.

mod proto;
mod tables;

use std::{
    io::{self, Write},
    sync::Arc,
};

use flate2::{Compression, write::GzEncoder};
use prost::Message as _;

use self::{
    proto::{Label, Profile, Sample, ValueType},
    tables::Tables,
};
use crate::report::{CallSite, Cpu, CpuStack, Report, StackFrame};

const NS_PER_S: u64 = 1_000_000_000;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut gzip = GzEncoder::new(out, Compression::default());
    gzip.write_all(&profile(report).encode_to_vec())?;
    gzip.finish()?;
    Ok(())
}

fn profile(report: &Report) -> Profile {
    let mut tables = Tables::new(&report.target);
    let has_bytes = report.call_sites.iter().any(|site| site.bytes.is_some());
    let contentions = value_type(&mut tables, "contentions", "count");
    let mut sample_type = vec![contentions, value_type(&mut tables, "delay", "nanoseconds")];
    if has_bytes {
        sample_type.push(value_type(&mut tables, "alloc_objects", "count"));
        sample_type.push(value_type(&mut tables, "alloc_space", "bytes"));
    }
    if report.cpu.is_some() {
        sample_type.push(value_type(&mut tables, "samples", "count"));
        sample_type.push(value_type(&mut tables, "cpu", "nanoseconds"));
    }
    let n_values = sample_type.len();
    let mut sample: Vec<Sample> = report
        .call_sites
        .iter()
        .map(|site| {
            let mut value = values(site, has_bytes);
            value.resize(n_values, 0);
            Sample {
                location_id: call_site_locations(&mut tables, site),
                value,
                label: labels(&mut tables, site),
            }
        })
        .collect();
    if let Some(cpu) = &report.cpu {
        let stacks = cpu.stacks.iter().filter(|stack| !stack.stack.is_empty());
        sample.extend(stacks.map(|stack| cpu_sample(&mut tables, cpu, stack, n_values)));
    }
    let comment = format!("rtprobe {} ({})", report.rtprobe.version, report.schema);
    let start = report.window.start.parse::<jiff::Timestamp>().ok();
    Profile {
        sample_type,
        sample,
        time_nanos: start
            .and_then(|start| i64::try_from(start.as_nanosecond()).ok())
            .unwrap_or(0),
        duration_nanos: signed(report.window.duration_ns),
        period_type: Some(contentions),
        period: 1,
        comment: vec![tables.text(&comment)],
        default_sample_type: tables.text("delay"),
        mapping: vec![tables.mapping()],
        location: tables.take_locations(),
        function: tables.take_functions(),
        string_table: tables.into_strings(),
    }
}

fn value_type(tables: &mut Tables, kind: &str, unit: &str) -> ValueType {
    ValueType {
        kind: tables.text(kind),
        unit: tables.text(unit),
    }
}

fn values(site: &CallSite, has_bytes: bool) -> Vec<i64> {
    let count = signed(site.count);
    let delay = site
        .latency
        .as_ref()
        .map_or(0, |latency| signed(latency.sum_ns));
    let mut values = vec![count, delay];
    if has_bytes {
        let (objects, space) = site.bytes.map_or((0, 0), |bytes| (count, signed(bytes)));
        values.extend([objects, space]);
    }
    values
}

fn labels(tables: &mut Tables, site: &CallSite) -> Vec<Label> {
    let texts = [
        ("probe", Some(&site.probe)),
        ("reason", site.reason.as_ref()),
    ];
    texts
        .into_iter()
        .filter_map(|(key, text)| Some((key, text?)))
        .map(|(key, text)| Label {
            key: tables.text(key),
            str: tables.name(text),
        })
        .collect()
}

/// A stack of CPU samples; its two values come last.
fn cpu_sample(tables: &mut Tables, cpu: &Cpu, stack: &CpuStack, n_values: usize) -> Sample {
    let period_ns = NS_PER_S / u64::from(cpu.hertz.max(1));
    let mut value = vec![0; n_values.saturating_sub(2)];
    value.push(signed(stack.samples));
    value.push(signed(stack.samples.saturating_mul(period_ns)));
    Sample {
        location_id: locations(tables, &stack.stack),
        value,
        label: vec![Label {
            key: tables.text("work"),
            str: tables.name(&stack.group),
        }],
    }
}

fn call_site_locations(tables: &mut Tables, site: &CallSite) -> Vec<u64> {
    let call_site = [StackFrame {
        function: Arc::clone(&site.function),
        file: Arc::clone(&site.file),
        line: site.line,
        inlined: false,
    }];
    let stack = if site.stack.is_empty() {
        &call_site[..]
    } else {
        &site.stack
    };
    locations(tables, stack)
}

/// Returns the locations of the stack, innermost first. A run of inlined frames and the compiled function
/// that holds them are one location.
fn locations(tables: &mut Tables, stack: &[StackFrame]) -> Vec<u64> {
    stack
        .split_inclusive(|frame| !frame.inlined)
        .map(|frames| tables.location(frames))
        .collect()
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

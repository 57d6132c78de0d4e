//! Reports for the tests of this stage: a plausible service, and the same with everything hostile.

use hdrhistogram::Histogram;

use crate::{
    histogram,
    observed::{CpuSamples, SampledStack},
    report::*,
    samples,
};

const SECONDS: u64 = 30;

/// A report of an HTTP service with two findings, seven probes and six call sites.
pub(super) fn service() -> Report {
    Report {
        schema: SCHEMA.to_owned(),
        rtprobe: Tool { version: "0.1.0".to_owned(), bpf_hash: "5e1f".repeat(16) },
        host: Host {
            kernel: "6.18.44".to_owned(),
            cpus: 2,
            emulated_hit_ns: Some(655.0),
            stepped_hit_ns: Some(9240.0),
            attach: "uprobe_multi".to_owned(),
        },
        target: TargetInfo {
            pid: 1234,
            comm: "api".to_owned(),
            exe: "/srv/api/bin/api".to_owned(),
            go_version: "go1.27.3".to_owned(),
            module: Some("example.com/api".to_owned()),
            build_id: Some("kJ1…".replace('…', "x9Qz/Vb")),
            gomaxprocs: Some(2),
            container_id: Some("3f2a91c07bd4".repeat(5)),
            binary: Binary { stripped: true, dwarf: false, pie: false, cgo: true, trimpath: true },
        },
        window: Window {
            start: "2026-11-20T14:02:11.250Z".to_owned(),
            duration_ns: SECONDS * 1_000_000_000,
            ended_by: EndedBy::Duration,
        },
        cost: Cost {
            budget_share: Some(0.02),
            target_share: Some(0.011),
            hits: 1_457_338,
            predicted_low_share: Some(0.006),
            predicted_high_share: Some(0.02),
            agent_cpu_share: Some(0.002),
            agent_setup_cpu_ns: Some(310_000_000),
            agent_finish_cpu_ns: Some(42_000_000),
            attach_ns: Some(9_120_000),
            detach_ns: Some(31_400_000),
        },
        probes: probes(),
        call_sites: call_sites(),
        timeline: Some(timeline()),
        cpu: Some(cpu()),
        goroutines: None,
        findings: findings(),
        rules: rules(),
        cannot_see: vec![
            "Time in C code is one figure per call: what happens inside it is not Go's runtime.".to_owned(),
            "Allocations of constant size that the compiler placed on the stack never reach the allocator."
                .to_owned(),
        ],
    }
}

/// The same program while it did nothing at all.
pub(super) fn idle() -> Report {
    let mut report = service();
    report.findings.clear();
    report.call_sites.clear();
    report.timeline = None;
    report.cpu = None;
    report.cost.hits = 0;
    report.cost.target_share = None;
    for probe in &mut report.probes {
        (probe.hits, probe.completed, probe.open, probe.count) = (0, 0, 0, 0);
        probe.lost.clear();
    }
    report
}

/// `n` call sites of one shape, the slowest first.
pub(super) fn crowded(n: u64) -> Report {
    let mut report = service();
    report.call_sites = (0..n)
        .map(|i| {
            let function = format!("example.com/api/worker.(*Pool).step{i}");
            site(
                "chan-send",
                &function,
                "worker/pool.go",
                10 + i as u32,
                &[(40_000_u64.saturating_sub(100 * i).max(1), 500)],
            )
        })
        .collect();
    report
}

/// Names that escape, overwrite, reorder, break the format, or never end.
pub(super) const HOSTILE_NAMES: [&str; 9] = [
    "\x1b]0;owned\x07main.title",
    "main.clear\x1b[2J\x1b[1;1H",
    "main.<img src=x onerror=alert(1)>",
    "a\"} evil 1\nmain.newline\r\tmain.tab",
    "=cmd();main;folded 99",
    "main.\u{202e}gnp.exe\u{2066}",
    "main.\u{9b}31mC1",
    "main.e\u{301}\u{301}\u{301}漢字漢字漢字かな\u{200b}zero",
    "",
];

/// The service with hostile text in every field that the target or its binary can set.
pub(super) fn hostile() -> Report {
    let mut report = service();
    let names: Vec<_> = HOSTILE_NAMES
        .iter()
        .map(|&name| name.to_owned())
        .chain([long_name()])
        .collect();
    let nasty = names[0].clone() + &names[3] + &names[5];
    report.call_sites = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let mut site = site(
                "chan-send",
                name,
                &format!("/src/{name}.go"),
                7,
                &[(100 << i, 10)],
            );
            site.inlined_into = Some(name.clone());
            site.reason = Some(name.clone());
            site
        })
        .collect();
    report.cpu = Some(hostile_cpu(&names));
    let target = &mut report.target;
    for field in [&mut target.comm, &mut target.exe, &mut target.go_version] {
        field.clone_from(&nasty);
    }
    target.module = Some(long_name());
    target.container_id = Some(nasty.clone());
    report.findings[0].call_site = Some(Location {
        function: nasty.clone(),
        file: long_name(),
        line: 1,
    });
    report.findings[0].title = nasty.clone();
    report.probes[1].reason = Some(nasty.clone());
    report.probes[0].functions = names;
    report.probes[0].sites[0].function = long_name();
    report.cannot_see.push(nasty);
    report
}

fn hostile_cpu(names: &[String]) -> Cpu {
    let mut cpu = cpu();
    for (stack, name) in cpu.stacks.iter_mut().zip(names) {
        stack.group.clone_from(name);
        for frame in &mut stack.stack {
            frame.function = name.as_str().into();
            frame.file = format!("/src/{name}.go").into();
        }
    }
    for ((function, group), name) in cpu.functions.iter_mut().zip(&mut cpu.groups).zip(names) {
        (function.function, function.file) = (name.clone(), name.clone());
        group.group.clone_from(name);
    }
    cpu
}

pub(super) fn long_name() -> String {
    format!("main.{}", "VeryLongName".repeat(90_000))
}

fn probe(name: &str, functions: &[&str], hits: u64, open: u64, lost: &[(&str, u64)]) -> Probe {
    let n_lost: u64 = lost.iter().map(|(_, n)| n).sum();
    let site = |&function: &&str, kind, offset: u64, instruction: &str, cost| Site {
        function: function.to_owned(),
        kind,
        file_offset: 0x1f_a3c0 + offset,
        instruction: instruction.to_owned(),
        cost,
    };
    Probe {
        name: name.to_owned(),
        state: ProbeState::Attached,
        reason: None,
        functions: functions
            .iter()
            .map(|&function| function.to_owned())
            .collect(),
        sites: functions
            .iter()
            .flat_map(|function| {
                [
                    site(
                        function,
                        SiteKind::Entry,
                        16,
                        "push rbp",
                        SiteCost::Emulated,
                    ),
                    site(
                        function,
                        SiteKind::Exit,
                        900,
                        "call 0x46b8a0",
                        SiteCost::Emulated,
                    ),
                    site(function, SiteKind::Exit, 1300, "ret", SiteCost::Stepped),
                ]
            })
            .collect(),
        observed_share: 1.0,
        hits,
        completed: hits - open - n_lost,
        open,
        lost: lost
            .iter()
            .map(|&(reason, n)| (reason.to_owned(), n))
            .collect(),
        count: hits,
        cost_share: None,
        predicted: None,
    }
}

fn probes() -> Vec<Probe> {
    let mut alloc = probe(
        "alloc",
        &[
            "runtime.mallocgc",
            "runtime.mallocgcSmallNoScanSC2",
            "runtime.mallocgcTinySize8",
        ],
        1_203_441,
        0,
        &[("full", 12)],
    );
    alloc.state = ProbeState::Windowed;
    alloc.observed_share = 0.25;
    alloc.cost_share = Some(0.008);
    alloc.predicted = Some(Prediction {
        operation_ns: 1_840.0,
        rate: Rate {
            per_s: Some(160_000.0),
            low_per_s: Some(158_000.0),
            high_per_s: Some(162_000.0),
            from: Some(RateSource::Counter),
        },
        always_on_share: Some(0.11),
        fate: Fate::Windows,
    });
    alloc.count = 4_813_764;
    alloc.reason =
        Some("on for a quarter of the time to stay within 2 % of the target's CPU time".to_owned());
    let mut cgo = probe("cgo-call", &[], 0, 0, &[]);
    cgo.state = ProbeState::Skipped;
    cgo.reason = Some("the binary has no `runtime.cgocall`: it was built without cgo".to_owned());
    vec![
        probe(
            "chan-send",
            &["runtime.chansend"],
            45_001,
            3,
            &[("stale", 2), ("panic", 1)],
        ),
        alloc,
        probe("timer-start", &["time.newTimer"], 208_812, 0, &[]),
        probe("goroutine-create", &["runtime.newproc1"], 77, 0, &[]),
        probe(
            "stop-the-world",
            &["runtime.stopTheWorldWithSema"],
            6,
            0,
            &[("orphan", 1)],
        ),
        probe("mem-stats", &["runtime.readmemstats_m"], 1, 0, &[]),
        cgo,
    ]
}

/// A call site whose latencies are `values`, each with how often it occurred.
pub(super) fn site(
    probe: &str,
    function: &str,
    file: &str,
    line: u32,
    values: &[(u64, u64)],
) -> CallSite {
    let latency = latency(values);
    let count = latency.count;
    let frame = |function: &str, file: &str, line, inlined| StackFrame {
        function: function.into(),
        file: file.into(),
        line,
        inlined,
    };
    CallSite {
        id: format!("{probe}-{line}"),
        probe: probe.to_owned(),
        function: function.into(),
        file: file.into(),
        line,
        inlined_into: None,
        stack: vec![
            frame(function, file, line, false),
            frame(
                "example.com/api/server.(*Server).handle",
                "example.com/api/server/server.go",
                214,
                true,
            ),
            frame(
                "example.com/api/server.(*Server).Serve",
                "example.com/api/server/server.go",
                88,
                false,
            ),
            frame("main.main.func2", "example.com/api/main.go", 61, false),
        ],
        reason: None,
        hits: count,
        count,
        count_low: count,
        count_high: count,
        rate_per_s: count as f64 / SECONDS as f64,
        bytes: None,
        bytes_per_s: None,
        noted: None,
        latency: Some(latency),
        details: Vec::new(),
    }
}

fn latency(values: &[(u64, u64)]) -> Latency {
    let mut all = Histogram::<u64>::new(2).unwrap();
    for &(ns, count) in values {
        all.record_n(ns, count).unwrap();
    }
    let low = values.iter().map(|&(ns, _)| ns).min().unwrap();
    let high = values.iter().map(|&(ns, _)| ns).max().unwrap();
    let sum_ns: u64 = values.iter().map(|&(ns, count)| ns * count).sum();
    let quantile = |q| all.value_at_quantile(q).min(high);
    Latency {
        count: all.len(),
        floor_ns: Some(400),
        min_ns: low,
        mean_ns: sum_ns as f64 / all.len() as f64,
        p50_ns: quantile(0.5),
        p90_ns: quantile(0.9),
        p99_ns: quantile(0.99),
        p999_ns: quantile(0.999),
        max_ns: high,
        sum_ns,
        histogram: histogram::encode(&all),
    }
}

/// A smooth distribution around `middle_ns`, and a slow tail a thousand times further out.
fn spread(middle_ns: u64, count: u64) -> Vec<(u64, u64)> {
    let shape = [1, 4, 11, 22, 25, 18, 10, 5, 2, 1];
    let body = shape.iter().enumerate().map(|(i, share)| {
        let ns = middle_ns as f64 * 1.6_f64.powi(i as i32 - 4);
        (ns as u64, (count * share / 100).max(1))
    });
    body.chain([(middle_ns * 400, count / 900 + 1), (middle_ns * 900, 1)])
        .collect()
}

fn call_sites() -> Vec<CallSite> {
    let mut broadcast = site(
        "chan-send",
        "example.com/api/hub.(*Hub).Broadcast",
        "example.com/api/hub/hub.go",
        88,
        &spread(820, 44_000),
    );
    broadcast.inlined_into = Some("example.com/api/hub.(*Hub).Run".to_owned());
    let mut encode = site(
        "alloc",
        "example.com/api/internal/codec/protobuf.(*Encoder[go.shape.*uint8]).encodeMessageWithOptions",
        "example.com/api/internal/codec/protobuf/encoder_generic.go",
        1204,
        &spread(310, 1_180_000),
    );
    (encode.bytes, encode.bytes_per_s) = (Some(512_400_000), Some(17_080_000.0));
    (encode.count, encode.count_low, encode.count_high) = (4_720_000, 4_655_000, 4_786_000);
    encode.rate_per_s = 157_333.0;
    let mut world = site(
        "stop-the-world",
        "example.com/api/metrics.collect",
        "example.com/api/metrics/metrics.go",
        41,
        &[(61_000, 3), (88_000, 1), (410_000, 1)],
    );
    world.reason = Some("read mem stats".to_owned());
    let mut open = site(
        "goroutine-create",
        "runtime.main",
        "runtime/proc.go",
        204,
        &[(900, 1)],
    );
    open.latency = None;
    let timer = (
        "example.com/api/hub.(*Conn).readLoop",
        "example.com/api/hub/conn.go",
    );
    vec![
        broadcast,
        site(
            "chan-send",
            "main.(*app).enqueue.func1",
            "example.com/api/main.go",
            132,
            &spread(61_000, 900),
        ),
        site("timer-start", timer.0, timer.1, 57, &spread(480, 208_000)),
        encode,
        world,
        open,
    ]
}

fn timeline() -> Timeline {
    let series = |probe: &str, step: u64| Series {
        probe: probe.to_owned(),
        hits: (0..SECONDS).map(|second| second % 5 * step).collect(),
        latency_ns: (0..SECONDS).map(|second| second % 5 * step * 800).collect(),
        bytes: (probe == "alloc")
            .then(|| (0..SECONDS).map(|second| second % 5 * step * 16).collect()),
    };
    Timeline {
        ends_ns: (1..=SECONDS).map(|second| second * 1_000_000_000).collect(),
        series: vec![series("alloc", 20_000), series("chan-send", 700)],
    }
}

/// 24 s of CPU time in 30 s, a sixth of it for the collector.
fn cpu() -> Cpu {
    let frame = |function: &str, file: &str, line, inlined| StackFrame {
        function: function.into(),
        file: file.into(),
        line,
        inlined,
    };
    let run = || {
        frame(
            "example.com/api/hub.(*Hub).Run",
            "example.com/api/hub/hub.go",
            71,
            false,
        )
    };
    let sum = || {
        frame(
            "example.com/api/codec.sum",
            "example.com/api/codec/sum.go",
            19,
            true,
        )
    };
    let encode = |line| {
        frame(
            "example.com/api/codec.Encode",
            "example.com/api/codec/codec.go",
            line,
            false,
        )
    };
    let runtime = |function, line| frame(function, "runtime/malloc.go", line, false);
    let stack = |samples, in_kernel, user_frame, stack: Vec<StackFrame>| SampledStack {
        stack,
        user_frame,
        in_kernel,
        samples,
        ..SampledStack::default()
    };
    let mut probing = stack(
        26,
        true,
        Some(1),
        vec![runtime("runtime.chansend", 210), run()],
    );
    probing.probing = true;
    samples::summarize(&CpuSamples {
        hertz: 99,
        total: 2402,
        lost: 12,
        outside: 1615,
        roles: std::collections::BTreeMap::new(),
        partial: 3,
        stacks: vec![
            stack(1100, false, Some(0), vec![sum(), encode(40), run()]),
            stack(500, false, Some(0), vec![encode(44), run()]),
            stack(
                400,
                false,
                Some(2),
                vec![
                    runtime("runtime.scanobject", 1400),
                    runtime("runtime.mallocgc", 900),
                    encode(44),
                    run(),
                ],
            ),
            stack(
                360,
                true,
                None,
                vec![frame("syscall.write", "syscall/zsyscall.go", 9, false)],
            ),
            probing,
            stack(4, false, None, vec![frame("[libc.so.6]", "", 0, false)]),
        ],
    })
}

fn findings() -> Vec<Finding> {
    let finding = |rule: &str, severity, title: &str| Finding {
        rule: rule.to_owned(),
        exercises: vec!["dive-5".to_owned()],
        also: Vec::new(),
        title: title.to_owned(),
        severity,
        confidence: 0.97,
        call_site: None,
        called_from: None,
        evidence: Vec::new(),
        refuted_by: "the timers are stopped before they fire and reused".to_owned(),
        cure: String::new(),
        do_not_bother_when: "fewer than 100 a second".to_owned(),
    };
    let evidence = |name: &str, value, unit: &str| Evidence {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
    };
    let mut memory = finding(
        "mem-stats-loop",
        Severity::Info,
        "Memory statistics stop the world on a schedule",
    );
    memory.cure = "Read runtime/metrics instead: it does not stop the world.".to_owned();
    memory.confidence = 0.8;
    let mut timer = finding(
        "timer-per-iteration",
        Severity::Critical,
        "A timer is started for every message",
    );
    timer.call_site = Some(Location {
        function: "example.com/api/hub.(*Conn).readLoop".to_owned(),
        file: "example.com/api/hub/conn.go".to_owned(),
        line: 57,
    });
    timer.called_from = Some(Location {
        function: "main.(*server).serve".to_owned(),
        file: "example.com/api/main.go".to_owned(),
        line: 31,
    });
    timer.evidence = vec![
        evidence("timers started", 6960.4, "1/s"),
        evidence("time in the timer heap", 0.034, "share"),
        evidence("memory", 1_336_320.0, "B/s"),
    ];
    timer.cure = "Make one time.Timer before the loop and Reset it in each round; since Go 1.23 no drain is \
                  needed."
        .to_owned();
    vec![memory, timer]
}

fn rules() -> Vec<RuleVerdict> {
    let rule = |rule: &str, verdict, why: &str, needs: Option<&str>| RuleVerdict {
        rule: rule.to_owned(),
        exercises: vec!["dive-14".to_owned()],
        verdict,
        why: why.to_owned(),
        needs: needs.map(str::to_owned),
    };
    vec![
        rule(
            "timer-per-iteration",
            Verdict::Found,
            "6.96k timers a second from one call site",
            None,
        ),
        rule(
            "goroutine-per-item",
            Verdict::Clear,
            "2.6 goroutines a second",
            None,
        ),
        rule("unbuffered-fan-in", Verdict::Clear, "no send waited", None),
        rule(
            "cgo-chatter",
            Verdict::NotApplicable,
            "the binary has no cgo",
            None,
        ),
        rule(
            "stop-the-world-storm",
            Verdict::NotEnoughData,
            "6 pauses are too few to tell a schedule",
            Some("--duration 5m"),
        ),
    ]
}

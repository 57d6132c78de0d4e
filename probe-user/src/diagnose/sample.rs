//! Observations for the tests of rules: a quiet program, and calls to add to it.

use std::{collections::BTreeMap, sync::Arc};

use probe_ebpf::bucket::bucket_of;

use super::{
    calls::Calls,
    frames::location,
    go_release::GoRelease,
    observed::Observed,
    rule::{Fault, Judgement},
};
use crate::{
    aggregate::Buckets,
    observed::State,
    plan::PROBE_NAMES,
    report::{Binary, Probe, ProbeState, StackFrame, TargetInfo},
    symbolize::{Symbol, SymbolOrigin},
};

/// A function of the program's.
pub(crate) const USER: &str = "example.com/api/work.Do";
/// Length of the window.
pub(crate) const SECONDS: f64 = 10.0;

/// A program that was watched with every probe and state for ten seconds, and did nothing.
pub(crate) fn idle() -> Observed {
    Observed {
        target: TargetInfo {
            pid: 1,
            comm: "api".to_owned(),
            exe: "/srv/api".to_owned(),
            go_version: "go1.27.3".to_owned(),
            module: Some("example.com/api".to_owned()),
            build_id: None,
            gomaxprocs: Some(2),
            container_id: None,
            binary: Binary {
                stripped: true,
                dwarf: false,
                pie: false,
                cgo: true,
                trimpath: true,
            },
        },
        host_cpus: 8,
        go: Some(GoRelease::new(1, 27)),
        default_godebug: None,
        linked: None,
        seconds: SECONDS,
        stopped_seconds: 0.0,
        windows: BTreeMap::new(),
        probes: PROBE_NAMES
            .iter()
            .map(|name| probe(name.as_str()))
            .collect(),
        calls: Vec::new(),
        floors_ns: BTreeMap::new(),
        start: Some(state(0.0)),
        callers: BTreeMap::new(),
        end: Some(State {
            elapsed_ns: (SECONDS * 1e9) as u64,
            ..state(1.0)
        }),
        samples: None,
    }
}

/// The state of a program that has used so many CPUs for the window's length.
pub(crate) fn state(cpus: f64) -> State {
    State {
        cpu_time_ns: Some((cpus * SECONDS * 1e9) as u64),
        gomaxprocs: Some(2),
        ..State::default()
    }
}

fn probe(name: &str) -> Probe {
    Probe {
        name: name.to_owned(),
        state: ProbeState::Attached,
        reason: None,
        functions: Vec::new(),
        sites: Vec::new(),
        observed_share: 1.0,
        hits: 0,
        completed: 0,
        open: 0,
        lost: BTreeMap::new(),
        count: 0,
        cost_share: None,
        predicted: None,
    }
}

impl Observed {
    pub(crate) fn with(mut self, calls: Calls) -> Self {
        if self.probe(&calls.probe).is_none() {
            self.probes.push(probe(&calls.probe));
        }
        self.calls.push(calls);
        self
    }

    pub(crate) fn with_probe(mut self, name: &str) -> Self {
        self.probes.push(probe(name));
        self
    }

    pub(crate) fn without_probe(mut self, name: &str, reason: &str) -> Self {
        for probe in self.probes.iter_mut().filter(|probe| probe.name == name) {
            probe.state = ProbeState::Skipped;
            probe.reason = Some(reason.to_owned());
            probe.observed_share = 0.0;
        }
        self
    }

    /// Lets these lines of [`USER`] call `function`.
    pub(crate) fn calling(mut self, function: &str, lines: &[u32]) -> Self {
        let location = |line: &u32| {
            location(&StackFrame {
                line: *line,
                ..frame(USER)
            })
        };
        (self.callers).insert(function.to_owned(), lines.iter().map(location).collect());
        self
    }

    pub(crate) fn on_go(mut self, minor: u32) -> Self {
        self.go = Some(GoRelease::new(1, minor));
        self
    }

    pub(crate) fn with_godebug(mut self, list: &str) -> Self {
        self.default_godebug = Some(list.to_owned());
        self
    }

    /// Changes the state at both ends.
    pub(crate) fn stated(mut self, change: impl Fn(&mut State)) -> Self {
        for state in [&mut self.start, &mut self.end] {
            change(state.get_or_insert_default());
        }
        self
    }

    /// Changes the state at the end.
    pub(crate) fn ended(mut self, change: impl Fn(&mut State)) -> Self {
        change(self.end.get_or_insert_default());
        self
    }
}

/// Begins calls of one line of the program; nothing lies between it and the probed function.
pub(crate) fn calls(probe: &str) -> Calls {
    Calls {
        probe: probe.to_owned(),
        site: frame(USER),
        by_user: true,
        ..Calls::default()
    }
}

pub(crate) fn frame(function: &str) -> StackFrame {
    StackFrame {
        function: function.into(),
        file: "/src/api/work.go".into(),
        line: 12,
        inlined: false,
    }
}

fn symbol(function: &str, origin: SymbolOrigin) -> Arc<Symbol> {
    Arc::new(Symbol {
        frame: frame(function),
        origin,
        grows_from_nothing: false,
    })
}

impl Calls {
    pub(crate) fn per_second(mut self, rate: f64) -> Self {
        self.count = rate * SECONDS;
        (self.low, self.high) = (self.count, self.count);
        self.hits = self.count.round() as u64;
        self.completed = self.hits;
        self
    }

    /// Makes the count an estimate with these ends of its interval, as shares of it; to be called after
    /// [`Self::per_second`].
    pub(crate) fn between(mut self, low: f64, high: f64) -> Self {
        (self.low, self.high) = (self.count * low, self.count * high);
        self
    }

    /// Lets each take so long, net; to be called after [`Self::per_second`].
    pub(crate) fn lasting(mut self, ns: u64) -> Self {
        self.sum_ns = self.count * ns as f64;
        (self.min_ns, self.max_ns) = (ns, ns);
        self.latencies = Buckets::default();
        self.latencies.set(bucket_of(ns), self.completed);
        self
    }

    /// Lets each be of so many bytes; to be called after [`Self::per_second`].
    pub(crate) fn of_bytes(mut self, bytes: u64) -> Self {
        self.bytes = self.count * bytes as f64;
        self
    }

    pub(crate) fn noting(mut self, share: f64) -> Self {
        self.noted = self.count * share;
        self
    }

    pub(crate) fn detail(mut self, detail: u64) -> Self {
        self.detail = detail;
        self
    }

    pub(crate) fn reason(mut self, reason: u8) -> Self {
        self.reason = reason;
        self
    }

    /// Gives what is allocated a type.
    pub(crate) fn of_type(mut self, name: &str) -> Self {
        self.what = Some(name.to_owned());
        self.detail = 0x50_0000;
        self
    }

    pub(crate) fn at_line(mut self, line: u32) -> Self {
        self.site.line = line;
        self
    }

    /// Puts functions of the runtime between, innermost first.
    pub(crate) fn through_runtime(mut self, functions: &[&str]) -> Self {
        let symbols = functions
            .iter()
            .map(|name| symbol(name, SymbolOrigin::Runtime));
        self.below.extend(symbols);
        self
    }

    /// Puts functions of the standard library between, innermost first.
    pub(crate) fn through_library(mut self, functions: &[&str]) -> Self {
        let symbols = functions
            .iter()
            .map(|name| symbol(name, SymbolOrigin::Standard));
        self.below.extend(symbols);
        self
    }

    pub(crate) fn called_by(mut self, function: &str) -> Self {
        self.above.push(symbol(function, SymbolOrigin::Standard));
        self
    }

    /// Makes it the library's or the runtime's own: no line of the user's is on the stack.
    pub(crate) fn not_by_user(mut self) -> Self {
        self.by_user = false;
        self
    }
}

/// Returns the faults of a judgement that must be one.
pub(crate) fn found(judgement: Judgement) -> Vec<Fault> {
    match judgement {
        Judgement::Found(faults) => faults,
        other => panic!("not found: {other:?}"),
    }
}

pub(crate) fn is_clear(judgement: &Judgement) -> bool {
    matches!(judgement, Judgement::Clear(_))
}

pub(crate) fn is_undecided(judgement: &Judgement) -> bool {
    matches!(judgement, Judgement::NotEnoughData { .. })
}

pub(crate) fn is_inapplicable(judgement: &Judgement) -> bool {
    matches!(judgement, Judgement::NotApplicable(_))
}

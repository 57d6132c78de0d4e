//! `thread-locked-goroutine`.
//!
//! # What it looks for
//! Goroutines that are locked to a thread and do nothing that needs one.
//! # Why it matters
//! Each wait of such a goroutine is a switch of threads by the kernel (src/runtime/proc.go `stoplockedm`).
//! # Evidence
//! Locked goroutines in the census, calls of `LockOSThread`, and whether the program calls C at all.
//! # What to try
//! Leave the lock out.
//! # References
//! dive-10, source-8, package-9.

use super::prelude::*;
use crate::{
    diagnose::frames::{first_of_user, location, without_closures, written_in},
    observed::Census,
    report::{GoroutineGroup, Location, StackFrame},
};

/// One hand-over between threads: the locked one is woken, the other gives its P away.
const HAND_OVER_NS: f64 = 5_000.0;
/// Calls that act on the thread they are made on: what makes them needs the lock.
const PER_THREAD: [&str; 10] = [
    "Setns",
    "Unshare",
    "Prctl",
    "Capset",
    "SchedSetaffinity",
    "Setfsuid",
    "Setfsgid",
    "PtraceAttach",
    "Ptrace",
    "Gettid",
];

pub static RULE: Rule = Rule {
    name: "thread-locked-goroutine",
    exercises: &["dive-10", "source-8", "package-9"],
    probes: &["thread-lock", "cgo-call", "park"],
    examine,
    advice: Advice {
        refuted_by: "a library of C with thread-local state, a namespace or a graphics context that this goroutine set up before.",
        cure: "Delete runtime.LockOSThread. It pins to no CPU and makes nothing faster; only calls that depend on the thread itself need it.",
        do_not_bother_when: "The locked goroutines are a handful and rarely wait.",
    },
    explanation: Explanation {
        title: "Goroutines locked to a thread without need",
        in_the_runtime: "LockOSThread ties the goroutine to its thread. When it waits, the thread can't run another goroutine: it gives its P away and sleeps. When it can go on, whoever finds it has to wake that thread and hand over the P. What is a switch of 200 ns inside the scheduler becomes two switches by the kernel.",
        how_it_is_seen: "The census of goroutines tells which are locked by the program's own code, also by locks taken long before; a probe counts calls meanwhile; the line is that of the call in a function on the goroutine's stack, else where it waits. Found where the program's locked goroutines make no call into C or on the thread's own state while it is watched, and the thread has no namespace, directory, credentials, affinity or priority that other threads have not.",
        example: "// before\nfunc worker(jobs <-chan Job) {\n\truntime.LockOSThread()\n\tdefer runtime.UnlockOSThread()\n\tfor j := range jobs {\n\t\tj.Run()\n\t}\n}\n\n// after\nfunc worker(jobs <-chan Job) {\n\tfor j := range jobs {\n\t\tj.Run()\n\t}\n}",
        versions: "Go 1.21 to 1.27 alike.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let census = observed
        .end
        .as_ref()
        .and_then(|state| state.census.as_ref());
    let census = census.or_else(|| {
        observed
            .start
            .as_ref()
            .and_then(|state| state.census.as_ref())
    });
    let locks = observed.sites("thread-lock", |calls| calls.by_user);
    let mut faults: Vec<Fault> = locks
        .iter()
        .filter(|site| !needs_thread(observed, &site.site.function, &[]))
        .filter(|site| !census.is_some_and(|census| changes_thread(census, &site.site.function)))
        .map(|site| at_call(observed, site))
        .collect();
    if let Some(census) = census {
        faults.extend(from_census(observed, census, &locks));
    }
    Judgement::found_or(faults, || match (census, observed.missing("thread-lock")) {
        (Some(_), _) => {
            Judgement::Clear("no goroutine is locked to a thread without need".to_owned())
        }
        (None, Some(missing)) => missing,
        (None, None) => Judgement::not_enough(
            "no lock was taken while it was watched; goroutines locked before are not known",
            "a build whose goroutines rtprobe can read",
        ),
    })
}

/// Whether a goroutine does what needs its thread: its function calls C, or its stack is at a call that acts
/// on the thread.
fn needs_thread(observed: &Observed, function: &str, stack: &[StackFrame]) -> bool {
    let own = outer(function);
    let calls_c = |calls: &Calls| {
        calls.probe == "cgo-call"
            && (outer(&calls.site.function) == own
                || calls
                    .above
                    .iter()
                    .any(|symbol| outer(&symbol.frame.function) == own))
    };
    let is_per_thread = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        PER_THREAD.contains(&last) || name.starts_with("runtime.cgocall")
    };
    observed.calls.iter().any(calls_c) || stack.iter().any(|frame| is_per_thread(&frame.function))
}

/// Whether a goroutine that runs `function` has a thread that is set up in another way than the others: a
/// namespace, a directory, credentials, an affinity of its own. That is what a lock is for, also long after the
/// calls that did it.
fn changes_thread(census: &Census, function: &str) -> bool {
    let own = outer(function);
    let runs = |group: &GoroutineGroup| {
        let mut frames = group.stack.iter();
        frames.any(|frame| outer(&frame.function) == own)
    };
    census.with_own_thread_state.iter().any(runs)
}

/// A function without the closures inside it.
fn outer(function: &str) -> &str {
    without_closures(written_in(function))
}

fn at_call(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let waits = waits_per_s(observed, &site.site.function);
    let share = observed.cpu_share(waits * HAND_OVER_NS);
    Fault::at(site, "a goroutine is locked to its thread without need")
        .evidence("locks", site.rate_per_s(), "1/s")
        .evidence("waits while locked", waits, "1/s")
        .costs(share)
        .less_sure(0.85)
}

/// Waits of goroutines that run `function`.
fn waits_per_s(observed: &Observed, function: &str) -> f64 {
    let parks = observed.sites("park", |calls| &*calls.site.function == function);
    total(&parks, AtSite::rate_per_s)
}

/// Goroutines that were locked at the same line.
struct Locked<'a> {
    place: Location,
    /// Where the first of them waits.
    waits_at: Location,
    first: &'a GoroutineGroup,
    count: u64,
}

fn from_census(observed: &Observed, census: &Census, known: &[AtSite<'_>]) -> Vec<Fault> {
    let module = observed.target.module.as_deref();
    let mut all: Vec<Locked<'_>> = Vec::new();
    for group in &census.locked_to_thread {
        // The runtime locks the goroutine of package initialisation, and libraries may lock their own.
        let Some(frame) = first_of_user(&group.stack, module) else {
            continue;
        };
        let waits_at = location(frame);
        let place = locked_at(observed, group).unwrap_or_else(|| waits_at.clone());
        let is_known = known.iter().any(|site| {
            [&place, &waits_at]
                .map(|at| &at.function)
                .contains(&&site.site.function)
        });
        if is_known
            || changes_thread(census, &waits_at.function)
            || needs_thread(observed, &waits_at.function, &group.stack)
        {
            continue;
        }
        match all.iter_mut().find(|other| other.place == place) {
            Some(known) => known.count = known.count.saturating_add(group.count),
            None => all.push(Locked {
                place,
                waits_at,
                first: group,
                count: group.count,
            }),
        }
    }
    let fault = |locked: Locked<'_>| {
        let waits = waits_per_s(observed, &locked.waits_at.function);
        let mut fault = Fault::new("goroutines are locked to threads without need")
            .evidence("locked goroutines", locked.count as f64, "")
            .evidence("waits while locked", waits, "1/s")
            .costs(observed.cpu_share(waits * HAND_OVER_NS));
        fault.site = Some(locked.place);
        // When it was locked nobody looked.
        fault.confidence = if locked.first.wait_reason.is_some() {
            0.85
        } else {
            0.75
        };
        if observed.target.binary.cgo {
            fault = fault.less_sure(0.8);
        }
        fault
    };
    all.into_iter().map(fault).collect()
}

/// Returns where a goroutine was locked: the innermost function on its stack that locks, or the one line of the
/// program's that does.
fn locked_at(observed: &Observed, group: &GoroutineGroup) -> Option<Location> {
    const LOCK: &str = "runtime.LockOSThread";
    let lines = observed.callers.get(LOCK)?;
    let in_frame = |frame: &StackFrame| {
        let function = written_in(&frame.function);
        lines
            .iter()
            .find(|line| written_in(&line.function) == function)
    };
    let on_stack = group.stack.iter().find_map(in_frame);
    on_stack.or_else(|| observed.only_caller(LOCK)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(functions: &[&str]) -> GoroutineGroup {
        GoroutineGroup {
            state: "waiting".to_owned(),
            wait_reason: Some("chan receive".to_owned()),
            count: 4,
            created_by: None,
            stack: functions.iter().map(|name| sample::frame(name)).collect(),
            ..GoroutineGroup::default()
        }
    }

    fn locked(functions: &[&str]) -> Observed {
        let census = Census {
            total: 9,
            locked_to_thread: vec![group(functions)],
            ..Census::default()
        };
        idle().stated(move |state| state.census = Some(census.clone()))
    }

    #[test]
    fn workers_that_wait_while_locked_are_found() {
        let seen = locked(&[
            "runtime.gopark",
            "runtime.chanrecv",
            "example.com/api.worker",
        ]);
        let waiting = Calls {
            site: sample::frame("example.com/api.worker"),
            ..calls("park").per_second(20_000.0)
        };
        let faults = found(examine(&seen.with(waiting)));
        assert_eq!(faults[0].severity(), Severity::Critical);
        assert_eq!(
            faults[0].site.as_ref().map(|site| site.function.as_str()),
            Some("example.com/api.worker")
        );
    }

    #[test]
    fn the_call_that_locked_is_named_where_it_can_be_told() {
        let seen = locked(&["runtime.gopark", "example.com/api.next", sample::USER]);
        let line = |seen: &Observed| {
            let site = found(examine(seen)).remove(0).site.unwrap();
            (site.function, site.line)
        };
        let at_call = |line| (sample::USER.to_owned(), line);
        let lock = |lines| seen.clone().calling("runtime.LockOSThread", lines);
        assert_eq!(line(&lock(&[5])), at_call(5));
        assert_eq!(line(&lock(&[5, 9])), at_call(5), "it is on the stack");
        let elsewhere = locked(&["example.com/api.next"]);
        let elsewhere = |lines| elsewhere.clone().calling("runtime.LockOSThread", lines);
        assert_eq!(line(&elsewhere(&[5])), at_call(5), "the only one");
        assert_eq!(line(&elsewhere(&[5, 9])).0, "example.com/api.next");
    }

    #[test]
    fn a_lock_taken_meanwhile_names_its_line() {
        let lock = calls("thread-lock").per_second(0.1);
        assert_eq!(
            found(examine(&idle().with(lock)))[0].severity(),
            Severity::Info
        );
    }

    #[test]
    fn cgo_and_namespaces_are_silent() {
        let into_c = Calls {
            site: sample::frame("example.com/api.worker"),
            ..calls("cgo-call").per_second(1.0)
        };
        assert!(is_clear(&examine(
            &locked(&["example.com/api.worker"]).with(into_c)
        )));
        let namespaces = [
            "syscall.Syscall",
            "golang.org/x/sys/unix.Setns",
            "example.com/api.worker",
        ];
        assert!(is_clear(&examine(&locked(&namespaces))));
    }

    #[test]
    fn a_thread_with_state_of_its_own_needs_the_lock() {
        let serving = [
            "runtime.gopark",
            "runtime.chanrecv",
            "example.com/api.worker",
        ];
        let mut seen = locked(&serving);
        assert_eq!(found(examine(&seen)).len(), 1);
        for state in [&mut seen.start, &mut seen.end] {
            let census = state.as_mut().and_then(|state| state.census.as_mut());
            let census = census.expect("a census");
            census.with_own_thread_state = vec![group(&serving)];
        }
        assert!(is_clear(&examine(&seen)));
        let lock = Calls {
            site: sample::frame("example.com/api.worker"),
            ..calls("thread-lock").per_second(1.0)
        };
        assert!(is_clear(&examine(&seen.with(lock))));
    }

    #[test]
    fn without_a_census_silence_means_nothing() {
        assert!(is_undecided(&examine(&idle().with_probe("thread-lock"))));
        assert!(is_clear(&examine(
            &idle().stated(|state| state.census = Some(Census::default()))
        )));
    }
}

//! The name of a runtime function to what the runtime does there on the program's behalf.
//!
//! By name, because the same work keeps its name across Go versions better than its file: names are of
//! Go 1.21 to 1.27. What is not listed is the work of whatever called it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::observed::SampledStack;

/// What a sample's CPU time went into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// The user's own code, what was inlined into it included.
    User,
    StandardLibrary,
    /// Marking, sweeping, assists, write barriers, giving memory back.
    GarbageCollection,
    Allocation,
    /// Choosing, waking, starting and ending goroutines; threads that look for work.
    Scheduling,
    Channels,
    Locks,
    Maps,
    Timers,
    /// Moving and clearing memory.
    Copying,
    StackGrowth,
    /// Conversions to interfaces, type switches and assertions.
    Interfaces,
    /// Panics, recovering, deferred calls that are kept in a list.
    Defers,
    /// The program looks at itself: stack traces, profiles, traces.
    Profiling,
    SystemCalls,
    /// The runtime's other work.
    Runtime,
    /// Code that is not Go: C, the vDSO.
    NotGo,
    /// Page faults and interrupts.
    Kernel,
    /// No stack is known.
    Unknown,
    /// The probes' own work.
    Probes,
}

/// How a function's name is recognised, and how much that says.
enum Rule {
    /// This function.
    Is(&'static str),
    /// All functions whose names begin so.
    Begins(&'static str),
}

use Group::{
    Allocation, Channels, Copying, Defers, GarbageCollection, Interfaces, Kernel, Locks, Maps,
    NotGo, Probes, Profiling, Runtime, Scheduling, StackGrowth, StandardLibrary, SystemCalls,
    Timers, Unknown, User,
};
use Rule::{Begins, Is};

/// Functions that say by themselves what they are for.
const PURPOSES: &[(Rule, Group)] = &[
    (Begins("runtime.gc"), GarbageCollection),
    (Begins("runtime.(*gc"), GarbageCollection),
    (Begins("runtime.scan"), GarbageCollection),
    (Begins("runtime.greyobject"), GarbageCollection),
    (Begins("runtime.mark"), GarbageCollection),
    (Begins("runtime.tryDeferToSpanScan"), GarbageCollection),
    (Begins("runtime.(*spanInlineMarkBits)"), GarbageCollection),
    (Begins("runtime.wbBufFlush"), GarbageCollection),
    (Begins("runtime.wbMove"), GarbageCollection),
    (Begins("runtime.wbZero"), GarbageCollection),
    (Begins("runtime.bulkBarrier"), GarbageCollection),
    (Begins("runtime.typeBitsBulkBarrier"), GarbageCollection),
    (Begins("runtime.sweepone"), GarbageCollection),
    (Begins("runtime.bgsweep"), GarbageCollection),
    (Begins("runtime.(*sweepLocked)"), GarbageCollection),
    (Begins("runtime.deductSweepCredit"), GarbageCollection),
    (Begins("runtime.bgscavenge"), GarbageCollection),
    (Begins("runtime.(*scavenger"), GarbageCollection),
    (Begins("runtime.(*pageAlloc).scavenge"), GarbageCollection),
    (Begins("runtime.runfin"), GarbageCollection),
    (Begins("runtime.runCleanups"), GarbageCollection),
    (Is("runtime.GC"), GarbageCollection),
    (Begins("runtime.mallocgc"), Allocation),
    (Begins("runtime.(*mcache)"), Allocation),
    (Begins("runtime.persistentalloc"), Allocation),
    (Is("runtime.newobject"), Allocation),
    (Is("runtime.makeslice"), Allocation),
    (Begins("runtime.schedule"), Scheduling),
    (Begins("runtime.findRunnable"), Scheduling),
    (Begins("runtime.stealWork"), Scheduling),
    (Begins("runtime.runq"), Scheduling),
    (Begins("runtime.park_m"), Scheduling),
    (Begins("runtime.gopark"), Scheduling),
    (Begins("runtime.goready"), Scheduling),
    (Begins("runtime.ready"), Scheduling),
    (Begins("runtime.wakep"), Scheduling),
    (Begins("runtime.startm"), Scheduling),
    (Begins("runtime.stopm"), Scheduling),
    (Begins("runtime.execute"), Scheduling),
    (Begins("runtime.gosched"), Scheduling),
    (Begins("runtime.gopreempt"), Scheduling),
    (Begins("runtime.goexit0"), Scheduling),
    (Begins("runtime.goexit1"), Scheduling),
    (Begins("runtime.gdestroy"), Scheduling),
    (Begins("runtime.newproc"), Scheduling),
    (Begins("runtime.netpoll"), Scheduling),
    (Begins("runtime.sysmon"), Scheduling),
    (Begins("runtime.asyncPreempt"), Scheduling),
    (Begins("runtime.preempt"), Scheduling),
    (Begins("runtime.mstart"), Scheduling),
    (Begins("runtime.stopTheWorld"), Scheduling),
    (Begins("runtime.startTheWorld"), Scheduling),
    (Begins("runtime.chan"), Channels),
    (Begins("runtime.selectgo"), Channels),
    (Begins("runtime.selectnb"), Channels),
    (Begins("runtime.closechan"), Channels),
    (Is("runtime.send"), Channels),
    (Is("runtime.recv"), Channels),
    (Begins("runtime.makechan"), Channels),
    (Begins("runtime.sem"), Locks),
    (Begins("sync.runtime_"), Locks),
    (Begins("internal/sync.runtime_"), Locks),
    (Begins("sync.(*Mutex)"), Locks),
    (Begins("sync.(*RWMutex)"), Locks),
    (Begins("sync.(*Cond)"), Locks),
    (Begins("sync.(*WaitGroup)"), Locks),
    (Begins("internal/sync.(*Mutex)"), Locks),
    (Begins("runtime.notifyList"), Locks),
    (Begins("runtime.map"), Maps),
    (Begins("internal/runtime/maps."), Maps),
    (Begins("reflect.map"), Maps),
    (Begins("runtime.(*timer"), Timers),
    (Begins("runtime.timeSleep"), Timers),
    (Begins("runtime.checkTimers"), Timers),
    (Begins("runtime.runtimer"), Timers),
    (Begins("time.newTimer"), Timers),
    (Begins("time.startTimer"), Timers),
    (Begins("time.stopTimer"), Timers),
    (Begins("time.resetTimer"), Timers),
    (Begins("runtime.morestack"), StackGrowth),
    (Begins("runtime.newstack"), StackGrowth),
    (Begins("runtime.copystack"), StackGrowth),
    (Begins("runtime.shrinkstack"), StackGrowth),
    (Begins("runtime.getitab"), Interfaces),
    (Begins("runtime.assert"), Interfaces),
    (Begins("runtime.typeAssert"), Interfaces),
    (Begins("runtime.interfaceSwitch"), Interfaces),
    (Begins("runtime.convT"), Interfaces),
    (Begins("runtime.ifaceeq"), Interfaces),
    (Begins("runtime.efaceeq"), Interfaces),
    (Begins("runtime.gopanic"), Defers),
    (Begins("runtime.gorecover"), Defers),
    (Begins("runtime.deferproc"), Defers),
    (Begins("runtime.deferreturn"), Defers),
    (Begins("runtime.(*_panic)"), Defers),
    (Begins("runtime.callers"), Profiling),
    (Begins("runtime.Callers"), Profiling),
    (Begins("runtime.traceback"), Profiling),
    (Begins("runtime.mProf"), Profiling),
    (Begins("runtime.profilealloc"), Profiling),
    (Begins("runtime.saveblockevent"), Profiling),
    (Begins("runtime.Stack"), Profiling),
    (Begins("runtime.goroutineProfile"), Profiling),
    (Begins("runtime.sigprof"), Profiling),
    (Begins("runtime.trace"), Profiling),
    (Begins("runtime.(*Frames)"), Profiling),
    (Begins("runtime.readmemstats"), Profiling),
    (Begins("runtime.ReadMemStats"), Profiling),
    (Begins("runtime.readMetrics"), Profiling),
    (Begins("runtime.entersyscall"), SystemCalls),
    (Begins("runtime.reentersyscall"), SystemCalls),
    (Begins("runtime.exitsyscall"), SystemCalls),
    (Begins("syscall."), SystemCalls),
    (Begins("internal/runtime/syscall"), SystemCalls),
    (Begins("runtime/internal/syscall"), SystemCalls),
    (Begins("golang.org/x/sys/unix."), SystemCalls),
];

/// Functions that many purposes share: they count where nothing further out says more.
const MEANS: &[(Rule, Group)] = &[
    (Is("runtime.memmove"), Copying),
    (Begins("runtime.memclr"), Copying),
    (Begins("runtime.typedmemmove"), Copying),
    (Begins("runtime.typedslicecopy"), Copying),
    (Begins("runtime.growslice"), Copying),
    (Begins("runtime.slicebytetostring"), Copying),
    (Begins("runtime.stringtoslicebyte"), Copying),
    (Begins("runtime.concatstring"), Copying),
    (Begins("runtime.lock"), Locks),
    (Begins("runtime.unlock"), Locks),
    (Begins("runtime.procyield"), Locks),
    (Begins("runtime.futex"), Locks),
    (Begins("runtime.memhash"), Maps),
    (Begins("runtime.strhash"), Maps),
    (Begins("runtime.aeshash"), Maps),
    (Begins("aeshash"), Maps),
    (Begins("memeqbody"), Copying),
    (Is("gogo"), Scheduling),
    (Is("gosave_systemstack_switch"), Scheduling),
];

/// Packages whose functions do the runtime's work, whatever file they are in.
const PACKAGES: [&str; 9] = [
    "runtime.",
    "runtime/internal/",
    "internal/runtime/",
    "internal/sync.",
    "sync.",
    "sync/atomic.",
    "syscall.",
    "golang.org/x/sys/unix.",
    "internal/poll.runtime_",
];

/// Returns what a sample's time went into: of the frames between the interrupted one and the first that is
/// no work of the runtime's, the innermost that says what it is for.
pub fn group_of(stack: &SampledStack) -> Group {
    if stack.probing {
        return Probes;
    }
    let Some(innermost) = stack.stack.first() else {
        return if stack.in_kernel { Kernel } else { Unknown };
    };
    let of_runtime = || {
        stack
            .stack
            .iter()
            .map(|frame| frame.function.as_ref())
            .take_while(|function| is_runtimes(function))
    };
    let found = of_runtime()
        .find_map(|function| look_up(PURPOSES, function))
        .or_else(|| of_runtime().find_map(|function| look_up(MEANS, function)));
    if let Some(group) = found {
        return group;
    }
    if innermost.file.is_empty() && innermost.function.starts_with('[') {
        NotGo
    } else if stack.in_kernel {
        Kernel
    } else if of_runtime().next().is_some() {
        Runtime
    } else if stack.user_frame == Some(0) {
        User
    } else {
        StandardLibrary
    }
}

fn is_runtimes(function: &str) -> bool {
    // Assembly functions of the runtime that are local to their file have no package.
    !function.contains(['.', '['])
        || function.starts_with("time.") && look_up(PURPOSES, function).is_some()
        || PACKAGES.iter().any(|package| function.starts_with(package))
}

fn look_up(rules: &[(Rule, Group)], function: &str) -> Option<Group> {
    let matches = |rule: &Rule| match rule {
        Is(name) => function == *name,
        Begins(beginning) => function.starts_with(beginning),
    };
    rules
        .iter()
        .find_map(|(rule, group)| matches(rule).then_some(*group))
}

impl Group {
    /// Returns the name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            User => "user",
            StandardLibrary => "standard-library",
            GarbageCollection => "garbage-collection",
            Allocation => "allocation",
            Scheduling => "scheduling",
            Channels => "channels",
            Locks => "locks",
            Maps => "maps",
            Timers => "timers",
            Copying => "copying",
            StackGrowth => "stack-growth",
            Interfaces => "interfaces",
            Defers => "defers",
            Profiling => "profiling",
            SystemCalls => "system-calls",
            Runtime => "runtime",
            NotGo => "not-go",
            Kernel => "kernel",
            Unknown => "unknown",
            Probes => "probes",
        }
    }

    /// Whether it is time of the runtime's, spent because the program asked for it in one way or another.
    pub const fn is_runtime(self) -> bool {
        !matches!(
            self,
            User | StandardLibrary | SystemCalls | NotGo | Kernel | Unknown | Probes
        )
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::StackFrame;

    fn stack(functions: &[&str], user_frame: Option<u32>) -> SampledStack {
        let frame = |function: &&str| StackFrame {
            function: (*function).into(),
            file: if function.starts_with('[') {
                "".into()
            } else {
                "a.go".into()
            },
            line: 1,
            inlined: false,
        };
        SampledStack {
            stack: functions.iter().map(frame).collect(),
            user_frame,
            samples: 1,
            ..SampledStack::default()
        }
    }

    #[test]
    fn the_innermost_purpose_counts() {
        let cases: &[(&[&str], Option<u32>, Group)] = &[
            (&["main.hash", "main.main"], Some(0), User),
            (&["strings.Index", "main.main"], Some(1), StandardLibrary),
            (
                &["runtime.memclrNoHeapPointers", "runtime.mallocgc", "main.a"],
                Some(2),
                Allocation,
            ),
            (
                &[
                    "runtime.scanobject",
                    "runtime.gcAssistAlloc",
                    "runtime.mallocgc",
                    "main.a",
                ],
                Some(3),
                GarbageCollection,
            ),
            (&["runtime.memmove", "main.a"], Some(1), Copying),
            (
                &[
                    "runtime.memmove",
                    "runtime.chansend",
                    "runtime.chansend1",
                    "main.a",
                ],
                Some(3),
                Channels,
            ),
            (
                &[
                    "runtime.futex",
                    "runtime.notesleep",
                    "runtime.stopm",
                    "runtime.mcall",
                ],
                None,
                Scheduling,
            ),
            (
                &[
                    "runtime.memmove",
                    "bytes.(*Buffer).Write",
                    "runtime.mallocgc",
                ],
                None,
                Copying,
            ),
            (
                &[
                    "internal/runtime/syscall/linux.Syscall6",
                    "syscall.write",
                    "os.(*File).Write",
                ],
                None,
                SystemCalls,
            ),
            (
                &["runtime.nanotime1", "time.Now", "main.a"],
                Some(2),
                Runtime,
            ),
            (
                &["aeshashbody", "runtime.mapaccess1", "main.a"],
                Some(2),
                Maps,
            ),
            (
                &["[libc.so.6]", "runtime.asmcgocall", "main.a"],
                Some(2),
                NotGo,
            ),
            (&["time.newTimer", "time.After", "main.a"], Some(2), Timers),
            (&["time.Time.Format", "main.a"], Some(1), StandardLibrary),
            (&[], None, Unknown),
        ];
        for (functions, user_frame, group) in cases {
            assert_eq!(
                group_of(&stack(functions, *user_frame)),
                *group,
                "{functions:?}"
            );
        }
    }

    #[test]
    fn time_in_the_kernel_is_that_of_who_asked_for_it() {
        let in_kernel = |functions: &[&str], user_frame| SampledStack {
            in_kernel: true,
            ..stack(functions, user_frame)
        };
        assert_eq!(group_of(&in_kernel(&["main.touch"], Some(0))), Kernel);
        assert_eq!(group_of(&in_kernel(&[], None)), Kernel);
        let fault = in_kernel(&["runtime.memclrNoHeapPointers", "runtime.mallocgc"], None);
        assert_eq!(group_of(&fault), Allocation);
        let probe = SampledStack {
            probing: true,
            ..in_kernel(&["runtime.chansend1", "main.a"], Some(1))
        };
        assert_eq!(group_of(&probe), Probes);
    }

    #[test]
    fn names_are_those_of_the_serialised_form() {
        for group in [User, GarbageCollection, StackGrowth, NotGo, Probes] {
            let json = serde_json::to_value(group).unwrap();
            assert_eq!(json, group.name());
        }
    }
}

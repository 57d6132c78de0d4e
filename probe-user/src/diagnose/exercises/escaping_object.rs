//! `escaping-object`.
//!
//! # What it looks for
//! A line that allocates one small object of a fixed type, very often.
//! # Why it matters
//! On the stack it would cost nothing.
//! # Evidence
//! Allocations per line by `runtime.newobject` or, from Go 1.27, by the size class's own allocator.
//! # What to try
//! `go build -gcflags=-m` says why it escapes.
//! # References
//! dive-4.

use super::prelude::*;
use crate::diagnose::allocation::{Purpose, is_for};

/// From the catalogue.
const RATE_PER_S: f64 = 50_000.0;
const CPU_SHARE: f64 = 0.05;
/// Larger ones are buffers or tables, whose cost is their bytes.
const SMALL_BYTES: f64 = 1_024.0;

pub static RULE: Rule = Rule {
    name: "escaping-object",
    exercises: &["dive-4"],
    probes: &["alloc"],
    examine,
    advice: Advice {
        refuted_by: "a heap profile that shows the objects alive: what is kept has to be on the heap.",
        cure: "Pass the value instead of its address, or a concrete type instead of an interface, so that it can stay on the stack; go build -gcflags=-m names what makes it escape. What must be on the heap, reuse.",
        do_not_bother_when: "The objects are kept, or the line is far from the top of a CPU profile.",
    },
    explanation: Explanation {
        title: "Small objects that escape to the heap",
        in_the_runtime: "The compiler puts a value on the heap when it can't show that nothing refers to it after the call: when its address goes through an interface method, into a closure that escapes, or into something that is kept. Each such value is a call of the allocator, some 25 ns and more, and brings the next collection nearer; on the stack it would be one instruction.",
        how_it_is_seen: "Allocations are counted per line; those that a conversion, a string, a slice or a map makes are other rules'. Found from 50 000 objects a second of one line, or 5 % of the CPU.",
        example: "// before: e escapes through the interface\nfunc Log(h Handler, msg string) {\n\te := &Entry{Time: time.Now(), Message: msg}\n\th.Handle(e)\n}\n\n// after: a value, and a concrete type\nfunc Log(h *TextHandler, msg string) {\n\th.Handle(Entry{Time: time.Now(), Message: msg})\n}",
        versions: "From Go 1.27 on compiled code calls an allocator per size class; each release inlines more and lets fewer values escape.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let object = is_for(Purpose::Object);
    let mut sites = observed.sites("alloc", |calls| {
        object(calls) && calls.directly_by_user() && !is_other(calls)
    });
    sites.retain(|site| site.bytes <= SMALL_BYTES * site.count);
    let costly = |site: &&AtSite<'_>| {
        weigh::passes(site, cpu_share(observed, site), CPU_SHARE) == Passes::Yes
            || reaches(site, RATE_PER_S)
    };
    let faults = sites
        .iter()
        .filter(costly)
        .map(|site| fault(observed, site))
        .collect();
    Judgement::found_or(faults, || {
        undecided(&sites, Threshold::rate(RATE_PER_S)).unwrap_or_else(|| {
            observed.silent(
                "alloc",
                RATE_PER_S,
                "no line allocates small objects in great numbers",
            )
        })
    })
}

/// Closures have a rule of their own, arrays are buffers.
fn is_other(calls: &Calls) -> bool {
    calls.is_closure() || calls.is_array()
}

fn cpu_share(observed: &Observed, site: &AtSite<'_>) -> f64 {
    observed.allocation_share(site, site.rate_per_s(), site.bytes_per_s())
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = cpu_share(observed, site);
    let title = match site.main_type() {
        Some(name) => format!("small objects escape to the heap: {name}"),
        None => "small objects escape to the heap".to_owned(),
    };
    Fault::at(site, title)
        .evidence("objects", site.rate_per_s(), "1/s")
        .evidence("each", site.bytes / site.count.max(1.0), "bytes")
        .evidence("CPU to allocate them", share, "share")
        .costs(share)
        // Objects that are kept look the same from here.
        .less_sure(0.85)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(rate: f64) -> Calls {
        calls("alloc")
            .per_second(rate)
            .of_bytes(64)
            .through_runtime(&["runtime.newobject"])
    }

    #[test]
    fn many_small_objects_are_found_with_their_type() {
        let faults = found(examine(
            &idle().with(objects(1_000_000.0).of_type("main.Entry")),
        ));
        assert!(faults[0].title.ends_with("main.Entry"));
        assert_eq!(faults[0].severity(), Severity::Warning);
    }

    #[test]
    fn fifty_thousand_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(objects(50_000.0)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(objects(49_999.0)))));
    }

    #[test]
    fn closures_buffers_and_the_librarys_objects_are_silent() {
        let closure = objects(90_000.0).of_type("struct { F uintptr; X0 int }");
        let buffer = objects(90_000.0).of_type("[4096]uint8").of_bytes(4096);
        let library = objects(90_000.0).through_library(&["net/http.(*Request).WithContext"]);
        for calls in [closure, buffer, library] {
            assert!(is_clear(&examine(&idle().with(calls))));
        }
    }
}

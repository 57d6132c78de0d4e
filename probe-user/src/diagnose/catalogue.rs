//! The rules in their order, and the exercises that they recognise.

use super::{
    exercises::{
        abandoned_timer, block_profile_rate, caller_per_log, cgo_chatter, channel_counter,
        channel_hop, closure_escape, cpu_profile_rate, cpu_quota_mismatch, defer_in_loop,
        escaping_object, finalizer_cleanup, forced_gc, free_os_memory_timer, gc_pressure,
        gomaxprocs_per_request, goroutine_count_polling, goroutine_per_item, interface_boxing,
        large_map_value, long_stop_the_world, map_growth, memstats_per_request, mutex_contention,
        needless_gosched, polling_select, pool_miss, reflect_copy, short_goroutine,
        short_lived_buffer, slice_growth, stack_dump_all, stack_growth, string_bytes_copy,
        thread_locked_goroutine, timer_per_iteration, tracer_left_on, unbounded_profile,
    },
    rule::Rule,
};

/// Public texts that the exercises come from: prefix of the key, title.
pub const TEXTS: [(&str, &str); 5] = [
    ("dive", "Runtime Source Dive — Optimization"),
    ("source", "Runtime Source — Optimization"),
    ("package", "runtime Package Deep — Optimization"),
    ("internals", "Go Runtime Internals for Advanced Topics"),
    ("performance", "Go Runtime Performance"),
];

/// Every exercise: key, title.
pub const EXERCISES: [(&str, &str); 49] = [
    ("dive-1", "a goroutine for trivially short work"),
    ("dive-2", "a channel as a counter"),
    ("dive-3", "one mutex for everybody"),
    (
        "dive-4",
        "an object on the heap that could live on the stack",
    ),
    ("dive-5", "time.After inside a loop"),
    ("dive-6", "runtime.GC by hand"),
    ("dive-7", "many short-lived byte buffers"),
    ("dive-8", "fmt.Sprintf on the hot path"),
    ("dive-9", "a closure that forces an allocation"),
    ("dive-10", "LockOSThread without a reason"),
    ("dive-11", "GOMAXPROCS beyond the container's CPU quota"),
    ("dive-12", "collections driven by short-lived objects"),
    ("dive-13", "SetFinalizer to clean up resources"),
    ("dive-14", "cgo calls in a hot loop"),
    ("dive-15", "copying fields by reflection"),
    ("dive-16", "timers left behind by select"),
    ("dive-17", "a map of large structs"),
    ("source-1", "a channel send where an atomic would do"),
    ("source-2", "select with default in a spin loop"),
    ("source-3", "time.After in a select loop"),
    ("source-4", "defer Unlock in a tight loop"),
    ("source-5", "a goroutine per item"),
    ("source-6", "runtime.GC to free memory at once"),
    ("source-7", "runtime.Gosched to be fair"),
    ("source-8", "LockOSThread for no reason"),
    ("source-9", "a large buffer per call"),
    ("source-10", "SetFinalizer to close resources"),
    ("source-11", "interface boxing on a hot path"),
    ("source-12", "NumGoroutine polled for metrics"),
    ("source-13", "ReadMemStats per request"),
    ("source-14", "a dump of all stacks for monitoring"),
    ("package-1", "ReadMemStats on every request"),
    ("package-2", "runtime.GC in every benchmark iteration"),
    ("package-3", "SetFinalizer for resource cleanup"),
    ("package-4", "the CPU profiler's rate turned up"),
    ("package-5", "the block profiler at rate 1 in production"),
    ("package-6", "a periodic dump of all stacks"),
    ("package-7", "NumGoroutine in a hot loop"),
    ("package-8", "GOMAXPROCS set per request"),
    ("package-9", "LockOSThread as \"pinning\""),
    ("package-10", "the execution tracer always on"),
    ("package-11", "runtime.Caller for every log line"),
    ("package-12", "finalizers that count leaks"),
    ("package-13", "a CPU profile without end"),
    ("package-14", "FreeOSMemory on a timer"),
    ("internals-1", "stacks that grow again and again"),
    ("internals-5", "a sync.Pool that misses"),
    ("internals-6", "a scheduler hand-over per channel hop"),
    ("performance", "copies and growth that allocate"),
];

/// Functions that rules ask for by name: which of them a program contains is part of its recording.
pub const FUNCTIONS: [&str; 4] = tracer_left_on::FUNCTIONS;

/// Every rule, in the order of the report.
pub static RULES: [&Rule; 38] = [
    &short_goroutine::RULE,
    &goroutine_per_item::RULE,
    &channel_counter::RULE,
    &mutex_contention::RULE,
    &escaping_object::RULE,
    &timer_per_iteration::RULE,
    &abandoned_timer::RULE,
    &forced_gc::RULE,
    &short_lived_buffer::RULE,
    &interface_boxing::RULE,
    &closure_escape::RULE,
    &thread_locked_goroutine::RULE,
    &cpu_quota_mismatch::RULE,
    &gc_pressure::RULE,
    &finalizer_cleanup::RULE,
    &cgo_chatter::RULE,
    &reflect_copy::RULE,
    &large_map_value::RULE,
    &polling_select::RULE,
    &defer_in_loop::RULE,
    &needless_gosched::RULE,
    &goroutine_count_polling::RULE,
    &memstats_per_request::RULE,
    &stack_dump_all::RULE,
    &cpu_profile_rate::RULE,
    &block_profile_rate::RULE,
    &gomaxprocs_per_request::RULE,
    &tracer_left_on::RULE,
    &caller_per_log::RULE,
    &unbounded_profile::RULE,
    &free_os_memory_timer::RULE,
    &long_stop_the_world::RULE,
    &stack_growth::RULE,
    &pool_miss::RULE,
    &channel_hop::RULE,
    &string_bytes_copy::RULE,
    &slice_growth::RULE,
    &map_growth::RULE,
];

/// Returns the rule of that name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name)
}

/// Returns the rules that a name stands for: a rule's own, or an exercise's key.
pub fn rules_of(name: &str) -> Vec<&'static Rule> {
    let named = |rule: &&Rule| rule.name == name || rule.exercises.contains(&name);
    RULES.iter().copied().filter(named).collect()
}

/// Returns the names of the rules to judge by: those that `only` names by themselves or by an exercise, or all
/// if it names none; without those that `skip` names. Both lists may hold probes too. Empty where all are.
pub fn wanted(only: &[String], skip: &[String]) -> Vec<String> {
    let is_in = |list: &[String], rule: &Rule| {
        list.iter()
            .any(|name| name == rule.name || rule.exercises.contains(&name.as_str()))
    };
    let names_rules = RULES.iter().any(|rule| is_in(only, rule));
    let skips_rules = RULES.iter().any(|rule| is_in(skip, rule));
    if !names_rules && !skips_rules {
        return Vec::new();
    }
    let is_wanted = |rule: &&Rule| (!names_rules || is_in(only, rule)) && !is_in(skip, rule);
    let rules = RULES.iter().copied().filter(is_wanted);
    rules.map(|rule| rule.name.to_owned()).collect()
}

/// Returns a list with the probes added that the rules and exercises in it need.
pub fn with_probes(list: &[String]) -> Vec<String> {
    let mut all = list.to_vec();
    for rule in list.iter().flat_map(|name| rules_of(name)) {
        for probe in rule.probes {
            if all.iter().all(|known| known != probe) {
                all.push((*probe).to_owned());
            }
        }
    }
    all
}

/// Returns the title of an exercise.
pub fn exercise(key: &str) -> Option<&'static str> {
    EXERCISES
        .iter()
        .find(|(known, _)| *known == key)
        .map(|(_, title)| *title)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_exercise_has_a_rule_and_every_key_a_title() {
        let keys: BTreeSet<&str> = EXERCISES.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys.len(), EXERCISES.len(), "a key twice");
        for key in &keys {
            assert!(!rules_of(key).is_empty(), "{key}");
            assert!(TEXTS.iter().any(|(text, _)| key.starts_with(text)), "{key}");
        }
        for rule in RULES {
            assert!(
                rule.exercises.iter().all(|key| keys.contains(key)),
                "{}",
                rule.name
            );
        }
        let from_texts = |text: &str| {
            let prefix = format!("{text}-");
            EXERCISES
                .iter()
                .filter(|(key, _)| key.starts_with(&prefix))
                .count()
        };
        assert_eq!(
            (
                from_texts("dive"),
                from_texts("source"),
                from_texts("package")
            ),
            (17, 14, 14)
        );
    }

    #[test]
    fn lists_name_rules_by_themselves_or_by_an_exercise() {
        let list = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            wanted(&list(&["dive-5", "alloc"]), &[]),
            ["timer-per-iteration"]
        );
        assert_eq!(wanted(&list(&["forced-gc"]), &[]), ["forced-gc"]);
        assert!(
            wanted(&list(&["alloc"]), &list(&["chan-send"])).is_empty(),
            "probes alone: all rules"
        );
        assert_eq!(wanted(&[], &list(&["forced-gc"])).len(), RULES.len() - 1);
        assert_eq!(
            with_probes(&list(&["dive-5"])),
            ["dive-5", "timer-start", "timer-fire"]
        );
        assert_eq!(with_probes(&list(&["alloc"])), ["alloc"]);
    }

    #[test]
    fn names_are_unique_and_can_be_typed() {
        let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(names.iter().all(|name| name.chars().all(plain)));
        assert!(names.iter().all(|name| exercise(name).is_none()));
    }

    #[test]
    fn every_rule_says_what_it_knows() {
        for rule in RULES {
            let texts = [
                rule.advice.refuted_by,
                rule.advice.cure,
                rule.advice.do_not_bother_when,
                rule.explanation.in_the_runtime,
                rule.explanation.how_it_is_seen,
                rule.explanation.versions,
            ];
            for text in texts {
                assert!(
                    text.len() > 20 && text.ends_with('.'),
                    "{}: {text}",
                    rule.name
                );
                assert!(
                    !text.contains('\n') && !text.contains("  "),
                    "{}: {text}",
                    rule.name
                );
            }
            assert!(
                rule.explanation.example.lines().count() >= 3,
                "{}",
                rule.name
            );
            assert!(!rule.explanation.title.ends_with('.'), "{}", rule.name);
        }
    }
}

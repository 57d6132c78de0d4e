//! Which exercise is in which folder, what it needs of its surroundings, and where it costs nothing any more.

/// What a program needs beside itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Needs {
    Nothing,
    /// A C compiler when it is built.
    C,
    /// A cgroup with a CPU quota, in CPUs.
    Quota(f64),
}

/// One shape of an exercise.
#[derive(Clone, Copy, Debug)]
pub struct Exercise {
    /// Its folder below `tests/exercises`; the first part is the rule.
    pub path: &'static str,
    /// The keys that a finding has to name.
    pub keys: &'static [&'static str],
    pub needs: Needs,
    /// Whether a host under load does by itself what the rule finds: a hint is no false alarm then.
    pub host_does_it: bool,
}

impl Exercise {
    pub fn rule(&self) -> &'static str {
        self.path.split('/').next().unwrap_or(self.path)
    }

    /// The keys of the rule's other shapes, which a finding must not name.
    pub fn keys_of_others(&self) -> impl Iterator<Item = &'static str> {
        let own = self.keys;
        let others = EXERCISES.iter().filter(|other| other.rule() == self.rule());
        others
            .flat_map(|other| other.keys.iter().copied())
            .filter(move |key| !own.contains(key))
    }

    /// Whether a word of the command line means this one: the rule, the folder or a key.
    pub fn is_called(&self, name: &str) -> bool {
        self.path == name || self.rule() == name || self.keys.contains(&name)
    }
}

const fn plain(path: &'static str, keys: &'static [&'static str]) -> Exercise {
    Exercise {
        path,
        keys,
        needs: Needs::Nothing,
        host_does_it: false,
    }
}

/// Every exercise, in the catalogue's order.
pub const EXERCISES: &[Exercise] = &[
    plain("short-goroutine", &["dive-1"]),
    plain("goroutine-per-item", &["source-5"]),
    plain("channel-counter", &["dive-2", "source-1"]),
    plain("mutex-contention", &["dive-3"]),
    plain("escaping-object", &["dive-4"]),
    plain("timer-per-iteration", &["dive-5", "source-3"]),
    plain("abandoned-timer", &["dive-16"]),
    plain("forced-gc", &["dive-6", "source-6"]),
    plain("forced-gc/package-2", &["package-2"]),
    plain("short-lived-buffer", &["dive-7"]),
    plain("short-lived-buffer/source-9", &["source-9"]),
    plain("interface-boxing", &["dive-8", "source-11"]),
    plain("interface-boxing/source-11", &["source-11"]),
    plain("closure-escape", &["dive-9"]),
    plain(
        "thread-locked-goroutine",
        &["dive-10", "source-8", "package-9"],
    ),
    plain(
        "thread-locked-goroutine/package-9",
        &["dive-10", "source-8", "package-9"],
    ),
    Exercise {
        needs: Needs::Quota(1.0),
        ..plain("cpu-quota-mismatch", &["dive-11"])
    },
    plain("gc-pressure", &["dive-12"]),
    plain("finalizer-cleanup", &["dive-13", "source-10", "package-3"]),
    plain("finalizer-cleanup/package-12", &["package-12"]),
    Exercise {
        needs: Needs::C,
        ..plain("cgo-chatter", &["dive-14"])
    },
    plain("reflect-copy", &["dive-15"]),
    plain("large-map-value", &["dive-17"]),
    plain("polling-select", &["source-2"]),
    plain("defer-in-loop", &["source-4"]),
    plain("defer-in-loop/open-coded", &["source-4"]),
    plain("needless-gosched", &["source-7"]),
    plain("goroutine-count-polling", &["source-12"]),
    plain(
        "goroutine-count-polling/package-7",
        &["source-12", "package-7"],
    ),
    plain("memstats-per-request", &["source-13", "package-1"]),
    plain("stack-dump-all", &["source-14", "package-6"]),
    plain("stack-dump-all/package-6", &["package-6"]),
    plain("cpu-profile-rate", &["package-4"]),
    plain("block-profile-rate", &["package-5"]),
    plain("gomaxprocs-per-request", &["package-8"]),
    plain("tracer-left-on", &["package-10"]),
    plain("caller-per-log", &["package-11"]),
    plain("unbounded-profile", &["package-13"]),
    plain("free-os-memory-timer", &["package-14"]),
    Exercise {
        host_does_it: true,
        ..plain("long-stop-the-world", &[])
    },
    plain("stack-growth", &["internals-1"]),
    plain("pool-miss", &["internals-5"]),
    plain("channel-hop", &["internals-6"]),
    plain("string-bytes-copy", &["performance"]),
    plain("slice-growth", &["performance"]),
    plain("map-growth", &["performance"]),
];

/// Exercises that a release of Go has made free: folder, first minor version, what happened.
///
/// From there on *before* is judged like *after*.
const NO_LONGER: &[(&str, u32, &str)] = &[(
    "abandoned-timer",
    27,
    "timers that nobody can reach any more are collected whatever the go line says: `asynctimerchan` has gone",
)];

/// Why the exercise costs nothing when it is built with `version`, such as `1.27.3`; `None`: it does cost.
pub fn no_longer_costs(exercise: &Exercise, version: &str) -> Option<&'static str> {
    let minor: u32 = version.split('.').nth(1)?.parse().ok()?;
    let (_, _, why) = NO_LONGER
        .iter()
        .find(|&&(path, first, _)| path == exercise.path && minor >= first)?;
    Some(why)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::exercises::folder;

    #[test]
    fn the_three_texts_are_covered_key_by_key() {
        let keys: BTreeSet<&str> = EXERCISES.iter().flat_map(|e| e.keys).copied().collect();
        for (text, last) in [("dive", 17), ("source", 14), ("package", 14)] {
            for number in 1..=last {
                let key = format!("{text}-{number}");
                assert!(keys.contains(key.as_str()), "no program for {key}");
            }
        }
        let rules: BTreeSet<&str> = EXERCISES.iter().map(Exercise::rule).collect();
        assert_eq!(rules.len(), 38);
    }

    #[test]
    fn every_exercise_has_its_programs() {
        for exercise in EXERCISES {
            let folder = folder().join(exercise.path);
            for side in ["before", "after"] {
                let main = folder.join(side).join("main.go");
                assert!(main.exists(), "no {}", main.display());
            }
            let alike = folder.join("alike/main.go");
            assert!(
                exercise.path != exercise.rule() || alike.exists(),
                "no {}",
                alike.display()
            );
        }
    }

    #[test]
    fn a_release_that_made_an_exercise_free_is_known_from_there_on() {
        let timer = EXERCISES.iter().find(|e| e.rule() == "abandoned-timer");
        let timer = timer.unwrap();
        assert_eq!(no_longer_costs(timer, "1.26.0"), None);
        assert!(no_longer_costs(timer, "1.27.3").is_some());
    }
}

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
}

impl Exercise {
    pub fn rule(&self) -> &'static str {
        self.path.split('/').next().unwrap_or(self.path)
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
    }
}

/// Every exercise, in the catalogue's order.
pub const EXERCISES: &[Exercise] = &[
    plain("short-goroutine", &["dive-1"]),
    plain("goroutine-per-item", &["source-5"]),
    plain("channel-counter", &["dive-2", "source-1"]),
    plain("escaping-object", &["dive-4"]),
    plain("timer-per-iteration", &["dive-5", "source-3"]),
    plain("abandoned-timer", &["dive-16"]),
    plain("forced-gc", &["dive-6", "source-6"]),
    plain("forced-gc/package-2", &["package-2"]),
    plain("short-lived-buffer", &["dive-7"]),
    plain("short-lived-buffer/source-9", &["source-9"]),
    Exercise {
        path: "cgo-chatter",
        keys: &["dive-14"],
        needs: Needs::C,
    },
    plain("memstats-per-request", &["source-13", "package-1"]),
    plain("long-stop-the-world", &[]),
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
    use super::*;
    use crate::exercises::folder;

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

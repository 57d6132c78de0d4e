//! Binary and request in, probe plan out: which instructions to probe for which logical probe, or why not.
//!
//! Planning cannot fail: what can't be placed is [`Outcome::Skipped`] with its reason, and the others go on.
//! Does not touch the kernel or the process.

mod exit_cover;
#[cfg(test)]
mod hand_made;
mod hook;
mod inlined;
mod logical;
mod probe_name;
mod reading;
mod result;
mod runtime_names;
mod sites;
mod zero;

use std::{collections::HashMap, fmt};

use hook::{Functions, LogicalProbe, Role};
pub use probe_name::{PROBE_NAMES, ProbeName};
pub use runtime_names::{stop_the_world_reason, wait_reason};
pub use sites::{Condition, PlannedSite, Reading, SiteRole};

use crate::analyze::{Function, GoBinary};

/// Which logical probes are wanted.
#[derive(Clone, Debug, Default)]
pub struct PlanRequest {
    /// Empty: all.
    pub only: Vec<String>,
    pub skip: Vec<String>,
}

impl PlanRequest {
    fn wants(&self, name: ProbeName) -> bool {
        let listed = |list: &[String]| list.iter().any(|item| item == name.as_str());
        (self.only.is_empty() || listed(&self.only)) && !listed(&self.skip)
    }
}

/// Every wanted logical probe, planned or skipped.
#[derive(Clone, Debug)]
pub struct ProbePlan {
    pub probes: Vec<PlannedProbe>,
}

/// One logical probe of the contract, as this binary has it.
#[derive(Clone, Debug)]
pub struct PlannedProbe {
    pub name: ProbeName,
    /// The runtime's functions that stand for it in this binary.
    pub functions: Vec<String>,
    pub outcome: Outcome,
}

/// What became of a logical probe.
#[derive(Clone, Debug)]
pub enum Outcome {
    Planned(Vec<PlannedSite>),
    Skipped(SkipReason),
}

/// Why a logical probe has no sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The linker left all of these out: nothing in the program calls them.
    NotLinked { functions: Vec<String> },
    /// The code of a function does not look as it must to be probed safely.
    NoSite { function: String, detail: String },
    /// The kernel programs would have to read a field whose place is not known.
    UnknownLayout { field: &'static str },
    /// No code of the program's own calls the function.
    NotCalled { function: &'static str },
    /// The code could not be read.
    Unreadable { function: String, detail: String },
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLinked { functions } => {
                write!(
                    f,
                    "this program does not contain {}",
                    functions.join(" or ")
                )
            }
            Self::NoSite { function, detail } => write!(f, "no safe site in {function}: {detail}"),
            Self::NotCalled { function } => {
                write!(f, "no code of the program's own calls {function}")
            }
            Self::UnknownLayout { field } => write!(
                f,
                "where {field} is at this version of Go is not known, and there is no debug information"
            ),
            Self::Unreadable { function, detail } => write!(f, "cannot read {function}: {detail}"),
        }
    }
}

impl ProbePlan {
    /// Returns the sites of all planned probes; a site's index in this order is its cookie.
    pub fn sites(&self) -> impl Iterator<Item = &PlannedSite> {
        self.probes.iter().flat_map(PlannedProbe::sites)
    }
}

impl PlannedProbe {
    /// Returns the sites, none where the probe was skipped.
    pub fn sites(&self) -> &[PlannedSite] {
        match &self.outcome {
            Outcome::Planned(sites) => sites,
            Outcome::Skipped(_) => &[],
        }
    }
}

/// Maps the wanted logical probes to the functions and instructions of this binary.
pub fn plan(binary: &GoBinary, request: &PlanRequest) -> ProbePlan {
    let wanted: Vec<&LogicalProbe> = logical::logical_probes()
        .into_iter()
        .filter(|probe| request.wants(probe.name))
        .collect();
    let names: Vec<String> = wanted.iter().flat_map(|probe| probe.candidates()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let functions = binary.find_functions(&names);
    let probes = wanted
        .iter()
        .map(|probe| plan_probe(binary, probe, &functions))
        .collect();
    ProbePlan { probes }
}

/// Returns the sites of any function as an operation of `probe`: its entry and its exits.
pub fn operation(
    binary: &GoBinary,
    function: &Function,
    probe: ProbeName,
) -> Result<Vec<PlannedSite>, SkipReason> {
    sites::choose(binary, function, probe, Role::Operation, Reading::default())
}

/// Returns a site of `probe`, an event, for every instruction of a function that may be probed.
pub fn every_accepted(
    binary: &GoBinary,
    function: &Function,
    probe: ProbeName,
) -> Result<Vec<PlannedSite>, SkipReason> {
    sites::every_accepted(binary, function, probe)
}

fn plan_probe(
    binary: &GoBinary,
    probe: &LogicalProbe,
    functions: &HashMap<String, Vec<Function>>,
) -> PlannedProbe {
    let mut found = Vec::new();
    let mut sites = Vec::new();
    for hook in probe.hooks {
        if let Functions::InlinedCopies { of, into } = hook.functions {
            let whole = functions.get(into).and_then(|found| pick(found));
            match inlined::choose(binary, of, whole, probe.name) {
                Ok(chosen) => sites.extend(chosen),
                Err(reason) => return skipped(probe, found, reason),
            }
            found.push(of.to_owned());
            continue;
        }
        let candidates = hook.functions.candidates();
        let present: Vec<&Function> = candidates
            .iter()
            .filter_map(|name| pick(functions.get(name)?))
            .collect();
        if present.is_empty() && hook.required {
            return skipped(
                probe,
                found,
                SkipReason::NotLinked {
                    functions: candidates,
                },
            );
        }
        for function in present {
            let chosen = reading::of(binary, hook, functions).and_then(|reading| {
                sites::choose(binary, function, probe.name, hook.role, reading)
            });
            match chosen {
                Ok(chosen) => sites.extend(chosen),
                Err(reason) => return skipped(probe, found, reason),
            }
            if hook.role != Role::Panic {
                found.push(function.name.clone());
            }
        }
    }
    let begins = |site: &PlannedSite| matches!(site.role, SiteRole::Begin | SiteRole::Event);
    if !sites.iter().any(begins) {
        let named = probe.hooks.iter().filter(|hook| hook.role != Role::Panic);
        let functions = named.flat_map(|hook| hook.functions.candidates()).collect();
        return skipped(probe, found, SkipReason::NotLinked { functions });
    }
    PlannedProbe {
        name: probe.name,
        functions: found,
        outcome: Outcome::Planned(sites),
    }
}

fn skipped(probe: &LogicalProbe, functions: Vec<String>, reason: SkipReason) -> PlannedProbe {
    PlannedProbe {
        name: probe.name,
        functions,
        outcome: Outcome::Skipped(reason),
    }
}

/// Of functions with the same name, the largest: an ABI0 wrapper is a few instructions long.
fn pick(twins: &[Function]) -> Option<&Function> {
    twins
        .iter()
        .max_by_key(|function| function.end.0.saturating_sub(function.entry.0))
}

//! Named stacks in, the report's `cpu` out.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::groups::{Group, group_of};
use crate::{
    observed::{CpuSamples, SampledStack},
    report::{Cpu, CpuFunction, CpuGroup, CpuStack, StackFrame},
};

const NS_PER_S: u64 = 1_000_000_000;

/// Says where the program's own CPU time went: what the probes added is left out of every share.
pub fn summarize(samples: &CpuSamples) -> Cpu {
    let (probing, own): (Vec<_>, Vec<_>) = samples.stacks.iter().partition(|stack| stack.probing);
    let n_own = sum(&own);
    let mut groups: BTreeMap<Group, u64> = BTreeMap::new();
    for stack in &own {
        let n = groups.entry(group_of(stack)).or_default();
        *n = n.saturating_add(stack.samples);
    }
    let mut groups: Vec<CpuGroup> = groups
        .into_iter()
        .map(|(group, n)| CpuGroup {
            group: group.name().to_owned(),
            samples: n,
            share: share(n, n_own),
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.samples));
    Cpu {
        hertz: samples.hertz,
        samples: samples.total,
        lost: samples.lost,
        partial: samples.partial,
        probing: sum(&probing),
        time_ns: u64::try_from(
            u128::from(samples.total) * u128::from(NS_PER_S) / u128::from(samples.hertz.max(1)),
        )
        .unwrap_or(u64::MAX),
        groups,
        functions: functions(&own, n_own),
        stacks: samples.stacks.iter().map(stack).collect(),
    }
}

fn sum(stacks: &[&SampledStack]) -> u64 {
    stacks
        .iter()
        .map(|stack| stack.samples)
        .fold(0, u64::saturating_add)
}

fn share(n: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { n as f64 / of as f64 }
}

fn stack(sampled: &SampledStack) -> CpuStack {
    CpuStack {
        group: group_of(sampled).name().to_owned(),
        samples: sampled.samples,
        in_kernel: sampled.in_kernel,
        user_frame: sampled.user_frame,
        stack: sampled.stack.clone(),
    }
}

/// What is known of one function of the user's.
#[derive(Default)]
struct Function {
    own: u64,
    charged: u64,
    total: u64,
    /// Charged samples by file and line.
    lines: BTreeMap<(Arc<str>, u32), u64>,
}

/// The functions of the user's that were the innermost of theirs in any sample, the most charged first.
fn functions(stacks: &[&SampledStack], n_all: u64) -> Vec<CpuFunction> {
    let mut functions: HashMap<&str, Function> = HashMap::new();
    for stack in stacks {
        let Some((at, frame)) = charged(stack) else {
            continue;
        };
        let function = functions.entry(&frame.function).or_default();
        function.charged = function.charged.saturating_add(stack.samples);
        if at == 0 {
            function.own = function.own.saturating_add(stack.samples);
        }
        let line = function.lines.entry((Arc::clone(&frame.file), frame.line));
        let n = line.or_default();
        *n = n.saturating_add(stack.samples);
    }
    for stack in stacks {
        let names: HashSet<&str> = stack.stack.iter().map(|f| f.function.as_ref()).collect();
        for name in names {
            if let Some(function) = functions.get_mut(name) {
                function.total = function.total.saturating_add(stack.samples);
            }
        }
    }
    let mut functions: Vec<CpuFunction> = functions
        .into_iter()
        .map(|(name, function)| finished(name, &function, n_all))
        .collect();
    functions.sort_by(|a, b| {
        let key = |f: &CpuFunction| {
            (
                std::cmp::Reverse((f.samples, f.total_samples)),
                f.function.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    functions
}

/// The innermost frame of the user's, and where it is.
fn charged(stack: &SampledStack) -> Option<(usize, &StackFrame)> {
    let at = stack.user_frame? as usize;
    stack.stack.get(at).map(|frame| (at, frame))
}

fn finished(name: &str, function: &Function, n_all: u64) -> CpuFunction {
    let hottest = function.lines.iter().max_by_key(|&(_, n)| *n);
    let (file, line) = hottest.map_or_else(Default::default, |(place, _)| place.clone());
    CpuFunction {
        function: name.to_owned(),
        file: file.to_string(),
        line,
        samples: function.charged,
        own_samples: function.own,
        total_samples: function.total,
        share: share(function.charged, n_all),
        own_share: share(function.own, n_all),
        total_share: share(function.total, n_all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(functions: &[&str], user_frame: Option<u32>, samples: u64) -> SampledStack {
        SampledStack {
            stack: functions
                .iter()
                .enumerate()
                .map(|(at, function)| StackFrame {
                    function: (*function).into(),
                    file: "a.go".into(),
                    line: 10 + at as u32,
                    inlined: false,
                })
                .collect(),
            user_frame,
            samples,
            ..SampledStack::default()
        }
    }

    fn samples(stacks: Vec<SampledStack>) -> CpuSamples {
        CpuSamples {
            hertz: 100,
            total: sum(&stacks.iter().collect::<Vec<_>>()),
            stacks,
            ..CpuSamples::default()
        }
    }

    #[test]
    fn a_function_is_charged_with_what_it_asks_of_the_runtime() {
        let cpu = summarize(&samples(vec![
            sampled(&["main.a", "main.main"], Some(0), 60),
            sampled(&["runtime.mallocgc", "main.a", "main.main"], Some(1), 30),
            sampled(&["main.main"], Some(0), 10),
        ]));
        assert_eq!(cpu.time_ns, NS_PER_S);
        let a = &cpu.functions[0];
        assert_eq!((a.function.as_str(), a.line), ("main.a", 10));
        assert_eq!((a.samples, a.own_samples, a.total_samples), (90, 60, 90));
        let main = &cpu.functions[1];
        assert_eq!(
            (main.samples, main.own_samples, main.total_samples),
            (10, 10, 100)
        );
        let groups: Vec<_> = cpu
            .groups
            .iter()
            .map(|g| (g.group.as_str(), g.samples))
            .collect();
        assert_eq!(groups, [("user", 70), ("allocation", 30)]);
    }

    #[test]
    fn recursion_counts_once() {
        let cpu = summarize(&samples(vec![sampled(
            &["main.walk", "main.walk", "main.walk", "main.main"],
            Some(0),
            5,
        )]));
        assert_eq!(cpu.functions[0].total_samples, 5);
    }

    #[test]
    fn the_probes_work_is_no_share_of_the_programs() {
        let mut probing = sampled(&["runtime.chansend1", "main.a"], Some(1), 50);
        probing.probing = true;
        let cpu = summarize(&samples(vec![sampled(&["main.a"], Some(0), 50), probing]));
        assert_eq!((cpu.samples, cpu.probing), (100, 50));
        assert_eq!(cpu.groups.len(), 1);
        assert!((cpu.functions[0].share - 1.0).abs() < 1e-9);
    }

    #[test]
    fn numbers_of_any_size_add_up_without_end() {
        let cpu = summarize(&samples(vec![
            sampled(&["main.a"], Some(7), u64::MAX),
            sampled(&["main.a"], Some(0), u64::MAX),
        ]));
        assert_eq!(cpu.functions[0].samples, u64::MAX);
        assert_eq!(cpu.time_ns, u64::MAX);
    }
}

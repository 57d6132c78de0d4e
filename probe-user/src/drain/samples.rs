//! The sampling program's maps in, counted stacks out.

use probe_ebpf::abi::{MAX_SAMPLED_FRAMES, N_ROLES, SampleCounters, SampledStack, Ticks, sampled};

use super::{DrainError, read};
use crate::{
    attach::Sampler,
    observed::SampledRole,
    samples::{RawSamples, RawStack},
};

/// Reads everything that was sampled so far.
pub fn samples(sampler: &Sampler) -> Result<RawSamples, DrainError> {
    let counters: Vec<(u32, SampleCounters)> = read("SAMPLE_COUNTERS", &sampler.counters, 1)?;
    let counters = counters.first().map(|(_, counters)| *counters);
    let counters = counters.unwrap_or_default();
    let roles: Vec<(u32, Ticks)> = read("SAMPLED", &sampler.roles, N_ROLES as usize)?;
    let of_role = |(role, found): (u32, Ticks)| {
        let sampled = SampledRole {
            total: found.target,
            outside: found.outside,
        };
        (found.target > 0).then_some((role as u16, sampled))
    };
    let roles = roles.into_iter().filter_map(of_role).collect();
    let n_stacks = usize::try_from(counters.n_stacks).unwrap_or(usize::MAX);
    let stacks: Vec<(u32, SampledStack)> = if n_stacks == 0 {
        Vec::new()
    } else {
        read("STACKS", &sampler.stacks, n_stacks)?
    };
    Ok(RawSamples {
        total: counters.total,
        lost: counters.full,
        roles,
        stacks: stacks
            .iter()
            .filter(|(_, stack)| stack.samples > 0)
            .map(|(_, stack)| raw(stack))
            .collect(),
    })
}

fn raw(stack: &SampledStack) -> RawStack {
    let n_frames = (stack.n_frames as usize).min(MAX_SAMPLED_FRAMES);
    RawStack {
        samples: stack.samples,
        in_kernel: stack.flags & sampled::IN_KERNEL != 0,
        top: stack.top,
        frames: stack.frames.iter().take(n_frames).copied().collect(),
    }
}

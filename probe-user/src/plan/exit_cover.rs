//! Cheap exit sites in place of return instructions.
//!
//! A probe on `ret` is always single-stepped, which costs several times an emulated site. An *exit cover* of
//! a `ret` is a set of emulated instructions such that every path into the `ret` passes exactly one of them
//! in a firing state, with nothing but plain instructions after it. It is built backwards from the `ret`,
//! edge by edge; where a path allows no emulated site the instruction behind the last call is stepped, and
//! where that would gain nothing the `ret` itself is the site.
//!
//! What an operation pays for is every site that it passes, firing or not. So a site is left out where all that
//! lead to it are sites anyway: they fire both ways then.

use std::collections::{BTreeMap, HashMap};

use iced_x86::{Code, FlowControl, Instruction, Register};

use super::sites::Condition;
use crate::{address::VirtAddr, analyze::Jumps, report::SiteCost};

/// Instructions that a cover looks back over at most.
const MAX_LOOK_BACK: usize = 24;

/// Calls that are no part of the operation when they are the last before a return: the call itself can be
/// the exit site, since it is a branch and is emulated, and what it does is left out of the latency.
///
/// - `unlock2` releases the channel's lock: nanoseconds (src/runtime/lock_spinbit.go, lock_futex.go).
/// - `releaseSudog` returns a descriptor to the P's cache: nanoseconds (src/runtime/proc.go).
/// - `typedmemclr` clears what a receive from a closed channel gets, at most 64 KB (src/runtime/chan.go).
/// - `gcStart` ends a few allocations in a million, with the object already made; what it costs the program
///   is seen as a stop of the world (src/runtime/malloc.go, mgc.go).
/// - `send` and `recv` hand a value over to a goroutine that waits, and make it ready: a fraction of a microsecond,
///   less than can be told from nothing (src/runtime/chan.go).
const TRAILING_CALLS: [&str; 6] = [
    "runtime.unlock2",
    "runtime.releaseSudog",
    "runtime.typedmemclr",
    "runtime.gcStart",
    "runtime.send",
    "runtime.recv",
];

/// An instruction, by its index, at which an exit is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CoverSite {
    pub(super) index: usize,
    pub(super) condition: Condition,
    /// The function's frame still stands: `rbp + 8` is the address of the return address.
    pub(super) frame_set_up: bool,
}

impl CoverSite {
    pub(super) const fn always(index: usize) -> Self {
        Self {
            index,
            condition: Condition::Always,
            frame_set_up: false,
        }
    }
}

/// A decoded function, as far as choosing its exits needs it.
pub(super) struct Body<'a> {
    pub(super) instructions: &'a [Instruction],
    /// What a probe on each of the instructions costs; `None`: it must not be probed.
    pub(super) costs: &'a [Option<SiteCost>],
    /// Index of the entry site.
    pub(super) entry: usize,
    /// Names the function at an address.
    pub(super) name_of: &'a dyn Fn(VirtAddr) -> Option<String>,
}

/// Sites by their index.
type Sites = BTreeMap<usize, CoverSite>;

/// Returns the exit sites of a function: every return of it is covered exactly once. Where its result is
/// needed, the result is known at each of them.
pub(super) fn cover(body: &Body<'_>, needs_result: bool) -> Vec<CoverSite> {
    let jumps = Jumps::of(body.instructions);
    let suffices = |sites: &Sites| {
        !needs_result
            || sites
                .values()
                .all(|site| body.result_behind(site).is_some())
    };
    let mut chosen = Sites::new();
    for ret in returns(body) {
        let covered = if jumps.computed {
            None
        } else {
            body.cover_of(ret.index, false, &jumps)
        };
        chosen = covered
            .map(|sites| with(&chosen, sites))
            .filter(&suffices)
            .unwrap_or_else(|| with(&chosen, Sites::from([(ret.index, ret)])));
    }
    while let Some(fewer) = chosen.values().find_map(|site| {
        let fewer = body.without(&chosen, site, &jumps);
        fewer.filter(&suffices)
    }) {
        chosen = fewer;
    }
    chosen.into_values().collect()
}

/// Returns the return instructions of a function, each an exit site.
pub(super) fn returns(body: &Body<'_>) -> Vec<CoverSite> {
    body.instructions
        .iter()
        .enumerate()
        .filter(|(_, i)| i.code() == Code::Retnq)
        .map(|(index, _)| CoverSite::always(index))
        .collect()
}

/// Returns the sites that stand for the function's call through a pointer, which can't be probed cheaply itself:
/// of every way into it the last branch. `None` where there is not one such call, or no such site.
pub(super) fn before_indirect_call(body: &Body<'_>) -> Option<Vec<CoverSite>> {
    let mut calls = body
        .instructions
        .iter()
        .enumerate()
        .filter(|(_, i)| i.flow_control() == FlowControl::IndirectCall);
    let (Some((call, _)), None) = (calls.next(), calls.next()) else {
        return None;
    };
    let jumps = Jumps::of(body.instructions);
    if jumps.computed {
        return None;
    }
    Some(body.cover_of(call, true, &jumps)?.into_values().collect())
}

/// Returns the sites together.
fn with(sites: &Sites, others: Sites) -> Sites {
    let mut both = sites.clone();
    for site in others.into_values() {
        add(&mut both, site);
    }
    both
}

/// Adds a site; one that is there for both edges of its conditional jump always counts.
fn add(sites: &mut Sites, site: CoverSite) {
    let seen = sites.entry(site.index).or_insert(site);
    if seen.condition != site.condition {
        seen.condition = Condition::Always;
    }
}

/// What is found on one way into an instruction.
enum Edge {
    /// Go on backwards from that instruction.
    Plain(usize),
    /// The edge's source is a site.
    Site(usize, Condition),
    /// A call with work in it: the instruction behind it is the site.
    AfterCall,
}

impl Body<'_> {
    /// Returns a cover of the instruction at `index` that is cheaper than the instruction, if there is one.
    /// The frame stands there or, at a return, does not.
    fn cover_of(&self, index: usize, frame_stands: bool, jumps: &Jumps) -> Option<Sites> {
        let sites = self.ways_into(index, frame_stands, jumps)?;
        let is_emulated = |&at: &usize| self.cost(at) == Some(SiteCost::Emulated);
        sites.keys().any(is_emulated).then_some(sites)
    }

    /// Returns the chosen sites without one that is needless: it always fires, and all that lead to it are
    /// sites already.
    fn without(&self, chosen: &Sites, needless: &CoverSite, jumps: &Jumps) -> Option<Sites> {
        if needless.condition != Condition::Always {
            return None;
        }
        let mut rest = chosen.clone();
        rest.remove(&needless.index);
        for way in self
            .ways_into(needless.index, needless.frame_set_up, jumps)?
            .into_values()
        {
            rest.contains_key(&way.index).then(|| add(&mut rest, way))?;
        }
        Some(rest)
    }

    /// Returns the sites of all ways into the instruction at `index`.
    fn ways_into(&self, index: usize, frame_stands: bool, jumps: &Jumps) -> Option<Sites> {
        let mut sites = Sites::new();
        // Whether the frame stands before the instruction.
        let mut visited = HashMap::from([(index, frame_stands)]);
        let mut open = vec![index];
        while let Some(at) = open.pop() {
            if visited.len() > MAX_LOOK_BACK {
                return None;
            }
            let frame_set_up = *visited.get(&at)?;
            let edges = self.edges_into(at, jumps)?;
            if edges.iter().any(|edge| matches!(edge, Edge::AfterCall)) {
                // It lies on every way through `at`: the other edges need nothing of their own.
                self.cost(at)?;
                add(
                    &mut sites,
                    CoverSite {
                        index: at,
                        condition: Condition::Always,
                        frame_set_up,
                    },
                );
                continue;
            }
            for edge in edges {
                match edge {
                    Edge::Site(index, condition) => {
                        add(
                            &mut sites,
                            CoverSite {
                                index,
                                condition,
                                frame_set_up,
                            },
                        );
                    }
                    Edge::Plain(from) => {
                        if let std::collections::hash_map::Entry::Vacant(vacant) =
                            visited.entry(from)
                        {
                            vacant.insert(frame_set_up || self.takes_frame_down(from));
                            open.push(from);
                        }
                    }
                    Edge::AfterCall => {}
                }
            }
        }
        Some(sites)
    }

    /// Returns what leads into the instruction at `at`, or `None` where a way can't be covered.
    fn edges_into(&self, at: usize, jumps: &Jumps) -> Option<Vec<Edge>> {
        let mut edges = Vec::new();
        for &jump in jumps.to.get(&at).into_iter().flatten() {
            edges.push(Edge::Site(self.emulated(jump)?, self.taken(jump)?));
        }
        // The first instructions have a predecessor that is not here, the caller; the entry site begins
        // the operation and cannot end it.
        let before = at.checked_sub(1).filter(|&before| before > self.entry)?;
        let instruction = self.instructions.get(before)?;
        match instruction.flow_control() {
            FlowControl::Next if self.emulated(before).is_some() => {
                edges.push(Edge::Site(before, Condition::Always));
            }
            FlowControl::Next => edges.push(Edge::Plain(before)),
            FlowControl::ConditionalBranch => {
                edges.push(Edge::Site(
                    self.emulated(before)?,
                    negated(self.taken(before)?),
                ));
            }
            FlowControl::Call if self.is_trailing_call(instruction) => {
                edges.push(Edge::Site(self.emulated(before)?, Condition::Always));
            }
            FlowControl::Call | FlowControl::IndirectCall => edges.push(Edge::AfterCall),
            // No way from there to here.
            FlowControl::UnconditionalBranch | FlowControl::Return | FlowControl::Exception => {}
            _ => return None,
        }
        Some(edges)
    }

    /// Names the function at an address.
    pub(super) fn name(&self, address: u64) -> Option<String> {
        (self.name_of)(VirtAddr(address))
    }

    /// Returns the index of the instruction at an address.
    pub(super) fn index_of(&self, address: u64) -> Option<usize> {
        self.instructions
            .binary_search_by_key(&address, Instruction::ip)
            .ok()
    }

    fn cost(&self, at: usize) -> Option<SiteCost> {
        self.costs.get(at).copied().flatten()
    }

    fn emulated(&self, at: usize) -> Option<usize> {
        (self.cost(at)? == SiteCost::Emulated).then_some(at)
    }

    /// Returns the condition under which a jump is taken.
    pub(super) fn taken(&self, jump: usize) -> Option<Condition> {
        let jump = self.instructions.get(jump)?;
        match jump.flow_control() {
            FlowControl::UnconditionalBranch => Some(Condition::Always),
            // iced numbers its condition codes from 1 in the order of the x86 encoding.
            FlowControl::ConditionalBranch => Some(Condition::Code(
                (jump.condition_code() as u8).checked_sub(1)?,
            )),
            _ => None,
        }
    }

    fn is_trailing_call(&self, call: &Instruction) -> bool {
        self.name(call.near_branch_target())
            .is_some_and(|name| TRAILING_CALLS.contains(&name.as_str()))
    }

    fn takes_frame_down(&self, at: usize) -> bool {
        self.instructions
            .get(at)
            .is_some_and(|i| i.code() == Code::Pop_r64 && i.op0_register() == Register::RBP)
    }
}

fn negated(condition: Condition) -> Condition {
    match condition {
        // Bit 0 of an x86 condition code negates it (Intel SDM volume 2, B.1.4).
        Condition::Code(code) => Condition::Code(code ^ 1),
        Condition::Always => Condition::Always,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::hand_made::with_body;

    fn offsets(body: &Body<'_>, sites: &[CoverSite]) -> Vec<(u64, Condition, bool)> {
        sites
            .iter()
            .map(|site| (body.offset(site.index), site.condition, site.frame_set_up))
            .collect()
    }

    fn cover_offsets(code: &[u8]) -> Vec<(u64, Condition, bool)> {
        with_body(code, |body| offsets(body, &cover(body, false)))
    }

    #[test]
    fn a_return_behind_plain_code_only_is_its_own_site() {
        // push rbp; mov rbp,rsp; pop rbp; ret
        assert_eq!(
            cover_offsets(&[0x55, 0x48, 0x89, 0xe5, 0x5d, 0xc3]),
            [(5, Condition::Always, false)]
        );
    }

    #[test]
    fn both_edges_into_a_join_are_covered_with_their_conditions() {
        // 0 push rbp; 1 test eax,eax; 3 je 14; 5 call BASE + 1 (work); 10 test ecx,ecx; 12 jne 16;
        // 14 mov eax,ecx; 16 pop rbp; 17 ret
        let code = [
            0x55, 0x85, 0xc0, 0x74, 0x09, 0xe8, 0xf7, 0xff, 0xff, 0xff, 0x85, 0xc9, 0x75, 0x02,
            0x89, 0xc8, 0x5d, 0xc3,
        ];
        assert_eq!(
            cover_offsets(&code),
            [(3, Condition::Code(4), true), (12, Condition::Always, true)]
        );
    }

    #[test]
    fn of_two_jumps_in_turn_on_the_way_to_a_return_the_first_is_the_site() {
        // 0 push rbp; 1 test eax,eax; 3 je 11; 5 test ecx,ecx; 7 jne 11; 9 mov eax,ecx; 11 pop rbp; 12 ret
        let code = [
            0x55, 0x85, 0xc0, 0x74, 0x06, 0x85, 0xc9, 0x75, 0x02, 0x89, 0xc8, 0x5d, 0xc3,
        ];
        assert_eq!(cover_offsets(&code), [(3, Condition::Always, true)]);
    }

    #[test]
    fn a_jump_over_a_trailing_call_stands_for_both() {
        // 0 push rbp; 1 test eax,eax; 3 je 10; 5 call BASE (unlock2); 10 pop rbp; 11 ret
        let code = [
            0x55, 0x85, 0xc0, 0x74, 0x05, 0xe8, 0xf6, 0xff, 0xff, 0xff, 0x5d, 0xc3,
        ];
        assert_eq!(cover_offsets(&code), [(3, Condition::Always, true)]);
    }

    #[test]
    fn a_trailing_leaf_call_is_the_site_and_work_is_not() {
        // 0 push rbp; 1 call BASE (unlock2); 6 pop rbp; 7 ret
        let leaf = [0x55, 0xe8, 0xfa, 0xff, 0xff, 0xff, 0x5d, 0xc3];
        assert_eq!(cover_offsets(&leaf), [(1, Condition::Always, true)]);
        // The same with a call elsewhere: nothing emulated covers it, the return is the site.
        let work = [0x55, 0xe8, 0xfb, 0xff, 0xff, 0xff, 0x5d, 0xc3];
        assert_eq!(cover_offsets(&work), [(7, Condition::Always, false)]);
    }

    #[test]
    fn the_branch_that_leads_to_a_call_through_a_pointer_stands_for_it() {
        let sites = |code: &[u8]| {
            with_body(code, |body| {
                Some(offsets(body, &before_indirect_call(body)?))
            })
        };
        // 0 push rbp; 1 test rdx,rdx; 4 jne 8; 6 jmp 13; 8 mov rcx,[rdx]; 11 call rcx; 13 ret
        let around = [
            0x55, 0x48, 0x85, 0xd2, 0x75, 0x02, 0xeb, 0x05, 0x48, 0x8b, 0x0a, 0xff, 0xd1, 0xc3,
        ];
        assert_eq!(sites(&around), Some(vec![(4, Condition::Code(5), true)]));
        // 0 push rbp; 1 test rdx,rdx; 4 je 11; 6 mov rcx,[rdx]; 9 call rcx; 11 ret
        let over = [
            0x55, 0x48, 0x85, 0xd2, 0x74, 0x05, 0x48, 0x8b, 0x0a, 0xff, 0xd1, 0xc3,
        ];
        assert_eq!(sites(&over), Some(vec![(4, Condition::Code(5), true)]));
        // Two calls: which of them it is can't be told.
        let two = [
            0x55, 0x74, 0x05, 0x48, 0x8b, 0x0a, 0xff, 0xd1, 0xff, 0xd1, 0xc3,
        ];
        assert_eq!(sites(&two), None);
    }

    #[test]
    fn a_computed_jump_leaves_the_returns() {
        // 0 push rbp; 1 jmp rax; 3 test eax,eax; 5 je 7; 7 pop rbp; 8 ret
        let code = [0x55, 0xff, 0xe0, 0x85, 0xc0, 0x74, 0x00, 0x5d, 0xc3];
        assert_eq!(cover_offsets(&code), [(8, Condition::Always, false)]);
    }
}

//! Acts on what the governor decides, and keeps account of what windows saw.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use probe_ebpf::abi::{NO_ROLE, lost};

use super::{
    channels::{self, Channels},
    describe,
    subject::Armed,
};
use crate::{
    aggregate::{Beside, Inside, Outside, Reference, Sampling, Seen, Slice, Snapshot, Spending},
    attach::{
        AttachError, Attachment, Cause, ClosedWindow, Detached, Event, Found, Gates, Passed,
        Scheduler, Steps, Ticks, Traffic, Window,
    },
    discover::Target,
    drain::{self, DrainError},
    govern::{Action, Closed, Costs, Governor, Hits, Look, Room, Terms},
    observed::Calibration,
    plan::{ProbeName, ProbePlan},
    recording::ProbeEnd,
    report::ProbeState,
    state::ChannelReader,
    sys,
};

/// A run's account, and its governor where there is a limit.
pub(super) struct Governing {
    governor: Option<Governor>,
    costs: Costs,
    /// The part of the target's CPU time that CPU samples take.
    of_samples: f64,
    /// When the run began, by the monotonic clock and by the target's CPU time.
    origin_ns: u64,
    cpu_origin_ns: u64,
    cpu_ns: u64,
    scheduler: Scheduler,
    came: Option<Came>,
    /// By probe: how often it has ticked in windows.
    ticks: BTreeMap<u8, u64>,
    probes: Vec<(ProbeName, usize)>,
    /// By probe: since when it is on, or since its last slice, as nanoseconds since the beginning.
    open_ns: BTreeMap<u8, u64>,
    rows: Rows,
    /// Windows that are over, of whose rows nothing was read since: they stay as they are until the probe is on again.
    unread: Vec<(ProbeName, Slice, Ticks)>,
    sampling: Sampling,
    changed: BTreeSet<u32>,
    /// By probe: how often a site was armed or restored in times that are over.
    toggled_sites: BTreeMap<u8, usize>,
    /// Of a target whose channels can be read.
    channels: Option<Channels>,
    attach_ns: u64,
    /// Everything is taken off: that is nobody's decision.
    ending: bool,
    /// Of a run without a limit in which rtprobe was stopped: for how long the probes counted.
    counted_ns: Option<u64>,
}

/// What the scheduler counted since the beginning.
struct Came {
    latest: Steps,
    all: Steps,
}

impl From<Steps> for Came {
    fn from(latest: Steps) -> Self {
        Self {
            latest,
            all: Steps::default(),
        }
    }
}

impl Came {
    fn add(&mut self, now: Steps) {
        self.all = self.all.and(now.since(self.latest));
        self.latest = now;
    }
}

/// What rows counted, and whose they are.
#[derive(Default)]
struct Rows {
    known: BTreeMap<u32, Counted>,
    /// By probe: what came to its rows since it was taken.
    seen: BTreeMap<ProbeName, BTreeMap<u32, Seen>>,
}

/// What a row has counted so far.
struct Counted {
    probe: ProbeName,
    role: u16,
    begun: u64,
    bytes: u64,
}

impl Rows {
    fn absorb(&mut self, snapshot: &Snapshot) {
        for (row, path) in &snapshot.paths {
            if let Some(probe) = ProbeName::from_name(&path.probe) {
                self.known.entry(*row).or_insert(Counted {
                    probe,
                    role: path.role,
                    begun: 0,
                    bytes: 0,
                });
            }
        }
        for (row, totals) in &snapshot.totals {
            let Some(counted) = self.known.get_mut(row) else {
                continue;
            };
            // What ended without a begin that was seen began before the window.
            let begun = totals.hits.saturating_sub(totals.lost[lost::ORPHAN]);
            if (begun, totals.bytes) == (counted.begun, counted.bytes) {
                continue;
            }
            let of_probe = self.seen.entry(counted.probe).or_default();
            let seen = of_probe.entry(*row).or_insert(Seen {
                row: *row,
                begun: 0,
                bytes: 0,
            });
            seen.begun += begun.saturating_sub(counted.begun);
            seen.bytes += totals.bytes.saturating_sub(counted.bytes);
            (counted.begun, counted.bytes) = (begun, totals.bytes);
        }
    }

    /// Returns how many of the operations that were seen are of goroutines of each role.
    fn by_role(&self, seen: &[Seen]) -> BTreeMap<u16, u64> {
        let mut roles = BTreeMap::new();
        for seen in seen {
            let role = self.known.get(&seen.row).map_or(NO_ROLE, |row| row.role);
            *roles.entry(role).or_default() += seen.begun;
        }
        roles
    }

    /// Returns what came to a probe's rows since the last call.
    fn take(&mut self, probe: ProbeName) -> Vec<Seen> {
        let seen = self.seen.remove(&probe).unwrap_or_default();
        seen.into_values().collect()
    }
}

impl Governing {
    /// `share`: of the target's CPU time, `None`: no limit. `duration`: of the run, `None`: without end.
    /// Probes that are on already are taken note of.
    pub(super) fn new(
        share: Option<f64>,
        duration: Option<Duration>,
        armed: &Armed,
        plan: &ProbePlan,
        calibration: Option<&Calibration>,
        channels: Option<ChannelReader>,
    ) -> Self {
        let costs = Costs::new(calibration);
        let origin_ns = sys::monotonic_ns();
        let mut governor = share.map(|share| {
            Governor::new(Terms {
                share,
                costs,
                can_reopen: armed.attachment.can_reopen(),
                host_cpus: sys::online_cpus(),
                run_ns: duration.map(|duration| duration.as_nanos() as u64),
                seed: origin_ns,
            })
        });
        let mut probes = Vec::new();
        let mut open_ns = BTreeMap::new();
        for probe in plan.probes.iter().filter(|probe| !probe.sites().is_empty()) {
            let (index, n_sites) = (probe.name.index(), probe.sites().len());
            probes.push((probe.name, n_sites));
            if let Some(governor) = &mut governor {
                let sites: Vec<_> = probe.sites().iter().map(describe::site).collect();
                let operation_ns = costs.of_operation(&sites);
                governor.add(index, n_sites, operation_ns, weight(probe.name));
            }
            if armed.attachment.is_attached(probe.name) {
                open_ns.insert(index, 0);
                if let Some(governor) = &mut governor {
                    governor.is_on(index, 0);
                }
            }
        }
        Self {
            governor,
            costs,
            of_samples: 0.0,
            origin_ns,
            cpu_origin_ns: cpu_time_ns(armed.target.as_ref()).unwrap_or(0),
            cpu_ns: 0,
            came: armed.scheduler.steps().map(Came::from),
            scheduler: armed.scheduler.clone(),
            ticks: BTreeMap::new(),
            toggled_sites: BTreeMap::new(),
            probes,
            open_ns,
            rows: Rows::default(),
            unread: Vec::new(),
            sampling: Sampling::default(),
            changed: BTreeSet::new(),
            channels: channels.map(Channels::new),
            attach_ns: 0,
            ending: false,
            counted_ns: None,
        }
    }

    /// Takes note that there are so many CPU samples a second, which the budget pays for as well.
    pub(super) fn pay_for_samples(&mut self, hertz: u32) {
        self.of_samples = self.costs.of_samples(hertz);
        if let Some(governor) = &mut self.governor {
            governor.leave(self.of_samples);
        }
    }

    /// Looks at what has happened, does what follows from it, and returns how long nothing has to be decided unless
    /// something happens.
    pub(super) fn step(
        &mut self,
        attachment: &mut Attachment,
        target: Option<&Target>,
    ) -> Result<Duration, GoverningError> {
        // Before anything else: what this process does takes a CPU from the target's threads.
        self.look_at_channels(attachment.gates());
        let events = attachment.events(Duration::ZERO)?;
        self.look(attachment.gates(), target);
        self.take(&events, attachment.gates());
        for event in &events {
            if let Event::Closed { probe, window } = event
                && self.governor.is_none()
                && window.cause == Cause::Abandoned
                && let Some(name) = ProbeName::from_index(*probe)
            {
                attachment.open(name, Window::staying(Room::UNLIMITED))?;
            }
        }
        let look = self.now();
        let actions = self.governor.as_mut().map(|governor| governor.step(look));
        let actions = actions.unwrap_or_default();
        if self.has_to_read(&actions) {
            let known = &self.rows.known;
            let snapshot = drain::rows(attachment.maps(), &|row| known.contains_key(&row))?;
            self.absorb(&snapshot);
        }
        for action in actions {
            self.act(action, attachment)?;
        }
        let due_ns = self.governor.as_ref().map_or(u64::MAX, Governor::due_ns);
        Ok(Duration::from_nanos(due_ns.saturating_sub(look.now_ns)))
    }

    /// Looks at the channels of what is on in windows only, while it is not.
    fn look_at_channels(&mut self, gates: &Gates) {
        let (Some(channels), Some(governor)) = (&mut self.channels, &self.governor) else {
            return;
        };
        let traps = || channels::PROBES.map(|probe| hits_of(gates.traffic(probe.index())).traps());
        let before = traps();
        let is_looked_at = |probe: ProbeName| governor.was_windowed(probe.index());
        channels.look(is_looked_at, || traps() == before);
    }

    /// Takes over how often channels were used that windows saw as well.
    fn compare_with_channels(&mut self) {
        let Some(channels) = &self.channels else {
            return;
        };
        for probe in channels::PROBES {
            let free = |role| channels.free((probe, role), |rows| self.sampling.windows_of(rows));
            // What was known of few channels is not any more once there are others.
            let all = free(None).unwrap_or_default();
            let roles = channels.roles(probe);
            let roles = roles.filter_map(|role| Some((role, free(Some(role))?)));
            let roles = roles.collect();
            self.sampling.is_free(probe.as_str(), all, roles);
        }
    }

    fn act(&mut self, action: Action, attachment: &mut Attachment) -> Result<(), GoverningError> {
        match action {
            Action::Open {
                probe,
                after_ns,
                for_ns,
                room,
                slows,
            } => {
                if let Some(name) = ProbeName::from_index(probe) {
                    let window = Window {
                        after_ns,
                        for_ns,
                        room,
                        ticks: slows,
                    };
                    attachment.open(name, window)?;
                }
            }
            Action::Extend { probe, room } => attachment.gates().extend(probe, room),
            Action::Close { probe } => {
                if let Some(name) = ProbeName::from_index(probe) {
                    let now_ns = sys::monotonic_ns();
                    attachment.close(name)?;
                    if !attachment.can_reopen() {
                        let window = self.closed_now(probe, now_ns);
                        self.take(&[Event::Closed { probe, window }], attachment.gates());
                    }
                }
            }
        }
        Ok(())
    }

    fn closed_now(&self, probe: u8, now_ns: u64) -> ClosedWindow {
        let opened_ns = self.origin_ns + self.open_ns.get(&probe).copied().unwrap_or(0);
        ClosedWindow {
            opened_ns,
            closed_ns: now_ns,
            attach_ns: 0,
            detach_ns: 0,
            inside: Passed::default(),
            cause: Cause::Order,
        }
    }

    /// Takes over what happened to windows.
    fn take(&mut self, events: &[Event], gates: &Gates) {
        for event in events {
            match event {
                Event::Opened {
                    probe,
                    opened_ns,
                    attach_ns,
                } => {
                    self.attach_ns = self.attach_ns.max(*attach_ns);
                    let opened_ns = opened_ns.saturating_sub(self.origin_ns);
                    self.open_ns.entry(*probe).or_insert(opened_ns);
                }
                Event::Closed { probe, window } => self.closed(*probe, window, gates),
                Event::Refused { probe, .. } => {
                    if let Some(governor) = &mut self.governor {
                        governor.refused(*probe);
                    }
                }
            }
        }
    }

    /// Returns whether rows have to be read before these actions: a probe comes on again, or what it saw first is not
    /// known yet, by which channels to look at are found.
    fn has_to_read(&self, actions: &[Action]) -> bool {
        self.unread.iter().any(|(name, ..)| {
            let comes_on =
                |action: &Action| matches!(action, Action::Open { probe, .. } if *probe == name.index());
            !self.sampling.probes.contains_key(name.as_str()) || actions.iter().any(comes_on)
        })
    }

    fn closed(&mut self, probe: u8, window: &ClosedWindow, gates: &Gates) {
        let since = |ns: u64| ns.saturating_sub(self.origin_ns);
        let closed = Closed {
            opened_ns: since(window.opened_ns),
            closed_ns: since(window.closed_ns),
            inside: Hits {
                begun: window.inside.traffic.asked,
                ..passed_hits(&window.inside)
            },
            inside_ns: window.inside.ns,
        };
        *self.ticks.entry(probe).or_default() += closed.inside.ticks;
        self.attach_ns = self.attach_ns.max(window.attach_ns);
        // What stays on was counted up to its last slice.
        let from_ns = match self.open_ns.remove(&probe) {
            Some(ns) if self.stays_on(probe) => ns,
            _ => closed.opened_ns,
        };
        let inside = self.inside(&window.inside);
        let traffic = window.inside.traffic;
        let is_window = matches!(window.cause, Cause::Time | Cause::Limit) && !self.stays_on(probe);
        if let Some((name, mut slice)) = self.slice(probe, (from_ns, closed.closed_ns)) {
            // It may reach its limit a moment before it is told to go off.
            let is_shut_before = closed.open_ns() < window.inside.ns;
            slice.is_cut = match window.cause {
                Cause::Limit => true,
                Cause::Order => is_shut_before,
                Cause::Time | Cause::Abandoned => false,
            };
            slice.cost_ns = inside.cost_ns;
            if is_window {
                slice.inside = inside;
                slice.unseen = traffic.asked.saturating_sub(traffic.begun);
                slice.beside = beside(&window.inside);
            }
            let ticks = window.inside.ticks.clone().filter(|_| is_window);
            self.unread.push((name, slice, ticks.unwrap_or_default()));
        }
        let n_sites = self.probes.iter().find(|(name, _)| name.index() == probe);
        *self.toggled_sites.entry(probe).or_default() += 2 * n_sites.map_or(0, |(_, n)| *n);
        let (look, hits) = (self.now(), self.hits(gates, probe));
        if let Some(governor) = self.governor.as_mut().filter(|_| !self.ending) {
            governor.count(probe, hits);
            governor.closed(probe, look, closed);
        }
    }

    /// What a probe counts that is about to go off is taken over when it is known until when that was.
    fn is_closing(&self, probe: u8) -> bool {
        let governor = self.governor.as_ref();
        governor.is_some_and(|governor| governor.is_closing(probe))
    }

    fn stays_on(&self, probe: u8) -> bool {
        let governor = self.governor.as_ref();
        governor.is_none_or(|governor| governor.stays_on(probe))
    }

    fn inside(&self, passed: &Passed) -> Inside {
        Inside {
            ns: passed.ns,
            cpu_ns: passed.cpu_ns,
            // With warm caches: where nothing else is done than what is counted, which is where the cost slows down
            // most, there is nothing to displace them.
            cost_ns: self.costs.of(passed_hits(passed), 0.0),
            begun: passed.traffic.asked,
            outside: (passed.ticks.as_ref()).map_or_else(Outside::default, |ticks| {
                self.outside(passed.ns, passed.traffic.asked, ticks.all())
            }),
        }
    }

    /// Returns what ticks tell of a window of `ns` in which so many operations began.
    fn outside(&self, ns: u64, operations: u64, found: Found) -> Outside {
        // No tick finds what another one does.
        let of_ticks_ns = (found.outside as f64 * self.costs.tick_ns) as u64;
        let outside_ns = found.outside_ns.saturating_sub(of_ticks_ns);
        Outside::of(ns, operations, outside_ns, (found.target, found.outside))
    }

    /// Takes over what was drained, and closes the slices of the probes that stay on.
    pub(super) fn drained(&mut self, snapshot: &Snapshot, gates: &Gates) {
        self.absorb(snapshot);
        if let Some(on_ns) = self.counted_ns.take() {
            self.stand_for_all(on_ns);
        }
        let now_ns = sys::monotonic_ns();
        let on: Vec<(u8, u64)> = self.open_ns.iter().map(|(&of, &ns)| (of, ns)).collect();
        for (probe, from_ns) in on {
            if self.stays_on(probe) && !self.is_closing(probe) {
                let to_ns = gates.shut_ns(probe).map_or(now_ns, |ns| ns.min(now_ns));
                let to_ns = to_ns.saturating_sub(self.origin_ns).max(from_ns);
                if let Some((name, slice)) = self.slice(probe, (from_ns, to_ns)) {
                    self.settle(name, &slice, &Ticks::default());
                }
                self.open_ns.insert(probe, to_ns);
            }
        }
    }

    /// Takes over what was read of rows, which is what the windows saw that are over.
    fn absorb(&mut self, snapshot: &Snapshot) {
        self.rows.absorb(snapshot);
        if let Some(channels) = &mut self.channels {
            channels.absorb(snapshot);
        }
        for (name, slice, ticks) in std::mem::take(&mut self.unread) {
            self.settle(name, &slice, &ticks);
        }
    }

    /// What was counted in a part of the run stands for all of it.
    fn stand_for_all(&mut self, on_ns: u64) {
        let slice = Slice {
            on_ns,
            ..Slice::default()
        };
        for (name, _) in &self.probes {
            let seen = self.rows.take(*name);
            self.changed.extend(seen.iter().map(|seen| seen.row));
            self.sampling.add(name.as_str(), &slice, &seen);
        }
    }

    /// Returns a time that a probe was on, in nanoseconds since the beginning, and for how long that stands.
    fn slice(&self, probe: u8, (from_ns, to_ns): (u64, u64)) -> Option<(ProbeName, Slice)> {
        // Without a limit everything is on all the time, and the counts are exact.
        let governor = self.governor.as_ref()?;
        let on_ns = to_ns.saturating_sub(from_ns);
        let slice = Slice {
            on_ns,
            period_ns: governor.stands_for_ns(probe, on_ns),
            ..Slice::default()
        };
        Some((ProbeName::from_index(probe)?, slice))
    }

    /// Takes over what a probe saw while it was on.
    fn settle(&mut self, name: ProbeName, slice: &Slice, ticks: &Ticks) {
        let seen = self.rows.take(name);
        if slice.on_ns == 0 && seen.is_empty() {
            return;
        }
        self.changed.extend(seen.iter().map(|seen| seen.row));
        self.sampling.add(name.as_str(), slice, &seen);
        if !ticks.0.is_empty() {
            let roles = self.by_role(&seen, slice, ticks);
            self.sampling.add_roles(name.as_str(), &roles);
        }
    }

    /// Puts together what goroutines of each role did in a window: their operations, and where ticks found them.
    fn by_role(&self, seen: &[Seen], window: &Slice, ticks: &Ticks) -> BTreeMap<u16, Outside> {
        let operations = self.rows.by_role(seen);
        let begun: u64 = operations.values().sum();
        // What there was no room for is of the roles that were seen.
        let each = (begun + window.unseen) as f64 / begun.max(1) as f64;
        let roles: BTreeSet<u16> = operations.keys().chain(ticks.0.keys()).copied().collect();
        let of_role = |role: u16| {
            let found = ticks.0.get(&role).copied().unwrap_or_default();
            let operations = operations.get(&role).copied().unwrap_or(0) as f64 * each;
            self.outside(window.inside.ns, operations as u64, found)
        };
        roles
            .into_iter()
            .map(|role| (role, of_role(role)))
            .collect()
    }

    fn look(&mut self, gates: &Gates, target: Option<&Target>) {
        if let Some(cpu_ns) = cpu_time_ns(target) {
            self.cpu_ns = cpu_ns.saturating_sub(self.cpu_origin_ns);
        }
        if let (Some(came), Some(now)) = (&mut self.came, self.scheduler.steps()) {
            came.add(now);
        }
        let all = self.probes.iter().map(|(name, _)| name.index());
        let all: Vec<_> = all.map(|probe| (probe, self.hits(gates, probe))).collect();
        if let Some(governor) = &mut self.governor {
            for (probe, hits) in all {
                governor.count(probe, hits);
            }
        }
    }

    /// Returns what a probe did to the target so far.
    fn hits(&self, gates: &Gates, probe: u8) -> Hits {
        Hits {
            ticks: self.ticks.get(&probe).copied().unwrap_or(0),
            ..hits_of(gates.traffic(probe))
        }
    }

    fn now(&self) -> Look {
        Look {
            now_ns: sys::monotonic_ns().saturating_sub(self.origin_ns),
            cpu_ns: self.cpu_ns,
        }
    }

    /// Adds to a snapshot what it does not hold itself.
    pub(super) fn complete(
        &mut self,
        snapshot: &mut Snapshot,
        gates: &Gates,
        target: Option<&Target>,
    ) {
        self.look(gates, target);
        self.compare_with_channels();
        let changed = std::mem::take(&mut self.changed);
        snapshot.sampling = self.sampling.of_rows(changed.into_iter());
        let seconds_cpu = self.cpu_ns as f64 / self.now().now_ns.max(1) as f64;
        let of_probe = |(name, _): &(ProbeName, usize)| {
            let toggled = self.toggled_sites.get(&name.index()).copied().unwrap_or(0);
            let hits = self.hits(gates, name.index());
            let apart_ns = match &self.governor {
                Some(governor) => governor.apart_ns(name.index()),
                None => hits.apart_ns(self.cpu_ns as f64),
            };
            let hits_ns = self.costs.of(hits, apart_ns);
            let took_ns = hits_ns + Costs::of_toggle(toggled, seconds_cpu);
            (name.as_str().to_owned(), took_ns)
        };
        let of_probes_ns: BTreeMap<String, f64> = self.probes.iter().map(of_probe).collect();
        snapshot.spending = Some(Spending {
            probes_ns: of_probes_ns.values().sum::<f64>() + self.of_samples * self.cpu_ns as f64,
            target_ns: self.cpu_ns,
            syscalls: self.came.as_ref().map(|came| came.all.syscalls()),
            goroutines: self.came.as_ref().map(|came| came.all.goroutines()),
            of_probes_ns,
        });
    }

    /// Takes over the windows that were open until everything was taken off. `elapsed`: since the beginning; `quiet`:
    /// how long of it nothing was counted.
    pub(super) fn end(&mut self, detached: &Detached, elapsed: Duration, quiet: Duration) {
        self.ending = true;
        if self.governor.is_none() && !quiet.is_zero() {
            self.counted_ns = Some(elapsed.saturating_sub(quiet).as_nanos() as u64);
        }
        self.take(&detached.events, &detached.gates);
    }

    /// Returns the longest time that it took to put a probe on.
    pub(super) fn attach_ns(&self) -> Option<u64> {
        Some(self.attach_ns).filter(|ns| *ns > 0 && self.governor.is_some())
    }

    /// Returns whether a probe was on in windows only.
    pub(super) fn was_windowed(&self, probe: u8) -> bool {
        let governor = self.governor.as_ref();
        governor.is_some_and(|governor| governor.was_windowed(probe))
    }

    /// Returns what became of the probes.
    pub(super) fn ends(&self, attachment_can_reopen: bool) -> Vec<ProbeEnd> {
        let Some(governor) = &self.governor else {
            return Vec::new();
        };
        let look = self.now();
        let cpus = look.cpu_ns as f64 / look.now_ns.max(1) as f64;
        let end = |(name, _): &(ProbeName, usize)| {
            let index = name.index();
            let taken = governor.rate(index).unwrap_or(0.0) / cpus.max(1e-9);
            let percent = percent(taken / (1.0 + taken));
            let (state, reason) = match governor.rate(index) {
                None => (
                    ProbeState::Dropped,
                    Some("the budget leaves nothing to look at it with".to_owned()),
                ),
                Some(_) if governor.was_windowed(index) && attachment_can_reopen => (
                    ProbeState::Windowed,
                    Some(format!(
                        "always on it would take about {percent} of the target's CPU time"
                    )),
                ),
                Some(_) if governor.was_windowed(index) => (
                    ProbeState::Dropped,
                    Some(format!(
                        "it took about {percent} of the target's CPU time, and this kernel \
                         takes probes off too slowly to have it on now and then"
                    )),
                ),
                Some(_) => return None,
            };
            Some(ProbeEnd {
                name: name.as_str().to_owned(),
                state,
                reason,
            })
        };
        self.probes.iter().filter_map(end).collect()
    }
}

/// How much a probe is wanted: those that every report shows, and those that only rules need.
fn weight(name: ProbeName) -> f64 {
    if name.is_of_interest_by_itself() {
        3.0
    } else {
        1.0
    }
}

/// A share in words; windows round what is little to nothing.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        ..1.0 => "1 % or less".to_owned(),
        1.0..10.0 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// Why the probes could not be governed.
#[derive(Debug, thiserror::Error)]
pub(super) enum GoverningError {
    #[error(transparent)]
    Attach(#[from] AttachError),
    #[error(transparent)]
    Drain(#[from] DrainError),
}

fn beside(passed: &Passed) -> Beside {
    let Some(steps) = passed.steps else {
        return Beside::default();
    };
    let begun = passed.traffic.asked as f64;
    let reference = |steps: u64| Reference::of(passed.ns as f64, steps as f64, begun);
    Beside {
        syscalls: reference(steps.syscalls()),
        goroutines: reference(steps.goroutines()),
    }
}

fn passed_hits(passed: &Passed) -> Hits {
    Hits {
        ticks: (passed.ticks.as_ref()).map_or(0, |ticks| ticks.all().target),
        ..hits_of(passed.traffic)
    }
}

const fn hits_of(traffic: Traffic) -> Hits {
    Hits {
        begun: traffic.begun,
        emulated: traffic.emulated,
        stepped: traffic.stepped,
        ticks: 0,
    }
}

fn cpu_time_ns(target: Option<&Target>) -> Option<u64> {
    target?.cpu_time_ns().ok()
}

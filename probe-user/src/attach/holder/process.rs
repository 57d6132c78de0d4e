//! The holder's side: a thread per link, and one that tells them what to do.

use std::{
    fs::File,
    io::{self, Write as _},
    os::{
        fd::{AsFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use aya::maps::{Map, MapData, RingBuf};
use probe_ebpf::abi::STALE_BEAT_NS;

use super::{
    super::{
        Clock, Gates, LinkSpec, Pulse, Scheduler,
        ticks::{TickCounters, Ticker},
    },
    protocol::{Cause, ClosedWindow, Event, Incoming, Inventory, Order, Passed, Window},
};
use crate::sys;

/// Age of the heartbeat from which on all links are closed, in nanoseconds.
const ABANDONED_NS: u64 = 5_000_000_000;
/// A window at its limit that has no more time left goes on to its end: what comes is counted although there is
/// no room for it, and only what ends by the clock needs no correction.
const GRACE_NS: u64 = 10_000_000;
/// How often the heartbeat is looked at, and the limits that nothing was said of.
const IDLE: Duration = Duration::from_millis(250);

/// What all threads share.
struct Shared {
    program: OwnedFd,
    exe: OwnedFd,
    gates: Gates,
    ticker: Ticker,
    ticks: TickCounters,
    pulse: Pulse,
    target: u32,
    scheduler: Scheduler,
    /// What rtprobe has to know at once, and what it looks at when it has something to do anyway.
    urgent: Mutex<UnixStream>,
    calm: Mutex<UnixStream>,
}

/// What a link's thread is told.
#[derive(Clone, Copy, Debug)]
enum Command {
    Open(Window),
    Close(Cause),
}

/// Holds links until rtprobe's end of the socket, which is this process's standard input, is closed.
pub(super) fn hold() -> io::Result<()> {
    // SAFETY: standard input is this process's own, and nothing else in it reads from it.
    let socket = UnixStream::from(unsafe { OwnedFd::from_raw_fd(libc::STDIN_FILENO) });
    sys::prefer_this_process();
    let mut orders = Incoming::new(socket.try_clone()?);
    let inventory = first(&mut orders)?;
    let shared = Arc::new(Shared::new(&inventory, socket)?);
    let shut = ring_of(inventory.shut)?;
    let (commands, threads) = start(&shared, inventory.links)?;
    // However this ends, the links go.
    let attended = attend(&shared, &commands, orders, shut);
    for (probe, _) in &commands {
        shared.gates.close(*probe);
    }
    // Without senders the threads close what they hold, all at once: the kernel's wait is shared.
    drop(commands);
    // One that panicked has let go of its link all the same.
    for thread in threads {
        drop(thread.join());
    }
    attended
}

/// Takes over a descriptor of the inventory.
fn inherited(fd: RawFd) -> OwnedFd {
    // SAFETY: rtprobe hands it down for this and nothing else, and each is taken over once.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// What the programs say when a window has reached its limit.
fn ring_of(fd: RawFd) -> io::Result<RingBuf<MapData>> {
    let map = MapData::from_fd(inherited(fd)).map_err(io::Error::other)?;
    RingBuf::try_from(Map::RingBuf(map)).map_err(io::Error::other)
}

/// Tells the links' threads what rtprobe orders, which windows have reached their limit, and when rtprobe does not
/// say any more that it is alive. Returns when rtprobe's end of the socket is closed.
fn attend(
    shared: &Shared,
    commands: &Commands,
    mut orders: Incoming,
    mut shut: RingBuf<MapData>,
) -> io::Result<()> {
    loop {
        while let Some(order) = orders.next()? {
            let (probe, command) = match order {
                Order::Open { probe, window } => (probe, Command::Open(window)),
                Order::Close { probe } => (probe, Command::Close(Cause::Order)),
            };
            tell(commands, probe, command);
        }
        let [is_ordered, is_shut] = sys::wait_readable([orders.as_fd(), shut.as_fd()], IDLE)?;
        if is_ordered && !orders.read()? {
            return Ok(());
        }
        while let Some(said) = shut.next() {
            if let Some(&probe) = said.first() {
                tell(commands, probe, Command::Close(Cause::Limit));
            }
        }
        if shared.is_abandoned() {
            for (probe, _) in commands {
                tell(commands, *probe, Command::Close(Cause::Abandoned));
            }
        } else if !is_ordered && !is_shut {
            for (probe, _) in commands {
                if shared.gates.shut_ns(*probe).is_some() {
                    tell(commands, *probe, Command::Close(Cause::Limit));
                }
            }
        }
    }
}

/// Waits for the first line.
fn first(orders: &mut Incoming) -> io::Result<Inventory> {
    loop {
        if let Some(inventory) = orders.next()? {
            return Ok(inventory);
        }
        if !orders.read()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

type Commands = Vec<(u8, Sender<Command>)>;

fn start(
    shared: &Arc<Shared>,
    links: Vec<LinkSpec>,
) -> io::Result<(Commands, Vec<JoinHandle<()>>)> {
    let mut commands = Vec::new();
    let mut threads = Vec::new();
    for link in links {
        let (send, receive) = mpsc::channel();
        commands.push((link.probe, send));
        let shared = Arc::clone(shared);
        let thread = thread::Builder::new().name("link".to_owned());
        threads.push(thread.spawn(move || keep(&shared, &link, &receive))?);
    }
    Ok((commands, threads))
}

fn tell(commands: &Commands, probe: u8, command: Command) {
    let thread = commands.iter().find(|(of, _)| *of == probe);
    if thread.is_some_and(|(_, thread)| thread.send(command).is_err()) {
        // A thread that is gone has nothing to open or to close.
    }
}

/// Keeps one link: opens its windows, and sees to it that they close.
fn keep(shared: &Shared, link: &LinkSpec, commands: &Receiver<Command>) {
    let probe = link.probe;
    while let Ok(command) = commands.recv() {
        let Command::Open(ordered) = command else {
            continue;
        };
        let event = if is_still_wanted(commands, ordered.after_ns) {
            match window(shared, link, commands, ordered) {
                Ok(window) => Event::Closed { probe, window },
                Err(error) => Event::Refused {
                    probe,
                    reason: error.to_string(),
                },
            }
        } else {
            let window = ClosedWindow::unopened(sys::monotonic_ns());
            Event::Closed { probe, window }
        };
        shared.say(&event);
    }
}

/// Waits until a window is to open, and returns whether nobody has said meanwhile that it is not.
fn is_still_wanted(commands: &Receiver<Command>, after_ns: u64) -> bool {
    let start_ns = sys::monotonic_ns().saturating_add(after_ns);
    loop {
        let left_ns = start_ns.saturating_sub(sys::monotonic_ns());
        if left_ns == 0 {
            return true;
        }
        match commands.recv_timeout(Duration::from_nanos(left_ns)) {
            // It may be about the window before.
            Ok(Command::Close(Cause::Limit) | Command::Open(_)) => {}
            Ok(Command::Close(_)) | Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => return true,
        }
    }
}

fn window(
    shared: &Shared,
    link: &LinkSpec,
    commands: &Receiver<Command>,
    ordered: Window,
) -> io::Result<ClosedWindow> {
    let Window { for_ns, room, .. } = ordered;
    let probe = link.probe;
    let ticking = (ordered.ticks).then(|| shared.ticker.begin()).flatten();
    let ticks = ticking.is_some();
    let began_ns = sys::monotonic_ns();
    let armed = link.attach(shared.program.as_fd(), shared.exe.as_fd())?;
    // Before the gate opens: a hot probe may be at its limit a moment later.
    let before = shared.passed(probe, ticks);
    shared.gates.open(probe, room);
    let opened_ns = before.ns;
    let attach_ns = opened_ns.saturating_sub(began_ns);
    if for_ns.is_none() {
        // Of any other its end tells, soon.
        shared.say(&Event::Opened {
            probe,
            opened_ns,
            attach_ns,
        });
    }
    let cause = wait(shared, probe, commands, opened_ns, for_ns);
    shared.gates.close(probe);
    let now = shared.passed(probe, ticks);
    drop(ticking);
    drop(armed);
    shared.gates.retire(probe);
    let quiet_ns = match cause {
        Cause::Abandoned => shared.pulse.last_ns().map(|ns| ns + STALE_BEAT_NS),
        // Operations are counted until the gate closes, with or without room for them.
        _ if for_ns.is_some() => None,
        _ => shared.gates.shut_ns(probe),
    };
    Ok(ClosedWindow {
        opened_ns,
        closed_ns: quiet_ns.map_or(now.ns, |ns| ns.clamp(opened_ns, now.ns)),
        attach_ns,
        detach_ns: sys::monotonic_ns().saturating_sub(now.ns),
        inside: now.since(&before),
        cause,
    })
}

/// Waits until a window has to close, and returns why.
fn wait(
    shared: &Shared,
    probe: u8,
    commands: &Receiver<Command>,
    opened_ns: u64,
    for_ns: Option<u64>,
) -> Cause {
    loop {
        let open_ns = sys::monotonic_ns().saturating_sub(opened_ns);
        let left = for_ns.map(|for_ns| for_ns.saturating_sub(open_ns));
        let is_worth_closing = left.is_none_or(|left| left > GRACE_NS);
        if is_worth_closing && shared.gates.shut_ns(probe).is_some() {
            return Cause::Limit;
        }
        let command = match left {
            Some(0) => return Cause::Time,
            Some(left) => commands.recv_timeout(Duration::from_nanos(left)),
            None => commands.recv().map_err(RecvTimeoutError::from),
        };
        match command {
            Ok(Command::Close(Cause::Abandoned)) if !shared.is_abandoned() => {}
            Ok(Command::Close(cause @ (Cause::Abandoned | Cause::Time | Cause::Order))) => {
                return cause;
            }
            Ok(Command::Close(Cause::Limit) | Command::Open(_))
            | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Cause::Order,
        }
    }
}

impl Shared {
    fn new(inventory: &Inventory, socket: UnixStream) -> io::Result<Self> {
        let gates = inherited(inventory.gates);
        let ticks = inherited(inventory.ticks);
        let pulse = inherited(inventory.pulse);
        let calm = UnixStream::from(inherited(inventory.calm));
        Ok(Self {
            program: inherited(inventory.program),
            exe: OwnedFd::from(File::from(inherited(inventory.exe))),
            gates: Gates::map(gates.as_fd())?,
            ticker: Ticker::new(Clock {
                events: inventory.clock.iter().copied().map(inherited).collect(),
                each: inventory.cpus_of_tick,
            }),
            ticks: TickCounters::map(ticks.as_fd(), inventory.cpus_of_tick)?,
            pulse: Pulse::map(pulse.as_fd())?,
            target: inventory.target,
            scheduler: inventory.scheduler.clone(),
            urgent: Mutex::new(socket),
            calm: Mutex::new(calm),
        })
    }

    /// Tells rtprobe; whether it listens does not matter to the links.
    fn say(&self, event: &Event) {
        let Ok(mut line) = serde_json::to_vec(event) else {
            return;
        };
        line.push(b'\n');
        let socket = if event.is_urgent() {
            &self.urgent
        } else {
            &self.calm
        };
        let mut socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
        drop(socket.write_all(&line));
    }

    /// The target's clocks and a probe's counters, read at the same moment as far as that goes.
    fn passed(&self, probe: u8, ticks: bool) -> Passed {
        Passed {
            cpu_ns: sys::process_cpu_time_ns(self.target).unwrap_or(0),
            steps: self.scheduler.steps(),
            ticks: ticks.then(|| self.ticks.read()),
            traffic: self.gates.traffic(probe),
            ns: sys::monotonic_ns(),
        }
    }

    fn is_abandoned(&self) -> bool {
        let last_ns = self.pulse.last_ns();
        last_ns.is_some_and(|ns| sys::monotonic_ns().saturating_sub(ns) > ABANDONED_NS)
    }
}

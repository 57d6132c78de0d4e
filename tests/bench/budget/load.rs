//! A program at work, and what is known of it in any time span.

use std::thread;

use anyhow::{Context as _, Result};
use rtprobe_tests::go::{Go, Kind, NEWEST};

use crate::{
    meter::{Meter, Pace},
    target::{Target, field},
    watch::Span,
};

/// Where the program and its twin run, so that they share all there is; their clients run on the last one.
const CPU: usize = 0;
/// Requests under way at a time: as many as keep a processor busy, and no queue.
const CONNECTIONS: &str = "4";

/// A running program, and a twin of it that nobody watches. Both are on one CPU, where the scheduler alternates between
/// them all the time, so that whatever disturbs one disturbs the other: how they compare is the same within 2 %, where
/// on two CPUs it changes by 10 %.
#[derive(Debug)]
pub(super) struct Load {
    watched: Program,
    twin: Program,
}

/// A running program that counts its operations, with its clients where it has any.
#[derive(Debug)]
struct Program {
    meter: Meter,
    clients: Option<Target>,
}

/// What the program did in a time span, and its twin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) pace: Pace,
    pub(super) twin: Pace,
    pub(super) latency: Option<Latency>,
}

/// What its clients had to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    pub(super) p50_ns: f64,
    pub(super) p99_ns: f64,
}

impl Load {
    /// Starts a program that makes one operation as fast as it goes.
    pub(super) fn flat_out(go: &Go, what: &str) -> Result<Self> {
        let binary = go.build("flatout", NEWEST, Kind::Stripped)?;
        Self::of(|| {
            Ok(Program {
                meter: Meter::start(Target::start_on(CPU, &binary, &["-do", what])?),
                clients: None,
            })
        })
    }

    /// Starts an HTTP service and its clients.
    pub(super) fn http(go: &Go) -> Result<Self> {
        let binary = go.build("web", NEWEST, Kind::Stripped)?;
        Self::of(|| {
            let server = Target::start_on(CPU, &binary, &["serve"])?;
            let address = server.greeting.first().context("no address")?.clone();
            Ok(Program {
                clients: Some(Target::start_on(
                    last_cpu(),
                    &binary,
                    &["load", &address, CONNECTIONS],
                )?),
                meter: Meter::start(server),
            })
        })
    }

    fn of(start: impl Fn() -> Result<Program>) -> Result<Self> {
        Ok(Self {
            watched: start()?,
            twin: start()?,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.watched.meter.pid()
    }

    pub(super) fn figures(&mut self, span: Span) -> Result<Figures> {
        let latency = |clients: &mut Target| -> Result<Latency> {
            let words = clients.ask(&format!("{} {}", span.from, span.to), "TOOK")?;
            Ok(Latency {
                p50_ns: field(&words, 2)?,
                p99_ns: field(&words, 3)?,
            })
        };
        Ok(Figures {
            pace: self.watched.meter.pace(span)?,
            twin: self.twin.meter.pace(span)?,
            latency: self.watched.clients.as_mut().map(latency).transpose()?,
        })
    }
}

fn last_cpu() -> usize {
    thread::available_parallelism().map_or(CPU, |n| n.get() - 1)
}

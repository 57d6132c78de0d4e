//! A program at work, and what is known of it in any time span.

use anyhow::{Context as _, Result};
use rtprobe_tests::go::{Go, Kind, NEWEST};

use crate::{
    meter::{Meter, Pace},
    target::{Target, field},
    watch::Span,
};

/// Requests under way at a time: as many as keep two processors busy, and no queue.
const CONNECTIONS: &str = "4";

/// A running program that counts its operations, with its clients where it has any.
#[derive(Debug)]
pub(super) struct Load {
    meter: Meter,
    clients: Option<Target>,
}

/// What the program did in a time span.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) pace: Pace,
    pub(super) latency: Option<Latency>,
}

/// What its clients had to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    pub(super) p50_ns: f64,
    pub(super) p99_ns: f64,
}

impl Load {
    /// Starts a program that makes one operation on all processors as fast as it goes.
    pub(super) fn flat_out(go: &Go, what: &str) -> Result<Self> {
        let binary = go.build("flatout", NEWEST, Kind::Stripped)?;
        Ok(Self {
            meter: Meter::start(Target::start(&binary, &["-do", what])?),
            clients: None,
        })
    }

    /// Starts an HTTP service and its clients.
    pub(super) fn http(go: &Go) -> Result<Self> {
        let binary = go.build("web", NEWEST, Kind::Stripped)?;
        let server = Target::start(&binary, &["serve"])?;
        let address = server.greeting.first().context("no address")?.clone();
        Ok(Self {
            clients: Some(Target::start(&binary, &["load", &address, CONNECTIONS])?),
            meter: Meter::start(server),
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.meter.pid()
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
            pace: self.meter.pace(span)?,
            latency: self.clients.as_mut().map(latency).transpose()?,
        })
    }
}

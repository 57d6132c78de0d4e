//! A plan as text or JSON: what would be attached where.

use std::io::{self, Write};

use serde::Serialize;

use super::TextOptions;
use crate::{
    escape,
    report::{Site, SiteCost, SiteKind, TargetInfo},
};

/// What `rtprobe plan` answers, `rtprobe.plan/v1`.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    pub schema: &'static str,
    pub target: TargetInfo,
    pub probes: Vec<PlannedProbe>,
    /// What is not known of this binary, in sentences.
    pub degraded: Vec<String>,
}

/// One logical probe of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedProbe {
    pub name: String,
    /// `planned` or `skipped`.
    pub state: &'static str,
    pub reason: Option<String>,
    pub functions: Vec<String>,
    pub sites: Vec<Site>,
}

impl Plan {
    pub const SCHEMA: &'static str = "rtprobe.plan/v1";

    fn sites(&self, cost: SiteCost) -> usize {
        self.probes
            .iter()
            .flat_map(|probe| &probe.sites)
            .filter(|site| site.cost == cost)
            .count()
    }
}

/// Writes a plan as text.
pub fn write_plan(plan: &Plan, options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let target = &plan.target;
    let pid = if target.pid == 0 {
        String::new()
    } else {
        format!("  pid {}", target.pid)
    };
    let name = escape::terminal(&target.comm);
    writeln!(
        out,
        "{name}{pid} · {}",
        escape::terminal(&target.go_version)
    )?;
    writeln!(
        out,
        "{} emulated and {} single-stepped sites; nothing was attached",
        plan.sites(SiteCost::Emulated),
        plan.sites(SiteCost::Stepped),
    )?;
    for probe in &plan.probes {
        writeln!(out)?;
        match &probe.reason {
            Some(reason) => {
                writeln!(
                    out,
                    "{}  {}: {}",
                    probe.name,
                    probe.state,
                    escape::terminal(reason)
                )?;
            }
            None => writeln!(out, "{}", probe.name)?,
        }
        write_sites(&probe.sites, options, out)?;
    }
    for sentence in &plan.degraded {
        writeln!(out, "\nnote: {}", escape::terminal(sentence))?;
    }
    Ok(())
}

fn write_sites(sites: &[Site], options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut function = "";
    for site in sites {
        if site.function != function {
            function = &site.function;
            writeln!(out, "  {}", escape::terminal(function))?;
        }
        let kind = match site.kind {
            SiteKind::Entry => "entry",
            SiteKind::Exit => "exit",
        };
        let cost = match site.cost {
            SiteCost::Emulated => "emulated",
            SiteCost::Stepped => "stepped",
        };
        let line = format!(
            "    {kind:<5}  {:#010x}  {cost:<8}  {}",
            site.file_offset, site.instruction
        );
        writeln!(
            out,
            "{}",
            line.chars().take(options.width).collect::<String>()
        )?;
    }
    Ok(())
}

//! A census of goroutines: the largest groups first, each with what it waits for and where.

use std::io::{self, Write};

use super::{
    Page,
    call_sites::place,
    fit,
    line::{Line, Style},
    units,
};
use crate::{
    render::{Dump, TextOptions},
    report::{GoroutineGroup, StackFrame},
};

/// Columns of a count.
const COUNT: usize = 8;

/// Writes a dump as text; with [`TextOptions::verbose`] the frames of the runtime too.
pub fn write(dump: &Dump, options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options);
    title(dump, &mut page);
    let (system, own): (Vec<_>, Vec<_>) = dump.goroutines.iter().partition(|group| group.system);
    for group in own {
        section(group, dump, &mut page);
    }
    if !system.is_empty() {
        systems(&system, &mut page);
    }
    notes(dump, &mut page);
    for line in &page.lines {
        line.write(options, page.width, out)?;
    }
    Ok(())
}

fn title(dump: &Dump, page: &mut Page<'_>) {
    let target = &dump.target;
    let line = Line::default()
        .strong(fit::name(&target.comm))
        .plain(format!("  pid {}", target.pid))
        .secondary(format!(
            "  {}  {} in {}, read in {}",
            fit::name(&target.go_version),
            units::counted(dump.total, "goroutine"),
            units::counted(dump.goroutines.len() as u64, "group"),
            units::duration(dump.read_ns),
        ));
    page.push(line);
}

fn section(group: &GoroutineGroup, dump: &Dump, page: &mut Page<'_>) {
    page.blank();
    let waited = group
        .longest_wait_ns
        .map(|waited| format!("  for at least {}", units::duration(waited)));
    let locked = locked(group, dump).map(|n| format!("  {} locked to a thread", units::count(n)));
    let line = head(group).secondary(waited.unwrap_or_default());
    page.push(line.secondary(locked.unwrap_or_default()));
    let hidden = if page.options.verbose {
        0
    } else {
        runtime_frames(&group.stack)
    };
    let room = page.width - COUNT;
    let shown = group.stack.get(hidden..).unwrap_or_default();
    for same in shown.chunk_by(|a, b| a == b) {
        let [frame, more @ ..] = same else { continue };
        let line = Line::indented(COUNT);
        page.push(place(line, &frame.function, &frame.file, frame.line, room));
        if !more.is_empty() {
            let times = format!("the same {} times more", units::count(more.len() as u64));
            page.push(Line::indented(COUNT + 2).secondary(times));
        }
    }
    if group.truncated {
        page.push(Line::indented(COUNT).secondary("… more frames than are read"));
    }
    if group.stack.is_empty() {
        let why = match group.state.as_str() {
            "running" => "on a CPU: where is not in memory",
            _ => "moved on while it was read",
        };
        page.push(Line::indented(COUNT).secondary(why));
    }
    if let Some(created) = &group.created_by {
        let line = Line::indented(COUNT).secondary("created by ");
        let room = room.saturating_sub(11);
        page.push(place(
            line,
            &created.function,
            &created.file,
            created.line,
            room,
        ));
    }
}

/// The count, and what the goroutines do.
fn head(group: &GoroutineGroup) -> Line {
    let count = units::count(group.count);
    let line = Line::indented((COUNT - 2).saturating_sub(fit::columns(&count)))
        .strong(count)
        .plain("  ");
    match &group.wait_reason {
        Some(reason) => line.styled(Style::Info, fit::name(reason)),
        None => line.styled(Style::Info, fit::name(&group.state)),
    }
}

fn locked(group: &GoroutineGroup, dump: &Dump) -> Option<u64> {
    let is_part = |part: &&GoroutineGroup| {
        part.state == group.state
            && part.wait_reason == group.wait_reason
            && part.created_by == group.created_by
            && part.system == group.system
            && part.stack == group.stack
    };
    let part = dump.locked_to_thread.iter().find(is_part)?;
    Some(part.count)
}

/// How many frames, from the innermost, are the runtime's: the wait reason says the same in words. Where there
/// is nothing else, none.
fn runtime_frames(stack: &[StackFrame]) -> usize {
    let is_runtimes = |frame: &&StackFrame| {
        let function = &frame.function;
        function.starts_with("runtime.") || function.starts_with("internal/runtime/")
    };
    let n = stack.iter().take_while(is_runtimes).count();
    if n == stack.len() { 0 } else { n }
}

/// The runtime's own, one line a group.
fn systems(groups: &[&GoroutineGroup], page: &mut Page<'_>) {
    let n = groups.iter().map(|group| group.count).sum();
    page.heading("THE RUNTIME'S OWN", &units::counted(n, "goroutine"));
    for group in groups {
        let outermost = group.stack.last().map_or("", |frame| &frame.function);
        page.push(head(group).padded_to(40).secondary(fit::name(outermost)));
    }
}

fn notes(dump: &Dump, page: &mut Page<'_>) {
    let mut notes = dump.degraded.clone();
    if dump.torn > 0 {
        notes.push(format!(
            "{} moved on while they were read: they are counted, without a stack.",
            units::counted(dump.torn, "goroutine")
        ));
    }
    if !notes.is_empty() {
        page.blank();
    }
    for note in notes {
        page.prose(Line::indented(2), Style::Secondary, &fit::name(&note));
    }
}

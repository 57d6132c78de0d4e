//! What the page's script works on, as JSON that is inert inside a script element.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _, io};

use serde::Serialize;

use super::{
    origin::{self, Origin},
    timeline,
    view::{Site, View},
    words,
};
use crate::{
    render::ranking,
    report::{CallSite, Cpu, CpuStack, StackFrame, Timeline},
};

/// Stacks of a kind that the flame graph gets, the heaviest first.
const MAX_STACKS: usize = 3_000;
/// Things that a call site's operations were about.
const MAX_DETAILS: usize = 20;

#[derive(Serialize)]
struct Data<'a> {
    frames: &'a [Frame],
    /// In the order of the table's rows.
    sites: Vec<SiteData>,
    /// Stacks of goroutines, each with how many are there.
    goroutines: Vec<Weighed>,
    /// Sampled stacks.
    cpu: Option<CpuData>,
    timeline: Option<TimelineData<'a>>,
    top: usize,
    sort: &'static str,
}

#[derive(Serialize)]
struct Frame {
    function: String,
    file: String,
    line: u32,
    inlined: bool,
    origin: Origin,
}

#[derive(Serialize)]
struct Weighed {
    /// Indices of frames, innermost first.
    stack: Vec<u32>,
    count: u64,
}

#[derive(Serialize)]
struct CpuData {
    stacks: Vec<Weighed>,
    /// CPU time that one sample stands for.
    sample_ns: f64,
}

#[derive(Serialize)]
struct TimelineData<'a> {
    ends_ns: &'a [u64],
    /// In the order of the strips.
    hits: Vec<&'a [u64]>,
}

#[derive(Serialize)]
struct SiteData {
    probe: String,
    function: String,
    file: String,
    stack: Vec<u32>,
    /// Of `stack`, the frame that is the call site.
    at: Option<usize>,
    inlined_into: Option<String>,
    hits: u64,
    count: u64,
    count_low: u64,
    count_high: u64,
    bytes: Option<u64>,
    latency: Option<LatencyData>,
    details: Vec<DetailData>,
}

#[derive(Serialize)]
struct LatencyData {
    floor: Option<u64>,
    min: u64,
    mean: f64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    count: u64,
    max: u64,
    sum: u64,
    /// Bin and count by turns; a bin begins at 2^(bin/8) ns.
    bins: Vec<u64>,
}

#[derive(Serialize)]
struct DetailData {
    what: String,
    hits: u64,
    bytes: Option<u64>,
}

/// Returns the data of `view` as JSON without a character that could end a script element.
pub(super) fn json(view: &View<'_>) -> io::Result<String> {
    let mut frames = Frames::new(view.report.target.module.as_deref());
    let sites: Vec<_> = view
        .sites
        .iter()
        .map(|site| site_data(site, &mut frames))
        .collect();
    let groups = view.report.goroutines.iter().flatten().take(MAX_STACKS);
    let cpu = view
        .report
        .cpu
        .as_ref()
        .map(|cpu| cpu_data(cpu, &mut frames));
    let goroutines: Vec<_> = groups
        .map(|group| Weighed {
            stack: frames.indices(&group.stack),
            count: group.count,
        })
        .collect();
    let data = Data {
        frames: &frames.all,
        sites,
        goroutines,
        cpu,
        timeline: timeline::of(view).map(timeline_data),
        top: view.top,
        sort: match view.sort {
            crate::render::Sort::Total => "total",
            crate::render::Sort::Count => "count",
            crate::render::Sort::P99 => "p99",
            crate::render::Sort::Max => "max",
        },
    };
    Ok(inert(&serde_json::to_string(&data)?).into_owned())
}

fn cpu_data<'a>(cpu: &'a Cpu, frames: &mut Frames<'a>) -> CpuData {
    let weighed = |stack: &'a CpuStack| Weighed {
        stack: frames.indices(&stack.stack),
        count: stack.samples,
    };
    CpuData {
        stacks: cpu.stacks.iter().take(MAX_STACKS).map(weighed).collect(),
        sample_ns: cpu.time_ns as f64 / cpu.samples.max(1) as f64,
    }
}

fn timeline_data(timeline: &Timeline) -> TimelineData<'_> {
    TimelineData {
        ends_ns: &timeline.ends_ns,
        hits: timeline
            .series
            .iter()
            .map(|series| series.hits.as_slice())
            .collect(),
    }
}

/// Spells out what HTML or a script's line ends could take notice of. In JSON these stand in strings only,
/// where `\u` is the same character.
fn inert(json: &str) -> Cow<'_, str> {
    const ESCAPED: [char; 5] = ['<', '>', '&', '\u{2028}', '\u{2029}'];
    if !json.contains(ESCAPED) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        if ESCAPED.contains(&character) {
            write!(text, "\\u{:04x}", u32::from(character)).expect("a String takes every write");
        } else {
            text.push(character);
        }
    }
    Cow::Owned(text)
}

/// Frames with their index, each once.
struct Frames<'a> {
    module: Option<&'a str>,
    known: BTreeMap<(&'a str, &'a str, u32, bool), u32>,
    all: Vec<Frame>,
}

impl<'a> Frames<'a> {
    const fn new(module: Option<&'a str>) -> Self {
        Self {
            module,
            known: BTreeMap::new(),
            all: Vec::new(),
        }
    }

    fn indices(&mut self, stack: &'a [StackFrame]) -> Vec<u32> {
        stack.iter().map(|frame| self.index(frame)).collect()
    }

    fn index(&mut self, frame: &'a StackFrame) -> u32 {
        let key = (
            frame.function.as_ref(),
            frame.file.as_ref(),
            frame.line,
            frame.inlined,
        );
        *self.known.entry(key).or_insert_with(|| {
            self.all.push(Frame {
                function: words::name(&frame.function),
                file: words::name(&frame.file),
                line: frame.line,
                inlined: frame.inlined,
                origin: origin::of(&frame.function, self.module),
            });
            self.all.len() as u32 - 1
        })
    }
}

fn site_data<'a>(site: &Site<'a>, frames: &mut Frames<'a>) -> SiteData {
    let CallSite {
        function,
        file,
        line,
        ..
    } = site.site;
    let is_it = |frame: &StackFrame| {
        frame.function == *function && frame.file == *file && frame.line == *line
    };
    let latency = site.site.latency.as_ref().map(|latency| LatencyData {
        floor: latency.floor_ns,
        min: latency.min_ns,
        mean: latency.mean_ns,
        p50: latency.p50_ns,
        p90: latency.p90_ns,
        p99: latency.p99_ns,
        p999: latency.p999_ns,
        count: latency.count,
        max: latency.max_ns,
        sum: ranking::total_ns(site.site).unwrap_or(latency.sum_ns),
        bins: site
            .bins
            .0
            .iter()
            .flat_map(|&(bin, count)| [u64::from(bin), count])
            .collect(),
    });
    let details = site
        .site
        .details
        .iter()
        .take(MAX_DETAILS)
        .map(|detail| DetailData {
            what: words::name(&detail.what),
            hits: detail.hits,
            bytes: detail.bytes,
        });
    SiteData {
        probe: words::name(&site.site.probe),
        function: words::name(function),
        file: words::name(file),
        stack: frames.indices(&site.site.stack),
        at: site.site.stack.iter().position(is_it),
        inlined_into: site.site.inlined_into.as_deref().map(words::name),
        hits: site.site.hits,
        count: site.site.count,
        count_low: site.site.count_low,
        count_high: site.site.count_high,
        bytes: site.site.bytes,
        latency,
        details: details.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_element() {
        let json = serde_json::to_string("</script><!--&\u{2028}\u{2029}").unwrap();
        let shown = inert(&json);
        assert_eq!(shown, r#""\u003c/script\u003e\u003c!--\u0026\u2028\u2029""#);
        let back: String = serde_json::from_str(&shown).unwrap();
        assert_eq!(back, "</script><!--&\u{2028}\u{2029}");
    }

    #[test]
    fn harmless_text_is_kept() {
        assert!(matches!(inert("[\"main.größe\"]"), Cow::Borrowed(_)));
    }
}

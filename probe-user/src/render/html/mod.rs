//! The report as one HTML page that needs nothing else: no network, no files beside it.
//!
//! Everything that a reader must see is markup, so that the page is whole without scripts and on paper. Scripts
//! add order, filters, stacks and charts; what they show they take from a block of JSON and set as text.
//! Names from the target pass [`words`] on their way into markup and [`data`] on their way into JSON. The
//! page's own policy ([`assets::policy`]) forbids every script but the one that was compiled in.

mod assets;
mod bins;
mod call_sites;
mod data;
mod findings;
mod flame;
mod goroutines;
mod header;
mod method;
mod origin;
mod probes;
mod recorded;
mod rules;
mod spark;
mod view;
mod words;

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::view::View;
use super::TextOptions;
use crate::report::Report;

/// Writes `report` as a page; of `options`, `top` and `sort` matter.
pub(super) fn write(report: &Report, options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let view = View::new(report, options);
    let data = data::json(&view)?;
    out.write_all(document(&view, &data).into_string().as_bytes())
}

fn document(view: &View<'_>, data: &str) -> Markup {
    let target = &view.report.target;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(assets::policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { "rtprobe: " (words::name(&target.comm)) " (pid " (target.pid) ")" }
                style { (PreEscaped(assets::STYLE)) }
            }
            body {
                a.skip href="#findings" { "Skip to the findings" }
                (header::banner(view))
                main {
                    (findings::section(view))
                    (recorded::section(view))
                    (call_sites::section(view))
                    (flame::section(view))
                    (goroutines::section(view))
                    (probes::section(view))
                    (rules::section(view))
                    (method::section(view))
                    (method::cannot_see(view))
                }
                (header::colophon(view))
                script type="application/json" id="data" { (PreEscaped(data)) }
                script { (PreEscaped(assets::SCRIPT)) }
            }
        }
    }
}

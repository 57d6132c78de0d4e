//! Every format over the same few reports: what it looks like, and that nothing hostile gets through.

mod folded;
mod hostile;
mod html;
mod json;
mod plan;
mod pprof;
mod text;

use super::*;

const NARROW: TextOptions = TextOptions {
    width: 80,
    color: false,
    ascii: false,
    top: 20,
    sort: Sort::Total,
    verbose: false,
};
const WIDE: TextOptions = TextOptions {
    width: 120,
    ..NARROW
};

fn bytes(report: &Report, format: Format, options: &TextOptions) -> Vec<u8> {
    let mut out = Vec::new();
    render(report, format, options, &mut out).unwrap();
    out
}

fn rendered(report: &Report, format: Format) -> String {
    String::from_utf8(bytes(report, format, &NARROW)).unwrap()
}

fn text(report: &Report, options: &TextOptions) -> String {
    String::from_utf8(bytes(report, Format::Text, options)).unwrap()
}

//! Every format over the same few reports: what it looks like, and that nothing hostile gets through.

mod folded;
mod hostile;
mod json;
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

#[test]
fn html_is_refused_by_name() {
    let error = render(&sample::service(), Format::Html, &NARROW, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "format `html` is not in this version");
}

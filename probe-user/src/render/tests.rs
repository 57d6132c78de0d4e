use super::*;

fn rendered(report: &Report, format: Format, options: &TextOptions) -> String {
    let mut out = Vec::new();
    render(report, format, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn text(report: &Report, options: &TextOptions) -> String {
    rendered(report, Format::Text, options)
}

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

#[test]
fn service_at_80_columns() {
    insta::assert_snapshot!(text(&sample::service(), &NARROW));
}

#[test]
fn service_at_120_columns() {
    insta::assert_snapshot!(text(&sample::service(), &WIDE));
}

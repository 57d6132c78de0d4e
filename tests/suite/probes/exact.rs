//! The program `more` against the report, at every Go version.

use rtprobe_tests::go::Kind;

use crate::{
    counts::{assert_exact, watched},
    support::{require_go, require_root},
};

/// Rounds: well below a second of work.
const ROUNDS: &str = "200";

fn truth_is_counted(version: &'static str, kind: Kind) {
    let (Some(()), Some(go)) = (require_root(), require_go(version)) else {
        return;
    };
    let (truth, report) = watched(&go.build("more", kind), &["-n", ROUNDS]);
    assert_eq!(report.target.go_version, format!("go{version}"));
    assert_exact(&truth, &report);
}

macro_rules! exact {
    ($($name:ident: $version:literal $kind:ident;)*) => {$(
        #[test]
        fn $name() {
            truth_is_counted($version, Kind::$kind);
        }
    )*};
}

exact! {
    go1_21_stripped_is_counted_exactly: "1.21.13" Stripped;
    go1_22_is_counted_exactly: "1.22.12" Plain;
    go1_23_stripped_is_counted_exactly: "1.23.12" Stripped;
    go1_24_position_independent_is_counted_exactly: "1.24.11" Pie;
    go1_25_is_counted_exactly: "1.25.5" Plain;
    go1_26_stripped_is_counted_exactly: "1.26.0" Stripped;
    go1_27_stripped_is_counted_exactly: "1.27.3" Stripped;
    go1_27_stripped_position_independent_is_counted_exactly: "1.27.3" StrippedPie;
}

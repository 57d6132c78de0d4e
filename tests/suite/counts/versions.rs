//! Every Go version, every build kind.

use rtprobe_tests::go::{Go, Kind};

use super::exact::{assert_exact, watched};
use crate::support::{require_c, require_go, require_root};

/// Rounds: about two seconds of work, and several collections.
const ROUNDS: &str = "1500";

fn truth_is_counted(version: &'static str, kind: Kind) {
    let (Some(()), Some(go)) = (require_root(), require_go(version)) else {
        return;
    };
    let (truth, report) = watched(&go.build("truth", kind), &["-n", ROUNDS]);
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
    go1_21_is_counted_exactly: "1.21.13" Plain;
    go1_21_stripped_is_counted_exactly: "1.21.13" Stripped;
    go1_22_is_counted_exactly: "1.22.12" Plain;
    go1_23_is_counted_exactly: "1.23.12" Plain;
    go1_23_stripped_is_counted_exactly: "1.23.12" Stripped;
    go1_24_is_counted_exactly: "1.24.11" Stripped;
    go1_25_is_counted_exactly: "1.25.5" Plain;
    go1_25_stripped_is_counted_exactly: "1.25.5" Stripped;
    go1_25_position_independent_is_counted_exactly: "1.25.5" Pie;
    go1_27_is_counted_exactly: "1.27.3" Plain;
    go1_27_stripped_is_counted_exactly: "1.27.3" Stripped;
    go1_27_stripped_position_independent_is_counted_exactly: "1.27.3" StrippedPie;
}

#[test]
fn the_machines_own_go_is_counted_exactly() {
    let Some(local) = Go::find() else {
        require_go(rtprobe_tests::go::NEWEST);
        return;
    };
    truth_is_counted(local.version().to_owned().leak(), Kind::Plain);
}

#[test]
fn calls_of_c_and_their_callbacks_are_counted_exactly() {
    for (version, kind) in [
        ("1.21.13", Kind::Plain),
        ("1.23.12", Kind::Stripped),
        ("1.25.5", Kind::Pie),
        ("1.27.3", Kind::Plain),
    ] {
        let (Some(()), Some(()), Some(go)) = (require_root(), require_c(), require_go(version))
        else {
            return;
        };
        let (truth, report) = watched(&go.build("truthcgo", kind), &["-n", "300"]);
        assert_exact(&truth, &report);
    }
}

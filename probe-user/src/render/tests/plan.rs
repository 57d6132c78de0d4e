use unicode_width::UnicodeWidthStr as _;

use super::NARROW;
use crate::{
    render::{Glimpse, Plan, PlannedProbe, Prices, TextOptions, sample, write_plan},
    report::{Fate, Prediction, Rate, RateSource},
};

fn probe(name: &str, fate: Fate, rate: Rate, always_on_share: Option<f64>) -> PlannedProbe {
    let sites = sample::service().probes[0].sites.clone();
    PlannedProbe {
        name: name.to_owned(),
        state: "planned",
        reason: None,
        functions: vec!["runtime.f".to_owned()],
        sites,
        predicted: Some(Prediction {
            operation_ns: 1_840.0,
            rate,
            always_on_share,
            fate,
        }),
    }
}

fn plan() -> Plan {
    let counted = Rate {
        per_s: Some(160_000.0),
        low_per_s: Some(158_000.0),
        high_per_s: Some(162_000.0),
        from: Some(RateSource::Counter),
    };
    let at_most = Rate {
        high_per_s: Some(7.5),
        ..Rate::default()
    };
    let at_least = Rate {
        low_per_s: Some(31_000.0),
        ..Rate::default()
    };
    let mut skipped = probe("cgo-call", Fate::Off, Rate::default(), None);
    skipped.predicted = None;
    skipped.state = "skipped";
    skipped.reason = Some("this program does not contain runtime.cgocall".to_owned());
    Plan {
        schema: Plan::SCHEMA,
        target: sample::service().target,
        budget_share: Some(0.02),
        prices: Prices {
            emulated_hit_ns: 640.0,
            stepped_hit_ns: 10_200.0,
            counting_ns: 560.0,
            assumed_because: None,
        },
        look: Some(Glimpse {
            duration_ns: 400_000_000,
            cpus: Some(0.42),
            cpu_samples: Some(17),
        }),
        predicted_low_share: Some(0.004),
        predicted_high_share: Some(0.02),
        probes: vec![
            probe("goroutine-create", Fate::Windows, counted, Some(0.11)),
            probe("chan-send", Fate::Windows, at_least, None),
            probe("gc-cycle", Fate::AlwaysOn, at_most, None),
            probe("select", Fate::FirstLook, Rate::default(), None),
            skipped,
        ],
        degraded: vec!["goroutines can't be read: no".to_owned()],
    }
}

fn text(plan: &Plan, options: &TextOptions) -> String {
    let mut out = Vec::new();
    write_plan(plan, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn plan_at_80_columns() {
    let text = text(&plan(), &NARROW);
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn prices_that_were_not_measured_are_called_assumed() {
    let mut plan = plan();
    plan.prices.assumed_because = Some("the kernel loads no BPF program".to_owned());
    plan.look = None;
    (plan.predicted_low_share, plan.predicted_high_share) = (None, None);
    let text = text(&plan, &NARROW);
    assert!(text.contains("assumed, not measured"), "{text}");
    assert!(text.contains("expected    not known"), "{text}");
}

#[test]
fn an_unknown_rate_is_null() {
    let json = serde_json::to_value(plan()).unwrap();
    assert!(json["probes"][3]["predicted"]["rate_per_s"].is_null());
    assert!(json["probes"][3]["predicted"]["always_on_share"].is_null());
    assert_eq!(json["probes"][0]["predicted"]["rate_from"], "counter");
}

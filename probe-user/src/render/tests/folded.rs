use super::rendered;
use crate::render::{Format, sample};

#[test]
fn frames_run_from_the_root_to_the_call_site() {
    insta::assert_snapshot!(rendered(&sample::service(), Format::Folded));
}

#[test]
fn a_call_site_without_stack_or_latency_is_its_function_and_count() {
    let mut report = sample::service();
    report.cpu = None;
    report.call_sites.truncate(1);
    report.call_sites[0].stack.clear();
    report.call_sites[0].latency = None;
    let count = report.call_sites[0].count;
    let expected = format!("chan-send;example.com/api/hub.(*Hub).Broadcast {count}\n");
    assert_eq!(rendered(&report, Format::Folded), expected);
}

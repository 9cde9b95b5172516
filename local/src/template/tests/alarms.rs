//! What somebody is told of.

use berth_aws::telemetry;

use super::*;

#[test]
fn what_is_asked_to_stop_and_does_not_is_alarmed_as_is_a_sweep_that_cannot_be_trusted() {
    let template = yaml::parse(TEMPLATE).expect("YAML");
    let resources = template["Resources"].as_object().expect("resources");
    let alarmed: Vec<&str> = resources
        .values()
        .filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm")
        .filter_map(|alarm| alarm["Properties"]["MetricName"].as_str())
        .collect();
    for metric in telemetry::ALARMED {
        assert!(alarmed.contains(&metric), "{metric} is not among {alarmed:?}");
    }
    let slow = resources
        .values()
        .find(|resource| resource["Properties"]["MetricName"] == telemetry::STOP_SECONDS);
    let threshold = slow.and_then(|alarm| alarm["Properties"]["Threshold"].as_u64());
    let deadline = berth_core::tenant::deadline(berth_core::tenant::Phase::Stopping).map(|span| span.as_secs());
    assert_eq!(threshold, deadline, "the alarm and the deadline of the phase agree");
}

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

#[test]
fn s8_every_queue_has_dead_letters_that_are_alarmed_and_a_command_that_sends_them_back() {
    let template = yaml::parse(TEMPLATE).expect("YAML");
    let resources = template["Resources"].as_object().expect("resources");
    let of_type = |wanted: &'static str| resources.iter().filter(move |(_, resource)| resource["Type"] == wanted);
    let named = |value: &Value| value["Fn::GetAtt"][0].as_str().map(ToOwned::to_owned);
    let (mut sources, mut dead) = (Vec::new(), Vec::new());
    for (name, queue) in of_type("AWS::SQS::Queue") {
        match named(&queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]) {
            Some(letters) => sources.push((name.clone(), letters)),
            None => dead.push(name.clone()),
        }
    }
    let mut taken: Vec<String> = sources.iter().map(|(_, letters)| letters.clone()).collect();
    for (name, function) in of_type("AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let events = properties["Events"].as_object().expect("events");
        let told = events.iter().filter(|(_, event)| {
            ["EventBridgeRule", "ScheduleV2"].contains(&event["Type"].as_str().unwrap_or_default())
        });
        let mut letters: Vec<Option<String>> = told
            .map(|(_, event)| named(&event["Properties"]["DeadLetterConfig"]["Arn"]))
            .collect();
        if !letters.is_empty() {
            letters.push(named(
                &properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"],
            ));
        }
        assert!(
            letters.iter().all(Option::is_some),
            "{name} loses what it cannot handle: {letters:?}"
        );
        taken.extend(letters.into_iter().flatten());
    }
    taken.sort();
    taken.dedup();
    dead.sort();
    assert_eq!(taken, dead, "a queue without dead letters takes them");
    for letters in &dead {
        let alarmed = of_type("AWS::CloudWatch::Alarm").any(|(_, alarm)| {
            let properties = &alarm["Properties"];
            let dimension = &properties["Dimensions"][0]["Value"]["Fn::GetAtt"];
            properties["MetricName"] == "ApproximateNumberOfMessagesVisible"
                && *dimension == json!([letters, "QueueName"])
        });
        assert!(alarmed, "nobody is told of {letters}");
    }
    let outputs = template["Outputs"].to_string();
    for (source, letters) in &sources {
        let ends = format!("--source-arn ${{{letters}.Arn}} --destination-arn ${{{source}.Arn}}");
        assert!(
            outputs.contains(&ends),
            "no command sends {letters} back to {source}: {outputs}"
        );
    }
}

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
fn every_alarm_has_its_row_in_the_guide_and_every_row_its_alarm() {
    let template = yaml::parse(TEMPLATE).expect("YAML");
    let resources = template["Resources"].as_object().expect("resources").iter();
    let alarms = resources.filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let mut alarms: Vec<&str> = alarms.map(|(name, _)| name.as_str()).collect();
    let guide = include_str!("../../../../docs/operate.md");
    let table = guide
        .split("## ")
        .find(|part| part.starts_with("Alarms"))
        .expect("alarms");
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut rows: Vec<&str> = rows.collect();
    alarms.sort_unstable();
    rows.sort_unstable();
    assert_eq!(rows, alarms);
}

#[test]
fn the_dashboard_is_json_and_shows_every_metric_that_is_alarmed() {
    let template = yaml::parse(TEMPLATE).expect("YAML");
    let body = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
    let body: Value = serde_json::from_str(body.as_str().expect("a text")).expect("JSON");
    let widgets = body["widgets"].as_array().expect("widgets").iter();
    let shown: Vec<&Value> = widgets
        .flat_map(|widget| widget["properties"]["metrics"].as_array().expect("metrics"))
        .collect();
    let resources = template["Resources"].as_object().expect("resources").values();
    let alarms = resources.filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm");
    for alarm in alarms {
        let properties = &alarm["Properties"];
        let several = properties["Metrics"].as_array().into_iter().flatten();
        let several = several.filter_map(|metric| metric.pointer("/MetricStat/Metric"));
        for metric in several.chain(properties.get("MetricName").map(|_| properties)) {
            let name = &metric["MetricName"];
            let has = shown.iter().any(|row| row[0] == metric["Namespace"] && row[1] == *name);
            assert!(has, "the dashboard does not show {name}");
        }
    }
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

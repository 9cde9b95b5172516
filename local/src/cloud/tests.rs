use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::*;

fn cloud() -> Cloud {
    Cloud::new(Config::new(1, Timestamp::UNIX_EPOCH)).expect("a cloud")
}

fn call(cloud: &mut Cloud, target: &str, input: &Value) -> (StatusCode, Value) {
    let request = Request::post("/")
        .header("x-amz-target", target)
        .body(Bytes::from(input.to_string()))
        .expect("a request");
    match cloud.call(&request, cloud.now()) {
        Answer::Now(response) => (
            response.status(),
            serde_json::from_slice(response.body()).unwrap_or_default(),
        ),
        Answer::Waits { until } => panic!("it waits until {until}"),
    }
}

#[test]
fn a_fault_strikes_as_often_as_asked_and_only_its_action() {
    let mut cloud = cloud();
    let fault = |count| Fault {
        service: Service::Sqs,
        action: "CreateQueue".to_owned(),
        error: "ServiceUnavailable".to_owned(),
        count,
    };
    cloud.set_fault(fault(2));
    let create = json!({"QueueName": "q"});
    assert_eq!(call(&mut cloud, "AmazonSQS.ListQueues", &json!({})).0, StatusCode::OK);
    for expected in [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::OK,
    ] {
        assert_eq!(call(&mut cloud, "AmazonSQS.CreateQueue", &create).0, expected);
    }
    cloud.set_fault(fault(1));
    cloud.set_fault(fault(0));
    assert_eq!(call(&mut cloud, "AmazonSQS.CreateQueue", &create).0, StatusCode::OK);
}

#[test]
fn a_stack_has_the_status_that_was_told_and_tells_it() {
    let mut cloud = cloud();
    cloud.set_stack("base", StackStatus::UpdateComplete);
    let request = Request::post("/").header("authorization", "AWS4 Credential=a/b/c/cloudformation/d");
    let request = request
        .body(Bytes::from_static(b"Action=DescribeStacks&StackName=base"))
        .expect("a request");
    let Answer::Now(response) = cloud.call(&request, cloud.now()) else {
        panic!("it waits")
    };
    let body = String::from_utf8(response.body().to_vec()).expect("text");
    assert!(body.contains("<StackStatus>UPDATE_COMPLETE</StackStatus>"), "{body}");
    let told: Vec<&Emitted> = cloud.events_after(0).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event["detail"]["status-details"]["status"], "UPDATE_COMPLETE");
    assert!(cloud.events_after(1).next().is_none());
}

#[test]
fn an_image_is_there_until_it_is_lost_and_again_when_it_is_said_how_it_behaves() {
    let mut cloud = cloud();
    let describe = |cloud: &mut Cloud| {
        let input = json!({"repositoryName": "app", "imageIds": [{"imageTag": "1"}]});
        call(cloud, "AmazonEC2ContainerRegistry_V20150921.DescribeImages", &input).0
    };
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1";
    assert_eq!(describe(&mut cloud), StatusCode::OK);
    cloud.lose_image(image);
    assert_eq!(describe(&mut cloud), StatusCode::BAD_REQUEST);
    cloud.set_image(image, Behaviour::Healthy);
    assert_eq!(describe(&mut cloud), StatusCode::OK);
}

#[test]
fn events_are_delivered_once_and_stay_readable() {
    let mut cloud = cloud();
    cloud.set_stack("base", StackStatus::CreateComplete);
    assert_eq!(cloud.undelivered().count(), 1);
    assert_eq!(cloud.undelivered().count(), 0);
    assert_eq!(cloud.events_after(0).count(), 1);
}

#[test]
fn an_expired_item_is_swept_within_the_hour() {
    let mut cloud = cloud();
    let table = json!({
        "TableName": "items", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    });
    let ddb = |cloud: &mut Cloud, action: &str, input: &Value| {
        let (status, body) = call(cloud, &format!("DynamoDB_20120810.{action}"), input);
        assert_eq!(status, StatusCode::OK, "{action}: {body}");
        body
    };
    ddb(&mut cloud, "CreateTable", &table);
    let ttl = json!({"TableName": "items", "TimeToLiveSpecification": {"AttributeName": "expiresAt", "Enabled": true}});
    ddb(&mut cloud, "UpdateTimeToLive", &ttl);
    for (id, at) in [("old", "600"), ("young", "9000")] {
        ddb(
            &mut cloud,
            "PutItem",
            &json!({"TableName": "items", "Item": {"id": {"S": id}, "expiresAt": {"N": at}}}),
        );
    }
    cloud
        .advance_to(Timestamp::from_second(3_600).expect("a time"))
        .expect("time passes");
    let left = ddb(&mut cloud, "Scan", &json!({"TableName": "items"}));
    assert_eq!(left["Count"], 1, "{left}");
    assert_eq!(left["Items"][0]["id"]["S"], "young");
}

#[test]
fn an_input_that_breaks_a_constraint_is_a_validation_error() {
    let mut cloud = cloud();
    let (status, body) = call(
        &mut cloud,
        "DynamoDB_20120810.DescribeTable",
        &json!({"TableName": "t"}),
    );
    assert_eq!(
        (
            status,
            body["__type"]
                .as_str()
                .map(|code| code.ends_with("ValidationException"))
        ),
        (StatusCode::BAD_REQUEST, Some(true)),
        "{body}"
    );
    assert!(!body.to_string().contains("VALIDATION:"), "{body}");
}

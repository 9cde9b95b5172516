//! Steps that find something already done, or that fail.

use berth::cloud::{Answer, Service};
use berth_core::tenant::{Generation, Phase, ServiceName};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::stand::{Fate, Stand};

fn file_system(stand: &Stand) -> String {
    let reconcile = stand
        .engine
        .stack()
        .function(berth::template::Function::Reconcile)
        .unwrap();
    reconcile.variables["BERTH_FILE_SYSTEM"].clone()
}

/// Somebody makes an access point with the token that tenant `acme` would use.
fn make_access_point(stand: &mut Stand, path: &str, uid: u32) {
    let name = ServiceName::new("acme".parse().unwrap(), Generation::FIRST);
    let body = json!({ "ClientToken": name.token(), "FileSystemId": file_system(stand),
        "PosixUser": { "Uid": uid, "Gid": uid },
        "RootDirectory": { "Path": path, "CreationInfo": { "OwnerUid": uid, "OwnerGid": uid, "Permissions": "0750" } } });
    let scope = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/elasticfilesystem/aws4_request";
    let request = Request::post("/2015-02-01/access-points").header("authorization", scope);
    let request = request.body(Bytes::from(body.to_string())).unwrap();
    let mut cloud = stand.engine.shared().cloud();
    let now = cloud.now();
    let Answer::Now(response) = cloud.call(&request, now) else {
        panic!("it waits")
    };
    assert!(response.status().is_success(), "{response:?}");
}

#[test]
fn p3_an_access_point_that_is_there_already_is_taken_over() {
    let mut stand = Stand::new();
    make_access_point(&mut stand, "/tenants/acme/g1", 1000);
    stand.running("acme", &json!({}));
    assert_eq!(stand.things(), (1, 1, 1));
}

#[test]
fn p3_an_access_point_whose_answer_was_lost_is_the_tenants() {
    let mut stand = Stand::new();
    stand.next_call("CreateAccessPoint", Fate::ReplyLost);
    stand.running("acme", &json!({}));
    assert_eq!((stand.things(), stand.calls("CreateAccessPoint")), ((1, 1, 1), 2));
}

#[test]
fn p3_an_access_point_of_another_directory_or_user_is_a_visible_error() {
    for (path, uid) in [("/elsewhere", 1000), ("/tenants/acme/g1", 0)] {
        let mut stand = Stand::new();
        make_access_point(&mut stand, path, uid);
        stand.http("PUT", "/tenants/acme", &json!({}));
        let failed = stand.until("acme", "failed");
        let error = &failed["lastError"];
        assert_eq!(error["code"], "AccessPointAlreadyExists", "{failed:#}");
        assert!(
            error["message"].as_str().unwrap().contains("another directory or user"),
            "{error}"
        );
        assert!(
            stand.row("acme").unwrap().made.access_point.is_none(),
            "it is not the tenant's"
        );
    }
}

#[test]
fn p4_a_step_that_fails_is_named_and_nothing_else_is_undone() {
    let steps = [
        ("CreateAccessPoint", "create-access-point", (0, 0, 0)),
        ("RegisterTaskDefinition", "register", (1, 0, 0)),
        ("CreateService", "create-service", (1, 0, 1)),
    ];
    for (action, step, there) in steps {
        let mut stand = Stand::new();
        stand.every_call(action, Fate::Refused("AccessDeniedException"));
        stand.http("PUT", "/tenants/acme", &json!({}));
        let failed = stand.until("acme", "failed");
        let error = &failed["lastError"];
        assert_eq!(
            (&error["step"], &error["attempts"]),
            (&json!(step), &json!(1)),
            "{failed:#}"
        );
        assert_eq!(error["code"], "AccessDeniedException");
        assert_eq!(stand.things(), there, "after {action} was refused");
        let made = stand.row("acme").unwrap().made;
        assert_eq!(made.access_point.is_some(), there.0 == 1, "the row names what there is");
        assert!(
            made.applied.is_none() && made.service_name.is_none(),
            "and nothing that there is not"
        );
        stand.mend();
        stand.post("/tenants/acme/retry");
        stand.until("acme", "running");
        assert_eq!(stand.things(), (1, 1, 1), "what there was is used");
    }
}

#[test]
fn p4_attempts_are_counted_while_a_step_may_still_succeed() {
    let mut stand = Stand::new();
    stand.every_call("CreateService", Fate::Refused("ServerException"));
    stand.http("PUT", "/tenants/acme", &json!({}));
    stand.pass(150);
    let error = stand.tenant("acme")["lastError"].take();
    assert_eq!(
        (&error["step"], &error["outlook"]),
        (&json!("create-service"), &json!("transient")),
        "{error}"
    );
    assert!(error["attempts"].as_u64().unwrap() >= 2, "{error}");
    stand.mend();
    stand.until("acme", "running");
    assert_eq!(stand.tenant("acme")["lastError"], Value::Null);
}

#[test]
fn p6_a_delete_cleans_up_what_is_left_whatever_is_gone_already() {
    let mut stand = Stand::new();
    let acme = stand.running("acme", &json!({}));
    let service = json!({ "cluster": "berth", "service": acme["serviceName"], "force": true });
    stand.ecs("DeleteService", &service);
    stand.ecs(
        "DeregisterTaskDefinition",
        &json!({ "taskDefinition": acme["definitionArn"] }),
    );
    stand.pass(120);
    stand.http("DELETE", "/tenants/acme", &Value::Null);
    stand.pass(300);
    assert_eq!(stand.http("GET", "/tenants/acme", &Value::Null).0, 404);
    assert_eq!(stand.things(), (0, 0, 0));
}

#[test]
fn p6_an_access_point_that_cannot_be_deleted_keeps_the_row_and_nothing_else() {
    let mut stand = Stand::new();
    stand.running("acme", &json!({}));
    stand.every_call("DeleteAccessPoint", Fate::Refused("AccessDeniedException"));
    stand.http("DELETE", "/tenants/acme", &Value::Null);
    let failed = stand.until("acme", "failed");
    assert_eq!(failed["lastError"]["step"], "delete-access-point", "{failed:#}");
    assert_eq!(stand.things(), (1, 0, 0));
    stand.mend();
    stand.http("DELETE", "/tenants/acme", &Value::Null);
    stand.pass(120);
    assert_eq!((stand.things(), stand.phase("acme")), ((0, 0, 0), Some(Phase::Deleted)));
}

#[test]
fn p12_a_service_of_that_name_is_taken_over() {
    let mut stand = Stand::new();
    let base = stand.ecs("DescribeTaskDefinition", &json!({ "taskDefinition": "base" }));
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-0a1b2c3d4e5f60718"] } });
    let service = json!({ "cluster": "berth", "serviceName": "t-acme-g1", "desiredCount": 1, "launchType": "FARGATE",
        "taskDefinition": base["taskDefinition"]["taskDefinitionArn"], "networkConfiguration": network });
    stand.ecs("CreateService", &service);
    stand.pass(60);
    let running = stand.running("acme", &json!({}));
    assert_eq!(running["serviceName"], "t-acme-g1");
    assert_eq!((stand.things(), stand.alive("acme")), ((1, 1, 1), 1));
    let definition = stand.definition(&running);
    assert_eq!(definition["family"], "base-user", "and it runs what it should");
}

#[test]
fn p12_a_definition_that_was_registered_without_being_recorded_is_taken_over() {
    let mut stand = Stand::new();
    stand.next_call("RegisterTaskDefinition", Fate::CrashAfter);
    stand.running("acme", &json!({}));
    assert_eq!((stand.things(), stand.calls("RegisterTaskDefinition")), ((1, 1, 1), 1));
}

/// A late message, event or heartbeat never makes a row.
#[test]
fn p7_nothing_brings_a_deleted_tenant_back() {
    let mut stand = Stand::new();
    stand.running("acme", &json!({}));
    // Every event comes late: those of the last task long after the tenant is gone.
    let late = berth::cloud::Delivery {
        delay: 1.0,
        duplicate: 1.0,
        lose: 0.0,
        longest_delay: std::time::Duration::from_mins(30),
    };
    stand.deliver(late);
    stand.http("DELETE", "/tenants/acme", &Value::Null);
    stand.pass(900);
    assert_eq!(stand.phase("acme"), Some(Phase::Deleted));
    let before = stand.rows("Tenants");
    stand.pass(3_600);
    assert_eq!(stand.rows("Tenants"), before, "late events change nothing");
    assert_eq!(stand.post("/tenants/acme/activity").0, 404);

    // The tombstone's time to live ends.
    let key = json!({ "TableName": "berth-TenantsTable", "Key": { "tenantId": { "S": "acme" } } });
    berth::engine::ask(
        &mut stand.engine.shared().cloud(),
        Service::DynamoDb,
        "DeleteItem",
        &key,
    )
    .unwrap();
    assert!(stand.tell_reconcile(&json!({ "tenantId": "acme", "why": "late" })));
    stand.pass(60);
    assert_eq!(stand.post("/tenants/acme/activity").0, 404);
    assert!(stand.rows("Tenants").is_empty() && stand.rows("Activity").is_empty());
}

//! EFS: file systems and access points.

use crate::support::{Region, list, region, text};
use serde_json::{Value, json};

fn file_system(region: &mut Region) -> String {
    let token = region.world.now().to_string();
    text(
        &region
            .efs("POST", "file-systems", &json!({"CreationToken": token}))
            .unwrap(),
        "/FileSystemId",
    )
}

fn access_point(region: &mut Region, system: &str, token: &str) -> Value {
    region
        .efs(
            "POST",
            "access-points",
            &json!({"ClientToken": token, "FileSystemId": system}),
        )
        .unwrap()
}

#[test]
fn a_creation_token_makes_one_file_system() {
    let mut region = region(1);
    let body = json!({"CreationToken": "token"});
    let first = region.efs("POST", "file-systems", &body).unwrap();
    let refused = region.efs("POST", "file-systems", &body).unwrap_err();
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (409, "FileSystemAlreadyExists")
    );
    assert_eq!(refused.body["FileSystemId"], first["FileSystemId"]);
}

#[test]
fn an_access_point_is_created_available_deleted_and_its_token_is_free_again() {
    let mut region = region(1);
    let system = file_system(&mut region);
    let made = access_point(&mut region, &system, "token");
    let id = text(&made, "/AccessPointId");
    assert_eq!(text(&made, "/LifeCycleState"), "creating");
    region.pass(2);
    let path = format!("access-points?AccessPointId={id}");
    let found = region.efs("GET", &path, &json!({})).unwrap();
    assert_eq!(text(&found, "/AccessPoints/0/LifeCycleState"), "available");
    let refused = region
        .efs(
            "POST",
            "access-points",
            &json!({"ClientToken": "token", "FileSystemId": system}),
        )
        .unwrap_err();
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (409, "AccessPointAlreadyExists")
    );
    assert_eq!(refused.body["AccessPointId"], id);
    region
        .efs("DELETE", &format!("access-points/{id}"), &json!({}))
        .unwrap();
    assert_eq!(
        text(
            &region.efs("GET", &path, &json!({})).unwrap(),
            "/AccessPoints/0/LifeCycleState"
        ),
        "deleting"
    );
    region.pass(2);
    assert_eq!(
        region.efs("GET", &path, &json!({})).unwrap_err().code,
        "AccessPointNotFound"
    );
    assert_ne!(text(&access_point(&mut region, &system, "token"), "/AccessPointId"), id);
}

#[test]
fn a_file_system_that_is_deleted_takes_its_access_points_along() {
    let mut region = region(1);
    let system = file_system(&mut region);
    let point = text(&access_point(&mut region, &system, "token"), "/AccessPointId");
    region
        .efs("DELETE", &format!("file-systems/{system}"), &json!({}))
        .unwrap();
    let body = json!({"ClientToken": "other", "FileSystemId": system});
    assert_eq!(
        region.efs("POST", "access-points", &body).unwrap_err().code,
        "IncorrectFileSystemLifeCycleState"
    );
    region.pass(10);
    let gone = region
        .efs("GET", &format!("access-points?AccessPointId={point}"), &json!({}))
        .unwrap_err();
    assert_eq!((gone.status, gone.code.as_str()), (404, "AccessPointNotFound"));
    assert_eq!(
        region.efs("POST", "access-points", &body).unwrap_err().code,
        "FileSystemNotFound"
    );
}

#[test]
fn wrong_requests_are_refused() {
    let mut region = region(1);
    let system = file_system(&mut region);
    for body in [
        json!({"FileSystemId": system}),
        json!({"ClientToken": "t".repeat(65), "FileSystemId": system}),
        json!({"ClientToken": "t", "FileSystemId": "nonsense"}),
        json!({"ClientToken": "t", "FileSystemId": system, "PosixUser": {"Uid": 1}}),
        json!({"ClientToken": "t", "FileSystemId": system, "PosixUser": {"Uid": 4_294_967_296_u64, "Gid": 1}}),
        json!({"ClientToken": "t", "FileSystemId": system, "PosixUser": {"Uid": 1, "Gid": 1, "SecondaryGids": vec![1; 17]}}),
        json!({"ClientToken": "t", "FileSystemId": system, "Tags": [{"Key": "aws:x", "Value": ""}]}),
    ] {
        let refused = region.efs("POST", "access-points", &body).unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (400, "BadRequest"), "{body}");
    }
    let both = format!("access-points?AccessPointId=fsap-00000000&FileSystemId={system}");
    assert_eq!(region.efs("GET", &both, &json!({})).unwrap_err().code, "BadRequest");
    access_point(&mut region, &system, &"t".repeat(64));
}

#[test]
fn tags_and_faults_work_as_for_other_services() {
    let mut region = region(1);
    let system = file_system(&mut region);
    let path = format!("resource-tags/{system}");
    region
        .efs(
            "POST",
            &path,
            &json!({"Tags": [{"Key": "Name", "Value": "n"}, {"Key": "a", "Value": "b"}]}),
        )
        .unwrap();
    region.efs("DELETE", &format!("{path}?tagKeys=a"), &json!({})).unwrap();
    assert_eq!(
        list(&region.efs("GET", &path, &json!({})).unwrap(), "/Tags"),
        [json!({"Key": "Name", "Value": "n"})]
    );
    let found = region
        .efs("GET", &format!("file-systems?FileSystemId={system}"), &json!({}))
        .unwrap();
    assert_eq!(text(&found, "/FileSystems/0/Name"), "n");
    region
        .world
        .set_fault("efs", "CreateAccessPoint", "ThrottlingException", 1);
    let body = json!({"ClientToken": "t", "FileSystemId": system});
    let throttled = region.efs("POST", "access-points", &body).unwrap_err();
    assert_eq!(
        (throttled.status, throttled.code.as_str()),
        (429, "ThrottlingException")
    );
    region.efs("POST", "access-points", &body).unwrap();
}

#[test]
fn a_file_system_has_at_most_ten_thousand_access_points() {
    let mut region = region(1);
    let system = file_system(&mut region);
    for number in 0..10_000 {
        access_point(&mut region, &system, &number.to_string());
    }
    let body = json!({"ClientToken": "more", "FileSystemId": system});
    let refused = region.efs("POST", "access-points", &body).unwrap_err();
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (403, "AccessPointLimitExceeded")
    );
}

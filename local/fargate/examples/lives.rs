//! How many services live a second: `cargo run --release -p berth-fargate --example lives -- [count]`.
//!
//! A life is: an access point, a service with one task, a scale to zero, a scale to one with a new definition, and the
//! deletion of both, with a read after each step. All lives share one world and overlap.

use std::error::Error;
use std::time::{Duration, Instant};

use berth_fargate::{Config, Throttling, World};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

fn ecs(world: &mut World, action: &str, body: &Value) -> Result<Value, Failure> {
    let target = format!("AmazonEC2ContainerServiceV20141113.{action}");
    let request = Request::post("/")
        .header("x-amz-target", target)
        .body(Bytes::from(body.to_string()))?;
    let response = world.call(&request);
    if !response.status().is_success() {
        return Err(format!("{action}: {}", String::from_utf8_lossy(response.body())).into());
    }
    Ok(serde_json::from_slice(response.body())?)
}

fn efs(world: &mut World, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
    let request = Request::builder().method(method).uri(format!("/2015-02-01/{path}"));
    let response = world.call(&request.body(Bytes::from(body.to_string()))?);
    if !response.status().is_success() {
        return Err(format!("{method} {path}: {}", String::from_utf8_lossy(response.body())).into());
    }
    Ok(serde_json::from_slice(response.body()).unwrap_or_default())
}

fn definition(image: &str) -> Value {
    json!({
        "family": "app", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "main", "image": image, "environment": [{"name": "A", "value": "1"}]}],
    })
}

fn pass(world: &mut World, seconds: u64) -> usize {
    world.advance_to(world.now() + Duration::from_secs(seconds));
    world.take_events().len()
}

fn main() -> Result<(), Failure> {
    let count: usize = std::env::args().nth(1).map_or(Ok(2000), |text| text.parse())?;
    let mut config = Config::new(1, "2026-01-01T00:00:00Z".parse()?);
    config.throttling = Throttling::Off;
    let mut world = World::new(config);
    ecs(&mut world, "CreateCluster", &json!({"clusterName": "main"}))?;
    ecs(&mut world, "RegisterTaskDefinition", &definition("one"))?;
    ecs(&mut world, "RegisterTaskDefinition", &definition("two"))?;
    let system = efs(&mut world, "POST", "file-systems", &json!({"CreationToken": "fs"}))?;

    #[allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    let began = Instant::now();
    let mut events = 0;
    for batch in 0..count.div_ceil(100) {
        events += live(&mut world, batch, &system)?;
    }
    let took = began.elapsed().as_secs_f64();
    let lives = u32::try_from(count.div_ceil(100) * 100)?;
    println!(
        "{lives} lives, {events} events in {took:.2} s: {:.0} lives a second",
        f64::from(lives) / took
    );
    Ok(())
}

/// A hundred lives side by side; the answer is the number of events.
fn live(world: &mut World, batch: usize, system: &Value) -> Result<usize, Failure> {
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1", "subnet-2"]}});
    let names: Vec<_> = (0..100).map(|n| format!("s-{batch}-{n}")).collect();
    let (mut points, mut events) = (Vec::new(), 0);
    for name in &names {
        let point = json!({"ClientToken": name, "FileSystemId": system["FileSystemId"]});
        points.push(efs(world, "POST", "access-points", &point)?);
        let percents = json!({"minimumHealthyPercent": 0, "maximumPercent": 100});
        let service = json!({
            "cluster": "main", "serviceName": name, "taskDefinition": "app:1", "desiredCount": 1,
            "launchType": "FARGATE", "networkConfiguration": network, "deploymentConfiguration": percents,
        });
        ecs(world, "CreateService", &service)?;
    }
    for update in [
        json!({"desiredCount": 0}),
        json!({"desiredCount": 1, "taskDefinition": "app:2"}),
    ] {
        events += pass(world, 90);
        for name in &names {
            let mut body = update.clone();
            if let Some(members) = body.as_object_mut() {
                members.insert("cluster".to_owned(), "main".into());
                members.insert("service".to_owned(), name.as_str().into());
            }
            ecs(
                world,
                "DescribeServices",
                &json!({"cluster": "main", "services": [name]}),
            )?;
            ecs(world, "ListTasks", &json!({"cluster": "main", "serviceName": name}))?;
            ecs(world, "UpdateService", &body)?;
        }
    }
    events += pass(world, 90);
    for (name, point) in names.iter().zip(&points) {
        ecs(
            world,
            "DeleteService",
            &json!({"cluster": "main", "service": name, "force": true}),
        )?;
        let id = point["AccessPointId"].as_str().unwrap_or_default();
        efs(world, "DELETE", &format!("access-points/{id}"), &json!({}))?;
    }
    Ok(events + pass(world, 90))
}

//! One tenant's whole life, over HTTP, against the running command; a second client looks into the same world at each
//! step, and what the API says and what ECS says must agree.

use aws_sdk_ecs::types::{DesiredStatus, TaskDefinition};
use berth_tests::stand::Stand;
use reqwest::Method;
use serde_json::{Value, json};

/// Another client of the same world.
struct Aws {
    ecs: aws_sdk_ecs::Client,
    efs: aws_sdk_efs::Client,
    cluster: String,
}

impl Aws {
    async fn of(stand: &Stand) -> Self {
        let sdk = stand.sdk();
        let ecs = aws_sdk_ecs::Client::new(&sdk);
        let clusters = ecs.list_clusters().send().await.unwrap().cluster_arns.unwrap();
        let [cluster] = clusters.as_slice() else {
            panic!("one cluster: {clusters:?}")
        };
        Self {
            efs: aws_sdk_efs::Client::new(&sdk),
            cluster: cluster.clone(),
            ecs,
        }
    }

    async fn running_tasks(&self, service: &str) -> Vec<aws_sdk_ecs::types::Task> {
        let listed = self.ecs.list_tasks().cluster(&self.cluster).service_name(service);
        let arns = listed
            .desired_status(DesiredStatus::Running)
            .send()
            .await
            .unwrap()
            .task_arns
            .unwrap();
        if arns.is_empty() {
            return Vec::new();
        }
        let described = self.ecs.describe_tasks().cluster(&self.cluster).set_tasks(Some(arns));
        described.send().await.unwrap().tasks.unwrap()
    }

    async fn definition(&self, arn: &str) -> TaskDefinition {
        let described = self
            .ecs
            .describe_task_definition()
            .task_definition(arn)
            .send()
            .await
            .unwrap();
        described.task_definition.unwrap()
    }

    async fn services(&self) -> Vec<String> {
        self.ecs
            .list_services()
            .cluster(&self.cluster)
            .send()
            .await
            .unwrap()
            .service_arns
            .unwrap()
    }

    async fn access_points(&self) -> usize {
        self.efs
            .describe_access_points()
            .send()
            .await
            .unwrap()
            .access_points
            .unwrap()
            .len()
    }

    async fn active_definitions(&self, family: &str) -> Vec<String> {
        let listed = self
            .ecs
            .list_task_definitions()
            .family_prefix(family)
            .send()
            .await
            .unwrap();
        listed.task_definition_arns.unwrap()
    }

    /// The API's word against ECS's: one RUNNING task, of that definition, at that address.
    async fn agrees(&self, tenant: &Value) {
        let tasks = self.running_tasks(tenant["serviceName"].as_str().unwrap()).await;
        let [task] = tasks.as_slice() else {
            panic!("one task: {tasks:#?}")
        };
        assert_eq!(task.last_status.as_deref(), Some("RUNNING"));
        assert_eq!(task.task_arn.as_deref(), tenant["taskArn"].as_str());
        assert_eq!(task.task_definition_arn.as_deref(), tenant["definitionArn"].as_str());
        let details = task
            .attachments()
            .iter()
            .flat_map(aws_sdk_ecs::types::Attachment::details);
        let address = details
            .filter(|detail| detail.name() == Some("privateIPv4Address"))
            .find_map(|detail| detail.value());
        assert_eq!(address, tenant["endpoint"]["address"].as_str());
    }
}

fn overlay() -> Value {
    json!({
        "image": "public.ecr.aws/acme/agent:7",
        "size": { "cpu": 512, "memory": 2048 },
        "env": { "GREETING": "hello" },
        "secrets": { "API_KEY": "arn:aws:secretsmanager:us-east-1:123456789012:secret:acme-AbCdEf" }
    })
}

fn assert_carries_the_overlay(definition: &TaskDefinition) {
    assert_eq!((definition.cpu(), definition.memory()), (Some("512"), Some("2048")));
    let main = definition.container_definitions().first().unwrap();
    assert_eq!(main.image(), Some("public.ecr.aws/acme/agent:7"));
    assert!(
        main.environment()
            .iter()
            .any(|pair| (pair.name(), pair.value()) == (Some("GREETING"), Some("hello")))
    );
    assert!(main.secrets().iter().any(|secret| secret.name() == "API_KEY"));
}

fn has_variable(definition: &TaskDefinition, name: &str, value: &str) -> bool {
    let main = definition.container_definitions().first().unwrap();
    main.environment()
        .iter()
        .any(|pair| (pair.name(), pair.value()) == (Some(name), Some(value)))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenants_whole_life() {
    let stand = Stand::up(&["--seed", "7"]).await;
    let aws = Aws::of(&stand).await;
    stand.advance(5).await;

    // Provisioned, with its own image, size, env and secrets.
    let reply = stand.call(Method::PUT, "/tenants/acme", Some(overlay())).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let tenant = stand.until("acme", "running").await;
    aws.agrees(&tenant).await;
    let first = aws.definition(tenant["definitionArn"].as_str().unwrap()).await;
    assert_carries_the_overlay(&first);
    assert_eq!(aws.access_points().await, 1);

    // Used.
    let reply = stand.call(Method::POST, "/tenants/acme/activity", None).await;
    assert_eq!(reply.status, 204, "{reply:?}");

    // A new base is deployed, and the tenant follows with all of its own.
    let base = aws.definition("base").await;
    deploy(&stand, &base, "RELEASE", "two").await;
    let before = tenant["release"]["applied"].clone();
    let mut tenant = stand.tenant("acme").await;
    for _ in 0..120 {
        if tenant["release"]["applied"] != before && tenant["phase"] == "running" && tenant["settled"] == true {
            break;
        }
        stand.advance(10).await;
        tenant = stand.tenant("acme").await;
    }
    assert_ne!(tenant["release"]["applied"], before, "{tenant:#}");
    aws.agrees(&tenant).await;
    let second = aws.definition(tenant["definitionArn"].as_str().unwrap()).await;
    assert_carries_the_overlay(&second);
    assert!(has_variable(&second, "RELEASE", "two"));

    // Nobody uses it for its idle time: asleep, and it says why.
    stand.advance(31 * 60).await;
    let tenant = stand.until("acme", "stopped").await;
    assert_eq!(tenant["stopped"]["reason"], "idle", "{tenant:#}");
    assert_eq!(tenant["stopped"]["by"], "watchdog");
    assert!(
        aws.running_tasks(tenant["serviceName"].as_str().unwrap())
            .await
            .is_empty()
    );
    let reply = stand.call(Method::POST, "/tenants/acme/activity", None).await;
    assert_eq!(reply.status, 409, "{reply:?}");

    // Woken, on the newest base.
    let reply = stand.call(Method::POST, "/tenants/acme/wake", None).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let tenant = stand.until("acme", "running").await;
    aws.agrees(&tenant).await;
    assert_eq!(tenant["release"]["applied"], tenant["release"]["promoted"]);

    // Deleted, and nothing is left.
    let service = tenant["serviceName"].as_str().unwrap().to_owned();
    let reply = stand.call(Method::DELETE, "/tenants/acme", None).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    for _ in 0..60 {
        stand.advance(5).await;
        if stand.call(Method::GET, "/tenants/acme", None).await.status == 404 {
            break;
        }
    }
    assert_eq!(stand.call(Method::GET, "/tenants/acme", None).await.status, 404);
    // An access point is `deleting` for a while after EFS has taken the order.
    stand.advance(10).await;
    assert!(aws.services().await.is_empty() && aws.running_tasks_of_gone(&service).await);
    assert_eq!(aws.access_points().await, 0);
    assert!(aws.active_definitions("base-user").await.is_empty());
    assert!(
        !aws.active_definitions("base").await.is_empty(),
        "the base is not Berth's to remove"
    );
}

impl Aws {
    /// A service that was deleted has no task, or ECS does not know it any more.
    async fn running_tasks_of_gone(&self, service: &str) -> bool {
        let listed = self
            .ecs
            .list_tasks()
            .cluster(&self.cluster)
            .service_name(service)
            .send()
            .await;
        listed.map_or(true, |listed| listed.task_arns().is_empty())
    }
}

/// Registers a base that is the present one with a variable more, as a deployment of its stack would.
async fn deploy(stand: &Stand, base: &TaskDefinition, name: &str, value: &str) {
    let main = base.container_definitions().first().unwrap();
    let environment: Vec<Value> = main
        .environment()
        .iter()
        .map(|pair| json!({ "name": pair.name(), "value": pair.value() }))
        .chain([json!({ "name": name, "value": value })])
        .collect();
    let mounts: Vec<Value> = main
        .mount_points()
        .iter()
        .map(|mount| json!({ "sourceVolume": mount.source_volume(), "containerPath": mount.container_path() }))
        .collect();
    let volumes: Vec<Value> = base
        .volumes()
        .iter()
        .map(|volume| {
            let efs = volume.efs_volume_configuration().unwrap();
            json!({ "name": volume.name(), "efsVolumeConfiguration": { "fileSystemId": efs.file_system_id(), "transitEncryption": "ENABLED" } })
        })
        .collect();
    let definition = json!({
        "family": base.family(),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": base.cpu(),
        "memory": base.memory(),
        "executionRoleArn": base.execution_role_arn(),
        "volumes": volumes,
        "containerDefinitions": [{
            "name": main.name(),
            "image": main.image(),
            "essential": true,
            "environment": environment,
            "mountPoints": mounts
        }]
    });
    let body = json!({ "taskDefinition": definition, "stackStatus": "UPDATE_COMPLETE" });
    let reply = stand.call(Method::POST, "/_local/base", Some(body)).await;
    assert!(reply.status.is_success(), "{reply:?}");
}

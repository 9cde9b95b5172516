//! `berth doctor` against a running system: what it says of one that is well, and of what is broken.

use berth_tests::command::{Said, typed};
use berth_tests::stand::Stand;
use expect_test::expect;
use reqwest::Method;
use serde_json::{Value, json};

async fn asked(aws: &str, words: &str) -> Said {
    let variables = [
        ("AWS_ENDPOINT_URL", aws),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    typed(words, &variables).await
}

/// How each subject is.
async fn health(stand: &Stand) -> (i32, Vec<(String, String, String)>) {
    let said = asked(&stand.aws, "doctor --json").await;
    let told: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let checks = told["checks"].as_array().unwrap().iter();
    let all = checks.map(|check| (text(check, "subject"), text(check, "health"), text(check, "found")));
    (said.code, all.collect())
}

/// The subjects that are not well, each with what was found.
async fn ill(stand: &Stand) -> (i32, Vec<String>) {
    let (code, all) = health(stand).await;
    let ill = all
        .into_iter()
        .filter(|(_, health, _)| !["ok", "notChecked"].contains(&health.as_str()));
    (
        code,
        ill.map(|(subject, health, found)| format!("{subject}: {health}: {found}"))
            .collect(),
    )
}

/// Deploys the base with this image.
async fn deploy(stand: &Stand, image: &str) {
    let mut base = stand.call(Method::GET, "/_local/base", None).await.body;
    base["taskDefinition"]["containerDefinitions"][0]["image"] = json!(image);
    let reply = stand.call(Method::POST, "/_local/base", Some(base)).await;
    assert!(reply.status.is_success(), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_is_well_has_nothing_that_fails() {
    let stand = Stand::up(&["--speed", "0"]).await;
    let said = asked(&stand.aws, "doctor").await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let steady: String = said
        .out
        .lines()
        .map(|line| {
            let words: Vec<&str> = line
                .split_whitespace()
                .map(|word| if word.starts_with("fs-") { "<fs>" } else { word })
                .collect();
            let told = words.join(" ");
            // How many resources there are is the template's affair.
            if told.starts_with("resources ok ") && told.ends_with(" of the stack, all made") {
                return "resources ok, all made\n".to_owned();
            }
            told.split(": only ").next().unwrap().to_owned() + "\n"
        })
        .collect();
    expect![[r#"
        CHECK HEALTH FOUND
        stack berth ok CREATE_COMPLETE
        resources ok, all made
        table TenantsTable ok ACTIVE
        table ActivityTable ok ACTIVE
        table FleetTable ok ACTIVE
        cluster berth ok ACTIVE
        services ok 0 of 5000
        file system <fs> ok available
        access points ok 0 of 10000
        base base ok base:1
        roles ok Berth may hand over the base's roles
        releases ok r1 is promoted
        rollout ok ro1 is over
        queue ok 0 waiting
        tenants on the way ok nobody is stuck
        dead letters ok none
        event dead letters ok none
        schedule RebaseFunctionMinute not checked scheduler answers 404: there is no service "scheduler" here
        schedule WatchdogFunctionMinute not checked scheduler answers 404: there is no service "scheduler" here
        quota: Fargate On-Demand vCPU not checked servicequotas answers 404: there is no service "servicequotas" here
        quota: concurrent Lambda invocations not checked servicequotas answers 404: there is no service "servicequotas" here
    "#]].assert_eq(&steady);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_named_with_what_to_do() {
    let stand = Stand::up(&["--speed", "0"]).await;
    assert_eq!(ill(&stand).await, (0, Vec::new()));
    let sqs = aws_sdk_sqs::Client::new(&stand.sdk());
    let ecs = aws_sdk_ecs::Client::new(&stand.sdk());

    let name = sqs.get_queue_url().queue_name("berth-ReconcileDeadLetters.fifo");
    let letters = name.send().await.unwrap().queue_url.unwrap();
    let letter = sqs.send_message().queue_url(&letters).message_body("{}");
    let letter = letter.message_group_id("acme").message_deduplication_id("1");
    letter.send().await.unwrap();
    let name = sqs.get_queue_url().queue_name("berth-EventDeadLetters");
    let events = name.send().await.unwrap().queue_url.unwrap();
    sqs.send_message()
        .queue_url(events)
        .message_body("{}")
        .send()
        .await
        .unwrap();
    let expected = [
        "dead letters: failed: 1: tenants were given up",
        "event dead letters: warning: 1: events or ticks were lost to a function that failed",
    ];
    assert_eq!(ill(&stand).await, (7, expected.map(str::to_owned).to_vec()));
    sqs.purge_queue().queue_url(&letters).send().await.unwrap();

    let essential = |name: &str| {
        let container = aws_sdk_ecs::types::ContainerDefinition::builder().name(name);
        container.image("public.ecr.aws/berth/sample:2").essential(true).build()
    };
    let register = ecs
        .register_task_definition()
        .family("base")
        .requires_compatibilities(aws_sdk_ecs::types::Compatibility::Fargate)
        .network_mode(aws_sdk_ecs::types::NetworkMode::Awsvpc)
        .cpu("256")
        .memory("512")
        .task_role_arn("arn:aws:iam::123456789012:role/somebody-else")
        .container_definitions(essential("one"))
        .container_definitions(essential("two"));
    register.send().await.unwrap();
    let (code, told) = ill(&stand).await;
    assert_eq!(code, 7);
    assert!(
        told[0].starts_with("base base: failed: base:2: ") && told[0].contains("essential"),
        "{told:?}"
    );
    assert_eq!(
        told[1],
        "roles: failed: Berth may not hand over the base's taskRoleArn arn:aws:iam::123456789012:role/somebody-else"
    );

    ecs.delete_cluster().cluster("berth").send().await.unwrap();
    let (code, told) = ill(&stand).await;
    assert_eq!(
        (code, told[0].as_str()),
        (7, "cluster berth: failed: INACTIVE"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_was_refused_and_a_rollout_that_waits_are_told() {
    let stand = Stand::up(&["--speed", "0"]).await;
    let create = stand.call(Method::PUT, "/tenants/acme", Some(json!({}))).await;
    assert!(create.status.is_success(), "{create:?}");
    stand.until("acme", "running").await;
    stand.advance(120).await;
    deploy(&stand, "public.ecr.aws/berth/sample:2").await;
    stand.advance(30).await;
    let paused = stand.call(Method::POST, "/rollouts/ro2/pause", Some(json!({}))).await;
    assert!(paused.status.is_success(), "{paused:?}");
    assert_eq!(
        ill(&stand).await,
        (0, vec!["rollout: warning: ro2 is paused".to_owned()])
    );

    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:3";
    let lost = json!({ "image": image, "behaviour": "missing" });
    stand.call(Method::POST, "/_local/images", Some(lost)).await;
    stand.call(Method::POST, "/rollouts/ro2/abort", Some(json!({}))).await;
    stand.advance(300).await;
    deploy(&stand, image).await;
    stand.advance(30).await;
    let (code, told) = ill(&stand).await;
    assert_eq!(code, 7, "{told:?}");
    assert!(told[0].contains("app:3 is not in its repository"), "{told:?}");
    assert_eq!(
        told[1],
        "releases: warning: r1 is promoted; r3, the newest, was rejected"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_or_a_stack_there_is_one_clear_line() {
    let said = asked("http://127.0.0.1:9", "doctor").await;
    expect![[r#"
        berth: http://127.0.0.1:9 does not tell of the stack berth: cloudformation:DescribeStacks: Dispatch: the endpoint could not be reached; check the endpoint, the network and your permissions
        exit code 6
    "#]].assert_eq(&said.all());
    let stand = Stand::up(&["--speed", "0"]).await;
    let said = asked(&stand.aws, "doctor --stack harbour").await;
    expect![[r#"
        berth: there is no stack harbour in us-east-1 at <aws>; name it with --stack, or `stack` in the profile
        exit code 2
    "#]]
    .assert_eq(&said.all().replace(&stand.aws, "<aws>"));
}

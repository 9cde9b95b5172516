//! `berth demo`: the life of five tenants, told live by a running system.
//!
//! It says what it does and shows what the system answers, over HTTP like any client. It computes and decides nothing.

mod client;

use serde_json::{Value, json};

pub use client::DemoError;
use client::{Client, Reply};

/// Virtual seconds per second: what takes a Fargate task half a minute takes two seconds to watch.
pub const SPEED: f64 = 20.0;

/// How a release reaches the tenants: as by default, but that the canary is watched for two minutes instead of ten.
pub const ROLLOUT_POLICY: &str = r#"{"bakeSeconds":120}"#;

/// The tenants and what is their own.
fn tenants() -> [(&'static str, Value); 5] {
    [
        (
            "acme",
            json!({"env": {"PLAN": "gold"}, "size": {"cpu": 512, "memory": 1024}}),
        ),
        ("globex", json!({"image": "public.ecr.aws/berth/custom:7"})),
        (
            "initech",
            json!({"secrets": {"API_KEY": "arn:aws:secretsmanager:us-east-1:123456789012:secret:initech"}}),
        ),
        ("hooli", json!({"size": {"cpu": 1024, "memory": 2048}})),
        ("umbrella", json!({})),
    ]
}

/// Tells the story of a system whose API and AWS endpoint are at these addresses.
pub async fn tell(api: &str, aws: &str) -> Result<(), DemoError> {
    let client = Client::new(api, aws);
    provision(&client).await?;
    work(&client).await?;
    new_base(&client).await?;
    sleep(&client).await?;
    wake(&client).await?;
    delete(&client).await
}

async fn provision(client: &Client) -> Result<(), DemoError> {
    title("Five customers sign up. Each gets a container of its own");
    for (id, overlay) in tenants() {
        let reply = client.api("PUT", &format!("/tenants/{id}"), Some(&overlay)).await?;
        println!(
            "  PUT /tenants/{id} {overlay}  ->  {} {}",
            reply.status,
            reply.text("/phase")
        );
    }
    for (id, _) in tenants() {
        let tenant = client.until(id, |tenant| tenant.text("/phase") == "running").await?;
        println!(
            "  {id:<9} {} at {}  on {}  ({})",
            tenant.text("/phase"),
            tenant.text("/endpoint/address"),
            short(&tenant.text("/definitionArn")),
            client.now().await?,
        );
    }
    Ok(())
}

async fn work(client: &Client) -> Result<(), DemoError> {
    title("They work. A heartbeat is one request, and changes one attribute");
    for (id, _) in tenants() {
        let reply = client.api("POST", &format!("/tenants/{id}/activity"), None).await?;
        println!("  POST /tenants/{id}/activity  ->  {}", reply.status);
    }
    Ok(())
}

async fn new_base(client: &Client) -> Result<(), DemoError> {
    title("A new base is deployed. Everyone moves to it, and keeps what is their own");
    let before = client.tenant("acme").await?.text("/release/applied");
    let input = client.next_base("2").await?;
    let reply = client
        .local(
            "/base",
            &json!({"taskDefinition": input, "stackStatus": "UPDATE_COMPLETE"}),
        )
        .await?;
    println!(
        "  the base stack: UPDATE_COMPLETE with {}",
        short(&reply.text("/taskDefinitionArn"))
    );
    for (id, _) in tenants() {
        let moved = |tenant: &Reply| {
            let applied = tenant.text("/release/applied");
            tenant.text("/phase") == "running" && applied != before && applied == tenant.text("/release/promoted")
        };
        let tenant = client.until(id, moved).await?;
        show_definition(client, id, &tenant.text("/definitionArn")).await?;
    }
    println!("  it is now {}", client.now().await?);
    Ok(())
}

async fn show_definition(client: &Client, id: &str, arn: &str) -> Result<(), DemoError> {
    let reply = client
        .ecs("DescribeTaskDefinition", &json!({"taskDefinition": arn}))
        .await?;
    let environment = reply.body.pointer("/taskDefinition/containerDefinitions/0/environment");
    let of = |name: &str| {
        let entries = environment.and_then(Value::as_array).into_iter().flatten();
        let entry = entries
            .into_iter()
            .find(|entry| entry.get("name") == Some(&json!(name)));
        entry
            .and_then(|entry| entry.get("value")?.as_str())
            .unwrap_or("-")
            .to_owned()
    };
    println!(
        "  {id:<9} {:<14} BASE_VERSION={} PLAN={:<4} {} cpu={} secrets={}",
        short(arn),
        of("BASE_VERSION"),
        of("PLAN"),
        reply.text("/taskDefinition/containerDefinitions/0/image"),
        reply.text("/taskDefinition/cpu"),
        reply.count("/taskDefinition/containerDefinitions/0/secrets"),
    );
    Ok(())
}

async fn sleep(client: &Client) -> Result<(), DemoError> {
    title("Nobody works for 31 minutes. They are put to sleep, and cost nothing");
    client.local("/clock", &json!({"advance_seconds": 31 * 60})).await?;
    println!("  it is now {}", client.now().await?);
    for (id, _) in tenants() {
        let tenant = client.until(id, |tenant| tenant.text("/phase") == "stopped").await?;
        println!(
            "  {id:<9} {}  because: {}",
            tenant.text("/phase"),
            tenant.text("/intent/reason")
        );
    }
    let tasks = client.ecs("ListTasks", &json!({"cluster": "berth"})).await?;
    println!("  ECS says: {} tasks", tasks.count("/taskArns"));
    Ok(())
}

async fn wake(client: &Client) -> Result<(), DemoError> {
    title("One comes back");
    let reply = client.api("POST", "/tenants/acme/wake?wait=20", None).await?;
    println!(
        "  POST /tenants/acme/wake?wait=20  ->  {} {}",
        reply.status,
        reply.text("/phase")
    );
    let tenant = client
        .until("acme", |tenant| tenant.text("/phase") == "running")
        .await?;
    println!(
        "  acme      {} at {}",
        tenant.text("/phase"),
        tenant.text("/endpoint/address")
    );
    Ok(())
}

async fn delete(client: &Client) -> Result<(), DemoError> {
    title("All of them leave");
    for (id, _) in tenants() {
        let reply = client.api("DELETE", &format!("/tenants/{id}"), None).await?;
        println!("  DELETE /tenants/{id}  ->  {}", reply.status);
    }
    for (id, _) in tenants() {
        client.until(id, |tenant| tenant.status == 404).await?;
    }
    client.local("/clock", &json!({"advance_seconds": 30})).await?;
    let services = client.ecs("ListServices", &json!({"cluster": "berth"})).await?;
    let points = client.access_points().await?;
    println!(
        "  ECS says: {} services. EFS says: {} access points.",
        services.count("/serviceArns"),
        points.count("/AccessPoints")
    );
    Ok(())
}

fn title(text: &str) {
    println!("\n{text}.");
}

/// The end of an ARN.
fn short(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_owned()
}

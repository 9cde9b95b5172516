//! Config templates: that every start delivers a tenant's bundle, and that without one there is no start.

use berth::cloud::Behaviour;
use berth::engine::s3;
use berth::template::Function;
use http::Method;
use serde_json::{Value, json};

use crate::stand::{DELIVERS, Fate, Stand};

const CONFIG: &str = "templates/seo/config.yaml";
const PROMPT: &str = "templates/seo/prompts/tone.md";

/// A base that delivers, and a template.
fn stand() -> Stand {
    let mut stand = Stand::with_delivery();
    stand.upload(CONFIG, "model: small\n");
    stand.upload(PROMPT, "be brief\n");
    stand
}

fn seo() -> Value {
    json!({ "template": "seo" })
}

/// The variables of the container that delivers, in the definition that a tenant was given.
fn told(stand: &mut Stand, id: &str) -> (Value, Value) {
    let tenant = stand.tenant(id);
    let mut definition = stand.definition(&tenant);
    let containers = definition["containerDefinitions"].as_array_mut().unwrap();
    let own = containers.iter_mut().find(|one| one["name"] == "berth-config").unwrap();
    let variables = own["environment"].as_array_mut().unwrap();
    let mut value = |name: &str| {
        let found = variables.iter_mut().find(|variable| variable["name"] == name);
        found.map_or(Value::Null, |variable| variable["value"].take())
    };
    (value("BERTH_BUNDLE"), value("BERTH_BUNDLE_SHA256"))
}

/// The digest of the bundle that a tenant's definition names, and that its view does.
fn digest(stand: &mut Stand, id: &str) -> String {
    let (_, digest) = told(stand, id);
    assert_eq!(stand.tenant(id)["bundle"]["digest"], digest);
    digest.as_str().unwrap().to_owned()
}

fn sleep(stand: &mut Stand, id: &str) {
    stand.post(&format!("/tenants/{id}/sleep"));
    stand.until(id, "stopped");
}

fn wake(stand: &mut Stand, id: &str) -> Value {
    stand.post(&format!("/tenants/{id}/wake"));
    stand.until(id, "running")
}

#[test]
fn s7_the_same_bundle_is_delivered_at_first_start_restart_wake_and_rebase() {
    let mut stand = stand();
    stand.running("acme", &seo());
    let first = digest(&mut stand, "acme");
    let (place, _) = told(&mut stand, "acme");
    assert_eq!(place, format!("s3://berth-assetsbucket/bundles/{first}.tar"));
    let bundle = stand.assets(Method::GET, &format!("bundles/{first}.tar"), "");
    let text = String::from_utf8_lossy(&bundle);
    assert!(
        text.contains("model: small") && text.contains("be brief"),
        "it is there to be fetched"
    );

    stand.post("/tenants/acme/restart");
    stand.until("acme", "running");
    assert_eq!(digest(&mut stand, "acme"), first, "restart");
    sleep(&mut stand, "acme");
    wake(&mut stand, "acme");
    assert_eq!(digest(&mut stand, "acme"), first, "wake");
    let before = stand.promoted();
    stand.deploy(|base| base["containerDefinitions"][0]["image"] = json!("public.ecr.aws/berth/sample:2"));
    let after = stand.until_promoted(&before);
    assert_eq!(stand.until("acme", "running")["release"]["applied"], after);
    assert_eq!(digest(&mut stand, "acme"), first, "rebase");
}

#[test]
fn s7_equal_templates_are_one_bundle_and_one_definition() {
    let mut stand = stand();
    stand.upload("templates/copy/prompts/tone.md", "be brief\n");
    stand.upload("templates/copy/config.yaml", "model: small\n");
    stand.running("one", &seo());
    stand.running("two", &json!({ "template": "copy" }));
    assert_eq!(digest(&mut stand, "one"), digest(&mut stand, "two"));
}

#[test]
fn s7_changed_files_reach_a_tenant_at_its_next_wake_and_not_before() {
    let mut stand = stand();
    stand.set_image("registry.example/app:1", Behaviour::Crashes(600));
    let acme = stand.running("acme", &json!({ "template": "seo", "image": "registry.example/app:1" }));
    let first = digest(&mut stand, "acme");
    stand.upload(PROMPT, "be kind\n");
    stand.upload("templates/seo/prompts/more.md", "and honest\n");
    stand.pass(900);
    let replaced = stand.until("acme", "running");
    assert_ne!(
        replaced["taskArn"], acme["taskArn"],
        "it has crashed, and ECS has replaced it"
    );
    assert_eq!(
        replaced["definitionArn"], acme["definitionArn"],
        "with the same definition"
    );
    assert_eq!(digest(&mut stand, "acme"), first);
    sleep(&mut stand, "acme");
    wake(&mut stand, "acme");
    let second = digest(&mut stand, "acme");
    assert_ne!(second, first);
    let bundle = stand.assets(Method::GET, &format!("bundles/{second}.tar"), "");
    let text = String::from_utf8_lossy(&bundle);
    assert!(text.contains("be kind") && text.contains("and honest") && !text.contains("be brief"));
    stand.assets(Method::GET, &format!("bundles/{first}.tar"), "");
}

#[test]
fn s7_the_last_delivered_bundle_stays_in_force_when_the_template_is_gone() {
    let mut stand = stand();
    stand.running("acme", &seo());
    let first = digest(&mut stand, "acme");
    for key in [CONFIG, PROMPT] {
        stand.remove(key);
    }
    sleep(&mut stand, "acme");
    let running = wake(&mut stand, "acme");
    assert_eq!(digest(&mut stand, "acme"), first);
    let why = running["bundle"]["kept"].as_str().unwrap();
    assert!(why.contains("no object"), "{why}");
    let told = stand.http("GET", "/tenants/acme/explain", &Value::Null).1;
    assert!(told["summary"].as_str().unwrap().contains("stays in force"), "{told:#}");
    assert!(told["decisions"].to_string().contains("bundle-kept"), "{told:#}");

    let (status, _) = stand.http("PATCH", "/tenants/acme", &json!({ "env": { "PLAN": "gold" } }));
    assert_eq!(status, 202, "what is gone stands in the way of no other change");
    stand.until("acme", "running");
    assert_eq!(digest(&mut stand, "acme"), first);

    stand.upload("templates/seo/readme.md", "what it is for");
    stand.post("/tenants/acme/restart");
    let why = stand.until("acme", "running")["bundle"]["kept"].take();
    assert!(
        why.as_str().unwrap().contains("readme.md"),
        "nor what is no template: {why}"
    );
    stand.remove("templates/seo/readme.md");
    stand.upload(CONFIG, "model: large\n");
    stand.post("/tenants/acme/restart");
    assert_eq!(stand.until("acme", "running")["bundle"].get("kept"), None);
    assert_ne!(digest(&mut stand, "acme"), first, "it is a template again");
}

/// What is refused because of its template, with nothing written.
fn refused(stand: &mut Stand, method: &str, id: &str, overlay: &Value, code: &str) -> String {
    let before = stand.rows("Tenants");
    let (status, problem) = stand.http(method, &format!("/tenants/{id}"), overlay);
    assert_eq!((status, &problem["code"]), (422, &json!(code)), "{problem:#}");
    let mistake = &problem["errors"][0];
    assert_eq!(
        (&mistake["pointer"], &mistake["code"]),
        (&json!("/template"), &json!("undeliverable"))
    );
    assert_eq!(stand.rows("Tenants"), before);
    problem["detail"].to_string() + &mistake["message"].to_string()
}

#[test]
fn s7_a_template_that_is_missing_or_is_none_is_refused_when_it_is_written() {
    let mut stand = stand();
    stand.running("acme", &json!({}));
    for (method, id) in [("PUT", "fresh"), ("PUT", "acme"), ("PATCH", "acme")] {
        let told = refused(&mut stand, method, id, &json!({ "template": "se" }), "no_template");
        assert!(told.contains("se"), "a prefix of another's name is no name: {told}");
    }
    stand.upload("templates/bare/prompts/tone.md", "be brief");
    let told = refused(
        &mut stand,
        "PUT",
        "fresh",
        &json!({ "template": "bare" }),
        "invalid_template",
    );
    assert!(told.contains("config.yaml"), "{told}");
    stand.upload("templates/bare/config.yaml", "model: small");
    stand.upload("templates/bare/run.sh", "rm -rf /");
    let told = refused(
        &mut stand,
        "PUT",
        "fresh",
        &json!({ "template": "bare" }),
        "invalid_template",
    );
    assert!(told.contains("run.sh"), "{told}");
    stand.remove("templates/bare/run.sh");
    stand.running("fresh", &json!({ "template": "bare" }));
}

#[test]
fn s7_a_bundle_that_cannot_be_staged_means_no_start_and_it_says_so() {
    let mut stand = stand();
    stand.next_call_of(Function::Reconcile, "ListObjectsV2", Fate::Refused("SlowDown"));
    stand.http("PUT", "/tenants/acme", &seo());
    stand.remove(CONFIG);
    let failed = stand.until("acme", "failed");
    let error = &failed["lastError"];
    assert_eq!(
        (&error["step"], &error["code"]),
        (&json!("assets"), &json!("no_template")),
        "{error}"
    );
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("seo") && message.contains("config.yaml"), "{message}");
    assert_eq!(
        (stand.calls("CreateService"), stand.calls("RegisterTaskDefinition")),
        (0, 0)
    );
    stand.pass(3_600);
    assert_eq!(stand.calls("CreateService"), 0);
    stand.upload(CONFIG, "model: small\n");
    stand.post("/tenants/acme/retry");
    stand.until("acme", "running");
}

#[test]
fn s7_what_was_delivered_before_is_not_started_either_once_its_bundle_is_gone() {
    let mut stand = stand();
    stand.running("acme", &seo());
    let first = digest(&mut stand, "acme");
    sleep(&mut stand, "acme");
    stand.remove(PROMPT);
    stand.remove(CONFIG);
    stand.remove(&format!("bundles/{first}.tar"));
    stand.post("/tenants/acme/wake");
    let failed = stand.until("acme", "failed");
    assert_eq!(failed["lastError"]["step"], "assets", "{failed:#}");
    assert_eq!(stand.alive("acme"), 0);
}

#[test]
fn s7_a_delivery_that_fails_means_no_start_and_it_says_so() {
    let mut stand = stand();
    stand.set_image(DELIVERS, Behaviour::Exits(1));
    stand.http("PUT", "/tenants/acme", &seo());
    let failed = stand.until("acme", "failed");
    assert_eq!(stand.alive("acme"), 0);
    assert!(
        failed["lastError"]["message"]
            .as_str()
            .unwrap()
            .contains("does not start"),
        "{failed:#}"
    );
    let reason = stand.row("acme").unwrap().stopped.unwrap().reason;
    assert!(reason.contains("dependency"), "ECS has said why: {reason}");
    // What was wrong is mended, and the definition is the same.
    stand.set_image(DELIVERS, Behaviour::Exits(0));
    stand.post("/tenants/acme/retry");
    stand.until("acme", "running");
    assert_eq!(stand.alive("acme"), 1);
}

#[test]
fn s7_an_error_of_s3_is_no_absence() {
    let mut stand = stand();
    stand.running("acme", &seo());
    let first = digest(&mut stand, "acme");
    sleep(&mut stand, "acme");
    stand.upload(PROMPT, "be kind\n");
    for action in ["ListObjectsV2", "GetObject", "PutObject"] {
        stand.next_call(action, Fate::Refused("SlowDown"));
    }
    let running = wake(&mut stand, "acme");
    assert_eq!(
        running["bundle"].get("kept"),
        None,
        "it was tried again, and not given the bundle from before"
    );
    assert_ne!(digest(&mut stand, "acme"), first);
    sleep(&mut stand, "acme");
    stand.every_call("ListObjectsV2", Fate::Refused("AccessDenied"));
    stand.post("/tenants/acme/wake");
    let failed = stand.until("acme", "failed");
    let error = &failed["lastError"];
    assert_eq!(
        (&error["step"], &error["code"]),
        (&json!("assets"), &json!("AccessDenied")),
        "{error}"
    );
    let (status, _) = stand.http("PUT", "/tenants/other", &seo());
    assert_eq!((status, stand.row("other")), (503, None));
}

#[test]
fn s7_a_base_that_delivers_nothing_takes_no_templates() {
    let mut plain = Stand::new();
    plain.upload(CONFIG, "model: small\n");
    let told = refused(&mut plain, "PUT", "acme", &seo(), "invalid_overlay");
    assert!(told.contains("berth-config"), "{told}");
}

#[test]
fn s7_a_release_that_would_deliver_nothing_any_more_is_rejected() {
    let mut stand = stand();
    stand.running("acme", &seo());
    stand.running("plain", &json!({}));
    stand.deploy(|base| {
        let containers = base["containerDefinitions"].as_array_mut().unwrap();
        containers.retain(|one| one["name"] != "berth-config");
        containers[0]["dependsOn"] = json!([]);
    });
    stand.pass(120);
    let releases = stand.http("GET", "/releases", &Value::Null).1;
    let told = releases.to_string();
    assert!(told.contains("tenant acme would not render any more"), "{releases:#}");
    assert!(!told.contains("tenant plain"), "{releases:#}");
}

#[test]
fn s7_a_pinned_tenant_keeps_its_bundle() {
    let mut stand = stand();
    let acme = stand.running("acme", &json!({ "template": "seo", "pin": {} }));
    stand.upload(PROMPT, "be kind\n");
    sleep(&mut stand, "acme");
    let woken = wake(&mut stand, "acme");
    assert_eq!(woken["definitionArn"], acme["definitionArn"]);
}

#[test]
fn s7_who_gives_its_template_up_is_delivered_nothing() {
    let mut stand = stand();
    stand.running("acme", &seo());
    stand.http("PATCH", "/tenants/acme", &json!({ "template": null }));
    assert_eq!(stand.until("acme", "running")["bundle"], Value::Null);
    assert_eq!(told(&mut stand, "acme"), (Value::Null, Value::Null));
}

#[test]
fn s7_whoever_is_lost_while_staging_is_followed_by_one_who_ends_the_same() {
    let mut stand = stand();
    stand.running("one", &seo());
    let expected = digest(&mut stand, "one");
    for (number, action) in ["ListObjectsV2", "GetObject", "PutObject"].into_iter().enumerate() {
        let id = format!("t{number}");
        stand.next_call_of(Function::Reconcile, action, Fate::CrashAfter);
        stand.running(&id, &seo());
        stand.mend();
        assert_eq!(digest(&mut stand, &id), expected, "{action}");
    }
}

#[test]
fn s7_a_delivery_that_fails_at_a_wake_is_told_although_ecs_goes_on_trying() {
    let mut stand = stand();
    let acme = stand.running("acme", &seo());
    sleep(&mut stand, "acme");
    stand.set_image(DELIVERS, Behaviour::Exits(1));
    stand.post("/tenants/acme/wake");
    let failed = stand.until("acme", "failed");
    assert_eq!(
        failed["definitionArn"], acme["definitionArn"],
        "it is the definition that it had"
    );
    assert_eq!(failed["lastError"]["code"], "deadline", "{failed:#}");
    let reason = failed["stopped"]["reason"].as_str().unwrap();
    assert!(reason.contains("dependency"), "{failed:#}");
    assert_eq!(failed["endpoint"], Value::Null);
    stand.set_image(DELIVERS, Behaviour::Exits(0));
    stand.until("acme", "running");
}

#[test]
fn s7_a_bundle_is_never_half_of_what_was_there_before_and_half_of_what_came_after() {
    let mut stand = stand();
    let shared = stand.engine.shared().clone();
    let mut read = 0;
    stand.order(move |made| {
        read += usize::from(made.call.action == "GetObject");
        if made.call.action == "GetObject" && read == 2 {
            for (key, content) in [(CONFIG, "model: large\n"), (PROMPT, "be kind\n")] {
                let path = format!("/berth-assetsbucket/{key}");
                s3(&mut shared.cloud(), Method::PUT, &path, content.into()).unwrap();
            }
        }
        None
    });
    stand.running("acme", &seo());
    let digest = digest(&mut stand, "acme");
    let bundle = stand.assets(Method::GET, &format!("bundles/{digest}.tar"), "");
    let text = String::from_utf8_lossy(&bundle);
    assert!(text.contains("model: large") && text.contains("be kind"), "{text}");
    assert_eq!(stand.tenant("acme")["lastError"], Value::Null);
}

#[test]
fn s7_who_is_created_anew_is_given_nothing_of_its_former_life() {
    let mut stand = stand();
    stand.running("acme", &seo());
    stand.remove(CONFIG);
    stand.remove(PROMPT);
    stand.http("DELETE", "/tenants/acme", &Value::Null);
    refused(&mut stand, "PUT", "acme", &seo(), "no_template");
    stand.pass(600);
    refused(&mut stand, "PUT", "acme", &seo(), "no_template");
}

#[test]
fn s7_a_template_is_not_more_than_a_page_of_objects() {
    let mut stand = stand();
    for number in 0..998 {
        stand.upload(&format!("templates/seo/prompts/{number}/"), "");
    }
    stand.running("acme", &seo());
    stand.upload("templates/seo/prompts/z/", "");
    let told = refused(&mut stand, "PUT", "other", &seo(), "invalid_template");
    assert!(told.contains("more than 64 files"), "{told}");
}

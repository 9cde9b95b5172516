mod alarms;

use super::*;

fn place() -> Place {
    Place {
        stack: "berth".to_owned(),
        account: "123456789012".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

fn given(parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
    parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The parameters that have no default.
const REQUIRED: [(&str, &str); 4] = [
    ("Subnets", "subnet-a,subnet-b"),
    ("SecurityGroups", "sg-a"),
    ("TaskRoleArn", "arn:aws:iam::123456789012:role/base-task"),
    ("ExecutionRoleArn", "arn:aws:iam::123456789012:role/base-execution"),
];

fn ours(parameters: &[(&str, &str)]) -> Stack {
    Stack::read(TEMPLATE, &place(), &given(&[&REQUIRED, parameters].concat())).expect("our template")
}

#[test]
fn our_template_has_what_the_design_asks_for() {
    let stack = ours(&[]);
    let tables: Vec<&str> = stack
        .tables
        .iter()
        .filter_map(|table| table.create.get("TableName")?.as_str())
        .collect();
    assert_eq!(tables.len(), 3);
    assert!(tables.contains(&"berth-TenantsTable"), "{tables:?}");
    let mut functions: Vec<Function> = stack.functions.iter().map(|spec| spec.function).collect();
    functions.sort_unstable();
    assert_eq!(functions, Function::ALL);
    let reconcile = stack.function(Function::Reconcile).expect("reconcile");
    assert_eq!(
        reconcile.mappings,
        [Mapping {
            queue: "arn:aws:sqs:us-east-1:123456789012:berth-ReconcileQueue.fifo".to_owned(),
            batch: 1,
            at_once: 100,
        }]
    );
    let watchdog = stack.function(Function::Watchdog).expect("watchdog");
    assert_eq!(
        watchdog
            .schedules
            .iter()
            .map(|schedule| schedule.every.as_secs())
            .collect::<Vec<_>>(),
        [60]
    );
}

#[test]
fn a_queue_names_its_dead_letter_queue() {
    let stack = ours(&[]);
    let queue = stack
        .queues
        .iter()
        .find(|queue| queue.name == "berth-ReconcileQueue.fifo")
        .expect("the queue");
    let policy: Value = serde_json::from_str(&queue.attributes["RedrivePolicy"]).expect("JSON");
    assert_eq!(
        policy["deadLetterTargetArn"],
        "arn:aws:sqs:us-east-1:123456789012:berth-ReconcileDeadLetters.fifo"
    );
    assert_eq!(queue.attributes["FifoQueue"], "true");
}

#[test]
fn variables_are_resolved_and_those_without_a_value_are_left_out() {
    let stack = ours(&[]);
    let variables = &stack.function(Function::Reconcile).expect("reconcile").variables;
    assert_eq!(variables["BERTH_SUBNETS"], "subnet-a,subnet-b");
    let told = &stack.function(Function::TaskState).expect("task-state").variables;
    assert_eq!(
        told["BERTH_QUEUE_URL"],
        "https://sqs.us-east-1.amazonaws.com/123456789012/berth-ReconcileQueue.fifo"
    );
    assert!(!variables.contains_key("BERTH_FILE_SYSTEM"));
    let stack = ours(&[("FileSystem", "fs-0123456789abcdef0")]);
    assert_eq!(
        stack.function(Function::Reconcile).expect("reconcile").variables["BERTH_FILE_SYSTEM"],
        "fs-0123456789abcdef0"
    );
}

#[test]
fn rules_are_narrowed_to_the_cluster() {
    let stack = ours(&[("Cluster", "harbour")]);
    let rules = &stack.function(Function::TaskState).expect("task-state").rules;
    assert!(rules.iter().any(|rule| rule.pattern["detail"]["clusterArn"][0] == "arn:aws:ecs:us-east-1:123456789012:cluster/harbour"));
}

#[test]
fn b22_no_value_that_the_template_passes_on_holds_a_revision() {
    let template = yaml::parse(TEMPLATE).expect("YAML");
    let outputs = template["Outputs"].as_object().expect("outputs");
    assert!(
        outputs.values().all(|output| output.get("Export").is_none()),
        "an export is as good as a copy"
    );
    assert!(!TEMPLATE.contains("Fn::ImportValue") && !TEMPLATE.contains("!ImportValue"));
    let parameters = template["Parameters"].as_object().expect("parameters");
    assert!(
        parameters
            .keys()
            .all(|name| !name.contains("Revision") && !name.contains("TaskDefinition")),
        "{:?}",
        parameters.keys()
    );
}

#[test]
fn a_key_of_ones_own_encrypts_all_that_is_kept_and_functions_may_use_it() {
    const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0a1b";
    let uses = |stack: &Stack| {
        let roles = stack
            .functions
            .iter()
            .map(|spec| format!("{:?}", spec.role).contains(KEY));
        roles.filter(|uses| *uses).count()
    };
    let queues = |stack: &Stack, attribute: &str| {
        let has = stack
            .queues
            .iter()
            .filter(|queue| queue.attributes.contains_key(attribute));
        has.count()
    };
    let (without, with) = (ours(&[]), ours(&[("KeyArn", KEY)]));
    assert_eq!(
        (
            uses(&without),
            queues(&without, "KmsMasterKeyId"),
            queues(&without, "SqsManagedSseEnabled")
        ),
        (0, 0, 3)
    );
    assert_eq!(
        (
            uses(&with),
            queues(&with, "KmsMasterKeyId"),
            queues(&with, "SqsManagedSseEnabled")
        ),
        (6, 2, 1)
    );
    let template = yaml::parse(TEMPLATE).expect("YAML");
    let kept = template["Resources"].as_object().expect("resources").values();
    for resource in kept {
        let member = match resource["Type"].as_str() {
            Some("AWS::DynamoDB::Table") => "SSESpecification",
            Some("AWS::Logs::LogGroup") => "KmsKeyId",
            _ => continue,
        };
        assert_eq!(resource["Properties"][member]["Fn::If"][0], "HasKey", "{resource}");
    }
}

#[test]
fn a_parameter_that_is_missing_or_unknown_is_named() {
    let but_one = given(&REQUIRED).into_iter();
    let but_one = but_one.filter(|(name, _)| name != "SecurityGroups").collect();
    let missing = Stack::read(TEMPLATE, &place(), &but_one).expect_err("a missing one");
    assert!(missing.to_string().contains("SecurityGroups"), "{missing}");
    let unknown = Stack::read(TEMPLATE, &place(), &given(&[("Colour", "red")])).expect_err("an unknown one");
    assert!(unknown.to_string().contains("Colour"), "{unknown}");
}

#[test]
fn every_parameter_and_variable_is_explained_and_no_other() {
    let guide = include_str!("../../../docs/deploy.md");
    let template = yaml::parse(TEMPLATE).expect("YAML");
    for name in template["Parameters"].as_object().expect("parameters").keys() {
        assert!(
            guide.contains(&format!("`{name}`")),
            "docs/deploy.md explains no {name}"
        );
    }
    let of = |text: &str| {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let names = words.filter(|word| word.starts_with("BERTH_"));
        names.map(ToOwned::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(of(guide), of(TEMPLATE));
}

#[test]
fn a_function_that_is_not_understood_is_an_error() {
    let template =
        "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      DelaySeconds: !Select [0, [1]]\n";
    let error = Stack::read(template, &place(), &BTreeMap::new()).expect_err("an unknown function");
    assert!(error.to_string().contains("Fn::Select"), "{error}");
}

#[test]
fn s1_both_doors_lead_to_the_same_functions_and_neither_is_open() {
    let template = yaml::parse(TEMPLATE).expect("YAML");
    let resources = template["Resources"].as_object().expect("resources");
    assert_eq!(resources["Api"]["Properties"]["Auth"]["DefaultAuthorizer"], "AWS_IAM");
    let by_iam: BTreeMap<String, String> = ours(&[])
        .functions
        .iter()
        .flat_map(|spec| spec.routes.iter().map(|route| (route.key(), spec.function.to_string())))
        .collect();
    let mut by_token = BTreeMap::new();
    for route in resources
        .values()
        .filter(|resource| resource["Type"] == "AWS::ApiGatewayV2::Route")
    {
        let properties = &route["Properties"];
        assert_eq!(properties["AuthorizationType"], "JWT", "{route}");
        assert_eq!(properties["AuthorizerId"]["Ref"], "TokenAuthorizer", "{route}");
        assert_eq!(
            properties["AuthorizationScopes"],
            json!(["berth:admin", "berth:tenant"]),
            "{route}"
        );
        let target = properties["Target"]["Fn::Sub"].as_str().expect("a target");
        let integration = target.trim_start_matches("integrations/${").trim_end_matches('}');
        let uri = &resources[integration]["Properties"]["IntegrationUri"]["Fn::GetAtt"][0];
        let code = resources[uri.as_str().expect("a function")]["Properties"]["CodeUri"].as_str();
        let function = code.expect("its code").trim_start_matches("functions/").to_owned();
        by_token.insert(properties["RouteKey"].as_str().expect("a key").to_owned(), function);
    }
    assert_eq!(by_token, by_iam);
    let routes = berth_core::api::Operation::ALL
        .iter()
        .map(|operation| operation.route());
    let of_activity: Vec<String> = routes
        .filter(|route| route.door == berth_core::api::Door::Activity)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let told: Vec<&String> = by_iam
        .iter()
        .filter(|(_, function)| *function == "activity")
        .map(|(key, _)| key)
        .collect();
    assert_eq!(told.len(), of_activity.len());
    assert!(of_activity.iter().all(|key| told.contains(&key)), "{told:?}");
    assert_eq!(by_iam["$default"], "provision");
}

#[test]
fn functions_are_shipped_with_none_of_the_exceptions_that_make_the_local_build_quick() {
    let exceptions = |manifest: &'static str| {
        let sections = manifest.split("[profile.release.package.").skip(1);
        let named = sections.filter_map(|section| section.split_once("]\nopt-level = "));
        named
            .map(|(package, level)| (package, level.lines().next().unwrap_or_default()))
            .collect::<BTreeMap<_, _>>()
    };
    let local = exceptions(include_str!("../../../Cargo.toml"));
    let shipped = exceptions(include_str!("../../../functions/.cargo/config.toml"));
    assert!(local.contains_key("aws-sdk-s3"), "{local:?}");
    assert!(local.keys().eq(shipped.keys()), "{local:?} {shipped:?}");
    assert!(shipped.values().all(|level| *level == "\"s\""), "{shipped:?}");
}

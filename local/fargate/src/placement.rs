//! Where tasks run: launch type, capacity providers, platform version and network.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::definition::rules::compatibilities;
use crate::task::Launch;
use crate::wire::args::Args;
use crate::wire::error::ApiError;

/// Whether Fargate has capacity for new tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capacity {
    /// It has.
    #[default]
    Available,
    /// It has none: no task can be placed.
    Unavailable,
}

/// What is said when there is no capacity. Source: Amazon ECS Developer Guide, "Amazon ECS service event messages".
pub(crate) const NO_CAPACITY: &str =
    "Capacity is unavailable at this time. Please try again later or in a different availability zone.";

/// Where tasks of a request or deployment run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Placement {
    pub(crate) launch: Launch,
    /// The strategy as it was given, if one was.
    pub(crate) strategy: Option<Value>,
    /// As it was given; `LATEST` by default.
    pub(crate) platform_version: String,
    /// As it was given.
    pub(crate) network: Value,
    pub(crate) subnets: Vec<String>,
}

impl Placement {
    /// Reads the members of `RunTask` or `CreateService`.
    pub(crate) fn read(args: Args<'_>, definition: &Map<String, Value>) -> Result<Self, ApiError> {
        let placement = Self {
            launch: launch(args)?,
            strategy: args
                .get("capacityProviderStrategy")
                .filter(|s| s.as_array().is_some_and(|s| !s.is_empty()))
                .cloned(),
            platform_version: args.named("platformVersion").unwrap_or("LATEST").to_owned(),
            network: args.get("networkConfiguration").cloned().unwrap_or_default(),
            subnets: Vec::new(),
        };
        placement.check(definition)
    }

    /// The same with the members of `UpdateService` that are present.
    pub(crate) fn updated(&self, args: Args<'_>, definition: &Map<String, Value>) -> Result<Self, ApiError> {
        let mut placement = self.clone();
        if let Some(version) = args.named("platformVersion") {
            version.clone_into(&mut placement.platform_version);
        }
        if let Some(network) = args.get("networkConfiguration") {
            placement.network = network.clone();
        }
        if let Some(strategy) = args.get("capacityProviderStrategy") {
            placement.launch = launch(args)?;
            placement.strategy = Some(strategy.clone());
        }
        placement.check(definition)
    }

    fn check(mut self, definition: &Map<String, Value>) -> Result<Self, ApiError> {
        if !compatibilities(definition)
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == "FARGATE"))
        {
            return Err(ApiError::parameter(
                "Task definition does not support launch_type FARGATE.",
            ));
        }
        check_version(&self.platform_version)?;
        self.check_features(Args(definition))?;
        self.subnets = subnets(&self.network)?;
        complete_network(&mut self.network);
        Ok(self)
    }

    /// Source: the model's `EphemeralStorage`, `EFSVolumeConfiguration` and `RegisterTaskDefinitionRequest.cpu`: these
    /// need platform version 1.4.0 or later.
    fn check_features(&self, definition: Args<'_>) -> Result<(), ApiError> {
        let efs = definition
            .objects("volumes")
            .any(|volume| volume.get("efsVolumeConfiguration").is_some());
        let storage = definition.get("ephemeralStorage").is_some();
        let large = definition
            .text("cpu")
            .and_then(|cpu| cpu.parse::<u64>().ok())
            .is_some_and(|cpu| cpu >= 8192);
        if self.effective_version() != "1.4.0" && (efs || storage || large || definition.get("pidMode").is_some()) {
            let message = format!(
                "Platform version {} does not support all that the task definition asks for.",
                self.platform_version
            );
            return Err(ApiError::new("PlatformTaskDefinitionIncompatibilityException", message));
        }
        Ok(())
    }

    /// The version that `LATEST` means. Source: Amazon ECS Developer Guide, "Fargate platform versions".
    pub(crate) fn effective_version(&self) -> &str {
        if self.platform_version == "LATEST" {
            "1.4.0"
        } else {
            &self.platform_version
        }
    }
}

/// Fills in the defaults of `AwsVpcConfiguration`.
fn complete_network(network: &mut Value) {
    if let Some(Value::Object(vpc)) = network.get_mut("awsvpcConfiguration") {
        vpc.retain(|_, value| !value.is_null());
        vpc.entry("assignPublicIp").or_insert_with(|| "DISABLED".into());
        vpc.entry("securityGroups").or_insert_with(|| Value::Array(Vec::new()));
    }
}

fn launch(args: Args<'_>) -> Result<Launch, ApiError> {
    let mut strategy = args.objects("capacityProviderStrategy").peekable();
    match (args.named("launchType"), strategy.peek().is_some()) {
        (Some(_), true) => Err(ApiError::parameter(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        )),
        (Some("FARGATE"), false) => Ok(Launch::Fargate),
        (Some(_) | None, false) => Err(ApiError::parameter(
            "No Container Instances were found in your cluster.",
        )),
        (None, true) => {
            let mut chosen = Vec::new();
            for item in strategy {
                let launch = match item.text("capacityProvider").unwrap_or_default() {
                    "FARGATE" => Launch::Provider,
                    "FARGATE_SPOT" => Launch::Spot,
                    other => {
                        let message = format!(
                            "The specified capacity provider '{other}' was not found. Specify a valid name and try again."
                        );
                        return Err(ApiError::parameter(message));
                    }
                };
                chosen.push((item.int("base").unwrap_or(0), item.int("weight").unwrap_or(0), launch));
            }
            // The simulator puts all tasks of a strategy on the provider with the greatest base, then weight.
            let best = chosen.into_iter().max_by_key(|(base, weight, _)| (*base, *weight));
            Ok(best.map_or(Launch::Fargate, |(.., launch)| launch))
        }
    }
}

fn check_version(version: &str) -> Result<(), ApiError> {
    if ["LATEST", "1.4.0", "1.3.0", "1.0.0"].contains(&version) {
        return Ok(());
    }
    Err(ApiError::new(
        "PlatformUnknownException",
        format!("The specified platform does not exist: {version}."),
    ))
}

/// Source: `AwsVpcConfiguration`: 1 to 16 subnets and up to 5 security groups; `RunTask` and `CreateService`:
/// `networkConfiguration` is required for definitions with the network mode awsvpc.
fn subnets(network: &Value) -> Result<Vec<String>, ApiError> {
    let missing =
        || ApiError::parameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
    let vpc = Args::of(network)
        .and_then(|network| network.object("awsvpcConfiguration"))
        .ok_or_else(missing)?;
    let subnets: Vec<_> = vpc.texts("subnets").map(str::to_owned).collect();
    if subnets.is_empty() {
        return Err(ApiError::parameter("subnets can not be empty."));
    }
    if subnets.len() > 16 {
        return Err(ApiError::parameter("No more than 16 subnets can be specified."));
    }
    if vpc.list("securityGroups").len() > 5 {
        return Err(ApiError::parameter("No more than 5 security groups can be specified."));
    }
    if let Some(odd) = subnets.iter().find(|subnet| !subnet.starts_with("subnet-")) {
        return Err(ApiError::parameter(format!(
            "Error retrieving subnet information for [{odd}]: The subnet ID '{odd}' does not exist"
        )));
    }
    Ok(subnets)
}

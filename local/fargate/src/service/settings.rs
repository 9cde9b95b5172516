//! A service's settings: the members of `CreateService` that come back, and those of them that the scheduler reads.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::wire::args::Args;
use crate::wire::error::ApiError;

/// The settings as they were given, with their defaults, and what follows from them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) shown: Map<String, Value>,
    pub(crate) limits: Limits,
}

/// `DeploymentConfiguration`, as far as the simulator lives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub(crate) minimum_healthy_percent: u32,
    pub(crate) maximum_percent: u32,
    pub(crate) breaker: Option<Breaker>,
}

/// A `DeploymentCircuitBreaker` that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Breaker {
    pub(crate) rollback: Rollback,
    pub(crate) threshold: Threshold,
    pub(crate) reset: Reset,
}

/// What happens to a service whose deployment failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rollback {
    /// It goes back to what was last deployed successfully.
    On,
    /// It stays as it is.
    Off,
}

/// `ThresholdConfiguration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Threshold {
    Count(u32),
    BoundedPercent(u32),
    UnboundedPercent(u32),
}

/// Whether a healthy task sets the number of failures back to 0 (DeploymentCircuitBreaker.resetOnHealthyTask).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reset {
    OnHealthyTask,
    Never,
}

/// The members that are kept, with the value that they have if none is given.
fn members() -> [(&'static str, Option<Value>); 14] {
    [
        ("schedulingStrategy", Some(json!("REPLICA"))),
        ("deploymentController", Some(json!({"type": "ECS"}))),
        ("enableECSManagedTags", Some(json!(false))),
        ("enableExecuteCommand", Some(json!(false))),
        ("propagateTags", Some(json!("NONE"))),
        // Source: CreateServiceRequest.availabilityZoneRebalancing: ENABLED for create requests.
        ("availabilityZoneRebalancing", Some(json!("ENABLED"))),
        ("loadBalancers", Some(json!([]))),
        ("serviceRegistries", Some(json!([]))),
        ("placementConstraints", Some(json!([]))),
        ("placementStrategy", Some(json!([]))),
        ("healthCheckGracePeriodSeconds", None),
        ("serviceConnectConfiguration", None),
        ("volumeConfigurations", None),
        ("vpcLatticeConfigurations", None),
    ]
}

/// Members of `UpdateService` that start a new deployment when they change anything, besides the task definition, the
/// network and the platform version. Source: `UpdateServiceRequest`, "This parameter triggers a new service deployment".
const TRIGGERS: [&str; 5] = [
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

impl Settings {
    /// Reads a `CreateService` request.
    pub(crate) fn read(args: Args<'_>) -> Result<Self, ApiError> {
        let defaults = members().into_iter();
        let shown =
            defaults.filter_map(|(name, default)| Some((name.to_owned(), args.get(name).cloned().or(default)?)));
        let mut settings = Self {
            shown: shown.collect(),
            limits: Limits::DEFAULT,
        };
        settings.configure(args.object("deploymentConfiguration"))?;
        settings.check()?;
        Ok(settings)
    }

    /// The same with the members of an `UpdateService` request that are present.
    pub(crate) fn updated(&self, args: Args<'_>) -> Result<Self, ApiError> {
        let mut settings = self.clone();
        for (name, _) in members() {
            if let Some(value) = args.get(name) {
                settings.shown.insert(name.to_owned(), value.clone());
            }
        }
        settings.configure(args.object("deploymentConfiguration"))?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether something changed that starts a new deployment.
    pub(crate) fn needs_deployment(&self, before: &Self) -> bool {
        TRIGGERS
            .iter()
            .any(|name| self.shown.get(*name) != before.shown.get(*name))
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.shown.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.shown.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn configure(&mut self, given: Option<Args<'_>>) -> Result<(), ApiError> {
        let mut shown = match self.shown.remove("deploymentConfiguration") {
            Some(Value::Object(shown)) => shown,
            _ => default_configuration(),
        };
        if let Some(given) = given {
            shown.extend(
                given
                    .0
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(n, v)| (n.clone(), v.clone())),
            );
        }
        self.limits = Limits::read(Args(&shown))?;
        self.shown
            .insert("deploymentConfiguration".to_owned(), Value::Object(shown));
        Ok(())
    }

    fn check(&self) -> Result<(), ApiError> {
        let shown = Args(&self.shown);
        if shown.text("schedulingStrategy") == Some("DAEMON") {
            return Err(ApiError::parameter(
                "The daemon scheduling strategy is not supported for the Fargate launch type.",
            ));
        }
        let controller = shown
            .object("deploymentController")
            .and_then(|controller| controller.text("type"));
        if controller != Some("ECS") {
            return Err(ApiError::new(
                "UnsupportedFeatureException",
                "The simulator knows the deployment controller ECS only.",
            ));
        }
        for member in ["placementConstraints", "placementStrategy"] {
            if !shown.list(member).is_empty() {
                return Err(ApiError::parameter(format!(
                    "{member} is not supported with the FARGATE launch type."
                )));
            }
        }
        let grace = shown.int("healthCheckGracePeriodSeconds");
        if grace.is_some_and(|grace| grace > 0) && shown.list("loadBalancers").is_empty() {
            let message = "Health check grace period is only valid for services configured to use load balancers";
            return Err(ApiError::parameter(message));
        }
        Ok(())
    }
}

fn default_configuration() -> Map<String, Value> {
    let default = json!({
        "deploymentCircuitBreaker": {"enable": false, "rollback": false},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
    });
    default.as_object().cloned().unwrap_or_default()
}

impl Limits {
    /// Source: `DeploymentConfiguration`: 100 and 200 percent for REPLICA services, without a circuit breaker.
    pub(crate) const DEFAULT: Self = Self {
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        breaker: None,
    };

    fn read(shown: Args<'_>) -> Result<Self, ApiError> {
        let percent = |name: &str| match shown.int(name).map(u32::try_from) {
            Some(Ok(percent)) => Ok(percent),
            _ => Err(ApiError::parameter(format!(
                "{name} must be a percentage of 0 or more."
            ))),
        };
        let (minimum, maximum) = (percent("minimumHealthyPercent")?, percent("maximumPercent")?);
        if minimum > 100 {
            return Err(ApiError::parameter("minimumHealthyPercent must be between 0 and 100."));
        }
        if maximum <= minimum {
            let message = "both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments: \
                           maximumPercent must be greater than minimumHealthyPercent";
            return Err(ApiError::parameter(message));
        }
        if shown.text("strategy").is_some_and(|strategy| strategy != "ROLLING") {
            let message = "The simulator knows the deployment strategy ROLLING only.";
            return Err(ApiError::new("UnsupportedFeatureException", message));
        }
        let breaker = shown
            .object("deploymentCircuitBreaker")
            .filter(|breaker| breaker.flag("enable") == Some(true));
        let breaker = breaker.map(Breaker::read).transpose()?;
        Ok(Self {
            minimum_healthy_percent: minimum,
            maximum_percent: maximum,
            breaker,
        })
    }

    /// The least number of tasks that must stay healthy during a deployment: rounded up.
    pub(crate) fn least_healthy(self, desired: u32) -> u32 {
        (desired * self.minimum_healthy_percent).div_ceil(100)
    }

    /// The greatest number of tasks that may be RUNNING or PENDING during a deployment: rounded down.
    pub(crate) fn most_running(self, desired: u32) -> u32 {
        desired * self.maximum_percent / 100
    }
}

impl Breaker {
    fn read(given: Args<'_>) -> Result<Self, ApiError> {
        let threshold = match given.object("thresholdConfiguration") {
            None => Threshold::BoundedPercent(50),
            Some(threshold) => {
                let value = threshold
                    .int("value")
                    .and_then(|value| u32::try_from(value).ok())
                    .filter(|value| *value > 0);
                let value = value
                    .ok_or_else(|| ApiError::parameter("The threshold of the circuit breaker must be positive."))?;
                match threshold.text("type") {
                    Some("COUNT") => Threshold::Count(value),
                    Some("UNBOUNDED_PERCENT") => Threshold::UnboundedPercent(value),
                    _ => Threshold::BoundedPercent(value),
                }
            }
        };
        let rollback = if given.flag("rollback") == Some(true) {
            Rollback::On
        } else {
            Rollback::Off
        };
        let reset = if given.flag("resetOnHealthyTask") == Some(false) {
            Reset::Never
        } else {
            Reset::OnHealthyTask
        };
        Ok(Self {
            rollback,
            threshold,
            reset,
        })
    }
}

impl Threshold {
    /// The number of failures at which a deployment has failed. Source: Amazon ECS Developer Guide, "How the Amazon ECS
    /// deployment circuit breaker detects failures": half of the desired count, rounded up, but 3 to 200.
    pub(crate) fn failures(self, desired: u32) -> u32 {
        let share = |percent: u32| desired.saturating_mul(percent).div_ceil(100);
        match self {
            Self::Count(count) => count,
            Self::BoundedPercent(percent) => share(percent).clamp(3, 200),
            Self::UnboundedPercent(percent) => share(percent).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_half_of_the_desired_count_but_3_to_200() {
        let failures = |desired| Threshold::BoundedPercent(50).failures(desired);
        for (desired, expected) in [
            (0, 3),
            (1, 3),
            (6, 3),
            (7, 4),
            (25, 13),
            (399, 200),
            (400, 200),
            (401, 200),
            (1000, 200),
        ] {
            assert_eq!(failures(desired), expected, "{desired}");
        }
        assert_eq!(Threshold::Count(1).failures(100), 1);
        assert_eq!(Threshold::UnboundedPercent(50).failures(2), 1);
        assert_eq!(Threshold::UnboundedPercent(50).failures(1000), 500);
    }

    #[test]
    fn percentages_round_towards_safety() {
        let limits = Limits {
            minimum_healthy_percent: 50,
            maximum_percent: 150,
            breaker: None,
        };
        assert_eq!((limits.least_healthy(3), limits.most_running(3)), (2, 4));
        assert_eq!(
            (Limits::DEFAULT.least_healthy(1), Limits::DEFAULT.most_running(1)),
            (1, 2)
        );
    }

    fn read(configuration: &Value) -> Result<Limits, String> {
        let request = json!({"deploymentConfiguration": configuration});
        Settings::read(Args(request.as_object().unwrap()))
            .map(|s| s.limits)
            .map_err(|error| error.code)
    }

    #[test]
    fn a_configuration_that_blocks_deployments_is_refused() {
        let percents =
            |minimum: i64, maximum: i64| read(&json!({"minimumHealthyPercent": minimum, "maximumPercent": maximum}));
        assert!(percents(0, 100).is_ok() && percents(100, 101).is_ok());
        for (minimum, maximum) in [(100, 100), (-1, 100), (101, 200), (50, 50)] {
            assert_eq!(percents(minimum, maximum), Err("InvalidParameterException".to_owned()));
        }
    }

    #[test]
    fn a_breaker_that_is_off_is_none() {
        let breaker = |enable: bool| {
            read(&json!({"deploymentCircuitBreaker": {"enable": enable, "rollback": true}}))
                .unwrap()
                .breaker
        };
        assert_eq!(breaker(false), None);
        assert_eq!(breaker(true).unwrap().rollback, Rollback::On);
    }
}

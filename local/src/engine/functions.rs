//! The six functions, in this process, fed as Lambda feeds them.

use std::future::Future;
use std::pin::Pin;

use aws_config::SdkConfig;
use aws_smithy_async::time::SharedTimeSource;
use berth_aws::service::{activity, provision, rebase, reconcile, task_state, watchdog};
use berth_aws::settings::{SettingsError, Variables};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::connector::{Clock, Shared};
use crate::template::{Function, FunctionSpec, Stack};

/// What an invocation ends with: the function's answer, or why it failed.
pub(super) type Ended = Result<Value, String>;

/// An invocation under way.
pub(super) type Invocation = Pin<Box<dyn Future<Output = Ended>>>;

/// A stack whose functions cannot start.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The template has no such function.
    #[error("template.yaml has no function whose CodeUri is functions/{0}")]
    Absent(Function),
    /// The template does not set what the function reads.
    #[error("the function {function} does not start with the variables that template.yaml gives it: {error}")]
    Settings {
        /// Which function.
        function: Function,
        /// Which variable, and why.
        error: SettingsError,
    },
}

/// The functions, started.
#[derive(Debug)]
pub(super) struct Functions {
    activity: activity::Context,
    provision: provision::Context,
    rebase: rebase::Context,
    reconcile: reconcile::Context,
    task_state: task_state::Context,
    watchdog: watchdog::Context,
    clocks: Vec<(Function, Clock)>,
}

impl Functions {
    /// Starts each function with the variables that the template gives it, and with a clock of its own.
    pub(super) fn start(shared: &Shared, region: &str, stack: &Stack) -> Result<Self, InitError> {
        let config = shared.sdk_config(region);
        let mut clocks = Vec::new();
        let mut start = |function| {
            let clock = Clock::of(shared);
            clocks.push((function, clock.clone()));
            let config = config.clone().into_builder();
            Starting::new(
                config.time_source(SharedTimeSource::new(clock)).build(),
                stack,
                function,
            )
        };
        Ok(Self {
            activity: start(Function::Activity)?.with(activity::Context::new)?,
            provision: start(Function::Provision)?.with(provision::Context::new)?,
            rebase: start(Function::Rebase)?.with(rebase::Context::new)?,
            reconcile: start(Function::Reconcile)?.with(reconcile::Context::new)?,
            task_state: start(Function::TaskState)?.with(task_state::Context::new)?,
            watchdog: start(Function::Watchdog)?.with(watchdog::Context::new)?,
            clocks,
        })
    }

    /// A function's clock.
    pub(super) fn clock(&self, function: Function) -> Option<&Clock> {
        self.clocks
            .iter()
            .find_map(|(other, clock)| (*other == function).then_some(clock))
    }

    /// Invokes a function with the JSON that AWS would send.
    pub(super) fn invoke(&self, spec: &FunctionSpec, payload: Value, id: u64, now: Timestamp) -> Invocation {
        // Lambda tells the deadline by the clock of the host that the function runs on.
        let now = self.clock(spec.function).map_or(now, Clock::now);
        let context = context(spec, id, now);
        match spec.function {
            Function::Provision => {
                let own = self.provision.clone();
                Box::pin(async move { answer(provision::handle(&own, event(payload, context)?).await) })
            }
            Function::TaskState => {
                let own = self.task_state.clone();
                Box::pin(async move { answer(task_state::handle(&own, event(payload, context)?).await) })
            }
            Function::Reconcile => {
                let own = self.reconcile.clone();
                Box::pin(async move { answer(reconcile::handle(&own, event(payload, context)?).await) })
            }
            Function::Activity => {
                let own = self.activity.clone();
                Box::pin(async move { answer(activity::handle(&own, event(payload, context)?).await) })
            }
            Function::Watchdog => {
                let own = self.watchdog.clone();
                Box::pin(async move { answer(watchdog::handle(&own, event(payload, context)?).await) })
            }
            Function::Rebase => {
                let own = self.rebase.clone();
                Box::pin(async move { answer(rebase::handle(&own, event(payload, context)?).await) })
            }
        }
    }
}

struct Starting {
    config: SdkConfig,
    function: Function,
    variables: Variables,
}

impl Starting {
    fn new(config: SdkConfig, stack: &Stack, function: Function) -> Result<Self, InitError> {
        let spec = stack.function(function).ok_or(InitError::Absent(function))?;
        Ok(Self {
            config,
            function,
            variables: Variables::from_map(spec.variables.clone()),
        })
    }

    fn with<C>(self, new: impl FnOnce(&SdkConfig, &Variables) -> Result<C, SettingsError>) -> Result<C, InitError> {
        new(&self.config, &self.variables).map_err(|error| InitError::Settings {
            function: self.function,
            error,
        })
    }
}

fn context(spec: &FunctionSpec, id: u64, now: Timestamp) -> lambda_runtime::Context {
    let mut context = lambda_runtime::Context::default();
    let deadline = now.checked_add(spec.timeout).unwrap_or(now).as_millisecond();
    context.request_id = format!("00000000-0000-4000-8000-{id:012x}");
    context.deadline = u64::try_from(deadline).unwrap_or(u64::MAX);
    context.invoked_function_arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{}", spec.name);
    context
}

fn event<E: DeserializeOwned>(payload: Value, context: lambda_runtime::Context) -> Result<LambdaEvent<E>, String> {
    let payload =
        serde_json::from_value(payload).map_err(|error| format!("the event has not the expected shape: {error}"))?;
    Ok(LambdaEvent::new(payload, context))
}

fn answer<R: Serialize>(result: Result<R, lambda_runtime::Error>) -> Ended {
    let value = result.map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| format!("the answer cannot be written as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cloud::{Cloud, Config};
    use crate::template::{Place, TEMPLATE};

    /// The template with every optional parameter given, so that every variable is there.
    fn stack() -> Stack {
        let place = Place {
            stack: "berth".to_owned(),
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let given = [
            ("Subnets", "subnet-a"),
            ("SecurityGroups", "sg-a"),
            ("FileSystem", "fs-0123456789abcdef0"),
            ("MainContainer", "app"),
            ("WorkspaceVolume", "workspace"),
            ("RolloutPolicy", "{}"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Stack::read(TEMPLATE, &place, &given).expect("our template")
    }

    fn check<C>(function: Function, new: impl FnOnce(&SdkConfig, &Variables) -> Result<C, SettingsError>) {
        let cloud = Cloud::new(Config::new(1, Timestamp::UNIX_EPOCH)).expect("a cloud");
        let config = Shared::new(cloud).sdk_config("us-east-1");
        let stack = stack();
        let set = &stack.function(function).expect("the function").variables;
        let variables = Variables::from_map(set.clone());
        new(&config, &variables).map(drop).expect("it starts");
        let mut asked = variables.asked();
        // Every function's door asks for this one, before its context is made.
        asked.insert("BERTH_LOG_LEVEL".to_owned());
        assert_eq!(set.keys().cloned().collect::<BTreeSet<_>>(), asked, "{function}");
    }

    #[test]
    fn the_template_sets_what_each_function_reads_and_nothing_else() {
        check(Function::Activity, activity::Context::new);
        check(Function::Watchdog, watchdog::Context::new);
        check(Function::Provision, provision::Context::new);
        check(Function::Rebase, rebase::Context::new);
        check(Function::Reconcile, reconcile::Context::new);
        check(Function::TaskState, task_state::Context::new);
    }
}

//! A tenant's service.

use aws_sdk_ecs::operation::update_service::builders::UpdateServiceFluentBuilder;
use aws_sdk_ecs::types::{
    DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentRolloutState, LaunchType, PropagateTags,
    Service as Sdk, Tag,
};
use berth_core::pace::Bucket;
use berth_core::plan::{ActiveService, DeploymentState, Replacing, Service};
use berth_core::tenant::ServiceName;

use super::Ecs;
use crate::error::CallError;
use crate::pace::{Repeat, Turn};

/// The tag by which a service says whose it is.
const OWNER_TAG: &str = "berth:tenant";

impl Ecs {
    /// What there is of a service. MISSING is an answer; an error is not.
    pub async fn describe_service(&self, turn: Turn<'_>, name: &ServiceName) -> Result<Service, CallError> {
        const ACTION: &str = "ecs:DescribeServices";
        let describe = async || {
            let request = self.client.describe_services().cluster(&self.cluster);
            let sent = request.services(name.to_string()).send().await;
            sent.map_err(|error| CallError::of(ACTION, error))
        };
        let output = self
            .pace
            .call((Bucket::ServiceReads, 1), turn, Repeat::Harmless, describe)
            .await?;
        if let Some(found) = output.services().first() {
            return service(ACTION, found);
        }
        match output.failures().first().and_then(|failure| failure.reason()) {
            Some("MISSING") => Ok(Service::Absent),
            reason => Err(CallError::incomplete(
                ACTION,
                reason.unwrap_or("neither a service nor a failure"),
            )),
        }
    }

    /// Makes the service, with one task. One that exists already is for the next look.
    pub async fn create_service(
        &self,
        turn: Turn<'_>,
        name: &ServiceName,
        definition_arn: &str,
        replacing: Replacing,
    ) -> Result<Service, CallError> {
        const ACTION: &str = "ecs:CreateService";
        let create = async || {
            let tag = Tag::builder().key(OWNER_TAG).value(name.tenant().as_str()).build();
            let request = self
                .client
                .create_service()
                .cluster(&self.cluster)
                .service_name(name.to_string())
                .client_token(name.token())
                .task_definition(definition_arn)
                .desired_count(1)
                .launch_type(LaunchType::Fargate)
                .network_configuration(self.network.clone())
                .deployment_configuration(deployment(replacing))
                .enable_ecs_managed_tags(true)
                .propagate_tags(PropagateTags::Service)
                .tags(tag);
            let sent = request.send().await.map_err(|error| CallError::of(ACTION, error))?;
            service_of(ACTION, sent.service)
        };
        self.pace
            .call((Bucket::ServiceWrites, 1), turn, Repeat::Harmless, create)
            .await
    }

    /// Lets the service have one task of this definition.
    pub async fn run(
        &self,
        turn: Turn<'_>,
        name: &ServiceName,
        definition_arn: &str,
        replacing: Replacing,
    ) -> Result<Service, CallError> {
        let one = |request: UpdateServiceFluentBuilder| {
            let request = request.task_definition(definition_arn).desired_count(1);
            request.deployment_configuration(deployment(replacing))
        };
        self.update(turn, name, Repeat::Harmless, one).await
    }

    /// The same in a deployment of its own (`forceNewDeployment`), although the service has this definition already. Made twice
    /// it is two, so it is not repeated without another look.
    pub async fn run_anew(
        &self,
        turn: Turn<'_>,
        name: &ServiceName,
        definition_arn: &str,
        replacing: Replacing,
    ) -> Result<Service, CallError> {
        let one = |request: UpdateServiceFluentBuilder| {
            let request = request.task_definition(definition_arn).desired_count(1);
            let request = request.deployment_configuration(deployment(replacing));
            request.force_new_deployment(true)
        };
        self.update(turn, name, Repeat::Never, one).await
    }

    /// Lets the service have no task. One that is not there has none.
    pub async fn stop(&self, turn: Turn<'_>, name: &ServiceName) -> Result<Service, CallError> {
        self.update(turn, name, Repeat::Harmless, |request| request.desired_count(0))
            .await
    }

    async fn update(
        &self,
        turn: Turn<'_>,
        name: &ServiceName,
        repeat: Repeat,
        change: impl Fn(UpdateServiceFluentBuilder) -> UpdateServiceFluentBuilder,
    ) -> Result<Service, CallError> {
        const ACTION: &str = "ecs:UpdateService";
        let update = async || {
            let request = self.client.update_service().cluster(&self.cluster);
            let sent = change(request.service(name.to_string())).send().await;
            sent.map_err(|error| CallError::of(ACTION, error))
                .and_then(|output| service_of(ACTION, output.service))
        };
        gone(self.pace.call((Bucket::ServiceWrites, 1), turn, repeat, update).await)
    }

    /// Deletes a service that has no task; one that is gone already is fine.
    pub async fn delete_service(&self, turn: Turn<'_>, name: &ServiceName) -> Result<Service, CallError> {
        const ACTION: &str = "ecs:DeleteService";
        let delete = async || {
            let request = self.client.delete_service().cluster(&self.cluster);
            let sent = request.service(name.to_string()).send().await;
            sent.map_err(|error| CallError::of(ACTION, error))
                .and_then(|output| service_of(ACTION, output.service))
        };
        gone(
            self.pace
                .call((Bucket::ServiceWrites, 1), turn, Repeat::Harmless, delete)
                .await,
        )
    }
}

/// That a service is not there, or not any more, is an answer and no error.
fn gone(answer: Result<Service, CallError>) -> Result<Service, CallError> {
    match answer {
        Err(error) if error.is("ServiceNotFoundException") => Ok(Service::Absent),
        Err(error) if error.is("ServiceNotActiveException") => Ok(Service::Inactive),
        other => other,
    }
}

/// One task at a time for a tenant with a volume; one more during a deployment for a tenant without.
fn deployment(replacing: Replacing) -> DeploymentConfiguration {
    let (least, most) = match replacing {
        Replacing::Strict => (0, 100),
        Replacing::Rolling => (100, 200),
    };
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
    DeploymentConfiguration::builder()
        .minimum_healthy_percent(least)
        .maximum_percent(most)
        .deployment_circuit_breaker(breaker)
        .build()
}

fn service_of(action: &'static str, sdk: Option<Sdk>) -> Result<Service, CallError> {
    match sdk {
        Some(sdk) => service(action, &sdk),
        None => Err(CallError::incomplete(action, "no service in the answer")),
    }
}

fn service(action: &'static str, sdk: &Sdk) -> Result<Service, CallError> {
    match sdk.status.as_deref() {
        Some("INACTIVE") => return Ok(Service::Inactive),
        Some("DRAINING") => return Ok(Service::Draining),
        Some("ACTIVE") => {}
        other => {
            return Err(CallError::incomplete(
                action,
                other.unwrap_or("a service without a status"),
            ));
        }
    }
    let primary = sdk
        .deployments()
        .iter()
        .find(|deployment| deployment.status.as_deref() == Some("PRIMARY"));
    let deployment = match primary.and_then(|primary| primary.rollout_state.as_ref()) {
        Some(DeploymentRolloutState::Completed) => DeploymentState::Completed,
        Some(DeploymentRolloutState::Failed) => DeploymentState::Failed {
            reason: primary
                .and_then(|primary| primary.rollout_state_reason.clone())
                .unwrap_or_default(),
        },
        _ => DeploymentState::InProgress,
    };
    let count = |value: i32| u32::try_from(value).unwrap_or_default();
    Ok(Service::Active(ActiveService {
        definition_arn: sdk.task_definition.clone().unwrap_or_default(),
        desired: count(sdk.desired_count),
        running: count(sdk.running_count),
        pending: count(sdk.pending_count),
        deployment,
    }))
}

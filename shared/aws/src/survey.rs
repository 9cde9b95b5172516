//! What a doctor reads of a deployed stack, with an operator's credentials. It changes nothing and decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use berth_core::definition::{Base, check};
use berth_core::doctor::{Cluster, Read, Resource, Roles};
use berth_core::release::{Image, Pointer, Preflight, Release, preflight};
use berth_core::rollout::Rollout;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::ecs::BaseFamily;
use crate::error::CallError;
use crate::images::Images;
use crate::settings::{SettingsError, Variables, layout};
use crate::tables::{Releases, Rollouts, Tenants};

/// A stack as `CloudFormation` describes it.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its status.
    pub status: String,
    /// What it was deployed with.
    pub parameters: BTreeMap<String, String>,
    /// What it has made.
    pub resources: Vec<Made>,
}

/// A resource that a stack has made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its name in the template, and how it is.
    pub resource: Resource,
    /// Its type, such as `AWS::SQS::Queue`.
    pub kind: String,
    /// What AWS calls it.
    pub physical: String,
}

/// The stack of this name; `None` if there is none.
pub async fn describe(config: &SdkConfig, name: &str) -> Result<Option<Described>, CallError> {
    let client = aws_sdk_cloudformation::Client::new(config);
    let sent = client.describe_stacks().stack_name(name).send().await;
    let found = match sent.map_err(|error| CallError::of("cloudformation:DescribeStacks", error)) {
        Ok(found) => found.stacks.unwrap_or_default(),
        Err(error) if error.message.contains("does not exist") => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(stack) = found.into_iter().next() else {
        return Ok(None);
    };
    let mut resources = Vec::new();
    let mut pages = client
        .list_stack_resources()
        .stack_name(name)
        .into_paginator()
        .items()
        .send();
    while let Some(found) = pages.next().await {
        let found = found.map_err(|error| CallError::of("cloudformation:ListStackResources", error))?;
        resources.push(Made {
            resource: Resource {
                logical: found.logical_resource_id.unwrap_or_default(),
                status: found
                    .resource_status
                    .map(|status| status.as_str().to_owned())
                    .unwrap_or_default(),
            },
            kind: found.resource_type.unwrap_or_default(),
            physical: found.physical_resource_id.unwrap_or_default(),
        });
    }
    let parameters = stack.parameters.unwrap_or_default().into_iter();
    Ok(Some(Described {
        status: stack
            .stack_status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        parameters: parameters
            .filter_map(|parameter| Some((parameter.parameter_key?, parameter.parameter_value?)))
            .collect(),
        resources,
    }))
}

/// Which parameter of the stack each variable is from.
const PARAMETERS: [(&str, &str); 4] = [
    ("BERTH_BASE_FAMILY", "BaseFamily"),
    ("BERTH_MAIN_CONTAINER", "MainContainer"),
    ("BERTH_WORKSPACE_VOLUME", "WorkspaceVolume"),
    ("BERTH_DELIVERY_CONTAINER", "DeliveryContainer"),
];

/// Which resource of the stack each variable names.
const RESOURCES: [(&str, &str); 2] = [
    ("BERTH_TENANTS_TABLE", "TenantsTable"),
    ("BERTH_FLEET_TABLE", "FleetTable"),
];

impl Described {
    /// A parameter, unless it is empty.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// What AWS calls a resource; what the stack does not have has no name.
    pub fn physical(&self, logical: &str) -> Read<&str> {
        let made = self.resources.iter().find(|made| made.resource.logical == logical);
        made.map(|made| made.physical.as_str())
            .ok_or_else(|| format!("the stack has no {logical}"))
    }

    /// The variables that functions of the stack have.
    fn variables(&self) -> Variables {
        let parameters = PARAMETERS
            .iter()
            .filter_map(|(variable, name)| Some((variable, self.parameter(name)?)));
        let resources = RESOURCES
            .iter()
            .filter_map(|(variable, name)| Some((variable, self.physical(name).ok()?)));
        Variables::from_map(
            parameters
                .chain(resources)
                .map(|(variable, value)| ((*variable).to_owned(), value.to_owned())),
        )
    }
}

/// Reads what a stack works with.
#[derive(Debug)]
pub struct Survey<'a> {
    config: &'a SdkConfig,
    stack: &'a Described,
    variables: Variables,
}

/// What went wrong, for whoever reads the check.
#[allow(clippy::needless_pass_by_value, reason = "it ends here")]
fn why(error: CallError) -> String {
    let denied = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];
    if denied.contains(&error.code.as_str()) {
        return format!("you may not call {}", error.action);
    }
    error.to_string()
}

#[allow(clippy::needless_pass_by_value, reason = "it ends here")]
fn unset(error: SettingsError) -> String {
    error.to_string()
}

impl<'a> Survey<'a> {
    /// Of this stack.
    pub fn new(config: &'a SdkConfig, stack: &'a Described) -> Self {
        Self {
            config,
            stack,
            variables: stack.variables(),
        }
    }

    /// A table's status; `None` if there is no such table.
    pub async fn table(&self, logical: &str) -> Read<Option<String>> {
        let name = self.stack.physical(logical)?;
        let client = aws_sdk_dynamodb::Client::new(self.config);
        let sent = client.describe_table().table_name(name).send().await;
        match sent.map_err(|error| CallError::of("dynamodb:DescribeTable", error)) {
            Ok(found) => {
                let status = found.table.and_then(|table| table.table_status);
                Ok(Some(
                    status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
                ))
            }
            Err(error) if error.is("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(why(error)),
        }
    }

    /// How many messages wait in a queue.
    pub async fn waiting(&self, logical: &str) -> Read<u64> {
        const ACTION: &str = "sqs:GetQueueAttributes";
        let attribute = QueueAttributeName::ApproximateNumberOfMessages;
        let request = aws_sdk_sqs::Client::new(self.config)
            .get_queue_attributes()
            .queue_url(self.stack.physical(logical)?)
            .attribute_names(attribute.clone());
        let found = request
            .send()
            .await
            .map_err(|error| why(CallError::of(ACTION, error)))?;
        let number = found.attributes.and_then(|all| all.get(&attribute)?.parse().ok());
        number.ok_or_else(|| why(CallError::incomplete(ACTION, "no number of messages")))
    }

    /// The cluster; `None` if there is none of this name.
    pub async fn cluster(&self, name: &str) -> Read<Option<Cluster>> {
        let client = aws_sdk_ecs::Client::new(self.config);
        let sent = client.describe_clusters().clusters(name).send().await;
        let found = sent.map_err(|error| why(CallError::of("ecs:DescribeClusters", error)))?;
        Ok(found
            .clusters
            .unwrap_or_default()
            .into_iter()
            .next()
            .map(|cluster| Cluster {
                status: cluster.status.unwrap_or_default(),
                services: u64::try_from(cluster.active_services_count).unwrap_or_default(),
            }))
    }

    /// The state of a file system; `None` if there is none with this id.
    pub async fn file_system(&self, id: &str) -> Read<Option<String>> {
        let client = aws_sdk_efs::Client::new(self.config);
        let sent = client.describe_file_systems().file_system_id(id).send().await;
        match sent.map_err(|error| CallError::of("elasticfilesystem:DescribeFileSystems", error)) {
            Ok(found) => {
                let found = found.file_systems.unwrap_or_default().into_iter().next();
                Ok(found.map(|found| found.life_cycle_state.as_str().to_owned()))
            }
            Err(error) if error.is("FileSystemNotFound") => Ok(None),
            Err(error) => Err(why(error)),
        }
    }

    /// How many access points a file system has.
    pub async fn access_points(&self, id: &str) -> Read<u64> {
        let client = aws_sdk_efs::Client::new(self.config);
        let mut pages = client
            .describe_access_points()
            .file_system_id(id)
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| why(CallError::of("elasticfilesystem:DescribeAccessPoints", error)))?;
            count += page.access_points().len() as u64;
        }
        Ok(count)
    }

    /// The newest base, if there is one.
    pub async fn base(&self) -> Read<Option<Base>> {
        let family = BaseFamily::new(self.config, &self.variables).map_err(unset)?;
        let newest = family.newest().await.map_err(why)?;
        let base = newest.map(Base::from_response).transpose();
        base.map_err(|error| format!("the base cannot be read: {error}"))
    }

    /// What preflight says of a base, whomever it may break.
    pub async fn preflight(&self, base: &Base) -> Preflight {
        let findings = check(base, &layout(&self.variables)).into_iter();
        let known = Images::new(self.config);
        let mut images = Vec::new();
        for (container, reference) in base.images() {
            images.push(Image {
                container: container.to_owned(),
                reference: reference.to_owned(),
                presence: known.presence(reference).await,
            });
        }
        preflight(findings.map(|finding| finding.to_string()), &images)
    }

    /// The roles of a base, and those that Berth may hand over.
    pub fn roles(&self, base: &Base) -> Roles {
        let json = base.to_json();
        let role = |member: &str| {
            let definition = json.get("taskDefinition").unwrap_or(&json);
            definition.get(member).and_then(|role| role.as_str()).map(str::to_owned)
        };
        let allowed = ["TaskRoleArn", "ExecutionRoleArn"].iter();
        Roles {
            task: role("taskRoleArn"),
            execution: role("executionRoleArn"),
            allowed: allowed
                .filter_map(|name| self.stack.parameter(name).map(str::to_owned))
                .collect(),
        }
    }

    /// The pointer and all releases.
    pub async fn releases(&self) -> Read<(Pointer, Vec<Release>)> {
        let releases = Releases::new(self.config, &self.variables).map_err(unset)?;
        let pointer = releases.pointer().await.map_err(why)?;
        Ok((pointer, releases.all().await.map_err(why)?))
    }

    /// The newest rollout.
    pub async fn rollout(&self, pointer: &Pointer) -> Read<Option<Rollout>> {
        let Some(id) = pointer.rollout else { return Ok(None) };
        let rollouts = Rollouts::new(self.config, &self.variables).map_err(unset)?;
        let row = rollouts.get(id).await.map_err(why)?;
        Ok(row.map(|row| row.rollout))
    }

    /// Who is overdue, and for how long they have been on the way: by the clock of whoever asks.
    pub async fn overdue(&self) -> Read<Vec<(String, Duration)>> {
        let tenants = Tenants::new(self.config, &self.variables).map_err(unset)?;
        let now: Timestamp = Clock::of(self.config).now();
        let due = tenants.due(now).await.map_err(why)?.into_iter();
        let since = |since: Timestamp| Duration::try_from(now.duration_since(since)).unwrap_or_default();
        Ok(due
            .map(|overdue| (overdue.tenant.to_string(), since(overdue.since)))
            .collect())
    }
}

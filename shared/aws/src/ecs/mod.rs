//! ECS, in the terms of a plan.

mod base;
mod definitions;
mod raw;
mod services;
mod tasks;

pub use base::BaseFamily;
pub use definitions::Registered;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::Builder;
use aws_sdk_ecs::types::{AssignPublicIp, AwsVpcConfiguration, NetworkConfiguration};

use berth_core::event::Scope;

use crate::pace::Pace;
use crate::settings::{SettingsError, Variables, invalid};

/// The cluster that tenants run in, and where in the network.
#[derive(Clone, Debug)]
pub struct Ecs {
    /// The SDK repeats no call, so that each attempt takes its tokens.
    client: Client,
    pace: Pace,
    cluster: String,
    scope: Scope,
    network: NetworkConfiguration,
}

impl Ecs {
    /// The cluster and network that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables, pace: Pace) -> Result<Self, SettingsError> {
        const PUBLIC: &str = "BERTH_ASSIGN_PUBLIC_IP";
        let public = match variables.optional(PUBLIC).unwrap_or("DISABLED") {
            "ENABLED" => AssignPublicIp::Enabled,
            "DISABLED" => AssignPublicIp::Disabled,
            other => return Err(invalid(PUBLIC, format!("{other:?} is neither ENABLED nor DISABLED"))),
        };
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(Some(variables.list("BERTH_SUBNETS")?))
            .set_security_groups(Some(variables.list("BERTH_SECURITY_GROUPS")?))
            .assign_public_ip(public)
            .build()
            .map_err(|error| invalid("BERTH_SUBNETS", error.to_string()))?;
        Ok(Self {
            client: Client::from_conf(Builder::from(config).retry_config(RetryConfig::disabled()).build()),
            pace,
            cluster: variables.required("BERTH_CLUSTER")?.to_owned(),
            scope: scope(variables)?,
            network: NetworkConfiguration::builder().awsvpc_configuration(vpc).build(),
        })
    }
}

/// Whose tasks are ours: those of the cluster, with the exit code of the main container.
pub fn scope(variables: &Variables) -> Result<Scope, SettingsError> {
    let cluster = variables.required("BERTH_CLUSTER")?.to_owned();
    let main_container = variables.optional("BERTH_MAIN_CONTAINER").map(str::to_owned);
    Ok(Scope {
        clusters: vec![cluster],
        main_container,
    })
}

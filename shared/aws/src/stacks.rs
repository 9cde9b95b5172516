//! The stacks that the base comes from.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::Stack as Described;
use berth_core::release::{AtRest, Stack, StackPrefix, StackStatus, at_rest};

use crate::error::CallError;
use crate::settings::{SettingsError, Variables, invalid};

/// The stacks whose names begin with a prefix.
#[derive(Clone, Debug)]
pub struct Stacks {
    client: Client,
    prefix: StackPrefix,
}

impl Stacks {
    /// The stacks that the variables name; `None` where the base is deployed by other means than `CloudFormation`.
    pub fn new(config: &SdkConfig, variables: &Variables) -> Result<Option<Self>, SettingsError> {
        const NAME: &str = "BERTH_BASE_STACK";
        let Some(prefix) = variables.optional(NAME) else {
            return Ok(None);
        };
        let prefix = prefix.parse();
        Ok(Some(Self {
            client: Client::new(config),
            prefix: prefix.map_err(|error: berth_core::release::EmptyPrefix| invalid(NAME, error.to_string()))?,
        }))
    }

    /// What their names begin with.
    pub fn prefix(&self) -> &StackPrefix {
        &self.prefix
    }

    /// Whether no deploy of the base is under way that could still be undone. A page that fails is an error.
    pub async fn at_rest(&self) -> Result<AtRest, CallError> {
        const ACTION: &str = "cloudformation:DescribeStacks";
        let mut all = Vec::new();
        let mut stacks = self.client.describe_stacks().into_paginator().items().send();
        while let Some(stack) = stacks.next().await {
            all.push(stack.map_err(|error| CallError::of(ACTION, error))?);
        }
        let named = |stack: &Described| stack.stack_name().is_some_and(|name| self.prefix.covers(name));
        let roots: BTreeSet<String> = all
            .iter()
            .filter(|stack| named(stack))
            .filter_map(|stack| stack.root_id().map(str::to_owned))
            .collect();
        let is_root = |stack: &Described| stack.stack_id().is_some_and(|id| roots.contains(id));
        let ours: Vec<Stack> = all
            .iter()
            .filter(|stack| named(stack) || is_root(stack))
            .map(read)
            .collect();
        Ok(at_rest(&ours))
    }
}

fn read(stack: &Described) -> Stack {
    let status = stack.stack_status().map_or("", |status| status.as_str());
    Stack {
        name: stack.stack_name().unwrap_or_default().to_owned(),
        status: StackStatus::from(status),
        root: stack.root_id().map(str::to_owned),
    }
}

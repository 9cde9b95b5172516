//! A tenant's tasks.

use aws_sdk_ecs::types::DesiredStatus;
use berth_core::event::{Reading, TaskObservation, read_described_task};
use berth_core::pace::Bucket;
use berth_core::tenant::ServiceName;
use serde_json::Value;

use super::Ecs;
use super::raw::Keep;
use crate::error::CallError;
use crate::pace::{Repeat, Turn};

impl Ecs {
    /// Every task of a service that ECS still lists, whether it should run or stop, and `also`, a task that is known by
    /// name. A task that ECS does not know any more (an hour after it has stopped) is not among them.
    pub async fn tasks(
        &self,
        turn: Turn<'_>,
        name: &ServiceName,
        also: Option<&str>,
    ) -> Result<Vec<TaskObservation>, CallError> {
        // Two lists and a description.
        let look = async || self.look(name, also).await;
        self.pace
            .call((Bucket::TaskReads, 3), turn, Repeat::Harmless, look)
            .await
    }

    async fn look(&self, name: &ServiceName, also: Option<&str>) -> Result<Vec<TaskObservation>, CallError> {
        let mut arns = self.list(name, DesiredStatus::Running).await?;
        arns.extend(self.list(name, DesiredStatus::Stopped).await?);
        arns.extend(also.map(str::to_owned));
        arns.sort_unstable();
        arns.dedup();
        let mut tasks = Vec::with_capacity(arns.len());
        for hundred in arns.chunks(100) {
            tasks.extend(self.describe(hundred).await?);
        }
        Ok(tasks)
    }

    async fn list(&self, name: &ServiceName, desired: DesiredStatus) -> Result<Vec<String>, CallError> {
        const ACTION: &str = "ecs:ListTasks";
        let request = self
            .client
            .list_tasks()
            .cluster(&self.cluster)
            .service_name(name.to_string());
        let mut pages = request.desired_status(desired).into_paginator().items().send();
        let mut arns = Vec::new();
        while let Some(arn) = pages.next().await {
            arns.push(arn.map_err(|error| CallError::of(ACTION, error))?);
        }
        Ok(arns)
    }

    async fn describe(&self, arns: &[String]) -> Result<Vec<TaskObservation>, CallError> {
        const ACTION: &str = "ecs:DescribeTasks";
        let keep = Keep::default();
        self.client
            .describe_tasks()
            .cluster(&self.cluster)
            .set_tasks(Some(arns.to_vec()))
            .customize()
            .interceptor(keep.clone())
            .send()
            .await
            .map_err(|error| CallError::of(ACTION, error))?;
        let answer = keep.json(ACTION)?;
        if let Some(failure) = failures(&answer).find(|reason| *reason != "MISSING") {
            return Err(CallError::incomplete(ACTION, failure));
        }
        let tasks = answer.get("tasks").and_then(Value::as_array);
        let mut observations = Vec::new();
        for task in tasks.into_iter().flatten() {
            match read_described_task(task, &self.scope)
                .map_err(|why| CallError::incomplete(ACTION, &why.to_string()))?
            {
                Reading::Task(task) => observations.push(task),
                Reading::Deployment(_) | Reading::NotOurs(_) => {}
            }
        }
        Ok(observations)
    }
}

fn failures(answer: &Value) -> impl Iterator<Item = &str> {
    let failures = answer.get("failures").and_then(Value::as_array).into_iter().flatten();
    failures.map(|failure| failure.get("reason").and_then(Value::as_str).unwrap_or("unknown"))
}

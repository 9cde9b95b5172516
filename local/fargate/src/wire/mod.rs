//! The wire: awsJson1.1 for ECS and restJson1 for EFS.

pub(crate) mod args;
pub(crate) mod efs;
pub(crate) mod error;
pub(crate) mod fault;
pub(crate) mod shape;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::{Map, Value};

use crate::names::Throttling;
use crate::throttle::Category;
use crate::world::World;
use args::Args;
use error::{Answer, ApiError};

/// The prefix of `X-Amz-Target` in calls to ECS.
const TARGET: &str = "AmazonEC2ContainerServiceV20141113.";

impl World {
    /// Answers one API call at the present moment. Calls to ECS are told by their `X-Amz-Target`, calls to EFS by
    /// their path; any credentials are accepted.
    pub fn call(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok());
        let mut response = match target.and_then(|target| target.strip_prefix(TARGET)) {
            Some(action) => reply_to_ecs(self.ecs(action, request.body())),
            None if request.uri().path().starts_with(efs::ROOT) => self.efs_call(request),
            None => reply_to_ecs(Err(ApiError::new("UnknownOperationException", "no such operation"))),
        };
        if let Ok(id) = HeaderValue::from_str(&self.dice.uuid()) {
            response.headers_mut().insert("x-amzn-requestid", id);
        }
        response
    }

    /// Answers one action of ECS whose input is `body`.
    fn ecs(&mut self, action: &str, body: &[u8]) -> Answer {
        let unknown = || {
            ApiError::new(
                "UnknownOperationException",
                format!("The operation {action} is not known"),
            )
        };
        let category = Category::of(action).ok_or_else(unknown)?;
        if let Some(error) = self.faults.strike("ecs", action) {
            return Err(error);
        }
        if self.config.throttling == Throttling::Documented {
            self.buckets.draw(category, 1, self.now)?;
        }
        let input = parse(body)?;
        shape::check(action, &input)?;
        self.ecs_action(action, Args(&input))
    }

    fn ecs_action(&mut self, action: &str, args: Args<'_>) -> Answer {
        match action {
            "CreateCluster" => self.create_cluster(args),
            "DescribeClusters" => Ok(self.describe_clusters(args)),
            "DeleteCluster" => self.delete_cluster(args),
            "ListClusters" => self.list_clusters(args),
            "RegisterTaskDefinition" => self.register_definition(args),
            "DeregisterTaskDefinition" => self.deregister_definition(args),
            "DeleteTaskDefinitions" => self.delete_definitions(args),
            "DescribeTaskDefinition" => self.describe_definition(args),
            "ListTaskDefinitions" => self.list_definitions(args),
            "ListTaskDefinitionFamilies" => self.list_families(args),
            "CreateService" => self.create_service(args),
            "UpdateService" => self.update_service(args),
            "DeleteService" => self.delete_service(args),
            "DescribeServices" => self.describe_services(args),
            "ListServices" => self.list_services(args),
            "RunTask" => self.run_task(args),
            "StopTask" => self.stop_task(args),
            "DescribeTasks" => self.describe_tasks(args),
            "ListTasks" => self.list_tasks(args),
            "TagResource" => self.tag_resource(args),
            "UntagResource" => self.untag_resource(args),
            _ => self.list_tags(args),
        }
    }
}

/// An object of these members, none of which is copied.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A request's body; an empty one is an empty object.
fn parse(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|_| ApiError::new("SerializationException", "The body is not a JSON object"))
}

fn reply_to_ecs(answer: Answer) -> Response<Bytes> {
    match answer {
        Ok(value) => reply(StatusCode::OK, "application/x-amz-json-1.1", &without_nulls(value)),
        Err(error) => {
            let mut body = error.members;
            body.insert("__type".to_owned(), Value::String(error.code));
            body.insert("message".to_owned(), Value::String(error.message));
            reply(error.status, "application/x-amz-json-1.1", &Value::Object(body))
        }
    }
}

/// An output without the members that are null: the service leaves them out.
fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    value
}

fn reply(status: StatusCode, content_type: &'static str, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

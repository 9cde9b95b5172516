//! CloudFormation: stacks have a name and a status, and can be described, with what they were
//! deployed with and have made. They deploy nothing themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::Ids;
use super::reply::{Failure, escape, query_error, reply};
use super::route::form_value;

macro_rules! statuses {
    ($($variant:ident = $text:literal),+ $(,)?) => {
        /// A stack's status (API Reference, `Stack`, `StackStatus`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum StackStatus {
            $(#[doc = concat!("`", $text, "`")] $variant),+
        }

        impl StackStatus {
            /// As CloudFormation writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl FromStr for StackStatus {
            type Err = UnknownStatus;

            fn from_str(text: &str) -> Result<Self, UnknownStatus> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(UnknownStatus(other.chars().take(80).collect())),
                }
            }
        }
    };
}

statuses! {
    CreateInProgress = "CREATE_IN_PROGRESS",
    CreateFailed = "CREATE_FAILED",
    CreateComplete = "CREATE_COMPLETE",
    RollbackInProgress = "ROLLBACK_IN_PROGRESS",
    RollbackFailed = "ROLLBACK_FAILED",
    RollbackComplete = "ROLLBACK_COMPLETE",
    DeleteInProgress = "DELETE_IN_PROGRESS",
    DeleteFailed = "DELETE_FAILED",
    DeleteComplete = "DELETE_COMPLETE",
    UpdateInProgress = "UPDATE_IN_PROGRESS",
    UpdateCompleteCleanupInProgress = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    UpdateComplete = "UPDATE_COMPLETE",
    UpdateFailed = "UPDATE_FAILED",
    UpdateRollbackInProgress = "UPDATE_ROLLBACK_IN_PROGRESS",
    UpdateRollbackFailed = "UPDATE_ROLLBACK_FAILED",
    UpdateRollbackCompleteCleanupInProgress = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    UpdateRollbackComplete = "UPDATE_ROLLBACK_COMPLETE",
    ReviewInProgress = "REVIEW_IN_PROGRESS",
    ImportInProgress = "IMPORT_IN_PROGRESS",
    ImportComplete = "IMPORT_COMPLETE",
    ImportRollbackInProgress = "IMPORT_ROLLBACK_IN_PROGRESS",
    ImportRollbackFailed = "IMPORT_ROLLBACK_FAILED",
    ImportRollbackComplete = "IMPORT_ROLLBACK_COMPLETE",
}

/// A text that is no stack status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no status of a CloudFormation stack; say for example UPDATE_COMPLETE")]
pub struct UnknownStatus(String);

/// A stack's name and the unique part of its ARN.
pub(super) struct StackName<'a> {
    pub(super) name: &'a str,
    pub(super) id: &'a str,
}

/// What a stack was deployed with, and what it has made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Deployed {
    /// The values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// What it has made.
    pub resources: Vec<StackResource>,
}

/// A resource that a stack has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackResource {
    /// Its name in the template.
    pub logical: String,
    /// Its type.
    pub kind: String,
    /// What `Ref` of it gives.
    pub physical: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stack {
    id: String,
    status: StackStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(default)]
    deployed: Deployed,
}

/// All stacks of the account.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stacks {
    region: String,
    account: String,
    ids: Ids,
    by_name: BTreeMap<String, Stack>,
}

impl Stacks {
    pub(super) fn new(config: &berth_fargate::Config) -> Self {
        Self {
            region: config.region.clone(),
            account: config.account.clone(),
            ids: Ids::new(config.seed ^ 0x5354_4143),
            by_name: BTreeMap::new(),
        }
    }

    /// Gives a stack this status; a name that is new is a new stack.
    pub(super) fn set<'a>(&'a mut self, name: &'a str, status: StackStatus, now: Timestamp) -> StackName<'a> {
        let ids = &mut self.ids;
        let stack = self.by_name.entry(name.to_owned()).or_insert_with(|| Stack {
            id: ids.uuid(),
            status,
            created_at: now,
            updated_at: now,
            deployed: Deployed::default(),
        });
        stack.status = status;
        stack.updated_at = now;
        StackName { name, id: &stack.id }
    }

    /// Says what a stack was deployed with, and what it has made.
    pub(super) fn deployed(&mut self, name: &str, deployed: Deployed) {
        if let Some(stack) = self.by_name.get_mut(name) {
            stack.deployed = deployed;
        }
    }

    pub(super) fn call(&self, action: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let wanted = form_value(request.body(), "StackName");
        match action {
            "DescribeStacks" => self.describe(wanted.as_deref()),
            "ListStackResources" => self.list_resources(&wanted.unwrap_or_default()),
            action => query_error(&Failure::new(
                "InvalidAction",
                format!("The action {action} is not valid for this endpoint."),
            )),
        }
    }

    /// All resources are on one page, and as their stack is.
    fn list_resources(&self, wanted: &str) -> Response<Bytes> {
        let found = self
            .by_name
            .iter()
            .find(|(name, stack)| self.is(name, stack, Some(wanted)));
        let Some((_, stack)) = found else {
            return not_there(wanted);
        };
        let members = stack.deployed.resources.iter().map(|resource| {
            format!(
                "<member><LogicalResourceId>{}</LogicalResourceId><PhysicalResourceId>{}</PhysicalResourceId><ResourceType>{}</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus><LastUpdatedTimestamp>{}</LastUpdatedTimestamp></member>",
                escape(&resource.logical),
                escape(&resource.physical),
                escape(&resource.kind),
                stack.created_at,
            )
        });
        let members: String = members.collect();
        answer(
            "ListStackResources",
            &format!("<StackResourceSummaries>{members}</StackResourceSummaries>"),
        )
    }

    fn describe(&self, wanted: Option<&str>) -> Response<Bytes> {
        let found: Vec<(&String, &Stack)> = self
            .by_name
            .iter()
            .filter(|(name, stack)| self.is(name, stack, wanted))
            .collect();
        if let (Some(wanted), true) = (wanted, found.is_empty()) {
            return not_there(wanted);
        }
        let members = found.iter().fold(String::new(), |mut members, (name, stack)| {
            // Writing into a String cannot fail.
            let _ = write!(
                members,
                "<member><StackName>{}</StackName><StackId>{}</StackId><StackStatus>{}</StackStatus><CreationTime>{}</CreationTime><LastUpdatedTime>{}</LastUpdatedTime><Parameters>{}</Parameters></member>",
                escape(name),
                escape(&self.arn(name, &stack.id)),
                stack.status.as_str(),
                stack.created_at,
                stack.updated_at,
                parameters(&stack.deployed),
            );
            members
        });
        answer("DescribeStacks", &format!("<Stacks>{members}</Stacks>"))
    }

    fn is(&self, name: &str, stack: &Stack, wanted: Option<&str>) -> bool {
        wanted.is_none_or(|wanted| wanted == name || wanted == self.arn(name, &stack.id))
    }

    fn arn(&self, name: &str, id: &str) -> String {
        format!(
            "arn:aws:cloudformation:{}:{}:stack/{name}/{id}",
            self.region, self.account
        )
    }
}

fn parameters(deployed: &Deployed) -> String {
    let all = deployed.parameters.iter().map(|(name, value)| {
        format!(
            "<member><ParameterKey>{}</ParameterKey><ParameterValue>{}</ParameterValue></member>",
            escape(name),
            escape(value)
        )
    });
    all.collect()
}

fn not_there(wanted: &str) -> Response<Bytes> {
    query_error(&Failure::new(
        "ValidationError",
        format!("Stack with id {wanted} does not exist"),
    ))
}

fn answer(action: &str, result: &str) -> Response<Bytes> {
    let body = format!(
        "<{action}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>local</RequestId></ResponseMetadata></{action}Response>"
    );
    reply(StatusCode::OK, "text/xml", body)
}

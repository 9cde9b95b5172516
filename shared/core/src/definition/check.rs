//! What can be seen to be wrong with a base before anything is registered.

use serde_json::Value;

use super::base::Base;
use super::layout::{Layout, NoMain, NoWorkspace, text};
use super::render::{RenderError, admit};
use crate::tenant::{InvalidSize, Overlay, Size};

/// Why no tenant can run on a base. Each is enough to reject the release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// Its main container cannot be told.
    #[error(transparent)]
    Main(NoMain),
    /// Its workspace volume cannot be told.
    #[error(transparent)]
    Workspace(NoWorkspace),
    /// Its revision is INACTIVE.
    #[error(
        "the base is INACTIVE: register it anew, and keep the replaced revision with `UpdateReplacePolicy: Retain`"
    )]
    Inactive,
    /// It is one of the clones.
    #[error("family {family:?} looks like a family of clones: set the base family, without -user")]
    CloneFamily {
        /// Its family.
        family: String,
    },
    /// It was not registered for Fargate.
    #[error("requiresCompatibilities is [{}]: it must have FARGATE", found.join(", "))]
    NotFargate {
        /// What it says.
        found: Vec<String>,
    },
    /// Fargate needs `awsvpc`.
    #[error("networkMode is {found:?}: Fargate needs awsvpc")]
    NetworkMode {
        /// What it says; empty if nothing.
        found: String,
    },
    /// It has no task size, or one that is not a number of units or MiB.
    #[error("{member} is {found:?}: Fargate needs a task size in {unit}")]
    NoSize {
        /// `cpu` or `memory`.
        member: &'static str,
        /// What it says; empty if nothing.
        found: String,
        /// What it should be counted in.
        unit: &'static str,
    },
    /// Fargate has no such size.
    #[error(transparent)]
    Size(InvalidSize),
    /// Fargate refuses the member.
    #[error("{member} is set, which Fargate refuses: remove it")]
    Refused {
        /// Where it is, as in `containerDefinitions[main].extraHosts`.
        member: String,
    },
    /// No clone of it renders, not even without an overlay.
    #[error(transparent)]
    Render(RenderError),
}

/// The members that Fargate refuses (model, `RegisterTaskDefinitionRequest`: `ipcMode`, `placementConstraints`; Developer
/// Guide, "Amazon ECS task definition differences for Fargate").
const REFUSED: [&str; 3] = ["placementConstraints", "ipcMode", "inferenceAccelerators"];

/// The same of a container.
const REFUSED_IN_CONTAINER: [&str; 8] = [
    "links",
    "hostname",
    "disableNetworking",
    "privileged",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "dockerSecurityOptions",
];

/// All that is wrong with `base`; nothing, if a tenant can be rendered and Fargate should take it.
pub fn check(base: &Base, layout: &Layout) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !base.is_active() {
        findings.push(Finding::Inactive);
    }
    if base.family().ends_with("-user") {
        findings.push(Finding::CloneFamily {
            family: base.family().to_owned(),
        });
    }
    findings.extend(compatibility(base));
    findings.extend(network(base));
    findings.extend(size(base).err());
    findings.extend(refused(base));
    findings.extend(rendering(base, layout));
    findings
}

fn compatibility(base: &Base) -> Option<Finding> {
    let required = base.request().get("requiresCompatibilities").and_then(Value::as_array);
    let found: Vec<String> = required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let fargate = found.iter().any(|one| one == "FARGATE");
    (!fargate).then_some(Finding::NotFargate { found })
}

fn network(base: &Base) -> Option<Finding> {
    let found = member(base, "networkMode");
    (found != "awsvpc").then(|| Finding::NetworkMode {
        found: found.to_owned(),
    })
}

/// ECS returns a size in units and MiB, whatever it was registered as (model, `RegisterTaskDefinitionRequest.cpu`).
fn size(base: &Base) -> Result<Size, Finding> {
    let number = |name: &'static str, unit: &'static str| {
        let found = member(base, name);
        found.parse().map_err(|_| Finding::NoSize {
            member: name,
            found: found.to_owned(),
            unit,
        })
    };
    Size::new(number("cpu", "CPU units")?, number("memory", "MiB")?).map_err(Finding::Size)
}

fn member<'a>(base: &'a Base, name: &str) -> &'a str {
    base.request().get(name).and_then(Value::as_str).unwrap_or_default()
}

fn refused(base: &Base) -> impl Iterator<Item = Finding> {
    let request = base.request();
    let own = REFUSED
        .into_iter()
        .filter(|member| is_set(request.get(*member)))
        .map(str::to_owned);
    let containers = base.containers().iter().flat_map(|container| {
        let set = |member: &&str| is_set(container.get(*member));
        let path = |member| format!("containerDefinitions[{}].{member}", text(container, "name"));
        REFUSED_IN_CONTAINER.into_iter().filter(set).map(path)
    });
    own.chain(containers).map(|member| Finding::Refused { member })
}

/// ECS describes a member that was never set as empty or false.
fn is_set(member: Option<&Value>) -> bool {
    match member {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Bool(true) | Value::Number(_) | Value::Object(_)) => true,
    }
}

/// Both questions are asked, so that both answers are seen; the rest of rendering needs both.
fn rendering(base: &Base, layout: &Layout) -> Vec<Finding> {
    let main = base.main(layout).err().map(Finding::Main);
    let workspace = base.workspace(layout).err().map(Finding::Workspace);
    let unknown: Vec<Finding> = main.into_iter().chain(workspace).collect();
    if unknown.is_empty() {
        admit(base, layout, &Overlay::default())
            .err()
            .map(Finding::Render)
            .into_iter()
            .collect()
    } else {
        unknown
    }
}

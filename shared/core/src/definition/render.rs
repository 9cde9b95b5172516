//! Rendering: base + overlay → definition.

use std::fmt;

use serde_json::{Map, Value, json};

use super::base::{Base, sort_by_name};
use super::canonical::canonical;
use super::fingerprint::Fingerprint;
use super::layout::{
    AccessPoint, EFS, Layout, NoDelivery, NoMain, NoWorkspace, delivery_index, main_index, text, workspace_index,
};
use crate::template::BundleAt;
use crate::tenant::{EnvName, FieldCode, FieldError, Overlay, Size, TemplateName};

/// The tag of a registered definition that names its base family.
const BASE_TAG: &str = "berth:base";

/// The most that ECS takes (Developer Guide, "Amazon ECS service quotas": task definition size).
pub(super) const MOST_BYTES: usize = 64 * 1024;

/// The longest family (model, `RegisterTaskDefinitionRequest.family`).
pub(super) const LONGEST_FAMILY: usize = 255;

/// The most tags of a resource (model, `Tags`).
pub(super) const MOST_TAGS: usize = 50;

/// What is registered for a tenant, and for every other that renders alike.
///
/// Its `Debug` names it and shows nothing of its content, which holds the values of variables.
#[derive(Clone, PartialEq)]
pub struct Definition {
    fingerprint: Fingerprint,
    request: Value,
    unknown: Vec<String>,
}

impl Definition {
    /// What it is named by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The family that it is registered into.
    pub fn family(&self) -> &str {
        text(&self.request, "family")
    }

    /// The `RegisterTaskDefinition` request.
    pub fn request(&self) -> &Value {
        &self.request
    }

    /// The request's bytes: canonical JSON (RFC 8785), so the same for equal definitions.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical(&self.request)
    }

    /// The members that were carried although this build knows neither that ECS takes them nor that it does not.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Definition");
        shown
            .field("family", &self.family())
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// Why base and overlay have no definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The base's main container cannot be told.
    #[error(transparent)]
    Main(#[from] NoMain),
    /// The base's workspace volume cannot be told.
    #[error(transparent)]
    Workspace(#[from] NoWorkspace),
    /// The base has a workspace volume and the tenant no access point yet.
    #[error("volume {volume:?} is the workspace and the tenant has no access point: create it before rendering")]
    NoAccessPoint {
        /// The workspace volume.
        volume: String,
    },
    /// The overlay names a template, and the base cannot deliver it.
    #[error("the template {template} cannot be delivered: {why}")]
    Delivery {
        /// The template.
        template: TemplateName,
        /// Why not.
        why: NoDelivery,
    },
    /// The overlay names a template of which the tenant has no bundle yet.
    #[error("template {template} has no bundle yet: stage it before rendering")]
    NoBundle {
        /// The template.
        template: TemplateName,
    },
    /// A container is allowed more memory than the whole task has.
    #[error("container {container:?} has a limit of {limit} MiB and the task has {} MiB: choose more memory", size.memory())]
    Container {
        /// Which container.
        container: String,
        /// Its `memory`, in MiB.
        limit: u64,
        /// The overlay's size.
        size: Size,
    },
    /// The containers reserve more memory than the task has.
    #[error("the containers reserve {reserved} MiB and the task has {} MiB: choose more memory", size.memory())]
    Memory {
        /// What they reserve, in MiB.
        reserved: u64,
        /// The overlay's size.
        size: Size,
    },
    /// The containers reserve more CPU than the task has.
    #[error("the containers reserve {reserved} CPU units and the task has {}: choose more CPU", size.cpu())]
    Cpu {
        /// What they reserve, in CPU units.
        reserved: u64,
        /// The overlay's size.
        size: Size,
    },
    /// More than ECS takes.
    #[error("the definition has {bytes} bytes and ECS takes {MOST_BYTES}: shorten or remove variables")]
    TooLarge {
        /// The size of its canonical JSON.
        bytes: usize,
    },
    /// The family's name, with our suffix, is too long.
    #[error("family {family:?} has more than {LONGEST_FAMILY} characters: shorten the base family's name")]
    FamilyTooLong {
        /// The clone's family.
        family: String,
    },
    /// The base's tags and ours are more than ECS takes.
    #[error("the definition has {count} tags and ECS takes {MOST_TAGS}: remove tags from the base")]
    TooManyTags {
        /// How many.
        count: usize,
    },
}

impl RenderError {
    /// The mistake in the overlay, if it is the overlay's; otherwise the base or the settings are to blame.
    pub fn in_overlay(&self) -> Option<FieldError> {
        let (code, pointer) = match self {
            Self::Container { .. } | Self::Memory { .. } => (FieldCode::DoesNotFit, "/size/memory"),
            Self::Cpu { .. } => (FieldCode::DoesNotFit, "/size/cpu"),
            Self::TooLarge { .. } => (FieldCode::TooLarge, ""),
            Self::Delivery { .. } => (FieldCode::Undeliverable, "/template"),
            Self::Main(_)
            | Self::Workspace(_)
            | Self::NoAccessPoint { .. }
            | Self::NoBundle { .. }
            | Self::FamilyTooLong { .. }
            | Self::TooManyTags { .. } => return None,
        };
        let (pointer, message) = (pointer.to_owned(), self.to_string());
        Some(FieldError { code, pointer, message })
    }
}

/// The family of the clones of a base family. Nothing is ever registered into the base family itself.
pub fn family(base: &str) -> String {
    format!("{base}-user")
}

/// Renders `overlay` over `base`.
///
/// `files` is the tenant's access point; it is used only if the base has a workspace volume, so tenants of a base
/// without one render alike. `bundle` is what it is delivered of its template; it is used only if the overlay names one.
pub fn render(
    base: &Base,
    layout: &Layout,
    overlay: &Overlay,
    files: Option<&AccessPoint>,
    bundle: Option<&BundleAt>,
) -> Result<Definition, RenderError> {
    let main = main_index(base, &layout.main)?;
    let delivery = delivery(base, layout, main, overlay, bundle)?;
    let workspace = workspace_index(base, &layout.workspace)?;
    let mut request = Map::new();
    for (name, value) in base.request() {
        let rendered = match name.as_str() {
            "family" => Value::from(clone_family(base)?),
            "containerDefinitions" => containers(base, main, overlay, delivery),
            "volumes" => volumes(base, workspace, files)?,
            _ => value.clone(),
        };
        request.insert(name.clone(), rendered);
    }
    if let Some(size) = overlay.size {
        fits(base, size)?;
        request.insert("cpu".to_owned(), size.cpu().to_string().into());
        request.insert("memory".to_owned(), size.memory().to_string().into());
    }
    sign(base, request)
}

/// Whether `overlay` will render over `base`, whatever access point and bundle the tenant gets: the check before it is
/// accepted.
pub fn admit(base: &Base, layout: &Layout, overlay: &Overlay) -> Result<(), RenderError> {
    let (files, bundle) = (AccessPoint::longest(), BundleAt::longest());
    render(base, layout, overlay, Some(&files), Some(&bundle)).map(drop)
}

/// The place of the container that delivers the tenant's bundle, and the bundle; `None` if the overlay names no template.
fn delivery<'a>(
    base: &Base,
    layout: &Layout,
    main: usize,
    overlay: &Overlay,
    bundle: Option<&'a BundleAt>,
) -> Result<Option<(usize, &'a BundleAt)>, RenderError> {
    let Some(template) = &overlay.template else {
        return Ok(None);
    };
    let template = || template.clone();
    let index = delivery_index(base, main, &layout.delivery).map_err(|why| RenderError::Delivery {
        template: template(),
        why,
    })?;
    let bundle = bundle.ok_or_else(|| RenderError::NoBundle { template: template() })?;
    Ok(Some((index, bundle)))
}

fn clone_family(base: &Base) -> Result<String, RenderError> {
    let family = family(base.family());
    if family.len() > LONGEST_FAMILY {
        Err(RenderError::FamilyTooLong { family })
    } else {
        Ok(family)
    }
}

/// Adds the tags, and takes the fingerprint before its own tag is there.
fn sign(base: &Base, mut request: Map<String, Value>) -> Result<Definition, RenderError> {
    let tag = |key: &str, value: &str| json!({"key": key, "value": value});
    let mut tags: Vec<Value> = base.tags().iter().map(|(key, value)| tag(key, value)).collect();
    tags.push(tag(BASE_TAG, base.family()));
    let count = tags.len() + 1;
    if count > MOST_TAGS {
        return Err(RenderError::TooManyTags { count });
    }
    request.insert("tags".to_owned(), tags.into());
    let mut request = Value::Object(request);
    let bytes = canonical(&request);
    let fingerprint = Fingerprint::of(&bytes);
    let own = tag(Fingerprint::TAG, &fingerprint.to_string());
    let bytes = bytes.len() + canonical(&own).len() + ",".len();
    if bytes > MOST_BYTES {
        return Err(RenderError::TooLarge { bytes });
    }
    if let Some(tags) = request.get_mut("tags").and_then(Value::as_array_mut) {
        tags.push(own);
    }
    let unknown = base.unknown().to_vec();
    Ok(Definition {
        fingerprint,
        request,
        unknown,
    })
}

fn containers(base: &Base, main: usize, overlay: &Overlay, delivery: Option<(usize, &BundleAt)>) -> Value {
    let containers = base.containers().iter().enumerate();
    containers
        .map(|(index, one)| match delivery {
            _ if index == main => main_container(one, overlay),
            Some((delivering, bundle)) if index == delivering => delivery_container(one, bundle),
            _ => one.clone(),
        })
        .collect()
}

/// The variable of the delivering container that says where the bundle is.
const BUNDLE: &str = "BERTH_BUNDLE";

/// The variable that says what its digest is, in hexadecimal.
const BUNDLE_SHA256: &str = "BERTH_BUNDLE_SHA256";

/// The container that delivers, told what.
fn delivery_container(base: &Value, bundle: &BundleAt) -> Value {
    let own = [(BUNDLE, bundle.uri()), (BUNDLE_SHA256, bundle.digest().to_string())];
    let known = base.get("environment").and_then(Value::as_array);
    let others = known
        .into_iter()
        .flatten()
        .filter(|entry| own.iter().all(|(name, _)| text(entry, "name") != *name));
    let own = own.iter().map(|(name, value)| json!({"name": name, "value": value}));
    let mut entries: Vec<Value> = others.cloned().chain(own).collect();
    sort_by_name(&mut entries);
    let mut container = base.as_object().cloned().unwrap_or_default();
    container.insert("environment".to_owned(), entries.into());
    container.into()
}

fn main_container(base: &Value, overlay: &Overlay) -> Value {
    let replaced = |name: &str| match name {
        "image" => overlay.image.is_some(),
        "environment" | "secrets" => true,
        _ => false,
    };
    let members = base.as_object().into_iter().flatten();
    let kept = members.filter(|(name, _)| !replaced(name));
    let mut container: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(image) = &overlay.image {
        container.insert("image".to_owned(), image.as_str().into());
    }
    let env = overlay
        .env
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value.reveal()}));
    let secrets = overlay
        .secrets
        .iter()
        .map(|(name, arn)| json!({"name": name, "valueFrom": arn.as_str()}));
    for (member, own) in [("environment", env.collect()), ("secrets", secrets.collect())] {
        if let Some(entries) = merged(base.get(member), own, overlay) {
            container.insert(member.to_owned(), entries);
        }
    }
    container.into()
}

/// The base's entries without those whose name the tenant has, in env or in secrets, and the tenant's own.
/// A base without the member gets it only if the tenant has something to put there.
fn merged(base: Option<&Value>, own: Vec<Value>, overlay: &Overlay) -> Option<Value> {
    if base.is_none() && own.is_empty() {
        return None;
    }
    let has = |entry: &&Value| {
        let is = |name: &EnvName| name.as_str() == text(entry, "name");
        overlay.env.keys().any(is) || overlay.secrets.keys().any(is)
    };
    let kept = base
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|entry| !has(entry));
    let mut entries: Vec<Value> = kept.cloned().chain(own).collect();
    sort_by_name(&mut entries);
    Some(entries.into())
}

fn volumes(base: &Base, workspace: Option<usize>, files: Option<&AccessPoint>) -> Result<Value, RenderError> {
    let volumes = base.volumes().iter().enumerate();
    volumes
        .map(|(index, one)| {
            if Some(index) == workspace {
                own_volume(one, files)
            } else {
                Ok(one.clone())
            }
        })
        .collect()
}

/// The workspace volume with the tenant's access point. ECS demands encryption and no root directory beside one (model,
/// `EFSAuthorizationConfig.accessPointId`); the other settings stay the base's.
fn own_volume(base: &Value, files: Option<&AccessPoint>) -> Result<Value, RenderError> {
    let volume = || text(base, "name").to_owned();
    let files = files.ok_or_else(|| RenderError::NoAccessPoint { volume: volume() })?;
    let member = |name: &str| base.get(EFS).and_then(|efs| efs.get(name));
    let mut authorization = member("authorizationConfig")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    authorization.insert("accessPointId".to_owned(), files.access_point_id.as_str().into());
    let mut efs = base.get(EFS).and_then(Value::as_object).cloned().unwrap_or_default();
    efs.remove("rootDirectory");
    efs.insert("fileSystemId".to_owned(), files.file_system_id.as_str().into());
    efs.insert("transitEncryption".to_owned(), "ENABLED".into());
    efs.insert("authorizationConfig".to_owned(), authorization.into());
    let mut rendered = base.as_object().cloned().unwrap_or_default();
    rendered.insert(EFS.to_owned(), efs.into());
    Ok(rendered.into())
}

/// Whether the containers' own limits fit into `size` (model, `ContainerDefinition.memory` and `.cpu`). Without a size of
/// the tenant's own ECS has already judged the base.
fn fits(base: &Base, size: Size) -> Result<(), RenderError> {
    let number = |one: &Value, member: &str| one.get(member).and_then(Value::as_u64);
    let containers = base.containers();
    for one in containers {
        if let Some(limit) = number(one, "memory").filter(|limit| *limit > size.memory().into()) {
            let container = text(one, "name").to_owned();
            return Err(RenderError::Container { container, limit, size });
        }
    }
    let memory = |one: &Value| number(one, "memoryReservation").or_else(|| number(one, "memory"));
    let reserved: u64 = containers.iter().filter_map(memory).sum();
    if reserved > size.memory().into() {
        return Err(RenderError::Memory { reserved, size });
    }
    let reserved: u64 = containers.iter().filter_map(|one| number(one, "cpu")).sum();
    if reserved > size.cpu().into() {
        return Err(RenderError::Cpu { reserved, size });
    }
    Ok(())
}

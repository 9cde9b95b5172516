//! `berth tenants set`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use berth_core::tenant::TenantId;
use clap::Args;
use http::{Method, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::intent::Patience;
use super::show;
use super::view::Tenant;
use crate::cli::Session;
use crate::cli::client::Answer;
use crate::cli::print::parse_span;
use crate::cli::trouble::Trouble;
use crate::cli::wait::{Progress, Until, until};

/// What is to be a tenant's own.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  berth tenants set acme --create --image public.ecr.aws/acme/agent:7 --cpu 512 --memory 2048
  berth tenants set acme --env GREETING=hello --idle-after 45m --wait
  berth tenants set acme --unset image --unset env.GREETING
  berth tenants set acme --file acme.json --if-version 3")]
pub struct SetArgs {
    /// Which tenant.
    id: TenantId,
    /// Create it if it is not there.
    #[arg(long)]
    create: bool,
    /// Replace all that is its own with this JSON; - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "Own")]
    file: Option<PathBuf>,
    #[command(flatten)]
    own: Own,
    /// Only if what is its own is still at this version.
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u64>,
    #[command(flatten)]
    patience: Patience,
}

/// What is to change; the rest stays as it is.
#[derive(Args, Debug)]
#[group(id = "Own", multiple = true)]
struct Own {
    /// The main container's image.
    #[arg(long)]
    image: Option<String>,
    /// CPU units; 1024 are a vCPU.
    #[arg(long, value_name = "UNITS")]
    cpu: Option<u32>,
    /// Memory in MiB.
    #[arg(long, value_name = "MIB")]
    memory: Option<u32>,
    /// A variable.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// A secret, by its ARN.
    #[arg(long, value_name = "NAME=ARN", value_parser = pair)]
    secret: Vec<(String, String)>,
    /// The config template that its files start from.
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// How long without work until it sleeps.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    idle_after: Option<Duration>,
    /// How long it stays up at least.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    min_uptime: Option<Duration>,
    /// Whether it never sleeps.
    #[arg(long, value_name = "BOOL")]
    always_on: Option<bool>,
    /// Whether rollouts move it.
    #[arg(long, value_parser = ["auto", "manual"])]
    policy: Option<String>,
    /// How its task is replaced.
    #[arg(long, value_parser = ["strict", "rolling"])]
    replace: Option<String>,
    /// Keep it on the definition it has, until then or for ever.
    #[arg(long, value_name = "UNTIL", num_args = 0..=1, default_missing_value = "forever", value_parser = pin)]
    pin: Option<Value>,
    /// Go back to the base's: image, size, env, env.NAME, secrets.NAME, template, idle, policy, replace, pin.
    #[arg(long, value_name = "MEMBER")]
    unset: Vec<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it like NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn pin(text: &str) -> Result<Value, String> {
    match text {
        "forever" => Ok(json!({})),
        text => {
            let until: Timestamp = text
                .parse()
                .map_err(|_| "write it like 2027-01-31T00:00:00Z".to_owned())?;
            Ok(json!({ "until": until }))
        }
    }
}

pub(super) async fn run(session: &Session, arguments: SetArgs) -> Result<(), Trouble> {
    let path = format!("/tenants/{}", arguments.id);
    let headers: Vec<_> = arguments
        .if_version
        .iter()
        .map(|version| (header::IF_MATCH, format!("\"{version}\"")))
        .collect();
    let answer = match &arguments.file {
        Some(file) => replace(session, &arguments, &path, &read(file)?, &headers).await?,
        None => change(session, &arguments, &path, &headers).await?,
    };
    let answer = if arguments.patience.wait {
        let progress = Progress::over(1);
        let settled = until(
            &session.client,
            &arguments.id,
            Until::Settled,
            arguments.patience.timeout,
            &progress,
        )
        .await;
        progress.end();
        settled?
    } else {
        answer
    };
    let tenant: Tenant = answer.read(&session.client)?;
    session.tell(&answer, |paper| Ok(show::text(paper, &tenant)))
}

/// A PATCH of what is there. Only with `--create` a PUT of what is not, so that a slip of the finger starts no container.
async fn change(
    session: &Session,
    arguments: &SetArgs,
    path: &str,
    headers: &[(header::HeaderName, String)],
) -> Result<Answer, Trouble> {
    let wanted = arguments.own.patch()?;
    if !arguments.create && wanted.is_empty() {
        return Err(Trouble::Usage(
            "say what to change; `berth tenants set --help` lists it".to_owned(),
        ));
    }
    let patched = session
        .client
        .send(&Method::PATCH, path, Some(&Value::Object(wanted.clone())), headers)
        .await;
    match patched {
        Err(Trouble::Refused(refusal)) if refusal.code == "no_tenant" && arguments.create => {
            let overlay = Value::Object(without_nulls(wanted));
            session.client.send(&Method::PUT, path, Some(&overlay), headers).await
        }
        Err(Trouble::Refused(refusal)) if refusal.code == "no_tenant" => Err(absent(&arguments.id, refusal)),
        other => other,
    }
}

async fn replace(
    session: &Session,
    arguments: &SetArgs,
    path: &str,
    overlay: &Value,
    headers: &[(header::HeaderName, String)],
) -> Result<Answer, Trouble> {
    if !arguments.create {
        let found = session.client.get(path).await;
        match found {
            Err(Trouble::Refused(refusal)) if refusal.code == "no_tenant" => {
                return Err(absent(&arguments.id, refusal));
            }
            found => found?,
        };
    }
    session.client.send(&Method::PUT, path, Some(overlay), headers).await
}

fn absent(id: &TenantId, mut refusal: crate::cli::trouble::Refusal) -> Trouble {
    refusal.detail = format!("there is no tenant {id}; say --create to make it");
    Trouble::Refused(refusal)
}

fn read(file: &Path) -> Result<Value, Trouble> {
    let wrong = |why: &dyn std::fmt::Display| Trouble::Usage(format!("{} cannot be used: {why}", file.display()));
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

fn without_nulls(members: Map<String, Value>) -> Map<String, Value> {
    let kept = members.into_iter().filter(|(_, value)| !value.is_null());
    kept.map(|(name, value)| match value {
        Value::Object(members) => (name, Value::Object(without_nulls(members))),
        value => (name, value),
    })
    .collect()
}

impl Own {
    /// A JSON merge patch (RFC 7396): what is unset is null.
    fn patch(&self) -> Result<Map<String, Value>, Trouble> {
        let mut patch = Map::new();
        for member in &self.unset {
            unset(&mut patch, member)?;
        }
        let mut put = |path: &[&str], value: Option<Value>| {
            if let Some(value) = value {
                at(&mut patch, path, value);
            }
        };
        put(&["image"], self.image.as_ref().map(|image| json!(image)));
        put(&["size", "cpu"], self.cpu.map(|cpu| json!(cpu)));
        put(&["size", "memory"], self.memory.map(|memory| json!(memory)));
        put(&["template"], self.template.as_ref().map(|name| json!(name)));
        put(&["idle", "after"], self.idle_after.map(|span| json!(span.as_secs())));
        put(
            &["idle", "minUptime"],
            self.min_uptime.map(|span| json!(span.as_secs())),
        );
        put(&["idle", "alwaysOn"], self.always_on.map(|on| json!(on)));
        put(&["policy"], self.policy.as_ref().map(|policy| json!(policy)));
        put(&["replace"], self.replace.as_ref().map(|replace| json!(replace)));
        put(&["pin"], self.pin.clone());
        for (name, value) in &self.env {
            put(&["env", name], Some(json!(value)));
        }
        for (name, arn) in &self.secret {
            put(&["secrets", name], Some(json!(arn)));
        }
        Ok(patch)
    }
}

fn unset(patch: &mut Map<String, Value>, member: &str) -> Result<(), Trouble> {
    const WHOLE: [&str; 9] = [
        "image", "size", "env", "secrets", "template", "idle", "policy", "replace", "pin",
    ];
    match member.split_once('.') {
        None if WHOLE.contains(&member) => at(patch, &[member], Value::Null),
        Some((map @ ("env" | "secrets"), name)) if !name.is_empty() => at(patch, &[map, name], Value::Null),
        Some(("idle", name @ ("after" | "minUptime" | "alwaysOn"))) => at(patch, &["idle", name], Value::Null),
        _ => {
            let known = WHOLE.join(", ");
            return Err(Trouble::Usage(format!(
                "there is no member {member:?}; it is one of {known}, env.NAME, secrets.NAME"
            )));
        }
    }
    Ok(())
}

/// Puts a value where the path leads to, into objects that are made on the way.
fn at(members: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            members.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let inner = members.entry(*first).or_insert_with(|| json!({}));
            if !inner.is_object() {
                *inner = json!({});
            }
            if let Some(inner) = inner.as_object_mut() {
                at(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        set: SetArgs,
    }

    fn patch(words: &str) -> Result<Value, String> {
        let typed = Typed::try_parse_from(words.split(' ')).map_err(|error| error.to_string())?;
        let patch = typed.set.own.patch().map_err(|trouble| trouble.to_string())?;
        Ok(Value::Object(patch))
    }

    #[test]
    fn flags_become_a_merge_patch() {
        let words =
            "set acme --image a:1 --cpu 512 --env A=1=2 --secret K=arn --idle-after 45m --always-on false --pin";
        let expected = json!({
            "image": "a:1", "size": {"cpu": 512}, "env": {"A": "1=2"}, "secrets": {"K": "arn"},
            "idle": {"after": 2700, "alwaysOn": false}, "pin": {},
        });
        assert_eq!(patch(words), Ok(expected));
        let until = json!({"pin": {"until": "2027-01-31T00:00:00Z"}});
        assert_eq!(patch("set acme --pin 2027-01-31T00:00:00Z"), Ok(until));
    }

    #[test]
    fn what_is_unset_is_null() {
        let expected = json!({"image": null, "env": {"A": null, "B": "1"}});
        assert_eq!(patch("set acme --unset image --unset env.A --env B=1"), Ok(expected));
        assert!(patch("set acme --unset images").unwrap_err().contains("images"));
        assert!(patch("set acme --unset env.").is_err());
    }

    #[test]
    fn a_file_replaces_all_and_goes_with_no_flag() {
        assert!(patch("set acme --file x.json --image a:1").is_err());
        assert!(patch("set acme --file x.json --create").is_ok());
        assert!(patch("set acme --env A").is_err());
        assert!(patch("set a.b --create").is_err());
    }

    #[test]
    fn a_new_tenant_has_no_nulls() {
        let patch = json!({"image": null, "env": {"A": null, "B": "1"}});
        let Value::Object(patch) = patch else { panic!() };
        assert_eq!(Value::Object(without_nulls(patch)), json!({"env": {"B": "1"}}));
    }
}

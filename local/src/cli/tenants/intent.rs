//! `berth tenants wake`, `sleep`, `restart`, `retry` and `delete`.

use std::io::IsTerminal as _;
use std::time::Duration;

use berth_core::tenant::TenantId;
use clap::Args;
use futures_util::{StreamExt as _, stream};
use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::view::Tenant;
use crate::cli::Session;
use crate::cli::client::Answer;
use crate::cli::print::{Cell, Column, Paper, Table, Tone, many, parse_span};
use crate::cli::trouble::Trouble;
use crate::cli::wait::{Progress, Until, until};

/// How many tenants are asked for at once: a thousand a minute, and no more than a hundredth of what the API lets through.
const AT_ONCE: usize = 8;

/// Which tenants.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  berth tenants restart acme --wait
  berth tenants list --phase failed --ids | xargs berth tenants retry")]
pub struct IntentArgs {
    /// Their ids.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<TenantId>,
    #[command(flatten)]
    patience: Patience,
}

/// Which tenants to wake, when, and for how long at least.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  berth tenants wake acme --wait
  berth tenants wake acme --protect-for 2h
  berth tenants wake acme --at 2027-01-31T07:00:00Z")]
pub struct WakeArgs {
    /// Their ids.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<TenantId>,
    /// Book a wake for that time, instead of now.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["wait", "protect_for"])]
    at: Option<Timestamp>,
    /// No sweep puts them to sleep for so long.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    protect_for: Option<Duration>,
    #[command(flatten)]
    patience: Patience,
}

/// Whether to wait, and for how long.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Wait until it is so, or has failed.
    #[arg(long)]
    pub(super) wait: bool,
    /// How long to wait at most.
    #[arg(long, value_name = "SPAN", default_value = "15m", value_parser = parse_span, requires = "wait")]
    pub(super) timeout: Duration,
}

/// Which tenants to remove.
#[derive(Args, Debug)]
pub struct DeleteArgs {
    /// Their ids.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<TenantId>,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    patience: Patience,
}

/// What is wanted of a tenant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verb {
    Wake,
    Sleep,
    Restart,
    Retry,
    Update,
    Delete,
}

impl Verb {
    fn request(self, id: &TenantId) -> (Method, String) {
        match self {
            Self::Wake => (Method::POST, format!("/tenants/{id}/wake")),
            Self::Sleep => (Method::POST, format!("/tenants/{id}/sleep")),
            Self::Restart => (Method::POST, format!("/tenants/{id}/restart")),
            Self::Retry => (Method::POST, format!("/tenants/{id}/retry")),
            Self::Update => (Method::POST, format!("/tenants/{id}/update")),
            Self::Delete => (Method::DELETE, format!("/tenants/{id}")),
        }
    }

    /// What a tenant is when it is as wanted. A restart or a retry leaves one asleep that should be.
    fn goal(self) -> Until {
        match self {
            Self::Wake => Until::Phase("running"),
            Self::Sleep => Until::Phase("stopped"),
            Self::Restart | Self::Retry | Self::Update => Until::Settled,
            Self::Delete => Until::Gone,
        }
    }
}

pub(super) async fn run(session: &Session, arguments: &IntentArgs, verb: Verb) -> Result<(), Trouble> {
    each(session, &arguments.ids, verb, None, arguments.patience).await
}

pub(super) async fn wake(session: &Session, arguments: &WakeArgs) -> Result<(), Trouble> {
    let mut body = Map::new();
    if let Some(at) = arguments.at {
        body.insert("at".to_owned(), json!(at));
    }
    if let Some(span) = arguments.protect_for {
        body.insert("protectFor".to_owned(), json!(span.as_secs()));
    }
    let body = (!body.is_empty()).then_some(Value::Object(body));
    each(session, &arguments.ids, Verb::Wake, body.as_ref(), arguments.patience).await
}

pub(super) async fn delete(session: &Session, arguments: &DeleteArgs) -> Result<(), Trouble> {
    if !arguments.yes {
        confirm(&arguments.ids)?;
    }
    each(session, &arguments.ids, Verb::Delete, None, arguments.patience).await
}

fn confirm(ids: &[TenantId]) -> Result<(), Trouble> {
    let usage = |why: &str| Err(Trouble::Usage(why.to_owned()));
    let terminal = console::Term::stderr();
    if !terminal.is_term() || !std::io::stdin().is_terminal() {
        return usage("nobody is there to ask; say --yes to delete without a question");
    }
    let who: Vec<String> = ids.iter().take(5).map(ToString::to_string).collect();
    let more = if ids.len() > 5 { " …" } else { "" };
    let number = many(ids.len() as u64, "tenant");
    terminal.write_str(&format!(
        "Delete {number} ({}{more})? Their files stay. [y/N] ",
        who.join(", ")
    ))?;
    match terminal.read_line()?.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => usage("nothing was deleted"),
    }
}

/// Asks for each, tells what came of those that went well, and fails with the first that did not.
async fn each(
    session: &Session,
    ids: &[TenantId],
    verb: Verb,
    body: Option<&Value>,
    patience: Patience,
) -> Result<(), Trouble> {
    let progress = Progress::over(ids.len());
    let asked = ids.iter().map(|id| one(session, id, (verb, body), patience, &progress));
    let mut results: Vec<(usize, Result<Answer, Trouble>)> = stream::iter(asked)
        .enumerate()
        .map(async |(index, asked)| (index, asked.await))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    progress.end();
    results.sort_by_key(|(index, _)| *index);
    let (mut answers, mut troubles) = (Vec::new(), Vec::new());
    for ((_, result), id) in results.into_iter().zip(ids) {
        match result {
            Ok(answer) => answers.push(answer),
            Err(trouble) => troubles.push((id, trouble)),
        }
    }
    if let Some(last) = answers.last() {
        let bodies: Vec<&Value> = answers
            .iter()
            .map(|answer| &answer.body)
            .filter(|body| !body.is_null())
            .collect();
        let tenants: Vec<Tenant> = bodies
            .iter()
            .filter_map(|body| serde_json::from_value((*body).clone()).ok())
            .collect();
        let gone = answers.len() - tenants.len();
        session.tell_value(&json!({ "tenants": bodies }), last.at, |paper| {
            Ok(text(paper, &tenants, gone))
        })?;
    }
    let mut troubles = troubles.into_iter();
    let Some((first, trouble)) = troubles.next() else {
        return Ok(());
    };
    for (id, trouble) in troubles {
        eprintln!("berth: {id}: {trouble}");
    }
    Err(if ids.len() == 1 {
        trouble
    } else {
        trouble.about(first.as_str())
    })
}

async fn one(
    session: &Session,
    id: &TenantId,
    (verb, body): (Verb, Option<&Value>),
    patience: Patience,
    progress: &Progress,
) -> Result<Answer, Trouble> {
    let (method, path) = verb.request(id);
    let answer = session.client.send(&method, &path, body, &[]).await?;
    let answer = if patience.wait {
        until(&session.client, id, verb.goal(), patience.timeout, progress).await?
    } else {
        answer
    };
    progress.one_more();
    Ok(answer)
}

fn text(paper: &Paper, tenants: &[Tenant], gone: usize) -> String {
    let mut table = Table::new(&[
        Column::cut("TENANT", 12),
        Column::whole("PHASE"),
        Column::spare("RELEASE", 1),
        Column::spare("ADDRESS", 2),
        Column::cut("NOTE", 16),
    ]);
    for tenant in tenants {
        let address = tenant.endpoint.as_ref().map(|endpoint| endpoint.address.clone());
        table.row([
            Cell::new(&tenant.id, Tone::Strong),
            Cell::new(&tenant.phase, tenant.tone()),
            Cell::from(tenant.release.applied.clone().unwrap_or_default()),
            Cell::from(address.unwrap_or_default()),
            Cell::new(tenant.note().unwrap_or_default(), Tone::Bad),
        ]);
    }
    let rows = if tenants.is_empty() {
        String::new()
    } else {
        table.text(paper)
    };
    match gone {
        0 => rows,
        gone => format!("{rows}{} gone.\n", many(gone as u64, "tenant")),
    }
}

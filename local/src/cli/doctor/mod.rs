//! `berth doctor`: whether a deployed stack is as it should be, by what AWS says of it.

mod raw;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use berth_aws::survey::{Described, Survey, describe};
use berth_core::doctor::{self, Check, Health, Read};
use clap::Args;
use serde_json::json;

use super::Output;
use super::client::{aws_config, no_credentials};
use super::config::{Connection, Environment, Target};
use super::print::{self, Cell, Column, Paper, Table, Tone, many};
use super::trouble::Trouble;
use raw::Raw;

/// Which stack.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  berth doctor --stack berth --profile production
  AWS_ENDPOINT_URL=http://127.0.0.1:7071 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x berth doctor")]
pub struct DoctorArgs {
    /// Name of the CloudFormation stack; else the profile's, or `berth`.
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// Address of AWS, if it is not AWS's own; else `AWS_ENDPOINT_URL`.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
}

/// The name of a stack that nobody named.
const USUAL: &str = "berth";

/// Quotas that a fleet can use up: the name to say, the service, and the code (Service Quotas console; `fargate` and `lambda`).
const QUOTAS: [(&str, &str, &str); 2] = [
    ("Fargate On-Demand vCPU", "fargate", "L-3032A538"),
    ("concurrent Lambda invocations", "lambda", "L-B99A9384"),
];

impl DoctorArgs {
    /// Reads, decides and prints. A check that has failed is a [`Trouble`], after everything is told.
    pub async fn run(&self, connection: &Connection, output: Output) -> Result<(), Trouble> {
        let environment = Environment::of_process();
        let profile = Target::find(connection, &environment)?.profile;
        let mut config = aws_config(&profile, None).await;
        if let Some(url) = &self.endpoint_url {
            config = config.into_builder().endpoint_url(url).build();
        }
        let name = self.stack.clone().or(profile.stack).unwrap_or_else(|| USUAL.to_owned());
        let stack = find(&config, &name).await?;
        let checks = examine(&config, &name, &stack).await;
        let told = if output.json {
            print::json(&json!({ "stack": name, "checks": checks }))
        } else {
            text(&output.paper(&environment), &checks)
        };
        print::out(&told)?;
        match checks.iter().filter(|check| check.has_failed()).count() as u64 {
            0 => Ok(()),
            1 => Err(Trouble::NotReached("1 check has failed".to_owned())),
            failed => Err(Trouble::NotReached(format!("{} have failed", many(failed, "check")))),
        }
    }
}

/// The stack, without which there is nothing to check.
async fn find(config: &SdkConfig, name: &str) -> Result<Described, Trouble> {
    let region = config.region().map(ToString::to_string);
    let region = region.ok_or_else(|| {
        Trouble::Usage("no Region is known: add `region` to the profile, or set AWS_REGION".to_owned())
    })?;
    let provider = config.credentials_provider();
    let provider = provider.ok_or_else(|| no_credentials(&"there is no provider"))?;
    let credentials = provider.provide_credentials().await;
    credentials.map_err(|error| no_credentials(&error))?;
    let at = config.endpoint_url().unwrap_or("AWS");
    let found = describe(config, name).await;
    let found = found.map_err(|error| {
        Trouble::Aws(format!(
            "{at} does not tell of the stack {name}: {error}; check the endpoint, the network and your permissions"
        ))
    })?;
    found.ok_or_else(|| {
        Trouble::Usage(format!(
            "there is no stack {name} in {region} at {at}; name it with --stack, or `stack` in the profile"
        ))
    })
}

async fn examine(config: &SdkConfig, name: &str, stack: &Described) -> Vec<Check> {
    let survey = Survey::new(config, stack);
    let mut checks = vec![
        doctor::stack(name, &Ok(stack.status.clone())),
        doctor::resources(&Ok(stack.resources.iter().map(|made| made.resource.clone()).collect())),
    ];
    for table in ["TenantsTable", "ActivityTable", "FleetTable"] {
        checks.push(doctor::table(table, &survey.table(table).await));
    }
    let cluster = stack.parameter("Cluster").unwrap_or_default();
    checks.extend(doctor::cluster(cluster, &survey.cluster(cluster).await));
    if let Some(id) = stack.parameter("FileSystem") {
        checks.push(doctor::file_system(id, &survey.file_system(id).await));
        checks.push(doctor::access_points(&survey.access_points(id).await));
    }
    checks.extend(of_base(&survey, stack.parameter("BaseFamily").unwrap_or_default()).await);
    checks.extend(of_releases(&survey).await);
    checks.push(doctor::queue(&survey.waiting("ReconcileQueue").await));
    checks.push(doctor::overdue(&survey.overdue().await));
    checks.push(doctor::dead_letters(&survey.waiting("ReconcileDeadLetters").await));
    checks.push(doctor::event_letters(&survey.waiting("EventDeadLetters").await));
    let raw = Raw::of(config);
    for made in stack
        .resources
        .iter()
        .filter(|made| made.kind == "AWS::Scheduler::Schedule")
    {
        let state = raw.schedule(&made.physical).await;
        checks.push(doctor::schedule(&made.resource.logical, &state));
    }
    for (name, service, code) in QUOTAS {
        checks.push(doctor::quota(name, &raw.quota(service, code).await));
    }
    checks
}

async fn of_base(survey: &Survey<'_>, family: &str) -> [Check; 2] {
    let found = survey.base().await;
    let judged = match &found {
        Ok(Some(base)) => Ok(Some((
            print::short(base.arn().unwrap_or_default()).to_owned(),
            survey.preflight(base).await,
        ))),
        Ok(None) => Ok(None),
        Err(why) => Err(why.clone()),
    };
    let roles = found.map(|base| base.map(|base| survey.roles(&base)));
    [doctor::base(family, &judged), doctor::roles(&roles)]
}

async fn of_releases(survey: &Survey<'_>) -> [Check; 2] {
    let releases = survey.releases().await;
    let rollout: Read<_> = match &releases {
        Ok((pointer, _)) => survey.rollout(pointer).await,
        Err(why) => Err(why.clone()),
    };
    [doctor::releases(&releases), doctor::rollout(&rollout)]
}

fn text(paper: &Paper, checks: &[Check]) -> String {
    let mut table = Table::new(&[
        Column::whole("CHECK"),
        Column::whole("HEALTH"),
        Column::cut("FOUND", 20),
        Column::cut("WHAT TO DO", 20),
    ]);
    for check in checks {
        let (word, tone, found, fix) = match &check.health {
            Health::Ok { found } => ("ok", Tone::Good, found.as_str(), ""),
            Health::Warning { found, fix } => ("warning", Tone::Busy, found.as_str(), fix.as_str()),
            Health::Failed { found, fix } => ("failed", Tone::Bad, found.as_str(), fix.as_str()),
            Health::NotChecked { why } => ("not checked", Tone::Quiet, why.as_str(), ""),
        };
        table.row([
            Cell::from(check.subject.as_str()),
            Cell::new(word, tone),
            Cell::from(found),
            Cell::new(fix, Tone::Strong),
        ]);
    }
    table.text(paper)
}

//! Metrics: CloudWatch's embedded metric format, one line of JSON on standard output per event.
//!
//! A line costs no call; CloudWatch Logs makes the metrics of it ("Specification: Embedded metric format"). There is no
//! dimension for a tenant: a hundred thousand tenants would be as many metrics.

use std::fmt;
use std::io::Write;

use berth_core::tenant::TenantId;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

use crate::settings::Variables;

/// The target of events that are metrics; whoever subscribes prints their `line` as it is.
pub const TARGET: &str = "berth::metrics";

/// The namespace of all metrics.
const NAMESPACE: &str = "Berth";

/// The metrics that `template.yaml` has alarms on.
pub const ALARMED: [&str; 8] = [
    RUNNING,
    SWEEP_REFUSED,
    SWEEP_INCOMPLETE,
    STARTS_LATE,
    STOPS_LATE,
    STOP_SECONDS,
    ROLLOUT_PAUSED,
    RELEASE_REJECTED,
];

/// How many tenants a sweep saw that accept heartbeats. That there is one says that a sweep has ended.
pub const RUNNING: &str = "Running";

/// Whether a sweep found more idle than is believable.
pub const SWEEP_REFUSED: &str = "SweepRefused";

/// Whether a sweep did not see the whole fleet.
pub const SWEEP_INCOMPLETE: &str = "SweepIncomplete";

/// How many tenants are past the deadline of their start.
pub const STARTS_LATE: &str = "StartsLate";

/// How many tenants are past the deadline of their stop.
pub const STOPS_LATE: &str = "StopsLate";

/// How long a stop took, from its claim to the proof that every task is STOPPED.
pub const STOP_SECONDS: &str = "StopSeconds";

/// Whether the newest rollout waits for an operator.
pub const ROLLOUT_PAUSED: &str = "RolloutPaused";

/// Whether the newest base is a release that was rejected.
pub const RELEASE_REJECTED: &str = "ReleaseRejected";

/// Where metrics are sent from.
#[derive(Clone, Debug)]
pub struct Telemetry {
    stack: String,
}

/// What a metric is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// `Unit` of the `PutMetricData` model.
    fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
        }
    }
}

/// The name, unit and value of one metric.
pub type Metric = (&'static str, Unit, f64);

impl Telemetry {
    /// Of the stack that the variables name.
    pub fn new(variables: &Variables) -> Self {
        let stack = variables.optional("BERTH_STACK").unwrap_or("berth").to_owned();
        Self { stack }
    }

    /// Tells metrics; the tenant that they are about, if they are about one, is a property of the line and no dimension.
    pub fn tell(&self, now: Timestamp, tenant: Option<&TenantId>, metrics: &[Metric]) {
        let line = self.line(now, tenant, metrics);
        tracing::info!(target: TARGET, line = %line);
    }

    fn line(&self, now: Timestamp, tenant: Option<&TenantId>, metrics: &[Metric]) -> Value {
        let names: Vec<Value> = metrics
            .iter()
            .map(|(name, unit, _)| json!({ "Name": name, "Unit": unit.as_str() }))
            .collect();
        let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [["stack"]], "Metrics": names });
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({ "Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive] }),
        );
        line.insert("stack".to_owned(), self.stack.clone().into());
        line.extend(tenant.map(|tenant| ("tenant".to_owned(), tenant.as_str().into())));
        line.extend(
            metrics
                .iter()
                .map(|(name, _, value)| ((*name).to_owned(), json!(value))),
        );
        Value::Object(line)
    }
}

/// Writes metrics as the lines that they are.
#[derive(Debug)]
pub struct MetricLines<W>(pub W);

impl<S, W> Layer<S> for MetricLines<W>
where
    S: Subscriber,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Line(self.0.make_writer()));
    }
}

struct Line<W>(W);

impl<W: Write> Visit for Line<W> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "line" {
            // There is nobody left to tell if standard output is gone.
            let _ = writeln!(self.0, "{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_metric_is_written_as_a_line_of_json_and_nothing_else() {
        let written = Written::default();
        let shared = written.clone();
        let subscriber = tracing_subscriber::registry().with(MetricLines(move || shared.clone()));
        let telemetry = Telemetry::new(&Variables::default());
        tracing::subscriber::with_default(subscriber, || {
            telemetry.tell(Timestamp::UNIX_EPOCH, None, &[("Idle", Unit::Count, 3.0)]);
        });
        let lines = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(lines.trim_end()).unwrap();
        assert_eq!((&line["Idle"], &line["stack"]), (&json!(3.0), &json!("berth")));
    }

    #[test]
    fn s6_a_line_is_in_the_embedded_metric_format_and_a_tenant_is_no_dimension() {
        let telemetry = Telemetry {
            stack: "harbour".to_owned(),
        };
        let (now, tenant) = (Timestamp::UNIX_EPOCH, "acme".parse().unwrap());
        let line = telemetry.line(now, Some(&tenant), &[(STOP_SECONDS, Unit::Seconds, 42.5)]);
        let expected = json!({
            "_aws": {"Timestamp": 0, "CloudWatchMetrics": [{
                "Namespace": "Berth", "Dimensions": [["stack"]], "Metrics": [{"Name": "StopSeconds", "Unit": "Seconds"}],
            }]},
            "stack": "harbour", "tenant": "acme", "StopSeconds": 42.5,
        });
        assert_eq!(line, expected);
    }
}

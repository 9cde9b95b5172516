//! What every function does before its first event: logging, metrics, the SDK's configuration, a time budget per call.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use crate::settings::{SettingsError, Variables};
use crate::telemetry::{self, MetricLines};

/// The longest that one attempt of a call may take. The SDK has no limit of its own, and a socket that died while the
/// sandbox was frozen would otherwise hold an invocation until its timeout.
const ATTEMPT: Duration = Duration::from_secs(2);

/// The longest that a call may take with its retries; well inside the shortest function timeout (10 s).
const OPERATION: Duration = Duration::from_secs(7);

/// Logging and settings of this process, and the one SDK configuration that all its clients share.
pub async fn start() -> Result<(SdkConfig, Variables), SettingsError> {
    let variables = Variables::from_environment();
    log_to_stdout(variables.parsed("BERTH_LOG_LEVEL", LevelFilter::INFO)?);
    let tls = tls::Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http);
    Ok((with_budget(config).load().await, variables))
}

/// Three attempts with a short back-off, each and all of them bounded.
fn with_budget(config: aws_config::ConfigLoader) -> aws_config::ConfigLoader {
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50));
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    config.retry_config(retries).timeout_config(timeouts)
}

/// One JSON object per line on standard output, which is what `CloudWatch` Logs Insights reads. Metrics are lines of their
/// own, whatever the level.
fn log_to_stdout(level: LevelFilter) {
    let is_metric = |metadata: &tracing::Metadata<'_>| metadata.target() == telemetry::TARGET;
    let log = fmt::layer()
        .json()
        .with_current_span(true)
        .with_span_list(false)
        .without_time()
        .flatten_event(true)
        .with_filter(level.and(filter_fn(move |metadata| !is_metric(metadata))));
    let metrics = MetricLines(std::io::stdout).with_filter(filter_fn(is_metric));
    registry().with(log).with(metrics).init();
}

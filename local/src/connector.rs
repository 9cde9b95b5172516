//! The AWS SDK, connected to a [`Cloud`] in this process: its HTTP client, its time and its sleep.
//!
//! No socket, no thread and no wall clock: a call is answered at the cloud's present moment, and a sleep lasts until the
//! cloud's time has moved on.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use jiff::Timestamp;

use crate::cloud::{Answer, Cloud};

/// How long an SDK call that polls waits before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A cloud that the functions and the world outside share, and those who sleep by its clock.
#[derive(Clone)]
pub struct Shared {
    cloud: Arc<Mutex<Cloud>>,
    sleepers: Arc<Mutex<Sleepers>>,
}

#[derive(Default)]
struct Sleepers {
    last: u64,
    waiting: BTreeMap<(Timestamp, u64), Option<Waker>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Shared")
    }
}

/// A lock that a panicking thread has left is taken over: each change of what it guards is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Shares this cloud.
    pub fn new(cloud: Cloud) -> Self {
        Self {
            cloud: Arc::new(Mutex::new(cloud)),
            sleepers: Arc::default(),
        }
    }

    /// The cloud, until the guard is dropped.
    pub fn cloud(&self) -> MutexGuard<'_, Cloud> {
        lock(&self.cloud)
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.cloud().now()
    }

    /// When the next sleeper is to be woken.
    pub fn next_wake(&self) -> Option<Timestamp> {
        lock(&self.sleepers).waiting.keys().next().map(|(at, _)| *at)
    }

    /// Wakes all whose time has come.
    pub fn wake(&self, now: Timestamp) {
        let mut sleepers = lock(&self.sleepers);
        let later = sleepers.waiting.split_off(&(now, u64::MAX));
        for waker in std::mem::replace(&mut sleepers.waiting, later).into_values().flatten() {
            waker.wake();
        }
    }

    /// Ends when the cloud's clock has moved on by `span`.
    pub fn sleep(&self, span: Duration) -> impl Future<Output = ()> + Send + Sync + 'static {
        let until = self.now().checked_add(span).unwrap_or(Timestamp::MAX);
        let mut sleepers = lock(&self.sleepers);
        sleepers.last += 1;
        let key = (until, sleepers.last);
        sleepers.waiting.insert(key, None);
        Nap {
            shared: self.clone(),
            key,
        }
    }

    /// An SDK configuration whose calls this cloud answers. Attempts have no time limit, because no time passes in them.
    pub fn sdk_config(&self, region: &str) -> SdkConfig {
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(Duration::from_millis(50));
        let credentials = Credentials::new("local", "local", None, None, "berth");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(SharedHttpClient::new(self.clone()))
            .time_source(SharedTimeSource::new(self.clone()))
            .sleep_impl(SharedAsyncSleep::new(self.clone()))
            .retry_config(retries)
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build()
    }

    async fn answer(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
        let request = Request::from_parts(head, body);
        let asked_at = self.now();
        loop {
            let answer = self.cloud().call(&request, asked_at);
            match answer {
                Answer::Now(response) => return to_sdk(response),
                Answer::Waits { .. } => self.sleep(LOOK_AGAIN).await,
            }
        }
    }
}

fn to_sdk(response: Response<bytes::Bytes>) -> Result<HttpResponse, ConnectorError> {
    HttpResponse::try_from(response.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
}

impl HttpConnector for Shared {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().answer(request))
    }
}

impl HttpClient for Shared {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl TimeSource for Shared {
    fn now(&self) -> SystemTime {
        SystemTime::from(Shared::now(self))
    }
}

impl AsyncSleep for Shared {
    fn sleep(&self, span: Duration) -> Sleep {
        Sleep::new(Shared::sleep(self, span))
    }
}

struct Nap {
    shared: Shared,
    key: (Timestamp, u64),
}

impl Future for Nap {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.shared.now() >= self.key.0 {
            return Poll::Ready(());
        }
        lock(&self.shared.sleepers)
            .waiting
            .insert(self.key, Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Nap {
    fn drop(&mut self) {
        lock(&self.shared.sleepers).waiting.remove(&self.key);
    }
}

//! The AWS SDK, connected to a [`Cloud`] in this process: its HTTP client, its time and its sleep.
//!
//! No socket, no thread and no wall clock: a call is answered at the cloud's present moment, and a sleep lasts until the
//! cloud's time has moved on.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
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
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::cloud::{Answer, Cloud};

/// How long an SDK call that polls waits before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A cloud that the functions and the world outside share, and those who sleep by its clock.
#[derive(Clone)]
pub struct Shared {
    cloud: Arc<Mutex<Cloud>>,
    sleepers: Arc<Mutex<Sleepers>>,
    calling: Arc<AtomicU64>,
    door: Option<mpsc::UnboundedSender<Held>>,
}

/// A call of the SDK that waits for somebody to decide when it is done and what its caller is told.
#[derive(Debug)]
pub struct Held {
    /// The invocation that makes it.
    pub caller: u64,
    /// The call.
    pub request: Request<Bytes>,
    /// Where the answer goes. It is closed once the caller is gone.
    pub reply_to: oneshot::Sender<Result<Response<Bytes>, NoAnswer>>,
}

/// A call to which no answer came. Whether it took effect, its caller cannot know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer came in time")]
pub struct NoAnswer;

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
            calling: Arc::default(),
            door: None,
        }
    }

    /// Shares this cloud, but does none of the SDK's calls: each is handed out, to be answered by whoever receives it. The
    /// SDK retries nothing, so that each attempt is handed out.
    pub fn held_back(cloud: Cloud) -> (Self, mpsc::UnboundedReceiver<Held>) {
        let (door, calls) = mpsc::unbounded_channel();
        let shared = Self {
            door: Some(door),
            ..Self::new(cloud)
        };
        (shared, calls)
    }

    /// Says of which invocation the next calls are.
    pub fn calls_are_of(&self, invocation: u64) {
        self.calling.store(invocation, Ordering::Relaxed);
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
        let retries = match &self.door {
            Some(_) => RetryConfig::disabled(),
            None => RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(50)),
        };
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
        if let Some(door) = &self.door {
            return self.hold(door, request).await;
        }
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

impl Shared {
    async fn hold(
        &self,
        door: &mpsc::UnboundedSender<Held>,
        request: Request<Bytes>,
    ) -> Result<HttpResponse, ConnectorError> {
        let (reply_to, reply) = oneshot::channel();
        let caller = self.calling.load(Ordering::Relaxed);
        let held = Held {
            caller,
            request,
            reply_to,
        };
        // Nobody receives it only when the world ends, and then nobody waits for the answer either.
        let _ = door.send(held);
        match reply.await.unwrap_or(Err(NoAnswer)) {
            Ok(response) => to_sdk(response),
            Err(no_answer) => Err(ConnectorError::timeout(no_answer.into())),
        }
    }
}

fn to_sdk(response: Response<Bytes>) -> Result<HttpResponse, ConnectorError> {
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

/// A clock that need not be right.
#[derive(Clone, Debug)]
pub struct Clock {
    shared: Shared,
    off_by_ms: Arc<AtomicI64>,
}

impl Clock {
    /// One that is right.
    pub fn of(shared: &Shared) -> Self {
        Self {
            shared: shared.clone(),
            off_by_ms: Arc::default(),
        }
    }

    /// From now on it is off by so much: ahead, or behind if that is negative.
    pub fn set(&self, off_by: SignedDuration) {
        let millis = i64::try_from(off_by.as_millis()).unwrap_or_default();
        self.off_by_ms.store(millis, Ordering::Relaxed);
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        let off_by = SignedDuration::from_millis(self.off_by_ms.load(Ordering::Relaxed));
        self.shared.now().checked_add(off_by).unwrap_or(Timestamp::MAX)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::from(Clock::now(self))
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

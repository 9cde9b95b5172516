//! A small Lambda Runtime API: hands a function process its events and takes its answers.
//!
//! "Using the Lambda runtime API for custom runtimes": `GET …/invocation/next`, `POST …/invocation/{id}/response`,
//! `POST …/invocation/{id}/error`.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Notify, mpsc};

/// How a function answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It returned this.
    Response(Value),
    /// It failed with this.
    Error(Value),
}

/// A function process that takes events from this Runtime API.
pub struct Function {
    /// Killed when this is dropped.
    _process: Child,
    queue: Arc<Queue>,
    answers: mpsc::UnboundedReceiver<Answer>,
}

#[derive(Default)]
struct Queue {
    events: Mutex<VecDeque<Value>>,
    more: Notify,
}

/// How long a function may take to answer before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

impl Function {
    /// Starts a function binary with this environment and nothing else of ours.
    pub async fn start(binary: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let queue = Arc::new(Queue::default());
        let (sender, answers) = mpsc::unbounded_channel();
        tokio::spawn(serve(listener, Arc::clone(&queue), sender));
        let process = Command::new(binary)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", binary.file_name().unwrap())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "test")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "test")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            _process: process,
            queue,
            answers,
        }
    }

    /// Hands the function an event and waits for its answer.
    pub async fn invoke(&mut self, event: Value) -> Answer {
        self.queue.events.lock().unwrap().push_back(event);
        self.queue.more.notify_one();
        tokio::time::timeout(PATIENCE, self.answers.recv())
            .await
            .expect("an answer in time")
            .expect("a process")
    }
}

async fn serve(listener: TcpListener, queue: Arc<Queue>, answers: mpsc::UnboundedSender<Answer>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (queue, answers) = (Arc::clone(&queue), answers.clone());
        let service = service_fn(move |request| {
            let (queue, answers) = (Arc::clone(&queue), answers.clone());
            async move { respond(request, &queue, &answers).await }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

async fn respond(
    request: Request<Incoming>,
    queue: &Queue,
    answers: &mpsc::UnboundedSender<Answer>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    if request.method() == Method::GET && path.ends_with("/invocation/next") {
        return Ok(invocation(&next(queue).await));
    }
    let body = request.into_body().collect().await?.to_bytes();
    let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let answer = if path.ends_with("/response") {
        Answer::Response(value)
    } else {
        Answer::Error(value)
    };
    // The receiver is gone once the test is over.
    let _ = answers.send(answer);
    Ok(Response::builder()
        .status(StatusCode::ACCEPTED)
        .body(Full::default())
        .unwrap())
}

async fn next(queue: &Queue) -> Value {
    loop {
        if let Some(event) = queue.events.lock().unwrap().pop_front() {
            return event;
        }
        queue.more.notified().await;
    }
}

fn invocation(event: &Value) -> Response<Full<Bytes>> {
    let deadline = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + PATIENCE;
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:test",
        )
        .body(Full::new(Bytes::from(event.to_string())))
        .unwrap()
}

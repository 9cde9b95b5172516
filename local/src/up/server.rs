//! Sockets: requests come in here, become commands, and their answers go out.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::page;
use crate::engine::ReplyTo;

/// The largest body that is read: what `DynamoDB` takes in one call, and more than any other service here.
const LARGEST_BODY: usize = 17 * 1024 * 1024;

/// A request from outside, and where its answer goes.
#[derive(Debug)]
pub(super) enum Command {
    /// For the HTTP API.
    Api(Request<Bytes>, ReplyTo),
    /// For the control API.
    Control(Request<Bytes>, ReplyTo),
    /// For an AWS service.
    Aws(Request<Bytes>, ReplyTo),
    /// From somebody who wants to be told what changes.
    Watch(oneshot::Sender<mpsc::Receiver<Bytes>>),
}

/// Which of the two ports a listener is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Door {
    /// The HTTP API and `/_local`.
    Api,
    /// The AWS endpoint.
    Aws,
}

impl Door {
    fn command(self, request: Request<Bytes>, reply_to: ReplyTo) -> Command {
        match self {
            Self::Aws => Command::Aws(request, reply_to),
            Self::Api if request.uri().path().starts_with("/_local") => Command::Control(request, reply_to),
            Self::Api => Command::Api(request, reply_to),
        }
    }
}

/// A port that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}; is another `berth up` running? choose another port with {flag}")]
pub struct BindError {
    address: SocketAddr,
    flag: &'static str,
    error: std::io::Error,
}

/// Listens on a port of the loopback interface; 0 is any that is free.
pub(super) async fn listen(port: u16, flag: &'static str) -> Result<TcpListener, BindError> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpListener::bind(address)
        .await
        .map_err(|error| BindError { address, flag, error })
}

/// Serves a port until it is dropped.
pub(super) async fn serve(listener: TcpListener, door: Door, commands: mpsc::UnboundedSender<Command>) {
    let commands = Rc::new(commands);
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // Small answers must not wait for each other; a socket that refuses works without.
        let _ = stream.set_nodelay(true);
        while connections.try_join_next().is_some() {}
        let commands = Rc::clone(&commands);
        connections.spawn_local(async move {
            let service = service_fn(move |request| answer(request, door, Rc::clone(&commands)));
            // A connection that breaks is the client's affair.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Whole, or as it comes.
type Body = UnsyncBoxBody<Bytes, Infallible>;

async fn answer(
    request: Request<Incoming>,
    door: Door,
    commands: Rc<mpsc::UnboundedSender<Command>>,
) -> Result<Response<Body>, Infallible> {
    if let Door::Api = door {
        if let Some(file) = page::answer(&request) {
            return Ok(whole(file));
        }
        if request.method() == Method::GET && request.uri().path() == "/_local/stream" {
            return Ok(watch(&commands).await);
        }
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return Ok(plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too large, or did not arrive",
        ));
    };
    let (reply_to, reply) = oneshot::channel();
    let command = door.command(Request::from_parts(head, body.to_bytes()), reply_to);
    if commands.send(command).is_err() {
        return Ok(plain(StatusCode::SERVICE_UNAVAILABLE, "berth is ending"));
    }
    Ok(reply
        .await
        .map_or_else(|_| plain(StatusCode::SERVICE_UNAVAILABLE, "berth is ending"), whole))
}

/// What changes, as it changes, for as long as somebody listens.
async fn watch(commands: &mpsc::UnboundedSender<Command>) -> Response<Body> {
    let (reply_to, reply) = oneshot::channel();
    let asked = commands.send(Command::Watch(reply_to));
    let (Ok(()), Ok(news)) = (asked, reply.await) else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "berth is ending");
    };
    let frames = stream::unfold(news, async |mut news| {
        let message = news.recv().await?;
        Some((Ok(Frame::data(message)), news))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    response
        .headers_mut()
        .extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(|bytes| Full::new(bytes).boxed_unsync())
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    whole(response)
}

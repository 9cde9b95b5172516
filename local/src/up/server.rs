//! Sockets: requests come in here, become commands, and their answers go out.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

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

async fn answer(
    request: Request<Incoming>,
    door: Door,
    commands: Rc<mpsc::UnboundedSender<Command>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
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
    Ok(reply.await.map_or_else(
        |_| plain(StatusCode::SERVICE_UNAVAILABLE, "berth is ending"),
        |reply| reply.map(Full::new),
    ))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

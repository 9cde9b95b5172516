//! Serves a world over HTTP on loopback: `cargo run -p berth-fargate --example serve -- [port] [seed]`.
//!
//! Point any SDK at it with `AWS_ENDPOINT_URL=http://127.0.0.1:4566`. Time stands still between calls; it passes when
//! `POST /_local/clock` says so. Under `/_local` are also `GET /events?after=N`, `POST /faults`, `POST /images`,
//! `POST /interruptions` and `POST /delivery`.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_fargate::{Behaviour, Config, Delivery, Interruption, World};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

/// The world and the events that it has emitted, with their numbers.
struct Served {
    world: World,
    events: Vec<Value>,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(4566), |text| text.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    let served = Arc::new(Mutex::new(Served {
        world: World::new(Config::new(seed, start)),
        events: Vec::new(),
    }));
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("http://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let (stream, served) = (stream?, Arc::clone(&served));
        std::thread::spawn(move || {
            if let Err(error) = converse(stream, &served) {
                eprintln!("a connection ended: {error}");
            }
        });
    }
    Ok(())
}

/// Answers the requests of one connection until it is closed.
fn converse(stream: TcpStream, served: &Mutex<Served>) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader, &mut writer)? {
        let response = served.lock().unwrap_or_else(PoisonError::into_inner).answer(&request);
        write_response(&mut writer, &response)?;
    }
    Ok(())
}

fn read_request(reader: &mut impl BufRead, writer: &mut impl Write) -> Result<Option<Request<Bytes>>, Failure> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = words.next().zip(words.next()).ok_or("not a request line")?;
    let mut builder = Request::builder().method(method).uri(target);
    let (mut length, mut expects) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
        expects |= name.eq_ignore_ascii_case("expect");
        builder = builder.header(name, value.trim());
    }
    if expects {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(builder.body(Bytes::from(body))?))
}

fn write_response(writer: &mut impl Write, response: &Response<Bytes>) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    write!(bytes, "HTTP/1.1 {}\r\n", response.status())?;
    for (name, value) in response.headers() {
        write!(bytes, "{name}: {}\r\n", value.to_str()?)?;
    }
    if response.status() != StatusCode::NO_CONTENT {
        write!(bytes, "content-length: {}\r\n", response.body().len())?;
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(response.body());
    writer.write_all(&bytes)?;
    Ok(())
}

impl Served {
    fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let Some(path) = request.uri().path().strip_prefix("/_local") else {
            return self.world.call(request);
        };
        let answer = match path {
            "/events" => self.events_after(request.uri().query().unwrap_or_default()),
            _ => self.control(path, request.body()),
        };
        let (status, body) = match answer {
            Ok(body) => (StatusCode::OK, body),
            Err(error) => (StatusCode::BAD_REQUEST, json!({"error": error.to_string()})),
        };
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = status;
        response
    }

    fn events_after(&mut self, query: &str) -> Result<Value, Failure> {
        let after = query.strip_prefix("after=").map_or(Ok(0), str::parse::<usize>)?;
        self.events.extend(self.world.take_events());
        let numbered = self.events.iter().zip(1..).skip(after);
        let events: Vec<_> = numbered
            .map(|(event, seq): (_, u64)| json!({"seq": seq, "event": event}))
            .collect();
        Ok(json!({"events": events}))
    }

    fn control(&mut self, path: &str, body: &[u8]) -> Result<Value, Failure> {
        let body: Value = serde_json::from_slice(body)?;
        let text = |name: &str| {
            body.get(name)
                .and_then(Value::as_str)
                .ok_or_else(|| format!("{name} is missing"))
        };
        let number = |name: &str| body.get(name).and_then(Value::as_f64);
        match path {
            "/clock" => {
                let seconds = number("advance_seconds").ok_or("advance_seconds is missing")?;
                self.world
                    .advance_to(self.world.now() + Duration::try_from_secs_f64(seconds)?);
                self.events.extend(self.world.take_events());
            }
            "/faults" => {
                let count = body.get("count").and_then(Value::as_u64).ok_or("count is missing")?;
                self.world
                    .set_fault(text("service")?, text("action")?, text("error")?, u32::try_from(count)?);
            }
            "/images" => self
                .world
                .set_image(text("image")?, text("behaviour")?.parse::<Behaviour>()?),
            "/interruptions" => {
                let kind = if text("kind")? == "spot" {
                    Interruption::Spot
                } else {
                    Interruption::Retirement
                };
                self.world.interrupt(text("task")?, kind)?;
            }
            "/delivery" => {
                let rate = |name: &str| number(name).unwrap_or(0.0);
                self.world.set_delivery(Delivery {
                    duplicate: rate("duplicate"),
                    delay: rate("delay"),
                    lose: rate("lose"),
                    longest_delay: Duration::try_from_secs_f64(rate("longest_delay_seconds"))?,
                });
            }
            other => return Err(format!("{other} is not known").into()),
        }
        Ok(json!({"now": self.world.now().to_string()}))
    }
}

//! The whole system in this process, every call of its functions seen, and any of them made to go wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use berth::cloud::{Answer, Behaviour, Call, Cloud, Config, Delivery, Interruption, Service, StackStatus};
use berth::connector::{Held, NoAnswer, Shared};
use berth::engine::{BASE_STACK, Engine, Settings, ask, s3};
use berth::template::Function;
use berth_core::definition::strip_response_only;
use berth_core::tenant::{Phase, Tenant, phase};
use bytes::Bytes;
use http::{Method, Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// It is refused with this code, and not done.
    Refused(&'static str),
    /// It is refused in these words: a code and a message.
    Says(&'static str, &'static str),
    /// It is done, and its answer is lost.
    ReplyLost,
    /// It is done, and its invocation ends there.
    CrashAfter,
}

/// A call that was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// When.
    pub(crate) at: Timestamp,
    /// By which function.
    pub(crate) function: Function,
    /// For which tenant, if the invocation was about one.
    pub(crate) tenant: Option<String>,
    /// Which call.
    pub(crate) call: Call,
    /// What was asked.
    pub(crate) body: Value,
    /// By which invocation.
    pub(crate) invocation: u64,
    /// How many of DynamoDB's request units it took, in thousandths.
    pub(crate) units: u64,
}

impl Made {
    /// The call in short: the action and, of DynamoDB's, the table and the kind of row.
    pub(crate) fn short(&self) -> String {
        let action = &self.call.action;
        let Some(table) = self.body.get("TableName").and_then(Value::as_str) else {
            return action.clone();
        };
        let table = table.trim_start_matches("berth-").trim_end_matches("Table");
        let kind = self.body.pointer("/Key/kind/S").or(self.body.pointer("/Item/kind/S"));
        let kind = kind.or(self.body.pointer("/ExpressionAttributeValues/:kind/S"));
        let kind = kind.and_then(Value::as_str).map_or(String::new(), |kind| {
            format!(" {}", kind.split('#').next().unwrap_or_default())
        });
        format!("{action} {table}{kind}")
    }
}

/// The bucket of templates and bundles.
const ASSETS: &str = "berth-assetsbucket";

/// The image of the container that delivers.
pub(crate) const DELIVERS: &str = "public.ecr.aws/berth/deliver:1";

type Order = Box<dyn FnMut(&Made) -> Option<Fate>>;

/// A deployed system with a promoted base, and nobody living in it yet.
pub(crate) struct Stand {
    pub(crate) engine: Engine,
    calls: UnboundedReceiver<Held>,
    orders: Vec<Order>,
    about: BTreeMap<u64, String>,
    /// Every call of the functions, in order.
    pub(crate) log: Vec<Made>,
}

impl Stand {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With these values for parameters of the template.
    pub(crate) fn with(parameters: &[(&str, &str)]) -> Self {
        let start = "2026-11-20T08:00:00Z".parse().unwrap();
        let (shared, calls) = Shared::held_back(Cloud::new(Config::new(7, start)).unwrap());
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = Settings {
            parameters: parameters.collect(),
            ..Settings::default()
        };
        let mut stand = Self {
            engine: Engine::deploy_into(shared, "us-east-1", &settings).unwrap(),
            calls,
            orders: Vec::new(),
            about: BTreeMap::new(),
            log: Vec::new(),
        };
        stand.pass(120);
        stand.log.clear();
        stand
    }

    /// Of a base that keeps nothing, so that tenants share their definitions.
    pub(crate) fn without_volume() -> Self {
        Self::without_volume_and(&[])
    }

    /// The same, with these values for other parameters.
    pub(crate) fn without_volume_and(parameters: &[(&str, &str)]) -> Self {
        let mut stand = Self::with(&[&[("WorkspaceVolume", "")], parameters].concat());
        let before = stand.promoted();
        stand.deploy(|base| {
            base["volumes"] = json!([]);
            base["containerDefinitions"][0]["mountPoints"] = json!([]);
        });
        stand.until_promoted(&before);
        stand.log.clear();
        stand
    }

    /// Of a base whose tenants may have templates: its init container delivers, and the main one waits for that.
    pub(crate) fn with_delivery() -> Self {
        let mut stand = Self::new();
        let before = stand.promoted();
        let delivers: Value = serde_json::from_str(include_str!("../../../examples/delivery/base.json")).unwrap();
        stand.deploy(|base| base["containerDefinitions"] = delivers["containerDefinitions"].clone());
        stand.until_promoted(&before);
        stand.log.clear();
        stand
    }

    /// Puts an object into the bucket of templates.
    pub(crate) fn upload(&mut self, key: &str, content: &str) {
        self.assets(Method::PUT, key, content);
    }

    /// Takes an object out of it.
    pub(crate) fn remove(&mut self, key: &str) {
        self.assets(Method::DELETE, key, "");
    }

    /// Does one call for an object of that bucket.
    pub(crate) fn assets(&mut self, method: Method, key: &str, content: &str) -> Bytes {
        let path = format!("/{ASSETS}/{key}");
        let body = Bytes::from(content.to_owned());
        s3(&mut self.engine.shared().cloud(), method, &path, body).unwrap()
    }

    /// Decides what becomes of calls, for as long as it has something to say about them.
    pub(crate) fn order(&mut self, order: impl FnMut(&Made) -> Option<Fate> + 'static) {
        self.orders.push(Box::new(order));
    }

    /// The next call of this action has this fate.
    pub(crate) fn next_call(&mut self, action: &'static str, fate: Fate) {
        let mut once = Some(fate);
        self.order(move |made| if made.call.action == action { once.take() } else { None });
    }

    /// The next call of this action by this function has this fate.
    pub(crate) fn next_call_of(&mut self, function: Function, action: &'static str, fate: Fate) {
        let mut once = Some(fate);
        self.order(move |made| {
            let meant = made.call.action == action && made.function == function;
            if meant { once.take() } else { None }
        });
    }

    /// Each call of this action has this fate, until it is mended.
    pub(crate) fn every_call(&mut self, action: &'static str, fate: Fate) {
        self.order(move |made| (made.call.action == action).then_some(fate));
    }

    /// From now on calls are what they are.
    pub(crate) fn mend(&mut self) {
        self.orders.clear();
    }

    /// Lets everything happen that is due in so many seconds.
    pub(crate) fn pass(&mut self, seconds: u64) {
        self.pass_for(Duration::from_secs(seconds));
    }

    pub(crate) fn pass_for(&mut self, span: Duration) {
        let until = self.engine.now() + span;
        loop {
            self.serve();
            let due = self.engine.next_due().filter(|due| *due < until);
            self.engine.advance_to(due.unwrap_or(until)).unwrap();
            if due.is_none() && !self.serve() {
                return;
            }
        }
    }

    /// Answers calls until no function makes another one at this moment.
    fn serve(&mut self) -> bool {
        let mut any = false;
        loop {
            self.engine.settle();
            let Ok(held) = self.calls.try_recv() else { return any };
            any = true;
            self.answer(held);
        }
    }

    fn answer(&mut self, held: Held) {
        let Held {
            caller,
            request,
            reply_to,
        } = held;
        let Some(function) = self.engine.function_of(caller).filter(|_| !reply_to.is_closed()) else {
            return;
        };
        let made = self.made(caller, function, &request);
        let fate = self.orders.iter_mut().find_map(|order| order(&made));
        let call = made.call.clone();
        self.log.push(made);
        let request = metered(&call, request);
        let answer = match fate {
            Some(Fate::Refused(code)) => Ok(Cloud::refusal(&call, code)),
            Some(Fate::Says(code, message)) => Ok(refusal(code, message)),
            Some(Fate::ReplyLost) => {
                self.perform(&request);
                Err(NoAnswer)
            }
            Some(Fate::CrashAfter) => {
                self.perform(&request);
                return self.engine.crash(caller);
            }
            None => Ok(self.perform(&request)),
        };
        drop(reply_to.send(answer));
    }

    fn made(&mut self, caller: u64, function: Function, request: &Request<Bytes>) -> Made {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        if let Some(id) = body.pointer("/Key/tenantId/S").and_then(Value::as_str) {
            self.about.entry(caller).or_insert_with(|| id.to_owned());
        }
        Made {
            at: self.engine.now(),
            function,
            tenant: self.about.get(&caller).cloned(),
            call: Call::of(request).unwrap(),
            body,
            invocation: caller,
            units: 0,
        }
    }

    fn perform(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let response = self.answered(request);
        if let Some(made) = self.log.last_mut() {
            made.units = units(&made.call, &response);
        }
        response
    }

    fn answered(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let mut cloud = self.engine.shared().cloud();
        let now = cloud.now();
        match cloud.call(request, now) {
            Answer::Now(response) => response,
            // A long poll, while which nothing else happens: it is answered as at its end.
            Answer::Waits { until } => match cloud.call(request, now - until.duration_since(now)) {
                Answer::Now(response) => response,
                Answer::Waits { until } => panic!("it waits beyond {until}"),
            },
        }
    }

    /// Asks the API, and waits for its answer.
    pub(crate) fn http(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut reply = self.ask(method, path, body, &[]);
        for _ in 0..100 {
            self.serve();
            if let Ok(response) = reply.try_recv() {
                let body = serde_json::from_slice(response.body()).unwrap_or_default();
                return (response.status().as_u16(), body);
            }
            self.pass_for(Duration::from_millis(100));
        }
        panic!("no answer to {method} {path}");
    }

    /// Asks the API without waiting for its answer.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> oneshot::Receiver<Response<Bytes>> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (reply_to, reply) = oneshot::channel();
        self.engine.http(&request.body(Bytes::from(text)).unwrap(), reply_to);
        reply
    }

    pub(crate) fn post(&mut self, path: &str) -> (u16, Value) {
        self.http("POST", path, &Value::Null)
    }

    /// A tenant as the API shows it.
    pub(crate) fn tenant(&mut self, id: &str) -> Value {
        self.http("GET", &format!("/tenants/{id}"), &Value::Null).1
    }

    /// Moves on until the tenant is in this phase and settled.
    pub(crate) fn until(&mut self, id: &str, wanted: &str) -> Value {
        for _ in 0..360 {
            let tenant = self.tenant(id);
            if tenant["phase"] == wanted && (tenant["settled"] == true || wanted == "failed") {
                return tenant;
            }
            self.pass(5);
        }
        panic!("{id} is not {wanted} after half an hour: {:#}", self.tenant(id));
    }

    /// Provisions a tenant with this overlay and waits until it runs.
    pub(crate) fn running(&mut self, id: &str, overlay: &Value) -> Value {
        let (status, answer) = self.http("PUT", &format!("/tenants/{id}"), overlay);
        assert_eq!(status, 202, "{answer}");
        self.until(id, "running")
    }

    /// A call of ECS by somebody else.
    pub(crate) fn ecs(&mut self, action: &str, input: &Value) -> Value {
        ask(&mut self.engine.shared().cloud(), Service::Ecs, action, input).unwrap()
    }

    /// The main container of the revision that a tenant was given.
    pub(crate) fn definition(&mut self, tenant: &Value) -> Value {
        let input = json!({ "taskDefinition": tenant["definitionArn"] });
        self.ecs("DescribeTaskDefinition", &input)["taskDefinition"].take()
    }

    /// Deploys a base that is the present one after this change.
    pub(crate) fn deploy(&mut self, change: impl FnOnce(&mut Value)) {
        let mut base =
            self.ecs("DescribeTaskDefinition", &json!({ "taskDefinition": "base" }))["taskDefinition"].take();
        strip_response_only(base.as_object_mut().unwrap());
        change(&mut base);
        self.ecs("RegisterTaskDefinition", &base);
        self.engine
            .shared()
            .cloud()
            .set_stack(BASE_STACK, StackStatus::UpdateComplete);
    }

    /// The release that the fleet is on.
    pub(crate) fn promoted(&mut self) -> Value {
        self.http("GET", "/releases", &Value::Null).1["promoted"].take()
    }

    /// Moves on until the fleet's pointer names another release than this one.
    pub(crate) fn until_promoted(&mut self, before: &Value) -> Value {
        for _ in 0..240 {
            let pointer = self.promoted();
            if pointer != *before && !pointer.is_null() {
                return pointer;
            }
            self.pass(30);
        }
        panic!("nothing was promoted in two hours");
    }

    /// Puts a message into the queue of reconcile; false if it is a duplicate.
    pub(crate) fn tell_reconcile(&mut self, message: &Value) -> bool {
        let queue = &self.engine.stack().function(Function::Reconcile).unwrap().mappings[0].queue;
        let now = self.engine.now();
        self.engine.shared().cloud().queues().put(queue, message, now)
    }

    /// How events of ECS arrive from now on.
    pub(crate) fn deliver(&mut self, delivery: Delivery) {
        self.engine.shared().cloud().region().set_delivery(delivery);
    }

    /// An event that this ECS did not send by itself.
    pub(crate) fn emit(&mut self, event: Value) {
        self.engine.shared().cloud().emit(event);
    }

    /// The last event that was sent of a task in this status.
    pub(crate) fn last_event(&mut self, task: &Value, status: &str) -> Value {
        let cloud = self.engine.shared().cloud();
        let of_task = |event: &Value| event["detail"]["taskArn"] == *task && event["detail"]["lastStatus"] == status;
        let told = cloud.events_after(0).map(|emitted| emitted.event.clone());
        told.filter(of_task).last().unwrap()
    }

    /// A task as ECS describes it.
    pub(crate) fn task(&mut self, arn: &str) -> Value {
        let input = json!({ "cluster": "berth", "tasks": [arn] });
        self.ecs("DescribeTasks", &input)["tasks"][0].take()
    }

    pub(crate) fn interrupt(&mut self, arn: &str, interruption: Interruption) {
        self.engine
            .shared()
            .cloud()
            .region()
            .interrupt(arn, interruption)
            .unwrap();
    }

    pub(crate) fn set_image(&mut self, image: &str, behaviour: Behaviour) {
        self.engine.shared().cloud().set_image(image, behaviour);
    }

    /// Every row of a table, without DynamoDB's types.
    pub(crate) fn rows(&mut self, table: &str) -> Vec<Value> {
        let items = self.items(table).into_iter();
        items.map(|item| plain(&json!({ "M": item }))).collect()
    }

    /// Every row of a table, as it is stored.
    pub(crate) fn items(&mut self, table: &str) -> Vec<Value> {
        let input = json!({ "TableName": format!("berth-{table}Table") });
        let found = ask(&mut self.engine.shared().cloud(), Service::DynamoDb, "Scan", &input).unwrap();
        found["Items"].as_array().unwrap().clone()
    }

    /// A tenant's row.
    pub(crate) fn row(&mut self, id: &str) -> Option<Tenant> {
        let found = self.rows("Tenants").into_iter().find(|row| row["tenantId"] == id)?;
        Some(serde_json::from_value(found).unwrap())
    }

    pub(crate) fn phase(&mut self, id: &str) -> Option<Phase> {
        self.row(id).as_ref().map(phase)
    }

    /// How many calls of this action were made.
    pub(crate) fn calls(&self, action: &str) -> usize {
        self.log.iter().filter(|made| made.call.action == action).count()
    }

    /// How many tasks of a tenant are not STOPPED.
    pub(crate) fn alive(&mut self, id: &str) -> usize {
        let mut cloud = self.engine.shared().cloud();
        let of_tenant = |name: &str| name.starts_with(&format!("t-{id}-g"));
        let tasks = cloud.region().every_task();
        tasks
            .filter(|task| !task.stopped && task.service.is_some_and(of_tenant))
            .count()
    }

    /// How many access points, services and ACTIVE revisions of tenants there are.
    pub(crate) fn things(&mut self) -> (usize, usize, usize) {
        let mut cloud = self.engine.shared().cloud();
        let region = cloud.region();
        (
            region.every_access_point().count(),
            region.every_service().count(),
            region.every_active_revision("base-user").count(),
        )
    }

    /// What is in a queue; it stays there.
    pub(crate) fn letters(&mut self, queue: &str) -> Vec<Value> {
        let url = ask(
            &mut self.engine.shared().cloud(),
            Service::Sqs,
            "GetQueueUrl",
            &json!({ "QueueName": queue }),
        );
        let input = json!({ "QueueUrl": url.unwrap()["QueueUrl"], "MaxNumberOfMessages": 10, "VisibilityTimeout": 0,
            "MessageAttributeNames": ["All"] });
        let found = ask(
            &mut self.engine.shared().cloud(),
            Service::Sqs,
            "ReceiveMessage",
            &input,
        )
        .unwrap();
        found["Messages"].as_array().cloned().unwrap_or_default()
    }
}

/// The request, asking DynamoDB to say what it takes.
fn metered(call: &Call, request: Request<Bytes>) -> Request<Bytes> {
    if call.service != Service::DynamoDb {
        return request;
    }
    request.map(|body| {
        let mut input: Value = serde_json::from_slice(&body).unwrap();
        input["ReturnConsumedCapacity"] = json!("TOTAL");
        Bytes::from(input.to_string())
    })
}

/// What DynamoDB says that a call took, in thousandths of a unit. A condition that failed took one.
fn units(call: &Call, response: &Response<Bytes>) -> u64 {
    if call.service != Service::DynamoDb {
        return 0;
    }
    let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let told = answer["ConsumedCapacity"]["CapacityUnits"].as_f64();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "units are few and not negative"
    )]
    told.map_or(1_000, |units| (units * 1_000.0).round() as u64)
}

/// What ECS answers to what it refuses.
fn refusal(code: &str, message: &str) -> Response<Bytes> {
    let body = json!({ "__type": code, "message": message }).to_string();
    Response::builder().status(400).body(Bytes::from(body)).unwrap()
}

fn plain(value: &Value) -> Value {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "M" => value
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        "L" => value.as_array().unwrap().iter().map(plain).collect(),
        "N" => serde_json::from_str(value.as_str().unwrap()).unwrap(),
        "NULL" => Value::Null,
        _ => value.clone(),
    }
}

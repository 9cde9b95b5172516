//! Plans against a small model of AWS: what they do, what they wait for, and that they come to rest.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::definition::{AccessPoint, Fingerprint};
use crate::event::{Crashes, DesiredStatus, Gate, Observed, TaskObservation, judge_observation};
use crate::release::ReleaseId;
use crate::tenant::{
    Applied, Booked, FailedDefinition, Files, Generation, Intent, LastError, Made, Order, Outlook, Overlay, Phase,
    Reason, Settled, Told, phase,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn fingerprint(kind: u8) -> Fingerprint {
    format!("{kind:064x}").parse().unwrap()
}

fn tenant() -> Tenant {
    let intent = Intent {
        state: Wanted::Running,
        generation: Generation::FIRST,
        reason: Reason::Provision,
        by: "test".to_owned(),
        at: at(0),
        release: None,
        put_down: None,
    };
    Tenant {
        tenant_id: "acme".parse().unwrap(),
        incarnation: Generation::FIRST,
        retiring: Vec::new(),
        overlay: Overlay::default(),
        overlay_version: 1,
        intent,
        made: Made::default(),
        observed: None,
        stopped: None,
        crashes: Crashes::default(),
        due_at: Some(0),
        booked: Booked::default(),
    }
}

/// For how many of its steps the model's reads may be behind, at most. A task takes longer to come up.
const LAG: usize = 5;

/// What a read may show.
#[derive(Clone, Debug, Default)]
struct Shown {
    services: Vec<(ServiceName, Service)>,
    tasks: Vec<TaskObservation>,
}

/// AWS, as far as plans see it: one service per incarnation, tasks that start and stop when told to go on, one second at
/// each step.
#[derive(Clone, Debug)]
struct Model {
    tenant: Tenant,
    goal_kind: u8,
    bad: Vec<String>,
    services: Vec<(ServiceName, Service)>,
    tasks: Vec<TaskObservation>,
    /// What there was before each of the last steps, the newest first.
    past: Vec<Shown>,
    /// How many steps reads are behind.
    behind: usize,
    /// No event tells of the tasks.
    silent: bool,
    registered: Vec<Fingerprint>,
    clock: i64,
    replacing: Replacing,
    log: Vec<&'static str>,
}

impl Model {
    fn new(replacing: Replacing) -> Self {
        Self {
            tenant: tenant(),
            goal_kind: 1,
            bad: Vec::new(),
            services: Vec::new(),
            tasks: Vec::new(),
            past: Vec::new(),
            behind: 0,
            silent: false,
            registered: Vec::new(),
            clock: 1,
            replacing,
            log: Vec::new(),
        }
    }

    fn goal(&self) -> Goal {
        if self.tenant.intent.state != Wanted::Running {
            return Goal::Down;
        }
        if let Some(standing) = self.tenant.standing_target() {
            return self.tenant.goal_of(standing);
        }
        if self.replacing == Replacing::Strict && self.tenant.made.access_point.is_none() {
            let file_system_id = "fs-00000001".parse().unwrap();
            return Goal::Up(Target::NeedsAccessPoint { file_system_id });
        }
        let (fingerprint, replacing) = (fingerprint(self.goal_kind), self.replacing);
        let release = ReleaseId::FIRST;
        self.tenant.goal_of(Target::Definition {
            fingerprint,
            release,
            replacing,
        })
    }

    fn service(&mut self, name: &ServiceName) -> &mut Service {
        if !self.services.iter().any(|(other, _)| other == name) {
            self.services.push((name.clone(), Service::Absent));
        }
        &mut self.services.iter_mut().find(|(other, _)| other == name).unwrap().1
    }

    /// What a read shows now.
    fn shown(&self) -> Shown {
        let present = || Shown {
            services: self.services.clone(),
            tasks: self.tasks.clone(),
        };
        let past = self.behind.checked_sub(1);
        past.map_or_else(present, |steps| self.past.get(steps).cloned().unwrap_or_default())
    }

    /// Plans and acts until there is nothing to do but wait.
    fn pass(&mut self) -> Next {
        let mut world = World::default();
        for _ in 0..60 {
            let next = next(&self.tenant, &self.goal(), &world);
            let Next::Do(step) = next else { return next };
            self.log.push(step.name());
            self.act(step, &mut world);
        }
        panic!("no end in sight: {:?}", self.log);
    }

    fn break_current(&mut self) {
        self.bad.push(fingerprint(self.goal_kind).to_string());
    }

    fn alive(&self) -> usize {
        self.tasks
            .iter()
            .filter(|task| task.last_status != TaskStatus::Stopped)
            .count()
    }

    fn start(&mut self, name: &ServiceName, arn: String) {
        if self.replacing == Replacing::Strict {
            assert_eq!(self.alive(), 0, "a task is started beside another: {:?}", self.log);
        }
        let running = ActiveService {
            definition_arn: arn,
            desired: 1,
            running: 0,
            pending: 1,
            deployment: DeploymentState::InProgress,
        };
        *self.service(name) = Service::Active(running);
    }

    fn act(&mut self, step: Step, world: &mut World) {
        match step {
            Step::LookAtService(name) => {
                let mut shown = self.shown().services.into_iter();
                let found = shown.find(|(other, _)| *other == name);
                let service = found.map_or(Service::Absent, |(_, service)| service);
                world.with_look(service, self.tenant.made.told.as_ref(), at(self.clock));
            }
            Step::LookAtTasks(_) => {
                let tasks = self.shown().tasks;
                world.with_tasks(tasks.clone(), &self.tenant, at(self.clock));
                self.observe(tasks.last());
            }
            Step::LookAtDefinition(wanted) => {
                let known = self.registered.contains(&wanted);
                world.definition = Some(if known {
                    Definition::Registered(wanted.to_string())
                } else {
                    Definition::Absent
                });
            }
            Step::LookAtOwnDefinitions(_) => {
                world.own_definitions = Some(self.registered.iter().map(ToString::to_string).collect());
            }
            Step::CreateAccessPoint {
                file_system_id,
                incarnation,
            } => {
                let access_point_id = "fsap-00000001".parse().unwrap();
                let place = AccessPoint {
                    file_system_id,
                    access_point_id,
                };
                self.tenant.made.access_point = Some(Files { place, incarnation });
            }
            Step::Register(wanted) => {
                self.registered.push(wanted);
                world.definition = Some(Definition::Registered(wanted.to_string()));
            }
            Step::CreateService { name, definition_arn } | Step::Run { name, definition_arn } => {
                self.start(&name, definition_arn.clone());
                world.with_service(self.service(&name).clone());
                world.told = Some(definition_arn);
            }
            Step::Stop(name) => {
                if let Service::Active(service) = self.service(&name) {
                    service.desired = 0;
                }
                let answer = self.service(&name).clone();
                world.with_emptied(answer, at(self.clock));
            }
            Step::ConfirmStop(at) => {
                let order = Order::Stop;
                self.tenant.made.told = Some(Told { order, at });
            }
            Step::OpenActivity => world.heartbeats = Some(Heartbeats::Open),
            Step::CloseActivity => world.heartbeats = Some(Heartbeats::Closed),
            Step::Confirm(applied) => {
                self.tenant.made.service_name = Some(self.tenant.service());
                self.tenant.made.applied = Some(applied);
                if let Some(told) = world.told.clone() {
                    let (order, at) = (Order::Run(told), at(self.clock));
                    self.tenant.made.told = Some(Told { order, at });
                }
            }
            Step::MarkFailed { applied, reason } => self.tenant.made.failed.push(FailedDefinition {
                fingerprint: applied.fingerprint,
                generation: applied.generation,
                reason,
                release: Some(applied.release),
                overlay_version: Some(self.tenant.overlay_version),
            }),
            Step::Settle(proof) => self.record_proof(proof),
            Step::GiveUp(failure) => self.record_failure(failure),
            Step::DeleteService(name) => {
                *self.service(&name) = Service::Inactive;
                world.with_service(Service::Inactive);
            }
            Step::Deregister(arn) => {
                self.registered.retain(|other| other.to_string() != arn);
                world
                    .own_definitions
                    .iter_mut()
                    .for_each(|own| own.retain(|other| *other != arn));
            }
            Step::DeleteAccessPoint(_) => self.tenant.made.access_point = None,
            Step::Forget(incarnation) => {
                self.tenant.retiring.retain(|other| *other != incarnation);
                self.forget();
                *world = World::default();
            }
            Step::Bury => {
                self.tenant.made.deleted_at = Some(at(self.clock));
                self.tenant.due_at = None;
                self.forget();
            }
        }
    }

    fn record_proof(&mut self, proof: Proof) {
        if proof == Proof::Stopped && self.replacing == Replacing::Strict {
            assert_eq!(self.alive(), 0, "what is not stopped is said to be: {:?}", self.log);
        }
        let generation = self.tenant.intent.generation;
        self.tenant.made.settled = Some(Settled {
            generation,
            at: at(self.clock),
        });
        self.tenant.due_at = None;
        if let Proof::Running(applied) = proof {
            self.tenant.made.last_good = Some(applied);
        }
    }

    fn record_failure(&mut self, failure: Failure) {
        self.tenant.due_at = None;
        self.tenant.made.last_error = Some(LastError {
            generation: self.tenant.intent.generation,
            code: failure.code.to_owned(),
            message: failure.message,
            step: failure.step.to_owned(),
            attempts: 1,
            at: at(self.clock),
            outlook: Outlook::Terminal,
        });
    }

    fn forget(&mut self) {
        let (access_point, deleted_at) = (self.tenant.made.access_point.clone(), self.tenant.made.deleted_at);
        self.tenant.made = Made {
            access_point,
            deleted_at,
            ..Made::default()
        };
        self.tenant.observed = None;
    }

    /// What an event or a look says of a task goes into the row if it is newer.
    fn observe(&mut self, task: Option<&TaskObservation>) {
        let Some(task) = task else { return };
        let known = self.tenant.observed.as_ref();
        if matches!(
            judge_observation(known, task),
            Gate::First | Gate::Newer | Gate::NewTask
        ) {
            self.tenant.observed = Some(Observed::from(task));
        }
    }

    /// ECS goes on by one step: a task that should stop stops, one that should run comes up or fails.
    fn ecs(&mut self) {
        self.past.insert(
            0,
            Shown {
                services: self.services.clone(),
                tasks: self.tasks.clone(),
            },
        );
        self.past.truncate(LAG);
        self.clock += 1;
        let risen = at(self.clock - i64::try_from(LAG).unwrap());
        for task in &mut self.tasks {
            let becomes = match (task.desired_status, task.last_status.clone()) {
                (DesiredStatus::Stopped, _) => TaskStatus::Stopped,
                (_, TaskStatus::Pending) if task.created_at < risen => TaskStatus::Running,
                (_, same) => same,
            };
            change(task, becomes);
        }
        let names: Vec<ServiceName> = self.services.iter().map(|(name, _)| name.clone()).collect();
        for name in names {
            let Service::Active(mut service) = self.service(&name).clone() else {
                continue;
            };
            for task in &mut self.tasks {
                let leave = service.desired == 0 || task.definition_arn != service.definition_arn;
                if task.service == name && leave && task.last_status != TaskStatus::Stopped {
                    task.desired_status = DesiredStatus::Stopped;
                    change(task, TaskStatus::Stopping);
                }
            }
            let counted =
                |task: &&TaskObservation| matches!(task.last_status, TaskStatus::Pending | TaskStatus::Running);
            if service.desired == 1 && self.tasks.iter().filter(counted).count() == 0 {
                if self.bad.contains(&service.definition_arn) {
                    let reason = "tasks failed to start".to_owned();
                    service.deployment = DeploymentState::Failed { reason };
                } else {
                    self.tasks.push(task(&name, &service.definition_arn, self.clock));
                }
            }
            let counts = |status: TaskStatus| self.tasks.iter().filter(|task| task.last_status == status).count();
            service.running = u32::try_from(counts(TaskStatus::Running)).unwrap();
            service.pending = u32::try_from(counts(TaskStatus::Pending)).unwrap();
            *self.service(&name) = Service::Active(service);
        }
        self.tell();
    }

    /// The task that runs ends by itself; ECS will replace it.
    fn crash(&mut self) {
        let running = |task: &&mut TaskObservation| task.last_status == TaskStatus::Running;
        if let Some(task) = self.tasks.iter_mut().find(running) {
            task.desired_status = DesiredStatus::Stopped;
            change(task, TaskStatus::Stopped);
        }
        self.tell();
    }

    /// An event tells of the newest task.
    fn tell(&mut self) {
        if !self.silent {
            self.observe(self.tasks.last().cloned().as_ref());
        }
    }

    /// Passes and ECS in turn, until the plan rests.
    fn settle(&mut self) {
        (self.behind, self.silent) = (0, false);
        for _ in 0..60 {
            if self.pass() == Next::Rest {
                assert_eq!(self.pass(), Next::Rest, "planning after applying plans nothing");
                return;
            }
            self.ecs();
        }
        panic!("not at rest: {:?}", self.log);
    }

    fn intend(&mut self, state: Wanted, reason: Reason) {
        let before = self.tenant.intent.state;
        let intent = &mut self.tenant.intent;
        intent.generation = intent.generation.next();
        (intent.state, intent.reason) = (state, reason);
        self.tenant.due_at = Some(0);
        if before == Wanted::Deleted && state != Wanted::Deleted {
            if self.tenant.made.deleted_at.take().is_none() {
                self.tenant.retiring.push(self.tenant.incarnation);
            }
            self.tenant.incarnation = self.tenant.intent.generation;
        }
    }
}

fn change(task: &mut TaskObservation, status: TaskStatus) {
    if task.last_status != status {
        task.last_status = status;
        task.version += 1;
    }
}

fn task(name: &ServiceName, arn: &str, clock: i64) -> TaskObservation {
    TaskObservation {
        cluster: "c".to_owned(),
        service: name.clone(),
        task_arn: format!("task-{clock}"),
        created_at: at(clock),
        version: 1,
        last_status: TaskStatus::Pending,
        desired_status: DesiredStatus::Running,
        definition_arn: arn.to_owned(),
        deployment_id: None,
        private_ip: None,
        started_at: Some(at(clock)),
        stopped: None,
    }
}

fn settled(replacing: Replacing) -> Model {
    let mut model = Model::new(replacing);
    model.settle();
    model.log.clear();
    model.clock += 60;
    model
}

#[test]
fn p1_a_provision_makes_each_thing_once() {
    let mut model = Model::new(Replacing::Strict);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Running);
    let once = [
        "create-access-point",
        "register",
        "create-service",
        "open-activity",
        "confirm",
        "settle",
    ];
    for step in once {
        assert_eq!(
            model.log.iter().filter(|done| **done == step).count(),
            1,
            "{step}: {:?}",
            model.log
        );
    }
}

#[test]
fn a_wake_looks_at_the_service_and_its_tasks_and_nothing_else() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Stopped, Reason::Idle);
    model.settle();
    model.log.clear();
    model.intend(Wanted::Running, Reason::Wake);
    model.pass();
    assert_eq!(
        model.log,
        [
            "look-at-service",
            "look-at-tasks",
            "run",
            "open-activity",
            "confirm",
            "look-at-tasks"
        ]
    );
}

#[test]
fn e12_a_change_with_a_volume_waits_for_the_old_task_to_be_stopped() {
    let mut model = settled(Replacing::Strict);
    model.goal_kind = 2;
    model.intend(Wanted::Running, Reason::Change);
    assert_eq!(model.pass(), Next::Wait(Wait::TasksToStop(Vec::new())));
    assert!(
        model.log.contains(&"stop") && !model.log.contains(&"run"),
        "{:?}",
        model.log
    );
    model.ecs();
    assert!(
        matches!(model.pass(), Next::Wait(Wait::TasksToStop(tasks)) if tasks.len() == 1),
        "in its stop timeout"
    );
    model.ecs();
    model.pass();
    assert!(model.log.contains(&"run"), "{:?}", model.log);
}

#[test]
fn a_change_without_a_volume_is_one_update() {
    let mut model = settled(Replacing::Rolling);
    model.goal_kind = 2;
    model.intend(Wanted::Running, Reason::Change);
    model.pass();
    assert!(
        model.log.contains(&"run") && !model.log.contains(&"stop"),
        "{:?}",
        model.log
    );
}

#[test]
fn a14_a_change_that_renders_the_same_touches_no_service() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Running, Reason::Change);
    model.settle();
    assert!(
        !model
            .log
            .iter()
            .any(|step| ["run", "stop", "create-service", "register"].contains(step)),
        "{:?}",
        model.log
    );
}

#[test]
fn a_restart_stops_and_starts_even_if_nothing_changed() {
    let mut model = settled(Replacing::Strict);
    let before = model.tenant.observed.clone().unwrap().task_arn;
    model.intend(Wanted::Running, Reason::Restart);
    model.settle();
    assert_ne!(model.tenant.observed.unwrap().task_arn, before);
}

#[test]
fn e9_a_definition_that_never_started_is_given_up_and_costs_nothing() {
    let mut model = Model::new(Replacing::Strict);
    model.break_current();
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Failed);
    assert!(matches!(model.service(&model.tenant.service()), Service::Active(service) if service.desired == 0));
    model.bad.clear();
    model.intend(Wanted::Running, Reason::Retry);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Running, "a retry tries again");
}

#[test]
fn a17_a_definition_that_does_not_start_gives_way_to_the_last_good_one() {
    let mut model = settled(Replacing::Strict);
    let good = model.tenant.made.last_good.clone().unwrap();
    model.intend(Wanted::Stopped, Reason::Idle);
    model.settle();
    model.goal_kind = 2;
    model.break_current();
    model.intend(Wanted::Running, Reason::Wake);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Running);
    assert_eq!(
        model.tenant.made.applied.as_ref().unwrap().fingerprint,
        good.fingerprint
    );
    assert_eq!(model.tenant.made.failed[0].fingerprint, fingerprint(2));
    let fallen_back = |model: &Model| {
        let from = model.tenant.fell_back_from(Some(ReleaseId::FIRST));
        from.map(|failed| failed.fingerprint)
    };
    assert_eq!(fallen_back(&model), Some(fingerprint(2)), "and it can be told");
    model.log.clear();
    model.intend(Wanted::Running, Reason::Restart);
    model.settle();
    let applied: &Applied = model.tenant.made.applied.as_ref().unwrap();
    assert_eq!(
        applied.fingerprint, good.fingerprint,
        "what failed is not tried again unasked"
    );
    assert_eq!(fallen_back(&model), Some(fingerprint(2)), "nor forgotten");
    model.tenant.overlay_version += 1;
    model.goal_kind = 3;
    model.intend(Wanted::Running, Reason::Change);
    model.settle();
    assert_eq!(fallen_back(&model), None, "a change that starts is no fallback");
}

#[test]
fn e9_what_the_circuit_breaker_took_back_has_failed_even_if_nothing_was_ever_seen_to_run() {
    let mut model = settled(Replacing::Strict);
    (model.tenant.observed, model.tenant.made.last_good) = (None, None);
    model.tenant.made.settled = None;
    let rolled_back = ActiveService {
        definition_arn: "what ECS saw run, and the row did not".to_owned(),
        desired: 1,
        running: 0,
        pending: 1,
        deployment: DeploymentState::InProgress,
    };
    let world = World {
        service: Some(Service::Active(rolled_back)),
        ..World::default()
    };
    let step = next(&model.tenant, &model.goal(), &world);
    assert!(matches!(step, Next::Do(Step::MarkFailed { .. })), "{step:?}");
}

#[test]
fn p5_a_tenant_made_anew_while_the_old_one_drains_gets_a_service_of_its_own() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Deleted, Reason::Delete);
    model.pass();
    model.intend(Wanted::Running, Reason::Provision);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Running);
    assert_eq!(model.tenant.service().to_string(), "t-acme-g3");
    assert!(matches!(model.services[0].1, Service::Inactive), "the old one is gone");
}

#[test]
fn p6_a_delete_leaves_nothing() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Deleted, Reason::Delete);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Deleted);
    assert!(model.registered.is_empty() && model.tenant.made.access_point.is_none());
    assert_eq!(model.alive(), 0);
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Ecs,
    Pass,
    Intent(Wanted, Reason),
    NewDefinition,
    Break,
    Mend,
    Crash,
    Behind(usize),
    Silent(bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => Just(Event::Ecs),
        4 => Just(Event::Pass),
        1 => Just(Event::Intent(Wanted::Running, Reason::Wake)),
        1 => Just(Event::Intent(Wanted::Running, Reason::Restart)),
        1 => Just(Event::Intent(Wanted::Running, Reason::Retry)),
        1 => Just(Event::Intent(Wanted::Stopped, Reason::Sleep)),
        1 => Just(Event::Intent(Wanted::Deleted, Reason::Delete)),
        1 => Just(Event::NewDefinition),
        1 => Just(Event::Break),
        1 => Just(Event::Mend),
        1 => Just(Event::Crash),
        1 => (0..=LAG).prop_map(Event::Behind),
        1 => any::<bool>().prop_map(Event::Silent),
    ];
    proptest::collection::vec(event, 0..60)
}

proptest! {
    /// Whatever happens in whatever order: no task is started beside another, and once it ends the last intent stands.
    #[test]
    fn the_last_intent_wins(events in events(), strict in any::<bool>()) {
        let mut model = Model::new(if strict { Replacing::Strict } else { Replacing::Rolling });
        for event in events {
            match event {
                Event::Ecs => model.ecs(),
                Event::Pass => drop(model.pass()),
                Event::Intent(state, reason) => model.intend(state, reason),
                Event::NewDefinition => model.goal_kind = model.goal_kind % 3 + 1,
                Event::Break => model.break_current(),
                Event::Mend => model.bad.clear(),
                Event::Crash => model.crash(),
                Event::Behind(steps) => model.behind = steps,
                Event::Silent(silent) => model.silent = silent,
            }
        }
        model.settle();
        model.ecs(); // a rolling replacement settles on its new task while the old one still winds down
        let ended = phase(&model.tenant);
        match model.tenant.intent.state {
            Wanted::Running => prop_assert!(matches!(ended, Phase::Running | Phase::Failed), "{ended:?}"),
            Wanted::Stopped => prop_assert_eq!(ended, Phase::Stopped),
            Wanted::Deleted => prop_assert_eq!(ended, Phase::Deleted),
        }
        prop_assert_eq!(model.alive(), usize::from(ended == Phase::Running));
    }
}

/// The plan for a tenant whose service and tasks read as empty, and what it says after a look at the tasks.
fn up_from_empty(tenant: &Tenant, now: Timestamp) -> [Next; 2] {
    let target = Target::Definition {
        fingerprint: fingerprint(2),
        release: ReleaseId::FIRST,
        replacing: Replacing::Strict,
    };
    let empty = Service::Active(ActiveService {
        definition_arn: "old".to_owned(),
        desired: 0,
        running: 0,
        pending: 0,
        deployment: DeploymentState::InProgress,
    });
    let mut world = World {
        definition: Some(Definition::Registered("new".to_owned())),
        ..World::default()
    };
    world.with_look(empty, tenant.made.told.as_ref(), now);
    let goal = Goal::Up(target);
    let first = next(tenant, &goal, &world);
    world.with_tasks(Vec::new(), tenant, now);
    [first, next(tenant, &goal, &world)]
}

fn told(order: Order) -> Told {
    Told { order, at: at(1_000) }
}

/// The last moment at which a look may be behind what was told, and the first at which it is not.
fn behind_and_not() -> [Timestamp; 2] {
    let shows_at = told(Order::Stop).shows_at();
    [shows_at - std::time::Duration::from_millis(1), shows_at]
}

#[test]
fn a15_a_service_that_was_told_to_run_a_moment_ago_is_not_taken_for_empty() {
    let mut tenant = settled(Replacing::Strict).tenant;
    tenant.observed = None;
    tenant.intent.generation = tenant.intent.generation.next();
    tenant.made.told = Some(told(Order::Run("old".to_owned())));
    let (name, [behind, not]) = (tenant.service(), behind_and_not());
    assert_eq!(up_from_empty(&tenant, behind)[0], Next::Do(Step::Stop(name.clone())));
    assert_eq!(up_from_empty(&tenant, not)[0], Next::Do(Step::LookAtTasks(name)));
    assert!(matches!(up_from_empty(&tenant, not)[1], Next::Do(Step::Run { .. })));
}

#[test]
fn a15_an_empty_look_right_after_a_stop_starts_no_second_task() {
    let mut tenant = settled(Replacing::Strict).tenant;
    tenant.observed = None;
    tenant.intent.generation = tenant.intent.generation.next();
    tenant.made.told = Some(told(Order::Stop));
    let [behind, not] = behind_and_not();
    assert_eq!(up_from_empty(&tenant, behind)[1], Next::Wait(Wait::ToBeSure(not)));
    assert!(matches!(up_from_empty(&tenant, not)[1], Next::Do(Step::Run { .. })));
}

#[test]
fn a15_a_task_that_ecs_has_just_replaced_another_with_is_waited_for() {
    let mut model = settled(Replacing::Strict);
    model.crash();
    model.silent = true;
    model.ecs();
    model.intend(Wanted::Stopped, Reason::Sleep);
    assert!(matches!(model.pass(), Next::Wait(Wait::TasksToStop(_))));
    model.ecs();
    model.behind = 2;
    assert!(matches!(model.pass(), Next::Wait(Wait::ToBeSure(_))), "{:?}", model.log);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Stopped);
}

#[test]
fn a15_a_task_that_a_look_does_not_show_is_alive_as_long_as_ecs_cannot_have_forgotten_it() {
    let mut tenant = settled(Replacing::Strict).tenant;
    tenant.intent.generation = tenant.intent.generation.next();
    tenant.made.told = None;
    let seen = tenant.observed.clone().unwrap();
    let young = seen.created_at + std::time::Duration::from_secs(3_599);
    let alive = vec![seen.task_arn.clone()];
    assert_eq!(up_from_empty(&tenant, young)[1], Next::Wait(Wait::TasksToStop(alive)));
    let old = seen.created_at + std::time::Duration::from_hours(1);
    assert!(matches!(up_from_empty(&tenant, old)[1], Next::Do(Step::Run { .. })));
}

#[test]
fn a_task_that_an_event_said_to_be_stopped_is_so_whatever_a_look_shows() {
    let model = settled(Replacing::Strict);
    let (mut tenant, shown) = (model.tenant, model.tasks);
    tenant.observed.as_mut().unwrap().last_status = TaskStatus::Stopped;
    let mut world = World::default();
    world.with_tasks(shown, &tenant, at(1_000));
    assert_eq!((world.tasks, world.unlisted), (Some(Vec::new()), None));
}

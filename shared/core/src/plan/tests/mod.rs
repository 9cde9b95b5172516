//! Plans against a small model of AWS: what they do, what they wait for, and that they come to rest.

mod anything;
mod behind;
mod bundle;
mod down;
mod failing;
mod overdue;
mod tidy;
mod up;

use super::*;
use crate::definition::{AccessPoint, Fingerprint, Revision};
use crate::event::{Crashes, DesiredStatus, Gate, Observed, TaskObservation, judge_observation};
use crate::release::ReleaseId;
use crate::template::{BundleDigest, InvalidTemplate, Staged, delivery};
use crate::tenant::{
    Applied, Booked, FailedDefinition, Files, Generation, Intent, LastError, Made, Order, Outlook, Overlay, Phase,
    Reason, Settled, Told, phase,
};
use jiff::Timestamp;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn fingerprint(kind: u8) -> Fingerprint {
    format!("{kind:064x}").parse().unwrap()
}

fn bundle(kind: u8) -> BundleDigest {
    format!("{kind:064x}").parse().unwrap()
}

/// The revision that it is registered as in the model.
fn revision(fingerprint: Fingerprint) -> Revision {
    let number = u64::from_str_radix(&fingerprint.to_string(), 16).unwrap();
    let arn = format!("base-user:{number}");
    Revision { fingerprint, arn }
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
        unsettled_at: Some(at(0)),
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
    /// What a look at the template of its overlay comes to.
    template: Staged,
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
            template: Staged::Now(bundle(1)),
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
        if let Some(template) = &self.tenant.overlay.template
            && self.tenant.settled_bundle(template, at(self.clock)).is_none()
        {
            return Goal::Up(Target::NeedsBundle {
                template: template.clone(),
            });
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
        self.bad.push(revision(fingerprint(self.goal_kind)).arn);
    }

    fn alive(&self) -> usize {
        self.tasks
            .iter()
            .filter(|task| task.last_status != TaskStatus::Stopped)
            .count()
    }

    fn run(&mut self, name: &ServiceName, arn: String, world: &mut World) {
        match self.service(name) {
            // ECS takes the count, and starts nothing of what it has given up.
            Service::Active(service) if service.has_given_up(&arn) => service.desired = 1,
            _ => self.start(name, arn.clone()),
        }
        world.with_service(self.service(name).clone());
        world.told = Some(arn);
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
            Step::LookAtOwnDefinitions(_) => {
                world.own_definitions = Some(self.registered.iter().copied().map(revision).collect());
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
            Step::Stage(template) => match delivery(&self.tenant, &template, self.template.clone()) {
                Ok(bundle) => self.tenant.made.bundle = Some(bundle),
                Err(failure) => world.undeliverable = Some(failure),
            },
            Step::Register(wanted) => {
                if !self.registered.contains(&wanted) {
                    self.registered.push(wanted);
                }
                world.definition = Some(revision(wanted).arn);
            }
            Step::CreateService { name, definition_arn } | Step::Run { name, definition_arn } => {
                self.run(&name, definition_arn, world);
            }
            Step::RunAnew { name, definition_arn } => {
                *self.service(&name) = Service::Absent;
                self.run(&name, definition_arn, world);
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
            Step::Settle(proof) => {
                let before = self.tenant.made.last_good.clone();
                self.record_proof(proof);
                world.reached = Some(Reached { before });
            }
            Step::GiveUp(failure) => self.record_failure(failure),
            Step::DeleteService(name) => {
                *self.service(&name) = Service::Inactive;
                world.with_service(Service::Inactive);
            }
            Step::Deregister(gone) => {
                self.registered.retain(|other| *other != gone.fingerprint);
                let own = world.own_definitions.iter_mut();
                own.for_each(|own| own.retain(|other| *other != gone));
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
        (self.tenant.due_at, self.tenant.unsettled_at) = (None, None);
        self.tenant.made.last_error = None;
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
            // ECS starts no more tasks for a deployment that it has given up.
            let given_up = matches!(service.deployment, DeploymentState::Failed { .. });
            if service.desired == 1 && !given_up && self.tasks.iter().filter(counted).count() == 0 {
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
        private_ip: Some([10, 0, 0, 1].into()),
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

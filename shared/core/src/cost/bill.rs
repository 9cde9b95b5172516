//! From a fleet to a bill.

use super::measured::{
    ACTIVITY_ROW, ALARM_METRICS, CHANGE, DASHBOARDS, DEFINITION_ROW, Function, HEARTBEAT, IDLE_STOP, LEDGER_OF_A_NIGHT,
    METRICS, QUIET, TENANT_ROW, WAKE, WAKE_TO_RELEASE, Work,
};
use super::{Fleet, Money, Price, Prices, Quantity};

const HOURS: u128 = 730;
const MINUTES: u128 = HOURS * 60;
const SECONDS: u128 = MINUTES * 60;

/// Storage is billed in GB of 2³⁰ bytes.
const GB: u128 = 1 << 30;

/// What `DynamoDB` bills for each stored item beside its size (Developer Guide, "`DynamoDB` item sizes and formats").
const ITEM_OVERHEAD: u128 = 100;

/// A page of a scan (API Reference, `Scan`: 1 MB).
const PAGE: u128 = 1 << 20;

/// What an eventually consistent unit reads.
const EVENTUAL: u128 = 8_192;

/// What a consistent unit reads.
const CONSISTENT: u128 = 4_096;

/// How long the ledger keeps an entry, in days.
const LEDGER_DAYS: u128 = 90;

/// How many definitions of tenants with a volume a rollout registers in a minute: one a second is what ECS allows, and
/// four fifths of it are used.
const MOVES_A_MINUTE: u128 = 48;

/// How long a rollout waits for its canaries, in minutes: `bakeSeconds` of the default policy.
const BAKE_MINUTES: u128 = 10;

/// How often Lambda asks an empty queue: five pollers at once, each for twenty seconds (Lambda Developer Guide,
/// "Configuring scaling behavior for SQS event source mappings").
const EMPTY_RECEIVES_A_MINUTE: u128 = 15;

/// A message is sent, received and deleted.
const REQUESTS_A_MESSAGE: u64 = 3;

/// What AWS charges for one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// For which part of Berth's work.
    pub what: &'static str,
    /// How much.
    pub quantity: Quantity,
    /// At which price.
    pub price: Price,
    /// What that makes.
    pub money: Money,
    /// Where the quantity comes from.
    pub whence: String,
}

/// What a fleet costs in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Berth itself.
    pub berth: Vec<Line>,
    /// The tenants' containers, as long as they are awake.
    pub containers: Vec<Line>,
    /// What the containers would cost if nobody ever slept.
    pub never_asleep: Money,
}

impl Bill {
    /// What Berth itself costs.
    pub fn berth_total(&self) -> Money {
        self.berth.iter().map(|line| line.money).sum()
    }

    /// What the containers cost.
    pub fn containers_total(&self) -> Money {
        self.containers.iter().map(|line| line.money).sum()
    }

    /// What is saved by sleeping, after Berth is paid; nothing if Berth costs more than it saves.
    pub fn saved(&self) -> Money {
        self.never_asleep.less(self.containers_total() + self.berth_total())
    }
}

/// What a fleet costs in a month at these prices.
pub fn bill(fleet: &Fleet, prices: &Prices) -> Bill {
    let mut lines = Lines {
        fleet,
        prices,
        counts: Counts::of(fleet),
        invocations: 0,
        all: Vec::new(),
    };
    lines.heartbeats();
    lines.clock();
    lines.nights();
    lines.deploys();
    lines.kept();
    lines.seen();
    let running = Quantity::milli(lines.counts.running_milli);
    Bill {
        berth: lines.all,
        containers: containers(fleet, prices, running),
        never_asleep: containers(fleet, prices, Quantity::of(u128::from(fleet.tenants)))
            .iter()
            .map(|line| line.money)
            .sum(),
    }
}

fn containers(fleet: &Fleet, prices: &Prices, awake: Quantity) -> Vec<Line> {
    let (cpu, memory) = (u128::from(fleet.size.cpu()), u128::from(fleet.size.memory()));
    let hours = |per_thousand: u128| Quantity::milli(awake.as_milli() * HOURS * per_thousand / 1_024);
    let told = |amount: u128, unit: &str| format!("{awake} awake × {HOURS} h × {amount} {unit}");
    [
        (
            hours(cpu),
            prices.cpu.of(fleet.containers),
            told(cpu, "CPU units / 1,024"),
        ),
        (
            hours(memory),
            prices.memory.of(fleet.containers),
            told(memory, "MB / 1,024"),
        ),
    ]
    .map(|(quantity, price, whence)| Line {
        what: "containers",
        quantity,
        price,
        money: price.of(quantity),
        whence,
    })
    .into()
}

/// How often things happen in a month.
struct Counts {
    running_milli: u128,
    running: u128,
    heartbeats: u128,
    interval: u128,
    nights: u128,
    moves: u128,
    wakes_to_release: u128,
}

impl Counts {
    fn of(fleet: &Fleet) -> Self {
        let tenants = u128::from(fleet.tenants);
        let running_milli = tenants * fleet.active.as_milli() / 100;
        let running = Quantity::milli(running_milli).rounded();
        let interval = u128::from(fleet.heartbeat.max(fleet.held_back).as_secs().max(1));
        let nights = tenants * fleet.wakes.as_milli() * HOURS / 24 / 1_000;
        let deploys = u128::from(fleet.deploys);
        let asleep = tenants.saturating_sub(running);
        Self {
            running_milli,
            running,
            heartbeats: running_milli * SECONDS / interval / 1_000,
            interval,
            nights,
            moves: running * deploys,
            // Nobody takes up more releases than he wakes.
            wakes_to_release: (asleep * deploys).min(nights),
        }
    }
}

struct Lines<'a> {
    fleet: &'a Fleet,
    prices: &'a Prices,
    counts: Counts,
    invocations: u128,
    all: Vec<Line>,
}

impl Lines<'_> {
    fn add(&mut self, what: &'static str, quantity: Quantity, price: Price, whence: impl Into<String>) {
        if quantity > Quantity::default() {
            self.all.push(Line {
                what,
                quantity,
                price,
                money: price.of(quantity),
                whence: whence.into(),
            });
        }
    }

    fn heartbeats(&mut self) {
        let what = "heartbeats";
        let (sent, batch) = (self.counts.heartbeats, u128::from(self.fleet.batch.max(1)));
        let requests = sent.div_ceil(batch);
        let running = Quantity::milli(self.counts.running_milli);
        let whence = format!(
            "{running} running × {SECONDS} s / {} s, {batch} a request",
            self.counts.interval
        );
        self.requests(what, requests, &whence);
        let calls = if requests == 0 { 0 } else { sent };
        self.invoked(what, &[(Function::Activity, requests, calls)], &whence);
        let writes = sent * u128::from(HEARTBEAT.writes);
        let why = "each is a conditional write of a row under 1 KB";
        self.add(what, Quantity::milli(writes), self.prices.write, why);
    }

    fn clock(&mut self) {
        let what = "every minute";
        let quarters = MINUTES / 15;
        let rows = self.counts.running * u128::from(ACTIVITY_ROW);
        let pages = MINUTES * (rows / PAGE);
        let mut shares = times(&QUIET, quarters);
        shares.extend((pages > 0).then_some((Function::Watchdog, 0, pages)));
        let ticks = Quantity::of(2 * MINUTES);
        self.add(what, ticks, self.prices.schedule, "a sweep and a drive");
        self.invoked(
            what,
            &shares,
            "sweeps, drives, a look at the base each quarter of an hour",
        );
        let reads = Quantity::milli(quarters * u128::from(QUIET.reads));
        self.add(what, reads, self.prices.read, "measured with nobody there");
        let scanned = Quantity::milli(rows * 1_000 / EVENTUAL * MINUTES);
        let whence = format!("{} rows of {ACTIVITY_ROW} bytes, 8 KB a unit", self.counts.running);
        self.add("the sweep's scan", scanned, self.prices.read, whence);
        let sends = quarters * u128::from(QUIET.sends * REQUESTS_A_MESSAGE);
        let receives = Quantity::of(MINUTES * EMPTY_RECEIVES_A_MINUTE + sends);
        let why = "Lambda asks an empty queue: 5 pollers × 3 a minute";
        self.add(what, receives, self.prices.queue, why);
    }

    fn nights(&mut self) {
        let nights = self.counts.nights;
        let whence = format!(
            "{} tenants × {} a day × {HOURS} / 24",
            self.fleet.tenants, self.fleet.wakes
        );
        self.requests("wakes", nights, &whence);
        let to_release = self.counts.wakes_to_release;
        let again = format!("{nights} wakes, less those to a new release");
        self.work("wakes", &WAKE, nights - to_release, &again);
        let why = format!("the first wake after each of {} deploys", self.fleet.deploys);
        self.work("wakes to a release", &WAKE_TO_RELEASE, to_release, &why);
        self.work("idle stops", &IDLE_STOP, nights, &whence);
    }

    fn deploys(&mut self) {
        let whence = format!("{} deploys × {} running", self.fleet.deploys, self.counts.running);
        self.work("rollouts", &CHANGE, self.counts.moves, &whence);
        let minutes = BAKE_MINUTES + self.counts.running.div_ceil(MOVES_A_MINUTE);
        let drives = u128::from(self.fleet.deploys) * minutes;
        let tenants = u128::from(self.fleet.tenants) * u128::from(TENANT_ROW) * 1_000 / CONSISTENT;
        let activity = self.counts.running * u128::from(ACTIVITY_ROW) * 1_000 / EVENTUAL;
        let why = format!(
            "{} deploys × {minutes} min, each all tenants of {TENANT_ROW} bytes",
            self.fleet.deploys
        );
        let scanned = Quantity::milli(drives * (tenants + activity));
        self.add("rollouts' scans", scanned, self.prices.read, why);
    }

    fn kept(&mut self) {
        let what = "tables";
        let tenants = u128::from(self.fleet.tenants);
        let row = |bytes: u64| u128::from(bytes) + ITEM_OVERHEAD;
        let of_tenant = row(TENANT_ROW) + row(DEFINITION_ROW);
        let nights = self.counts.nights * 24 * LEDGER_DAYS / HOURS;
        // An idle stop has two entries.
        let ledger = nights * (u128::from(LEDGER_OF_A_NIGHT) + 2 * ITEM_OVERHEAD);
        let bytes = tenants * of_tenant + self.counts.running * row(ACTIVITY_ROW) + ledger;
        let whence = format!("{of_tenant} bytes a tenant; {LEDGER_DAYS} days of the ledger");
        let kept = Quantity::milli((bytes * 1_000).div_ceil(GB));
        self.add(what, kept, self.prices.stored, whence);
        self.add(what, kept, self.prices.recovery, "the same, recoverable");
    }

    fn seen(&mut self) {
        let what = "CloudWatch";
        let bytes = self.invocations * u128::from(self.fleet.log_bytes);
        let logged = Quantity::milli((bytes * 1_000).div_ceil(GB));
        let whence = format!("{} invocations × {} bytes", self.invocations, self.fleet.log_bytes);
        self.add(what, logged, self.prices.logged, whence);
        let why = "the same for a month, not packed";
        self.add(what, logged, self.prices.archived, why);
        let count = |number: u64| Quantity::of(u128::from(number));
        self.add(
            what,
            count(METRICS),
            self.prices.metric,
            "one of each, whatever the fleet",
        );
        self.add(what, count(ALARM_METRICS), self.prices.alarm, "of all alarms together");
        self.add(what, count(DASHBOARDS), self.prices.dashboard, "of template.yaml");
    }

    fn requests(&mut self, what: &'static str, requests: u128, whence: &str) {
        let first = requests.min(self.prices.http_api_tier);
        self.add(what, Quantity::of(first), self.prices.http_api, whence);
        let beyond = Quantity::of(requests - first);
        self.add(
            what,
            beyond,
            self.prices.http_api_beyond,
            "beyond the first 300 million",
        );
    }

    /// Invocations, and what they run: each a millisecond, and each of their calls one after the other.
    fn invoked(&mut self, what: &'static str, shares: &[(Function, u128, u128)], whence: &str) {
        let invocations: u128 = shares.iter().map(|(_, invocations, _)| invocations).sum();
        self.invocations += invocations;
        self.add(what, Quantity::of(invocations), self.prices.invocation, whence);
        let call = u128::from(self.fleet.call_millis);
        let of_one = |(function, invocations, calls): &(Function, u128, u128)| {
            (invocations + calls * call) * function.memory() / 1_024
        };
        let ran = Quantity::milli(shares.iter().map(of_one).sum());
        let calls: u128 = shares.iter().map(|(_, _, calls)| calls).sum();
        let whence = format!("{calls} calls × {call} ms");
        self.add(what, ran, self.prices.function.of(self.fleet.functions), whence);
    }

    /// Work that is done so often.
    fn work(&mut self, what: &'static str, work: &Work, often: u128, whence: &str) {
        self.invoked(what, &times(work, often), whence);
        let milli = |each: u64| Quantity::milli(often * u128::from(each));
        let each = |units: u64| format!("{} each, measured", Quantity::milli(u128::from(units)));
        self.add(what, milli(work.reads), self.prices.read, each(work.reads));
        self.add(what, milli(work.writes), self.prices.write, each(work.writes));
        let requests = Quantity::of(often * u128::from(work.sends * REQUESTS_A_MESSAGE));
        let why = format!("{} messages each: sent, received, deleted", work.sends);
        self.add(what, requests, self.prices.queue, why);
    }
}

fn times(work: &Work, often: u128) -> Vec<(Function, u128, u128)> {
    let shares = work.shares.iter();
    shares
        .map(|share| {
            (
                share.function,
                often * u128::from(share.invocations),
                often * u128::from(share.calls),
            )
        })
        .collect()
}

//! What AWS asks for, in one Region, at one time.
//!
//! Free allowances are left out: an account has them once, and something else may use them up.

use super::money::{Money, Quantity};

/// A price, and where it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// What so many units cost.
    pub money: Money,
    /// How many units that is the price of.
    pub per: u64,
    /// What one unit is, in the plural.
    pub unit: &'static str,
    /// The page of AWS that it is on.
    pub page: &'static str,
}

impl Price {
    const fn new(money: Money, per: u64, unit: &'static str, page: &'static str) -> Self {
        Self { money, per, unit, page }
    }

    /// What so many units cost.
    pub fn of(&self, quantity: Quantity) -> Money {
        self.money.times(quantity, self.per)
    }
}

/// What runs a program: of functions and of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Intel and AMD.
    X86,
    /// Graviton.
    Arm,
}

/// A price for each architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByArchitecture {
    x86: Price,
    arm: Price,
}

impl ByArchitecture {
    /// The one of this architecture.
    pub const fn of(&self, architecture: Architecture) -> Price {
        match architecture {
            Architecture::X86 => self.x86,
            Architecture::Arm => self.arm,
        }
    }
}

/// All prices that matter here, in US dollars without tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// The Region.
    pub region: &'static str,
    /// Up to when they are known to hold.
    pub as_of: &'static str,
    /// Requests of an HTTP API (of 512 KB at most), up to `http_api_tier` a month.
    pub http_api: Price,
    /// Requests of an HTTP API, beyond.
    pub http_api_beyond: Price,
    /// How many requests of an HTTP API a month are at the first price.
    pub http_api_tier: u128,
    /// Invocations of functions.
    pub invocation: Price,
    /// What functions run, times their memory. Beyond six billion a month it is less; that is left out.
    pub function: ByArchitecture,
    /// Write request units on demand, of 1 KB.
    pub write: Price,
    /// Read request units on demand, of 4 KB consistently or 8 KB eventually.
    pub read: Price,
    /// What tables hold.
    pub stored: Price,
    /// Point-in-time recovery of it.
    pub recovery: Price,
    /// Requests of FIFO queues, of 64 KB.
    pub queue: Price,
    /// Invocations by `EventBridge` Scheduler.
    pub schedule: Price,
    /// What is logged.
    pub logged: Price,
    /// What is kept of it, packed.
    pub archived: Price,
    /// Metrics of one's own.
    pub metric: Price,
    /// Metrics that alarms look at.
    pub alarm: Price,
    /// Dashboards.
    pub dashboard: Price,
    /// CPU of containers.
    pub cpu: ByArchitecture,
    /// Memory of containers.
    pub memory: ByArchitecture,
}

const API_GATEWAY: &str = "https://aws.amazon.com/api-gateway/pricing/";
const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";
const DYNAMODB: &str = "https://aws.amazon.com/dynamodb/pricing/on-demand/";
const EVENTBRIDGE: &str = "https://aws.amazon.com/eventbridge/pricing/";
const FARGATE: &str = "https://aws.amazon.com/fargate/pricing/";
const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";
const SQS: &str = "https://aws.amazon.com/sqs/pricing/";

const MILLION: u64 = 1_000_000;

/// US East (N. Virginia). How the figures were checked is in `docs/cost.md`.
pub const US_EAST_1: Prices = Prices {
    region: "us-east-1",
    as_of: "2026-06",
    http_api: Price::new(Money::micro(1_000_000), MILLION, "requests", API_GATEWAY),
    http_api_beyond: Price::new(Money::micro(900_000), MILLION, "requests", API_GATEWAY),
    http_api_tier: 300_000_000,
    invocation: Price::new(Money::micro(200_000), MILLION, "invocations", LAMBDA),
    function: ByArchitecture {
        x86: Price::new(Money::pico(16_666_700), 1, "GB-seconds", LAMBDA),
        arm: Price::new(Money::pico(13_333_400), 1, "GB-seconds", LAMBDA),
    },
    write: Price::new(Money::micro(625_000), MILLION, "write units", DYNAMODB),
    read: Price::new(Money::micro(125_000), MILLION, "read units", DYNAMODB),
    stored: Price::new(Money::micro(250_000), 1, "GB-months", DYNAMODB),
    recovery: Price::new(Money::micro(200_000), 1, "GB-months", DYNAMODB),
    queue: Price::new(Money::micro(500_000), MILLION, "requests", SQS),
    schedule: Price::new(Money::micro(1_000_000), MILLION, "invocations", EVENTBRIDGE),
    logged: Price::new(Money::micro(500_000), 1, "GB", CLOUDWATCH),
    archived: Price::new(Money::micro(30_000), 1, "GB-months", CLOUDWATCH),
    metric: Price::new(Money::micro(300_000), 1, "metrics", CLOUDWATCH),
    alarm: Price::new(Money::micro(100_000), 1, "metrics of alarms", CLOUDWATCH),
    dashboard: Price::new(Money::micro(3_000_000), 1, "dashboards", CLOUDWATCH),
    cpu: ByArchitecture {
        x86: Price::new(Money::micro(40_480), 1, "vCPU-hours", FARGATE),
        arm: Price::new(Money::micro(32_380), 1, "vCPU-hours", FARGATE),
    },
    memory: ByArchitecture {
        x86: Price::new(Money::micro(4_445), 1, "GB-hours", FARGATE),
        arm: Price::new(Money::micro(3_560), 1, "GB-hours", FARGATE),
    },
};

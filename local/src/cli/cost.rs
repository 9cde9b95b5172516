//! `berth cost`: what it costs, and where each figure comes from. It asks nobody.

use std::time::Duration;

use berth_core::cost::{Architecture, Bill, Fleet, Line, Money, Price, Prices, Quantity, US_EAST_1, bill};
use berth_core::tenant::Size;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::print::{Cell, Column, Paper, Table, Tone, parse_span};
use super::trouble::Trouble;
use super::{Environment, Output, print};

/// A fleet, and what it does.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  berth cost --tenants 100000 --active 10%
  berth cost --tenants 10000 --active 5% --wakes-per-day 2 --cpu 512 --memory 1024 --container-arch arm64
  berth cost --tenants 100000 --active 10% --hold-back 5m --batch 100 --json")]
pub struct CostArgs {
    /// How many tenants there are.
    #[arg(long, value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    tenants: u64,
    /// How many of a hundred run at any time, on average: 10% or 0.5%.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    active: Quantity,
    /// How often a running tenant tells that it works.
    #[arg(long, value_name = "SPAN", default_value = "1m", value_parser = parse_span)]
    heartbeat: Duration,
    /// Who sends heartbeats holds back those that follow one of the same tenant within this time.
    #[arg(long, value_name = "SPAN", default_value = "0s", value_parser = parse_span)]
    hold_back: Duration,
    /// How many heartbeats a request brings (`POST /activity`).
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    batch: u64,
    /// How often a tenant is woken in a day, on average; as often it is put to sleep.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    wakes_per_day: Quantity,
    /// How often a month the base is deployed.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u64).range(0..=100_000))]
    deploys: u64,
    /// CPU units of a container; 1024 to a vCPU.
    #[arg(long, value_name = "UNITS", default_value_t = 256)]
    cpu: u32,
    /// Memory of a container, in MB.
    #[arg(long, value_name = "MB", default_value_t = 512)]
    memory: u32,
    /// What the containers run on.
    #[arg(long, value_name = "ARCH", value_enum, default_value = "x86_64")]
    container_arch: Arch,
    /// What the functions run on.
    #[arg(long, value_name = "ARCH", value_enum, default_value = "arm64")]
    function_arch: Arch,
    /// How long a call of AWS takes from a function, in milliseconds: an assumption; look at your functions' durations.
    #[arg(long, value_name = "MS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    call_ms: u64,
    /// What an invocation logs, in bytes: an assumption; look at your log groups.
    #[arg(long, value_name = "BYTES", default_value_t = 600, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    log_bytes: u64,
    /// Which prices.
    #[arg(long, value_name = "REGION", value_enum, default_value = "us-east-1")]
    prices: PriceList,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Arch {
    #[value(name = "x86_64")]
    X86,
    Arm64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PriceList {
    #[value(name = "us-east-1")]
    UsEast1,
}

impl From<Arch> for Architecture {
    fn from(arch: Arch) -> Self {
        match arch {
            Arch::X86 => Self::X86,
            Arch::Arm64 => Self::Arm,
        }
    }
}

impl PriceList {
    fn prices(self) -> &'static Prices {
        match self {
            Self::UsEast1 => &US_EAST_1,
        }
    }
}

fn share(text: &str) -> Result<Quantity, String> {
    let number = text.strip_suffix('%').ok_or("write it as a percentage, such as 10%")?;
    let share: Quantity = number.parse().map_err(|error| format!("{error}, and a % sign"))?;
    if share > Quantity::of(100) {
        return Err("no more than 100% can run".to_owned());
    }
    Ok(share)
}

impl CostArgs {
    /// Prints the bill.
    pub fn print(&self, output: Output) -> Result<(), Trouble> {
        let size = Size::new(self.cpu, self.memory).map_err(|error| Trouble::Usage(error.to_string()))?;
        let fleet = self.fleet(size);
        let prices = self.prices.prices();
        let bill = bill(&fleet, prices);
        let told = if output.json {
            print::json(&value(&bill, prices))
        } else {
            text(&output.paper(&Environment::of_process()), &bill, prices)
        };
        Ok(print::out(&told)?)
    }

    fn fleet(&self, size: Size) -> Fleet {
        Fleet {
            tenants: self.tenants,
            active: self.active,
            heartbeat: self.heartbeat,
            held_back: self.hold_back,
            batch: self.batch,
            wakes: self.wakes_per_day,
            deploys: self.deploys,
            size,
            containers: self.container_arch.into(),
            functions: self.function_arch.into(),
            call_millis: self.call_ms,
            log_bytes: self.log_bytes,
        }
    }
}

fn text(paper: &Paper, bill: &Bill, prices: &Prices) -> String {
    let mut told = paper.paint("Berth, a month", Tone::Strong) + "\n";
    told += &table(paper, &bill.berth, bill.berth_total());
    told.push('\n');
    told += &(paper.paint("The tenants' containers, a month", Tone::Strong) + "\n");
    told += &table(paper, &bill.containers, bill.containers_total());
    let (asleep, never) = (bill.containers_total(), bill.never_asleep);
    told.push('\n');
    told += &paper.facts(&[
        ("if nobody slept", Some(dollars(never))),
        ("with Berth", Some(dollars(asleep + bill.berth_total()))),
        ("saved", Some(dollars(bill.saved()))),
    ]);
    told.push('\n');
    told += &paper.prose(&format!(
        "Prices of {}, in US dollars without tax and without free allowances, as of {}. Not in it: file systems, images, data \
         transfer, public addresses, NAT, encryption keys, and what the containers log.",
        prices.region, prices.as_of
    ));
    for page in pages(bill) {
        told += &(paper.fit(&format!("  {page}")) + "\n");
    }
    told
}

fn table(paper: &Paper, lines: &[Line], total: Money) -> String {
    let mut table = Table::new(&[
        Column::whole("WHAT"),
        Column::number("QUANTITY"),
        Column::whole("UNIT"),
        Column::cut("PRICE", 10),
        Column::number("A MONTH"),
        Column::cut("WHENCE", 12),
    ]);
    for line in lines {
        table.row([
            Cell::from(line.what),
            Cell::from(thousands(&line.quantity.to_string())),
            Cell::from(line.price.unit),
            Cell::from(price(&line.price)),
            Cell::from(dollars(line.money)),
            Cell::new(&line.whence, Tone::Quiet),
        ]);
    }
    let last = ["in all", "", "", ""].map(|text| Cell::new(text, Tone::Strong));
    let sum = [Cell::new(dollars(total), Tone::Strong), Cell::from("")];
    table.row(last.into_iter().chain(sum));
    table.text(paper)
}

fn value(bill: &Bill, prices: &Prices) -> Value {
    let lines = |lines: &[Line]| -> Vec<Value> {
        let told = lines.iter().map(|line| {
            json!({
                "what": line.what,
                "quantity": line.quantity.to_string(),
                "unit": line.price.unit,
                "price": { "usd": line.price.money.exact(), "per": line.price.per, "page": line.price.page },
                "usd": line.money.exact(),
                "whence": line.whence,
            })
        });
        told.collect()
    };
    json!({
        "prices": { "region": prices.region, "asOf": prices.as_of },
        "berth": { "usd": bill.berth_total().to_string(), "lines": lines(&bill.berth) },
        "containers": { "usd": bill.containers_total().to_string(), "lines": lines(&bill.containers) },
        "neverAsleep": { "usd": bill.never_asleep.to_string() },
        "saved": { "usd": bill.saved().to_string() },
    })
}

/// The pages of AWS that the prices are on, each once.
fn pages(bill: &Bill) -> Vec<&'static str> {
    let all = bill.berth.iter().chain(&bill.containers);
    let mut pages: Vec<&str> = all.map(|line| line.price.page).collect();
    pages.sort_unstable();
    pages.dedup();
    pages
}

fn price(price: &Price) -> String {
    let per = if price.per == 1 { "" } else { " a million" };
    format!("${}{per}", price.money.exact())
}

fn dollars(money: Money) -> String {
    format!("${}", thousands(&money.to_string()))
}

/// A number in digits with a comma between thousands; decimals stay as they are.
fn thousands(number: &str) -> String {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), print::count);
    if decimals.is_empty() {
        whole
    } else {
        format!("{whole}.{decimals}")
    }
}

#[cfg(test)]
mod tests;

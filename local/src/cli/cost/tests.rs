use clap::Parser;
use expect_test::expect;
use jiff::Timestamp;

use super::*;
use crate::cli::print::Ink;
use crate::template::{TEMPLATE, yaml_value};

#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    cost: CostArgs,
}

fn typed(words: &str) -> Result<CostArgs, String> {
    let parsed = Typed::try_parse_from(["cost"].into_iter().chain(words.split(' ')));
    parsed.map(|typed| typed.cost).map_err(|error| error.to_string())
}

fn shown(words: &str, width: Option<usize>) -> String {
    let arguments = typed(words).unwrap();
    let fleet = arguments.fleet(Size::new(arguments.cpu, arguments.memory).unwrap());
    let paper = Paper {
        width,
        ink: Ink::Black,
        now: Timestamp::UNIX_EPOCH,
    };
    text(&paper, &bill(&fleet, &US_EAST_1), &US_EAST_1)
}

#[test]
fn a_bill_of_a_hundred_thousand() {
    expect![[r#"
        Berth, a month
        WHAT                     QUANTITY  UNIT               PRICE               A MONTH  WHENCE
        heartbeats            300,000,000  requests           $1.00 a million     $300.00  10000 running × 2628000 s / 60 s, 1 a request
        heartbeats            138,000,000  requests           $0.90 a million     $124.20  beyond the first 300 million
        heartbeats            438,000,000  invocations        $0.20 a million      $87.60  10000 running × 2628000 s / 60 s, 1 a request
        heartbeats                602,250  GB-seconds         $0.0000133334         $8.03  438000000 calls × 10 ms
        heartbeats            438,000,000  write units        $0.625 a million    $273.75  each is a conditional write of a row under 1 KB
        every minute               87,600  invocations        $1.00 a million       $0.09  a sweep and a drive
        every minute               90,520  invocations        $0.20 a million       $0.02  sweeps, drives, a look at the base each quarter of an hour
        every minute               856.29  GB-seconds         $0.0000133334         $0.01  452600 calls × 10 ms
        every minute              334,340  read units         $0.125 a million      $0.04  measured with nobody there
        the sweep's scan        5,346,666  read units         $0.125 a million      $0.67  10000 rows of 100 bytes, 8 KB a unit
        every minute              665,760  requests           $0.50 a million       $0.33  Lambda asks an empty queue: 5 pollers × 3 a minute
        wakes                   3,041,666  requests           $1.00 a million       $3.04  100000 tenants × 1 a day × 730 / 24
        wakes                  18,771,662  invocations        $0.20 a million       $3.75  3041666 wakes, less those to a new release
        wakes                  82,796.437  GB-seconds         $0.0000133334         $1.10  64359984 calls × 10 ms
        wakes                  24,134,994  read units         $0.125 a million      $3.02  9 each, measured
        wakes                  53,633,320  write units        $0.625 a million     $33.52  20 each, measured
        wakes                  16,089,996  requests           $0.50 a million       $8.04  2 messages each: sent, received, deleted
        wakes to a release      2,880,000  invocations        $0.20 a million       $0.58  the first wake after each of 4 deploys
        wakes to a release         14,310  GB-seconds         $0.0000133334         $0.19  11160000 calls × 10 ms
        wakes to a release      4,320,000  read units         $0.125 a million      $0.54  12 each, measured
        wakes to a release      8,280,000  write units        $0.625 a million      $5.18  23 each, measured
        wakes to a release      2,160,000  requests           $0.50 a million       $1.08  2 messages each: sent, received, deleted
        idle stops             21,291,662  invocations        $0.20 a million       $4.26  100000 tenants × 1 a day × 730 / 24
        idle stops            131,932.262  GB-seconds         $0.0000133334         $1.76  88208314 calls × 10 ms
        idle stops             24,333,328  read units         $0.125 a million      $3.04  8 each, measured
        idle stops             69,958,318  write units        $0.625 a million     $43.72  23 each, measured
        idle stops             18,249,996  requests           $0.50 a million       $9.12  2 messages each: sent, received, deleted
        rollouts                  560,000  invocations        $0.20 a million       $0.11  4 deploys × 10000 running
        rollouts                    2,770  GB-seconds         $0.0000133334         $0.04  2160000 calls × 10 ms
        rollouts                  800,000  read units         $0.125 a million      $0.10  20 each, measured
        rollouts                1,520,000  write units        $0.625 a million      $0.95  38 each, measured
        rollouts                  360,000  requests           $0.50 a million       $0.18  3 messages each: sent, received, deleted
        rollouts' scans     30,091,112.46  read units         $0.125 a million      $3.76  4 deploys × 219 min, each all tenants of 1402 bytes
        tables                      7.975  GB-months          $0.25                 $1.99  1812 bytes a tenant; 90 days of the ledger
        tables                      7.975  GB-months          $0.20                 $1.60  the same, recoverable
        CloudWatch                269.112  GB                 $0.50               $134.56  481593844 invocations × 600 bytes
        CloudWatch                269.112  GB-months          $0.03                 $8.07  the same for a month, not packed
        CloudWatch                     13  metrics            $0.30                 $3.90  one of each, whatever the fleet
        CloudWatch                     29  metrics of alarms  $0.10                 $2.90  of all alarms together
        CloudWatch                      1  dashboards         $3.00                 $3.00  of template.yaml
        in all                                                                  $1,077.85

        The tenants' containers, a month
        WHAT         QUANTITY  UNIT        PRICE         A MONTH  WHENCE
        containers  1,825,000  vCPU-hours  $0.04048   $73,876.00  10000 awake × 730 h × 256 CPU units / 1,024
        containers  3,650,000  GB-hours    $0.004445  $16,224.25  10000 awake × 730 h × 512 MB / 1,024
        in all                                        $90,100.25

          if nobody slept  $901,002.50
          with Berth       $91,178.10
          saved            $809,824.40

        Prices of us-east-1, in US dollars without tax and without free allowances, as of 2026-06. Not in
        it: file systems, images, data transfer, public addresses, NAT, encryption keys, and what the
        containers log.
          https://aws.amazon.com/api-gateway/pricing/
          https://aws.amazon.com/cloudwatch/pricing/
          https://aws.amazon.com/dynamodb/pricing/on-demand/
          https://aws.amazon.com/eventbridge/pricing/
          https://aws.amazon.com/fargate/pricing/
          https://aws.amazon.com/lambda/pricing/
          https://aws.amazon.com/sqs/pricing/
    "#]].assert_eq(&shown("--tenants 100000 --active 10%", None));
}

#[test]
fn a_bill_fits_the_terminal() {
    let told = shown("--tenants 1000 --active 10%", Some(100));
    assert!(
        told.lines().all(|line| console::measure_text_width(line) <= 100),
        "{told}"
    );
}

#[test]
fn json_has_each_figure_and_where_it_is_from() {
    let arguments = typed("--tenants 10 --active 50%").unwrap();
    let fleet = arguments.fleet(Size::new(256, 512).unwrap());
    let told = value(&bill(&fleet, &US_EAST_1), &US_EAST_1);
    let lines = told["berth"]["lines"].as_array().unwrap();
    assert!(lines.len() > 20);
    for line in lines {
        let page = line["price"]["page"].as_str().unwrap();
        assert!(page.starts_with("https://aws.amazon.com/"), "{line}");
        assert!(!line["whence"].as_str().unwrap().is_empty(), "{line}");
    }
}

#[test]
fn the_page_tells_what_the_command_does() {
    let page = include_str!("../../../../docs/cost.md");
    for (tenants, more) in [
        (1_000, ""),
        (10_000, ""),
        (100_000, ""),
        (100_000, " --batch 100"),
        (100_000, " --hold-back 5m"),
        (100_000, " --batch 100 --hold-back 5m"),
    ] {
        let arguments = typed(&format!("--tenants {tenants} --active 10%{more}")).unwrap();
        let bill = bill(&arguments.fleet(Size::new(256, 512).unwrap()), &US_EAST_1);
        for amount in [bill.berth_total(), bill.containers_total(), bill.never_asleep] {
            let told = thousands(&amount.to_string());
            assert!(
                page.contains(&told),
                "docs/cost.md does not tell {told} of {tenants}{more}"
            );
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for words in [
        "--tenants 10 --active 10",
        "--tenants 10 --active 101%",
        "--tenants 10 --active x%",
        "--tenants -1 --active 10%",
        "--tenants 10 --active 10% --batch 101",
        "--tenants 10 --active 10% --prices eu-central-1",
    ] {
        assert!(typed(words).is_err(), "{words}");
    }
}

#[test]
fn what_the_template_has_of_what_is_counted_is_what_is_counted() {
    let template = yaml_value(TEMPLATE).unwrap();
    let resources = template["Resources"].as_object().unwrap().values();
    let of_type = |kind: &str| {
        resources
            .clone()
            .filter(|resource| resource["Type"] == kind)
            .collect::<Vec<_>>()
    };
    let looked_at = of_type("AWS::CloudWatch::Alarm").into_iter().map(|alarm| {
        let several = alarm["Properties"]["Metrics"].as_array();
        several.map_or(1, |all| {
            all.iter().filter(|metric| metric.get("MetricStat").is_some()).count()
        })
    });
    assert_eq!(looked_at.sum::<usize>() as u64, berth_core::cost::ALARM_METRICS);
    let dashboards = of_type("AWS::CloudWatch::Dashboard").len() as u64;
    assert_eq!(dashboards, berth_core::cost::DASHBOARDS);
    for function in of_type("AWS::Serverless::Function") {
        let memory = function["Properties"]["MemorySize"].as_u64().unwrap_or(128);
        let is_watchdog = function["Properties"]["CodeUri"] == "functions/watchdog";
        let expected = if is_watchdog {
            berth_core::cost::Function::Watchdog
        } else {
            berth_core::cost::Function::Reconcile
        };
        assert_eq!(u128::from(memory), expected.memory());
    }
}

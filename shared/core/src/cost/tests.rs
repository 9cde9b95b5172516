use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn fleet(tenants: u64) -> Fleet {
    Fleet {
        tenants,
        active: Quantity::of(10),
        heartbeat: Duration::from_mins(1),
        held_back: Duration::ZERO,
        batch: 1,
        wakes: Quantity::of(1),
        deploys: 4,
        size: "256/512".parse().unwrap(),
        containers: Architecture::X86,
        functions: Architecture::Arm,
        call_millis: 10,
        log_bytes: 600,
    }
}

fn line<'a>(bill: &'a Bill, what: &str, unit: &str) -> &'a Line {
    let found = bill
        .berth
        .iter()
        .find(|line| line.what == what && line.price.unit == unit);
    found.unwrap_or_else(|| panic!("no {unit} of {what} in {bill:#?}"))
}

#[test]
fn the_anchors_of_the_engineering_notes_are_met() {
    let running = Fleet {
        active: Quantity::of(100),
        ..fleet(100_000)
    };
    let each_minute = bill(&running, &US_EAST_1);
    let writes = |bill: &Bill| line(bill, "heartbeats", "write units").money;
    assert_eq!(writes(&each_minute).to_string(), "2737.50");
    let held_back = Fleet {
        held_back: Duration::from_mins(5),
        ..running
    };
    assert_eq!(writes(&bill(&held_back, &US_EAST_1)).to_string(), "547.50");
    let scan = line(&each_minute, "the sweep's scan", "read units").money;
    assert_eq!((scan.cents() + 50) / 100, 7, "{scan}");
}

#[test]
fn a_container_costs_what_the_page_says_and_only_while_it_is_awake() {
    let one = Fleet {
        active: Quantity::of(100),
        size: "1024/2048".parse().unwrap(),
        ..fleet(1)
    };
    // 730 h × (0.04048 + 2 × 0.004445)
    assert_eq!(bill(&one, &US_EAST_1).containers_total().to_string(), "36.04");
    let tenth = Fleet {
        active: Quantity::of(10),
        ..one.clone()
    };
    let tenth = bill(&tenth, &US_EAST_1);
    assert_eq!(tenth.containers_total().to_string(), "3.60");
    assert_eq!(tenth.never_asleep, bill(&one, &US_EAST_1).containers_total());
    let arm = Fleet {
        containers: Architecture::Arm,
        ..one
    };
    assert_eq!(bill(&arm, &US_EAST_1).containers_total().to_string(), "28.84");
}

#[test]
fn requests_beyond_the_first_tier_are_cheaper() {
    let many = bill(&fleet(100_000), &US_EAST_1);
    let requests: Vec<String> = many
        .berth
        .iter()
        .filter(|line| line.what == "heartbeats" && line.price.unit == "requests")
        .map(|line| format!("{} {}", line.quantity, line.money))
        .collect();
    assert_eq!(requests, ["300000000 300.00", "138000000 124.20"]);
}

#[test]
fn a_batch_spares_requests_and_no_writes() {
    let alone = bill(&fleet(1_000), &US_EAST_1);
    let together = bill(
        &Fleet {
            batch: 100,
            ..fleet(1_000)
        },
        &US_EAST_1,
    );
    let of = |bill: &Bill, unit: &str| line(bill, "heartbeats", unit).quantity;
    assert_eq!(of(&alone, "write units"), of(&together, "write units"));
    assert_eq!(
        of(&alone, "requests").as_milli(),
        of(&together, "requests").as_milli() * 100
    );
}

#[test]
fn a_fleet_that_sleeps_costs_next_to_nothing() {
    let asleep = Fleet {
        active: Quantity::of(0),
        wakes: Quantity::of(0),
        deploys: 0,
        ..fleet(0)
    };
    let bill = bill(&asleep, &US_EAST_1);
    assert_eq!(bill.containers_total(), Money::default());
    assert!(bill.berth_total().dollars() < 15, "{}", bill.berth_total());
}

#[test]
fn amounts_are_exact_and_rounded_once() {
    assert_eq!(
        Money::micro(625_000).times(Quantity::of(1), 1_000_000).exact(),
        "0.000000625"
    );
    assert_eq!(Money::pico(13_333_400).exact(), "0.0000133334");
    assert_eq!(Money::micro(3_000_000).exact(), "3.00");
    assert_eq!(Money::pico(5_000_000_000).to_string(), "0.01");
    assert_eq!(Money::pico(4_999_999_999).to_string(), "0.00");
}

#[test]
fn a_quantity_is_read_as_it_is_written() {
    for (text, milli) in [("2", 2_000), ("0.5", 500), ("10.125", 10_125), ("07.10", 7_100)] {
        assert_eq!(text.parse(), Ok(Quantity::milli(milli)), "{text}");
    }
    for text in ["", ".", "1.", ".5", "-1", "1e3", "1.2345", "1,000", "1234567890123"] {
        assert_eq!(text.parse::<Quantity>(), Err(InvalidQuantity), "{text}");
    }
    assert_eq!(Quantity::milli(10_500).to_string(), "10.5");
}

proptest! {
    #[test]
    fn each_line_is_its_quantity_times_its_price_and_the_total_is_their_sum(
        tenants in 0_u64..2_000_000, active in 0_u128..=100_000, seconds in 1_u64..4_000, batch in 1_u64..=100,
        wakes in 0_u128..50_000, deploys in 0_u64..1_000,
    ) {
        let fleet = Fleet {
            active: Quantity::milli(active),
            heartbeat: Duration::from_secs(seconds),
            batch,
            wakes: Quantity::milli(wakes),
            deploys,
            ..fleet(tenants)
        };
        let bill = bill(&fleet, &US_EAST_1);
        let lines = bill.berth.iter().chain(&bill.containers);
        for line in lines.clone() {
            prop_assert_eq!(line.money, line.price.of(line.quantity));
        }
        let sum: Money = lines.map(|line| line.money).sum();
        prop_assert_eq!(sum, bill.berth_total() + bill.containers_total());
        prop_assert!(bill.containers_total() <= bill.never_asleep);
    }

    #[test]
    fn more_tenants_never_cost_less(tenants in 0_u64..1_000_000, more in 0_u64..1_000_000) {
        let total = |tenants| bill(&fleet(tenants), &US_EAST_1).berth_total();
        prop_assert!(total(tenants) <= total(tenants + more));
    }
}

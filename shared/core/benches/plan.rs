//! How long a plan takes, whatever it comes to. The goal is 2 µs.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod cases;

use std::hint::black_box;

use cases::Planning;
use criterion::{Criterion, criterion_group, criterion_main};

fn benchmark(criterion: &mut Criterion) {
    for (name, case) in Planning::all() {
        criterion.bench_function(&format!("plan, {name}"), |bencher| {
            bencher.iter(|| black_box(&case).plan());
        });
    }
}

criterion_group!(benches, benchmark);
criterion_main!(benches);

//! How long a render takes, with its fingerprint. The goal is 50 µs for a base of ten containers.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod cases;

use std::hint::black_box;

use berth_core::definition::Base;
use cases::Rendering;
use criterion::{Criterion, criterion_group, criterion_main};

fn benchmark(criterion: &mut Criterion) {
    let case = Rendering::ten_containers();
    criterion.bench_function("render and fingerprint, ten containers", |bencher| {
        bencher.iter(|| case.render());
    });
    criterion.bench_function("fingerprint of a base, ten containers", |bencher| {
        bencher.iter(|| black_box(&case.base).fingerprint());
    });
    criterion.bench_function("read a base, ten containers", |bencher| {
        bencher.iter_batched(
            || case.response.clone(),
            |response| Base::from_response(response).unwrap(),
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, benchmark);
criterion_main!(benches);

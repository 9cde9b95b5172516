//! How long a render takes, with its fingerprint. The goal is 50 µs for a base of ten containers.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use berth_core::definition::{AccessPoint, Base, Layout, render};
use berth_core::tenant::Overlay;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

fn benchmark(criterion: &mut Criterion) {
    let response: Value = serde_json::from_str(include_str!("../tests/definition/bases/ten-containers.json")).unwrap();
    let base = Base::from_response(response.clone()).unwrap();
    let files = AccessPoint {
        file_system_id: "fs-cececececececece1".parse().unwrap(),
        access_point_id: "fsap-acacacacacacacaca".parse().unwrap(),
    };
    let overlay = Overlay::parse(&json!({
        "image": "tenant/agent:2", "size": {"cpu": 2048, "memory": 8192}, "env": {"LOG_LEVEL": "debug", "TOKEN": "x"},
        "secrets": {"API_KEY": "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf"}
    }));
    let overlay = overlay.unwrap();
    let layout = Layout::default();
    criterion.bench_function("render and fingerprint, ten containers", |bencher| {
        bencher.iter(|| render(black_box(&base), &layout, black_box(&overlay), Some(&files)).unwrap());
    });
    criterion.bench_function("fingerprint of a base, ten containers", |bencher| {
        bencher.iter(|| black_box(&base).fingerprint());
    });
    criterion.bench_function("read a base, ten containers", |bencher| {
        bencher.iter_batched(
            || response.clone(),
            |response| Base::from_response(response).unwrap(),
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, benchmark);
criterion_main!(benches);

//! Does one thing once, so that valgrind counts its instructions: see `docs/performance.md`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod cases;

use std::hint::black_box;

use cases::{Planning, Rendering};

/// What is counted: valgrind collects while this is on the stack.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    let done = work();
    black_box(());
    done
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let rendering = Rendering::ten_containers();
    // The first time pays for what is made once in a process.
    drop(rendering.render());
    if wanted == "render" {
        black_box(counted(|| rendering.render()));
        return;
    }
    for (name, case) in Planning::all() {
        drop(case.plan());
        if wanted == name {
            black_box(counted(|| case.plan()));
            return;
        }
    }
    // `cargo bench` and `cargo test` call it without a name.
    let names: Vec<&str> = Planning::all().into_iter().map(|(name, _)| name).collect();
    println!("say what to count: render, {}", names.join(", "));
}

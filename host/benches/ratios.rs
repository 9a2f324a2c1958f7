//! What a session costs beside its parts, measured in turns (A B C A B C …), so that a noisy machine hits all alike.
//!
//! Prints the table of `docs/performance.md`.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

mod support;

use std::time::{Duration, Instant};

use support::{LARGE, SIZES, Subject};

/// Turns of each part.
const ROUNDS: usize = 60;

/// How long a part runs in one turn.
const TURN: Duration = Duration::from_millis(15);

fn main() {
    println!("one increment, fresh instance; microseconds are medians of {ROUNDS} turns, ratios medians within a turn");
    println!();
    println!("| document | session | native | vault | bare | session / native | session / vault | session / bare |");
    println!("|---|---|---|---|---|---|---|---|");
    for (bytes, name) in SIZES {
        let subject = Subject::new(bytes);
        let parts: [&dyn Fn(); 4] = [
            &|| subject.session(),
            &|| subject.native(),
            &|| subject.vault(),
            &|| subject.bare(),
        ];
        let turns: Vec<[f64; 4]> = (0..ROUNDS).map(|_| parts.map(micros)).collect();
        let [session, native, vault, bare] = [0, 1, 2, 3].map(|part| median(turns.iter().map(|turn| turn[part])));
        let [by_native, by_vault, by_bare] =
            [1, 2, 3].map(|part| median(turns.iter().map(|turn| turn[0] / turn[part])));
        println!(
            "| {name} | {session:.1} | {native:.1} | {vault:.1} | {bare:.1} \
             | {by_native:.2} | {by_vault:.2} | {by_bare:.2} |"
        );
    }
    println!();
    large();
}

/// A state of many keys beside one of the usual limit, and reading a page of it beside opening it.
fn large() {
    let (bytes, keys) = LARGE;
    let (usual, large) = (Subject::new(60_000), Subject::with_keys(bytes, keys));
    let increment_usual = || usual.session();
    let increment_large = || large.session();
    let list = || large.list();
    let open = || large.open();
    let parts: [&dyn Fn(); 4] = [&increment_usual, &increment_large, &list, &open];
    let turns: Vec<[f64; 4]> = (0..ROUNDS).map(|_| parts.map(micros)).collect();
    let ratio = |part: usize, to: usize| median(turns.iter().map(|turn| turn[part] / turn[to]));
    println!("| ratio | at most | measured |");
    println!("|---|---|---|");
    println!(
        "| an increment in 1 MiB and 2,000 keys to one in 60 KB | 20 | {:.1} |",
        ratio(1, 0)
    );
    println!(
        "| listing 100 of those keys by prefix to the vault's open | 1.2 | {:.2} |",
        ratio(2, 3)
    );
}

/// The mean time of a call, over one turn.
fn micros(call: impl Fn()) -> f64 {
    call();
    let begun = Instant::now();
    let mut calls = 0_u32;
    while begun.elapsed() < TURN {
        for _ in 0..8 {
            call();
        }
        calls += 8;
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

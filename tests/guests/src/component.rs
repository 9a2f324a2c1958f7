//! The component's side.

#![allow(unsafe_code, reason = "generated bindings; the ABI is raw pointers")]

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;

use crate::Misdeed;

wit_bindgen::generate!({
    world: "op-engine",
    path: "../../wit",
});

use automation::kv::storage;
use automation::kv::types::{Failure, Operation, Outcome, Rejection, Reply, Request, TimestampMs};
use exports::automation::kv::engine::{Guest, Limits, Remembered, Terms};

struct Misbehaving;

export!(Misbehaving);

impl Guest for Misbehaving {
    fn open(_: Limits, _: TimestampMs) -> Result<(), Failure> {
        storage::load().map(drop)
    }

    fn execute(request: Request) -> Result<Reply, Rejection> {
        match key(&request) {
            Misdeed::LOOP => run_for_ever(),
            Misdeed::MEMORY => take_all_memory(),
            Misdeed::RECURSION => drop(black_box(recurse(0))),
            Misdeed::TRAP => core::arch::wasm32::unreachable(),
            _ => {}
        }
        Ok(reply())
    }

    fn begin(_: Terms) -> Result<Option<Remembered>, Rejection> {
        Ok(None)
    }

    fn finish(_: String) -> Reply {
        reply()
    }

    fn abandon() {}

    fn restore(_: Option<u32>) -> Result<Reply, Failure> {
        Ok(reply())
    }

    fn savepoint() -> u32 {
        0
    }

    fn rollback(_: u32) {}

    fn commit() -> Result<(), Failure> {
        Ok(())
    }
}

fn reply() -> Reply {
    Reply {
        version: 1,
        size_bytes: 2,
        limit_bytes: 0,
        outcomes: vec![Outcome::Removed(0)],
        is_replay: false,
        has_expired: false,
    }
}

fn key(request: &Request) -> &str {
    match request.operations.first() {
        Some(Operation::Get(get)) => &get.key,
        Some(Operation::Set(set)) => &set.key,
        _ => "",
    }
}

fn run_for_ever() {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

fn take_all_memory() {
    const CHUNK_BYTES: usize = 1 << 20;
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        taken.push(black_box(vec![1; CHUNK_BYTES]));
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(black_box(depth + 1)) + frame[63]
}

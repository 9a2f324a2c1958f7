//! What a request is made of, apart from its session: reading and writing a document, scanning JSON, checking a token,
//! committing. `cargo bench --bench parts`.

#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use automation_kv::automation::AutomationId;
use automation_kv::storage::{Sealed, SqliteStorage, Storage, StorageOptions};
use automation_kv::token::Tokens;
use automation_kv_engine::document::{Document, Record};
use automation_kv_engine::json;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use uuid::Uuid;

const NOW: u64 = 1_800_000_000_000;

/// About what a document may take by default, in bytes.
const LARGE_BYTES: usize = 60_000;

/// One entry of a list, as scripts keep it.
const ENTRY: &str = r#"{"id":"msg_00000001","at":1800000000,"done":true,"note":"seen and answered"}"#;

fn parts(criterion: &mut Criterion) {
    document_index(criterion);
    json_scan(criterion);
    token_check(criterion);
    storage_commit(criterion);
}

/// Reading the index of a document and writing it again, with as many keys.
fn document_index(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("document index");
    for keys in [1, 100, 600] {
        let value = format!("\"{}\"", "x".repeat(LARGE_BYTES / keys - 40));
        let mut whole = Document::default();
        for key in 0..keys {
            whole.append(format!("key-{key:04}"), Record::new(value.clone(), NOW, 1));
        }
        let plain = whole.encode();
        group.throughput(Throughput::Bytes(plain.len() as u64));
        group.bench_function(BenchmarkId::new("decode", keys), |bencher| {
            bencher.iter(|| Document::decode(black_box(plain.clone()), NOW).expect("a document"));
        });
        group.bench_function(BenchmarkId::new("encode", keys), |bencher| {
            bencher.iter(|| whole.encode());
        });
        group.bench_function(BenchmarkId::new("find the last key", keys), |bencher| {
            let last = format!("key-{:04}", keys - 1);
            bencher.iter(|| whole.find(black_box(&last)));
        });
    }
    group.finish();
}

/// Making text compact as it comes in, and finding things in it later.
fn json_scan(criterion: &mut Criterion) {
    let list = format!("[{}]", vec![ENTRY; LARGE_BYTES / ENTRY.len()].join(","));
    let members: Vec<String> = (0..LARGE_BYTES / ENTRY.len())
        .map(|at| format!("\"m{at}\":{ENTRY}"))
        .collect();
    let object = format!("{{{}}}", members.join(","));
    let last_name = format!("\"m{}\"", members.len() - 1);
    let mut group = criterion.benchmark_group("JSON scan");
    group.throughput(Throughput::Bytes(list.len() as u64));
    group.bench_function("normalize a list", |bencher| {
        bencher.iter(|| json::normalize(black_box(&list)).expect("JSON"));
    });
    group.bench_function("count its items", |bencher| {
        bencher.iter(|| json::read::items(black_box(&list)).count());
    });
    group.bench_function("find the last member of an object", |bencher| {
        bencher.iter(|| json::read::member(black_box(&object), &last_name));
    });
    group.finish();
}

/// Checking a token that is seen for the first time, and again.
fn token_check(criterion: &mut Criterion) {
    let secret = "a secret for benchmarks".into();
    let remembering = Tokens::new(&secret, &[]);
    let token = remembering
        .mint(Uuid::new_v4().into(), Uuid::new_v4(), Duration::from_hours(1))
        .expect("a token");
    let mut group = criterion.benchmark_group("token check");
    group.bench_function("first", |bencher| {
        bencher.iter_batched(
            || Tokens::new(&secret, &[]),
            |fresh| fresh.verify(black_box(&token)).expect("an identity"),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("again", |bencher| {
        bencher.iter(|| remembering.verify(black_box(&token)).expect("an identity"));
    });
    group.finish();
}

/// A durable save in SQLite: alone, and 32 of different automations at once, which share a commit.
fn storage_commit(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("state.db");
    let options = StorageOptions::default();
    let storage = runtime
        .block_on(SqliteStorage::open(&file, &options))
        .expect("a storage");
    let automations: Vec<AutomationId> = (0..32).map(|_| Uuid::new_v4().into()).collect();
    let mut revisions = vec![None; automations.len()];
    let mut group = criterion.benchmark_group("storage commit");
    group.measurement_time(Duration::from_secs(3)).sample_size(20);
    for together in [1, 32] {
        group.throughput(Throughput::Elements(together as u64));
        group.bench_function(BenchmarkId::new("SQLite", together), |bencher| {
            bencher.iter(|| runtime.block_on(save_each(&storage, &automations[..together], &mut revisions)));
        });
    }
    group.finish();
    runtime.block_on(storage.close());
}

async fn save_each(storage: &SqliteStorage, automations: &[AutomationId], revisions: &mut [Option<i64>]) {
    let deadline = Instant::now() + Duration::from_secs(5);
    let saves = automations.iter().zip(revisions.iter()).map(|(automation, seen)| {
        let sealed = Sealed {
            bytes: "gAAAAA".repeat(60).into_bytes(),
            ..Sealed::default()
        };
        storage.swap(*automation, *seen, sealed, deadline)
    });
    for saved in join_all(saves).await {
        saved.expect("a save");
    }
    for revision in &mut revisions[..automations.len()] {
        *revision = Some(revision.unwrap_or(0) + 1);
    }
}

criterion_group!(benches, parts);
criterion_main!(benches);

//! The parts of a session, each by itself.

#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

mod support;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use support::{SIZES, Subject};

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("increment");
    group
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30);
    for (bytes, name) in SIZES {
        let subject = Subject::new(bytes);
        group.bench_function(BenchmarkId::new("session", name), |bencher| {
            bencher.iter(|| subject.session())
        });
        group.bench_function(BenchmarkId::new("native", name), |bencher| {
            bencher.iter(|| subject.native())
        });
        group.bench_function(BenchmarkId::new("vault", name), |bencher| {
            bencher.iter(|| subject.vault())
        });
    }
    let subject = Subject::new(100);
    group.bench_function("bare instance", |bencher| bencher.iter(|| subject.bare()));
    group.finish();
}

criterion_group!(benches, parts);
criterion_main!(benches);

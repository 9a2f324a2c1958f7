//! The parts of a session, each by itself.

#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

mod support;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use support::{SIZES, Subject};

/// A way to do an increment.
type Part = fn(&Subject);

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("increment");
    group
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30);
    let parts: [(&str, Part); 3] = [
        ("session", Subject::session),
        ("native", Subject::native),
        ("vault", Subject::vault),
    ];
    for (bytes, name) in SIZES {
        let subject = Subject::new(bytes);
        for (part, run) in parts {
            group.bench_function(BenchmarkId::new(part, name), |bencher| bencher.iter(|| run(&subject)));
        }
    }
    let subject = Subject::new(100);
    group.bench_function("bare instance", |bencher| bencher.iter(|| Subject::bare(&subject)));
    group.finish();
}

criterion_group!(benches, parts);
criterion_main!(benches);

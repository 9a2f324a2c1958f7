//! The service beside what its users could pick instead, in one run on the same processors and disk:
//! `cargo bench --bench compare`. Prints the tables of `docs/performance.md`.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::cast_precision_loss,
    dead_code,
    reason = "a benchmark"
)]

#[path = "../load/drive.rs"]
mod drive;
#[path = "../load/host.rs"]
mod host;
#[path = "../load/mix.rs"]
mod mix;
mod others;
#[path = "../../../tests/support/postgres.rs"]
mod postgres;
#[path = "../load/prepare.rs"]
mod prepare;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use automation_kv::vault::Vault;
use clap::Parser;
use drive::{Requests, Until, drive};
use host::Host;
use others::{PgBench, Redis};
use uuid::Uuid;

/// Drives the service on SQLite and on PostgreSQL, Redis, and pgbench in turns, and prints what they do and the ratios.
#[derive(Parser)]
struct Arguments {
    /// Turns of each.
    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// Seconds for each mix in each turn.
    #[arg(long, default_value_t = 3)]
    seconds: u64,

    /// Connections.
    #[arg(long, default_value_t = 32)]
    clients: usize,

    /// Automations for the question of many automations; the others use 1,000.
    #[arg(long, default_value_t = 100_000)]
    many: usize,

    /// Given by `cargo bench`; means nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

const AUTOMATIONS: usize = 1000;

/// The service's allocator, since the vault is measured here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The mix on large documents.
const LARGE_MIX: &str = "incr-60k";

/// The size of the large document, in bytes.
const LARGE_BYTES: usize = 60_000;

/// What was seen of one mix on one service, turn by turn.
#[derive(Default)]
struct Seen {
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    /// Processor seconds of the service for 1,000 requests.
    seconds_per_thousand: Vec<f64>,
    failed: u64,
}

/// Everything that was seen: by mix and by service.
type Table = BTreeMap<(String, &'static str), Seen>;

fn main() {
    let arguments = Arguments::parse();
    let runtime = drive::runtime();
    runtime.block_on(run(&arguments));
}

async fn run(arguments: &Arguments) {
    let folder = tempfile::tempdir().expect("a folder");
    let redis = Redis::start(folder.path());
    let pgbench = PgBench::prepare(&postgres::SHARED);
    let hosts = [
        ("SQLite", Host::sqlite(folder.path())),
        ("PostgreSQL", Host::start(&postgres::SHARED.database())),
    ];
    let tokens = prepare::tokens(host::SECRET, AUTOMATIONS + mix::LARGE);
    for (_, host) in &hosts {
        prepare::fill(&[host.address], mix::seeds("", &tokens)).await;
    }
    let mut table = Table::new();
    let mut redis_rates: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut updates = Vec::new();
    let mut large_updates = Vec::new();
    let mut allowed_by_cipher: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for round in 0..arguments.rounds {
        eprintln!("turn {} of {}", round + 1, arguments.rounds);
        for (name, rate) in redis.rates(arguments.clients) {
            redis_rates.entry(name).or_default().push(rate);
        }
        updates.push(pgbench.rate(arguments.clients, arguments.seconds));
        large_updates.push(pgbench.rate_of_large(arguments.clients, arguments.seconds));
        for mix in mix::all("", &tokens, 1) {
            for (name, host) in &hosts {
                let seen = table.entry((mix.name.to_owned(), name)).or_default();
                // The cipher's own speed is taken right before and behind: the machine's changes from minute to minute.
                let ahead = (mix.name == LARGE_MIX).then(seal_and_open_seconds);
                measure(arguments, host, &mix.requests, seen).await;
                if let Some(ahead) = ahead {
                    let allowed = processors() / f64::midpoint(ahead, seal_and_open_seconds());
                    allowed_by_cipher.entry(*name).or_default().push(allowed);
                }
            }
        }
    }
    let many = many(arguments, &hosts[0].1, mix::split(&tokens).0).await;
    print_mixes(&table);
    print_others(&redis_rates, &updates, &large_updates);
    let memory = hosts.iter().map(|(_, host)| host.resident_mib().1).max().unwrap_or(0);
    print_ratios(&table, &redis_rates, &updates, &allowed_by_cipher, many, memory);
}

async fn measure(arguments: &Arguments, host: &Host, requests: &Requests, seen: &mut Seen) {
    let before = host.processor_time();
    let until = Until::Time(Duration::from_secs(arguments.seconds));
    let report = drive(&[host.address], arguments.clients, until, requests).await;
    let used = host.processor_time().saturating_sub(before).as_secs_f64();
    seen.rates.push(report.rate());
    seen.p50.push(report.percentile(50));
    seen.p99.push(report.percentile(99));
    seen.seconds_per_thousand
        .push(used * 1000.0 / report.micros.len().max(1) as f64);
    seen.failed += report.failed();
}

/// The rate of increments over very many automations to that over 1,000, in turns.
async fn many(arguments: &Arguments, host: &Host, few: &[String]) -> f64 {
    let many = prepare::tokens(host::SECRET, arguments.many);
    let increments = |tokens: &[String]| {
        let requests = tokens
            .iter()
            .map(|token| drive::request("POST", "/v1/kv/n/incr", token, ""));
        mix::spread(requests.collect(), 1)
    };
    let (few, many) = (increments(few), increments(&many));
    // Each automation writes once first, so that what is measured is not the making of rows.
    let each = arguments.many.div_ceil(arguments.clients);
    eprintln!("filling {} automations", arguments.many);
    drive(&[host.address], arguments.clients, Until::Each(each * 2), &many).await;
    let mut ratios = Vec::new();
    for _ in 0..arguments.rounds {
        let mut rates = [0.0; 2];
        for (rate, requests) in rates.iter_mut().zip([&few, &many]) {
            let until = Until::Time(Duration::from_secs(arguments.seconds));
            *rate = drive(&[host.address], arguments.clients, until, requests).await.rate();
        }
        ratios.push(rates[1] / rates[0]);
    }
    median(&ratios)
}

fn print_mixes(table: &Table) {
    println!("| mix | service | requests/s | p50 ms | p99 ms | CPU s for 1,000 requests | failures |");
    println!("|---|---|---|---|---|---|---|");
    for ((mix, service), seen) in table {
        println!(
            "| {mix} | {service} | {:.0} | {:.2} | {:.2} | {:.3} | {} |",
            median(&seen.rates),
            median(&seen.p50),
            median(&seen.p99),
            median(&seen.seconds_per_thousand),
            seen.failed
        );
    }
    println!();
}

fn print_others(redis: &BTreeMap<&str, Vec<f64>>, updates: &[f64], large_updates: &[f64]) {
    println!("| beside it | operations/s |");
    println!("|---|---|");
    for (name, rates) in redis {
        println!("| Redis, fsync always: {name} | {:.0} |", median(rates));
    }
    println!("| pgbench: UPDATE of one of 1,000 rows | {:.0} |", median(updates));
    println!(
        "| pgbench: UPDATE of one of 32 rows of 80 KB | {:.0} |",
        median(large_updates)
    );
    println!();
}

fn print_ratios(
    table: &Table,
    redis: &BTreeMap<&str, Vec<f64>>,
    updates: &[f64],
    allowed_by_cipher: &BTreeMap<&str, Vec<f64>>,
    many: f64,
    memory: u64,
) {
    let rates = |mix: &str, service: &'static str| &table[&(mix.to_owned(), service)].rates;
    // Each turn has its own ratio: a machine that was slow then was slow for both.
    let ratio = |ours: &[f64], theirs: &[f64]| {
        let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        median(&ratios)
    };
    let row = |what: &str, wanted: &str, measured: f64| println!("| {what} | {wanted} | {measured:.2} |");
    println!("| ratio | wanted | measured |");
    println!("|---|---|---|");
    for (service, wanted_incr, wanted_get) in [("SQLite", "0.6", "0.25"), ("PostgreSQL", "0.3", "0.08")] {
        let incr = ratio(rates("incr-one", service), &redis[others::INCR_ONE]);
        row(
            &format!("incr on one automation to Redis INCR, {service}"),
            wanted_incr,
            incr,
        );
        let get = ratio(rates("get-small", service), &redis[others::GET]);
        row(&format!("get-small to Redis GET, {service}"), wanted_get, get);
    }
    let incr_many = ratio(rates("incr-many", "PostgreSQL"), updates);
    row(
        "incr over 1,000 automations to pgbench's UPDATE, PostgreSQL",
        "0.45",
        incr_many,
    );
    let incr_many = ratio(rates("incr-many", "SQLite"), &redis[others::INCR_MANY]);
    row(
        "incr over 1,000 automations to Redis INCR over 1,000 keys, SQLite",
        "0.33",
        incr_many,
    );
    for service in ["SQLite", "PostgreSQL"] {
        let of_the_cipher = ratio(rates(LARGE_MIX, service), &allowed_by_cipher[service]);
        row(
            &format!("incr on 60 KB documents to what the cipher allows, {service}"),
            "0.3",
            of_the_cipher,
        );
    }
    let spread = table
        .iter()
        .map(|((mix, service), seen)| (median(&seen.p99) / median(&seen.p50), mix, service));
    let worst = spread
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .expect("some mixes");
    row(
        &format!("p99 to p50, the worst ({}, {})", worst.1, worst.2),
        "6 at most",
        worst.0,
    );
    row("very many automations to 1,000, SQLite", "0.85", many);
    println!("| peak memory of a host, MiB | 200 at most | {memory} |");
}

fn processors() -> f64 {
    std::thread::available_parallelism().map_or(1, usize::from) as f64
}

/// The time that the vault takes for one document of 60 KB, there and back.
fn seal_and_open_seconds() -> f64 {
    const CALLS: u32 = 300;
    let keys = Vault::new(&host::SECRET.into(), &[], false).for_automation(Uuid::new_v4().into());
    let plain = vec![b'x'; LARGE_BYTES];
    let begun = Instant::now();
    for _ in 0..CALLS {
        let sealed = keys.seal(&plain);
        std::hint::black_box(keys.open(&sealed).expect("a state that opens"));
    }
    begun.elapsed().as_secs_f64() / f64::from(CALLS)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

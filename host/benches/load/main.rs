//! Drives any service of the contract over HTTP, mix by mix: `cargo bench --bench load -- --help`.

#![allow(missing_docs, clippy::expect_used, dead_code, reason = "a benchmark")]

mod counter;
mod drive;
mod host;
mod mix;
#[path = "../../../tests/support/postgres.rs"]
mod postgres;
mod prepare;

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use clap::Parser;
use counter::Counted;
use drive::{Report, Until, drive};
use host::Host;
use mix::Mix;

/// Drives a service of the contract with several mixes, and prints rate, latency and failures of each, and how many of the
/// increments of a single counter that were acknowledged it has counted. Fails if any is missing, or there are too many.
#[derive(Parser)]
struct Arguments {
    /// The service, as in <http://127.0.0.1:8420/api/automation>; without one, each database gets one of this build. May
    /// be given more than once: services are then driven in turns. With commas between them, URLs of one service.
    #[arg(long, value_name = "URL")]
    base_url: Vec<String>,

    /// The secret that the services share.
    #[arg(long, default_value = host::SECRET)]
    secret: String,

    /// Databases to start a service of this build on.
    #[arg(long, value_name = "URL")]
    database_url: Vec<String>,

    /// Kinds of database to make, start services of this build on, and throw away: `sqlite`, `postgres`, or `postgres:3` for
    /// three services on one database.
    #[arg(long, value_name = "KIND")]
    on: Vec<String>,

    /// Only the mixes whose name contains this.
    #[arg(long, default_value = "")]
    mix: String,

    /// Connections.
    #[arg(long, default_value_t = 32)]
    clients: usize,

    /// Seconds for each mix.
    #[arg(long, default_value_t = 3)]
    seconds: u64,

    /// Automations that the load is spread over.
    #[arg(long, default_value_t = 1000)]
    automations: usize,

    /// Send all requests of an automation to the same one of several services on one database, as a load balancer does that
    /// chooses by the token.
    #[arg(long)]
    by_automation: bool,

    /// How often each service is driven with each mix.
    #[arg(long, default_value_t = 1)]
    rounds: usize,

    /// Given by `cargo bench`; means nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A service to drive.
struct Target {
    name: String,
    addresses: Vec<SocketAddr>,
    prefix: String,
    hosts: Vec<Host>,
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = drive::runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let mut targets: Vec<Target> = arguments.base_url.iter().map(|url| remote(url)).collect();
    targets.extend(arguments.database_url.iter().map(|url| {
        let name = url.split(':').next().unwrap_or_default();
        own(name, url, 1)
    }));
    let mut kinds = arguments.on.clone();
    if targets.is_empty() && kinds.is_empty() {
        kinds.push("sqlite".to_owned());
    }
    targets.extend(kinds.iter().enumerate().map(|(number, kind)| {
        let (database, hosts) = kind.split_once(':').unwrap_or((kind, "1"));
        let url = match database {
            "sqlite" => format!("sqlite://{}/state-{number}.db", folder.path().display()),
            "postgres" => postgres::SHARED.database(),
            other => panic!("sqlite or postgres, not {other}"),
        };
        own(kind, &url, hosts.parse().expect("a number of hosts"))
    }));
    runtime.block_on(run(&arguments, &targets));
}

async fn run(arguments: &Arguments, targets: &[Target]) {
    let tokens = prepare::tokens(&arguments.secret, arguments.automations + mix::LARGE);
    for target in targets {
        prepare::fill(&target.addresses, mix::seeds(&target.prefix, &tokens)).await;
    }
    println!("| mix | service | requests/s | p50 ms | p99 ms | failures | counted |");
    println!("|---|---|---|---|---|---|---|");
    let mixes: Vec<_> = targets
        .iter()
        .map(|target| {
            let services = target.addresses.len();
            let shares = if arguments.by_automation { services } else { 1 };
            mix::all(&target.prefix, &tokens, shares)
        })
        .collect();
    for at in 0..mixes[0].len() {
        for _ in 0..arguments.rounds {
            for (target, mixes) in targets.iter().zip(&mixes) {
                let mix = &mixes[at];
                if !mix.name.contains(&arguments.mix) {
                    continue;
                }
                let until = Until::Time(Duration::from_secs(arguments.seconds));
                let (report, counted) = drive_and_count(&target.addresses, arguments.clients, until, mix).await;
                let (rate, p50, p99) = (report.rate(), report.percentile(50), report.percentile(99));
                println!(
                    "| {} | {} | {rate:.0} | {p50:.2} | {p99:.2} | {:?} | {} |",
                    mix.name,
                    target.name,
                    report.failures,
                    counted.map(|counted| counted.to_string()).unwrap_or_default()
                );
                assert!(
                    counted.is_none_or(|counted| counted.is_sound()),
                    "increments were lost, or counted twice"
                );
            }
        }
    }
}

/// Drives a service with a mix, and compares its counter, if it has one, with what was acknowledged.
async fn drive_and_count(
    addresses: &[SocketAddr],
    clients: usize,
    until: Until,
    mix: &Mix,
) -> (Report, Option<Counted>) {
    let Some(request) = &mix.counter else {
        return (drive(addresses, clients, until, &mix.requests).await, None);
    };
    let before = counter::value(addresses[0], request).await;
    let report = drive(addresses, clients, until, &mix.requests).await;
    let after = counter::value(addresses[0], request).await;
    let counted = Counted::new(before, after, &report);
    (report, Some(counted))
}

fn own(name: &str, database_url: &str, hosts: usize) -> Target {
    let hosts: Vec<Host> = (0..hosts).map(|_| Host::start(database_url)).collect();
    Target {
        name: name.to_owned(),
        addresses: hosts.iter().map(|host| host.address).collect(),
        prefix: String::new(),
        hosts,
    }
}

/// Several base URLs of one service differ in host and port only.
fn remote(urls: &str) -> Target {
    let (addresses, prefixes): (Vec<_>, Vec<_>) = urls.split(',').map(address_and_prefix).unzip();
    Target {
        name: urls.to_owned(),
        addresses,
        hosts: Vec::new(),
        prefix: prefixes.into_iter().next().unwrap_or_default(),
    }
}

fn address_and_prefix(url: &str) -> (SocketAddr, String) {
    let rest = url
        .strip_prefix("http://")
        .expect("a base URL that starts with http://");
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = authority
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next());
    let prefix = match path.trim_end_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    };
    (address.expect("a base URL with host and port"), prefix)
}

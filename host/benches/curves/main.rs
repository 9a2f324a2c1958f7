//! How the rate follows the number of clients, of automations and the size of documents, and three hosts beside one:
//! `cargo bench --bench curves`. Prints tables and draws the plots of `docs/performance.md`.

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
mod plot;
#[path = "../../../tests/support/postgres.rs"]
mod postgres;
#[path = "../load/prepare.rs"]
mod prepare;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use drive::{Requests, Until, drive, request};
use host::Host;
use plot::{Curve, Plot};

/// Measures the scaling curves.
#[derive(Parser)]
struct Arguments {
    /// Milliseconds for each point.
    #[arg(long, default_value_t = 1000)]
    milliseconds: u64,

    /// Where the plots go.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/curves"))]
    plots: PathBuf,

    /// Automations of the longest curve.
    #[arg(long, default_value_t = 100_000)]
    most_automations: usize,

    /// Given by `cargo bench`; means nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Connections where their number is not what changes.
const CLIENTS: usize = 32;

/// Automations where their number is not what changes.
const AUTOMATIONS: usize = 1000;

/// Hosts to drive together, and what to call them.
struct Target {
    name: &'static str,
    addresses: Vec<SocketAddr>,
    _hosts: Vec<Host>,
}

fn main() {
    let arguments = Arguments::parse();
    let runtime = drive::runtime();
    std::fs::create_dir_all(&arguments.plots).expect("a folder");
    runtime.block_on(run(&arguments));
}

async fn run(arguments: &Arguments) {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = postgres::SHARED.database();
    let targets = [
        Target::of("SQLite", vec![Host::sqlite(folder.path())]),
        Target::of("PostgreSQL", vec![Host::start(&postgres::SHARED.database())]),
        Target::of(
            "PostgreSQL, three hosts",
            (0..3).map(|_| Host::start(&shared)).collect(),
        ),
    ];
    let tokens = prepare::tokens(host::SECRET, AUTOMATIONS);
    for target in &targets {
        prepare::fill(&target.addresses, puts(&tokens, "/k", "{\"cursor\":7}")).await;
    }
    let bench = Bench { arguments };
    bench.by_clients(&targets, &tokens).await;
    bench.by_automations(&targets[..2]).await;
    bench.by_size(&targets[..2]).await;
}

struct Bench<'a> {
    arguments: &'a Arguments,
}

impl Bench<'_> {
    async fn by_clients(&self, targets: &[Target], tokens: &[String]) {
        let clients = [1, 2, 4, 8, 16, 32, 64, 128, 256];
        let mixes = [
            ("GET of a small value", "reads", requests(tokens, "GET", "/k", "")),
            (
                "incr, 1,000 automations",
                "increments",
                requests(tokens, "POST", "/n/incr", ""),
            ),
            (
                "incr, one automation",
                "increments-of-one",
                requests(&tokens[..1], "POST", "/n/incr", ""),
            ),
        ];
        for (title, file, requests) in mixes {
            let mut curves = curves(targets);
            for clients in clients {
                for (target, curve) in targets.iter().zip(&mut curves) {
                    curve
                        .points
                        .push((clients as f64, self.rate(target, clients, &requests).await));
                }
            }
            self.show(
                &format!("{title}, by clients"),
                "clients",
                &format!("clients-{file}"),
                curves,
            );
        }
    }

    async fn by_automations(&self, targets: &[Target]) {
        let mut curves = curves(targets);
        let mut count = 1;
        while count <= self.arguments.most_automations {
            let tokens = prepare::tokens(host::SECRET, count);
            let requests = requests(&tokens, "POST", "/n/incr", "");
            for (target, curve) in targets.iter().zip(&mut curves) {
                // Each automation writes once first, so that what is measured is not the making of rows.
                prepare::fill(&target.addresses, list(&tokens, "POST", "/n/incr", "")).await;
                curve
                    .points
                    .push((count as f64, self.rate(target, CLIENTS, &requests).await));
            }
            count *= 10;
        }
        self.show("incr, 32 clients, by automations", "automations", "automations", curves);
    }

    async fn by_size(&self, targets: &[Target]) {
        let mut curves = curves(targets);
        for kilobytes in [0.1, 1.0, 4.0, 16.0, 60.0] {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "small and positive"
            )]
            let bytes = (kilobytes * 1000.0) as usize;
            let tokens = prepare::tokens(host::SECRET, CLIENTS);
            let value = format!("\"{}\"", "abcdefgh".repeat(bytes / 8));
            let requests = requests(&tokens, "POST", "/n/incr", "");
            for (target, curve) in targets.iter().zip(&mut curves) {
                prepare::fill(&target.addresses, puts(&tokens, "/k", &value)).await;
                curve
                    .points
                    .push((kilobytes, self.rate(target, CLIENTS, &requests).await));
            }
        }
        self.show("incr, 32 clients, by size of the document", "KB", "sizes", curves);
    }

    async fn rate(&self, target: &Target, clients: usize, requests: &Requests) -> f64 {
        let until = Until::Time(Duration::from_millis(self.arguments.milliseconds));
        let report = drive(&target.addresses, clients, until, requests).await;
        assert_eq!(report.failed(), 0, "{}: {:?}", target.name, report.failures);
        report.rate()
    }

    fn show(&self, title: &str, unit: &str, file: &str, curves: Vec<Curve>) {
        let names: Vec<&str> = curves.iter().map(|curve| curve.name).collect();
        println!("\n{title}: requests/s\n\n| {unit} | {} |", names.join(" | "));
        println!("|{}", "---|".repeat(names.len() + 1));
        for at in 0..curves[0].points.len() {
            let rates: Vec<String> = curves
                .iter()
                .map(|curve| format!("{:.0}", curve.points[at].1))
                .collect();
            println!("| {} | {} |", curves[0].points[at].0, rates.join(" | "));
        }
        let path: &Path = &self.arguments.plots.join(file).with_extension("svg");
        Plot { title, unit, curves }.draw(path);
    }
}

impl Target {
    fn of(name: &'static str, hosts: Vec<Host>) -> Self {
        Self {
            name,
            addresses: hosts.iter().map(|host| host.address).collect(),
            _hosts: hosts,
        }
    }
}

fn curves(targets: &[Target]) -> Vec<Curve> {
    let curve = |target: &Target| Curve {
        name: target.name,
        points: Vec::new(),
    };
    targets.iter().map(curve).collect()
}

type List = Vec<std::sync::Arc<[u8]>>;

fn list(tokens: &[String], method: &str, path: &str, body: &str) -> List {
    let path = format!("/v1/kv{path}");
    tokens.iter().map(|token| request(method, &path, token, body)).collect()
}

fn requests(tokens: &[String], method: &str, path: &str, body: &str) -> Requests {
    mix::spread(list(tokens, method, path, body), 1)
}

fn puts(tokens: &[String], path: &str, value: &str) -> List {
    list(tokens, "PUT", path, value)
}

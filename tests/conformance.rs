//! Plays the recorded cases of the REST contract against the running binary, on both of its base paths.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::case::{self, Case, Target};
use support::pgbouncer::PgBouncer;
use support::postgres::SHARED;
use support::service::{self, Setup};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/conformance/cases");

const THREADS: usize = 8;

#[test]
fn sqlite_keeps_the_contract_on_the_bare_path() {
    let folder = service::folder();
    play_all(&Setup::sqlite(folder.path()).start().target(""));
}

#[test]
fn sqlite_keeps_the_contract_on_the_old_path() {
    let folder = service::folder();
    play_all(&Setup::sqlite(folder.path()).start().target("/api/automation"));
}

#[test]
fn memory_keeps_the_contract() {
    let folder = service::folder();
    play_all(&Setup::on(folder.path(), "memory:").start().target(""));
}

#[test]
fn postgres_keeps_the_contract() {
    let folder = service::folder();
    play_all(&Setup::on(folder.path(), &SHARED.database()).start().target(""));
}

#[test]
fn postgres_behind_a_pooler_keeps_the_contract() {
    let folder = service::folder();
    let pooler = PgBouncer::before(&SHARED);
    let url = pooler.url(&SHARED.new_database());
    play_all(&Setup::on(folder.path(), &url).start().target("/api/automation"));
}

#[test]
fn three_hosts_behind_a_pooler_share_one_database() {
    let folder = service::folder();
    let pooler = PgBouncer::before(&SHARED);
    let setup = Setup::on(folder.path(), &pooler.url(&SHARED.new_database()));
    let hosts = [setup.start(), setup.start(), setup.start()];
    std::thread::scope(|scope| {
        for host in &hosts {
            scope.spawn(|| play_all(&host.target("")));
        }
    });
}

fn play_all(target: &Target) {
    let cases = case::load(Path::new(CASES));
    assert!(cases.len() > 400, "only {} cases were found", cases.len());
    let next = AtomicUsize::new(0);
    let play_some = || {
        let mut problems = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            problems.extend(play(case, target));
        }
        problems
    };
    let problems: Vec<String> = std::thread::scope(|scope| {
        let players: Vec<_> = (0..THREADS).map(|_| scope.spawn(play_some)).collect();
        players
            .into_iter()
            .flat_map(|player| player.join().expect("a player"))
            .collect()
    });
    assert!(
        problems.is_empty(),
        "{} of {} failed:\n{}",
        problems.len(),
        cases.len(),
        problems.join("\n")
    );
}

fn play(case: &Case, target: &Target) -> Option<String> {
    case.play(target)
        .err()
        .map(|problem| format!("{}: {problem}", case.label()))
}

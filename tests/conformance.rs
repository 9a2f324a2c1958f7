//! Plays the recorded cases of the REST contract against the running binary, on both of its base paths.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use automation_kv_checks::{Target, recorded, run};

use support::pgbouncer::PgBouncer;
use support::postgres::SHARED;
use support::service::{self, Setup};

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
    let cases = recorded().expect("cases that make sense");
    assert!(cases.len() > 400, "only {} cases were found", cases.len());
    let mut problems = Vec::new();
    run(&cases.iter().collect::<Vec<_>>(), target, THREADS, |finding| {
        let problem = finding.problem.iter();
        problems.extend(problem.map(|problem| format!("{}: {problem}", finding.label)));
    });
    assert!(
        problems.is_empty(),
        "{} of {} failed:\n{}",
        problems.len(),
        cases.len(),
        problems.join("\n")
    );
}

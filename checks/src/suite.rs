//! The checks, and how they are run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::case::{self, Case};
use crate::live::{self, Live};
use crate::target::Target;

/// The recorded cases: a file's name and its text.
const CASE_FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/cases.rs"));

/// The cases of the quick check. They work in an automation that belongs to somebody, under keys with a prefix.
const QUICK: (&str, &str) = ("quick.json", include_str!("quick.json"));

/// One test of a service.
pub enum Check {
    /// A recorded case.
    Recorded(Case),
    /// One that a case cannot tell.
    Live(&'static Live),
}

/// What a check found.
#[derive(Debug)]
pub struct Finding<'a> {
    /// Area and name of the check.
    pub label: &'a str,
    /// How long it took.
    pub took: Duration,
    /// What was wrong, if anything was.
    pub problem: Option<String>,
}

/// A handful of tests that need no more than a token. An error means that a case of ours makes no sense.
pub fn quick() -> Result<Vec<Check>, String> {
    read(&[QUICK])
}

/// The recorded cases.
pub fn recorded() -> Result<Vec<Check>, String> {
    read(CASE_FILES)
}

/// The recorded cases, and the tests with many clients. They need the secret.
pub fn thorough() -> Result<Vec<Check>, String> {
    let mut checks = recorded()?;
    checks.extend(live::ALL.iter().map(Check::Live));
    Ok(checks)
}

/// Runs checks, so many at a time, and gives each finding to `report` as soon as it is there. Gives how many passed.
pub fn run<'a>(checks: &[&'a Check], target: &Target, threads: usize, mut report: impl FnMut(&Finding<'a>)) -> usize {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let run_some = |sender: mpsc::Sender<Finding<'a>>| {
        while let Some(check) = checks.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Nobody receives once the report has panicked; then there is nothing left to do.
            if sender.send(check.run(target)).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(|| run_some(sender));
        }
        drop(sender);
        let findings = receiver.iter().inspect(|finding| report(finding));
        findings.filter(|finding| finding.problem.is_none()).count()
    })
}

fn read(files: &[(&str, &str)]) -> Result<Vec<Check>, String> {
    let mut checks = Vec::new();
    for (name, text) in files {
        let cases = case::read_all(text).map_err(|problem| format!("{name}: {problem}"))?;
        checks.extend(cases.into_iter().map(Check::Recorded));
    }
    Ok(checks)
}

impl Check {
    /// Area and name, with a slash between.
    pub fn label(&self) -> &str {
        match self {
            Self::Recorded(case) => case.label(),
            Self::Live(live) => live.label,
        }
    }

    /// Whether it tests what only this project's service has, beyond the contract.
    pub fn is_extension(&self) -> bool {
        match self {
            Self::Recorded(case) => case.is_extension(),
            Self::Live(live) => live.is_extension,
        }
    }

    fn run(&self, target: &Target) -> Finding<'_> {
        let begun = Instant::now();
        let result = match self {
            Self::Recorded(case) => case.play(target),
            Self::Live(live) => (live.test)(target),
        };
        Finding {
            label: self.label(),
            took: begun.elapsed(),
            problem: result.err(),
        }
    }
}

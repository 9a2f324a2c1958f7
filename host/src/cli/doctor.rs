//! `automation-kv doctor`

use std::time::Instant;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::knobs::{DatabaseKnobs, SecretKnobs};
use super::output;
use super::{CommandError, Exit, operator, runtime};
use crate::automation::{AutomationId, Writer};
use crate::engine::types::{Condition, Expiry, GetOperation, Operation, Request, SetOperation};
use crate::engine::{self, Engine};
use crate::report::Chain;
use crate::service::{AutomationSummary, Service, ServiceError, ServiceOptions};
use crate::storage::StorageOptions;
use crate::vault::{TimestampMs, Vault};

/// What the ids of automations begin with that are for examinations; the rest is of the secret.
const PATIENTS: u128 = 0x0000_0000_0000_4000_8000_d0c0;
const PATIENT_BITS: u32 = 32;

/// How many states are opened to tell whether the secret is theirs.
const SAMPLE: u32 = 100;

/// How far a state's last write may be ahead of this machine's clock.
const CLOCK_TOLERANCE_MS: TimestampMs = 60_000;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Show the findings as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

/// What was looked at, and what was found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    message: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, check: &'static str, found: Result<String, String>) {
        self.0.push(Finding {
            check,
            ok: found.is_ok(),
            message: found.unwrap_or_else(|problem| problem),
        });
    }

    fn text(&self) -> String {
        let line = |finding: &Finding| {
            let verdict = if finding.ok { "ok" } else { "FAILED" };
            format!("{verdict:6}  {:10}  {}\n", finding.check, finding.message)
        };
        self.0.iter().map(line).collect()
    }
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let findings = runtime()?.block_on(self.examine());
        if self.json {
            output::print_json(&findings.0)?;
        } else {
            output::print(findings.text())?;
        }
        let failed = findings.0.iter().filter(|finding| !finding.ok).count();
        if failed > 0 {
            return Err(CommandError::with(
                Exit::Failure,
                format!("{failed} of {} checks failed", findings.0.len()),
            ));
        }
        Ok(())
    }

    async fn examine(&self) -> Findings {
        let mut findings = Findings::default();
        let secret = self.secrets.current();
        findings.add(
            "secret",
            match &secret {
                Ok(Some(_)) => Ok(format!(
                    "AUTOMATION_KV_SECRET is set, with {} former ones",
                    self.secrets.previous().len()
                )),
                Ok(None) => Err("AUTOMATION_KV_SECRET is not set: every call on states would be 503".to_owned()),
                Err(error) => Err(error.to_string()),
            },
        );
        let engine = Engine::of_command();
        findings.add(
            "engine",
            match &engine {
                Ok(_) => Ok(format!(
                    "{} with SHA-256 {}",
                    engine::WIT_PACKAGE,
                    engine::built_in_sha256()
                )),
                Err(error) => Err(Chain(error).to_string()),
            },
        );
        let storage = match self.database.database() {
            Ok(database) => {
                let options = StorageOptions {
                    existing: true,
                    ..self.database.options(ServiceOptions::default().lock_timeout)
                };
                let opened = database.open(&options).await;
                let name = database.to_string();
                findings.add(
                    "database",
                    match &opened {
                        Ok(_) => Ok(format!("{name} is reachable and up to date")),
                        Err(error) => Err(error.to_string()),
                    },
                );
                opened.ok()
            }
            Err(error) => {
                findings.add("database", Err(error.to_string()));
                None
            }
        };
        if let (Ok(Some(secret)), Ok(engine), Some(storage)) = (secret, engine, storage) {
            let vault = Vault::new(&secret, &self.secrets.previous(), self.database.adopt);
            let service = Service::new(storage, engine, vault, ServiceOptions::default());
            examine_service(&service, patient(&secret), &mut findings).await;
            service.close().await;
        }
        findings
    }
}

/// The automation whose state is written to and read: always the same for a secret, so that no more than one row of it is
/// ever there, and another one for another secret, so that a wrong one does no harm.
fn patient(secret: &SecretString) -> AutomationId {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(secret.expose_secret()));
    let id = PATIENTS << PATIENT_BITS | u128::from(u32::from_be_bytes([a, b, c, d]));
    AutomationId::from(Uuid::from_u128(id))
}

/// Whether it is such an automation, of whichever secret.
fn is_patient(summary: &AutomationSummary) -> bool {
    summary.automation.uuid().as_u128() >> PATIENT_BITS == PATIENTS
}

async fn examine_service(service: &Service, patient: AutomationId, findings: &mut Findings) {
    let sample = service.automations(None, SAMPLE).await;
    match sample {
        Ok(mut sample) => {
            sample.retain(|summary| !is_patient(summary));
            let opens = opens(&sample);
            let is_wrong = opens.is_err();
            findings.add("states", opens);
            findings.add("clock", clock(&sample, service.now()));
            if is_wrong {
                return findings.add(
                    "round trip",
                    Err("not tried with a secret that opens nothing".to_owned()),
                );
            }
        }
        Err(error) => findings.add("states", Err(Chain(&error).to_string())),
    }
    let begun = Instant::now();
    findings.add(
        "round trip",
        match round_trip(service, patient).await {
            Ok(()) => Ok(format!("wrote, read and deleted in {} ms", begun.elapsed().as_millis())),
            Err(ServiceError::UnknownAutomation) => {
                Ok("not tried: the database takes no automation that its own table does not have".to_owned())
            }
            Err(error) => Err(Chain(&error).to_string()),
        },
    );
}

fn opens(sample: &[AutomationSummary]) -> Result<String, String> {
    let closed: Vec<_> = sample.iter().filter(|summary| summary.state.is_none()).collect();
    match closed.first() {
        None => Ok(format!(
            "{} of {} looked at open with the secret",
            sample.len(),
            sample.len()
        )),
        Some(first) => Err(format!(
            "{} of {} looked at do not open with the secret, {} for one: is a former secret missing?",
            closed.len(),
            sample.len(),
            first.automation
        )),
    }
}

fn clock(sample: &[AutomationSummary], now: TimestampMs) -> Result<String, String> {
    let latest = sample.iter().map(|summary| summary.updated_at).max().unwrap_or(0);
    if latest > now + CLOCK_TOLERANCE_MS {
        return Err(format!(
            "a state was last written at {}, which is ahead of this machine's clock",
            operator::time(latest)
        ));
    }
    Ok(format!("{}, behind no state's last write", operator::time(now)))
}

async fn round_trip(service: &Service, automation: AutomationId) -> Result<(), ServiceError> {
    let writer = || Writer { automation, run: None };
    let key = || "doctor".to_owned();
    let value = Uuid::new_v4().to_string();
    let set = Operation::Set(SetOperation {
        key: key(),
        value: format!("\"{value}\""),
        condition: Condition::Always,
        expiry: Expiry::Never,
    });
    let get = Operation::Get(GetOperation { key: key(), path: None });
    let done = |answer: crate::service::Answer| answer.map(drop).map_err(|_| ServiceError::Dropped);
    done(service.write(writer(), Request::of(vec![set]), Instant::now()).await?)?;
    done(service.read(automation, Request::of(vec![get]), Instant::now()).await?)?;
    done(
        service
            .write(writer(), Request::of(vec![Operation::Delete(key())]), Instant::now())
            .await?,
    )
}

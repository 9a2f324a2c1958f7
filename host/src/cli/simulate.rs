//! `automation-kv simulate`: batches through the engine alone.
//!
//! Nothing here depends on the machine, the time or chance, so the same input gives the same output.

use std::fmt::Write as _;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use super::knobs;
use super::limits::LimitKnobs;
use super::output::{self, Format};
use super::plugins::{self, PluginKnobs};
use super::{CommandError, Exit};
use crate::api::{OfflineBatch, Refused};
use crate::automation::AutomationId;
use crate::clear;
use crate::diff::{Difference, Document};
use crate::engine::types::Request;
use crate::engine::{Engine, EngineError, Input, Session, recording};
use crate::vault::{TimestampMs, Vault};

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// The state to begin with: JSON, or as the engine keeps it; `-` for stdin. None unless given.
    #[arg(long, value_name = "FILE")]
    state: Option<String>,

    /// The time at which all of it happens: RFC 3339 text, or seconds since 1970. Unless given, that of the state's latest
    /// write; 1970 if it does not tell.
    #[arg(long, value_name = "TIME", value_parser = knobs::time)]
    now: Option<TimestampMs>,

    /// Write the state that is left to a file, as the engine keeps it.
    #[arg(long, value_name = "FILE")]
    save: Option<String>,

    /// Write what the engine was given, and what came of it, to a file that the hosts of `examples/embed` play.
    #[arg(long, value_name = "FILE")]
    record: Option<String>,

    /// How to show what happened: as text, as JSON, or (raw) the state that is left, in the clear.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,

    #[command(flatten)]
    plugins: PluginKnobs,

    #[command(flatten)]
    limits: LimitKnobs,

    /// A batch as `POST /v1/kv/batch` takes it, or a list of batches; `-` for stdin.
    #[arg(value_name = "OPS.json")]
    operations: String,
}

/// What came of it all.
#[derive(Serialize)]
struct Outcome {
    /// One for each batch.
    answers: Vec<Answer>,
    difference: Difference,
    #[serde(skip)]
    after: Document,
    #[serde(skip)]
    requests: Vec<Request>,
    /// The document, if there is one.
    #[serde(skip)]
    document: Option<Vec<u8>>,
}

/// The answer that HTTP would give to a batch.
#[derive(Serialize)]
struct Answer {
    status: u16,
    body: Box<RawValue>,
}

impl Simulate {
    pub(super) fn run(self) -> Result<ExitCode, CommandError> {
        let state = self.state.as_deref().map(output::read).transpose()?;
        let text = String::from_utf8(output::read(&self.operations)?)
            .map_err(|_| CommandError::new(format!("{} is not UTF-8", self.operations)))?;
        let batches = batches(&text).map_err(|error| {
            CommandError::new(format!(
                "{} is neither a batch nor a list of batches: {error}",
                self.operations
            ))
        })?;
        let engine = Engine::of_command()?;
        let (now, before) = self.beginning(&engine, state.clone())?;
        let outcome = self.carry_out(&engine, state.clone(), now, &before, &batches)?;
        if let Some(file) = &self.record {
            output::write(file, self.recording(state.as_deref(), now, &outcome).as_bytes())?;
        }
        if let Some(file) = &self.save {
            let document = outcome.document.as_deref().ok_or_else(|| {
                let message = format!("there is no state to write to {file}: nothing was written");
                CommandError::with(Exit::NotFound, message)
            })?;
            output::write(file, document)?;
        }
        outcome.print(self.output)?;
        let refused = outcome.answers.iter().find(|answer| answer.status >= 400);
        Ok(refused.map_or(ExitCode::SUCCESS, |answer| {
            CommandError::of_status(answer.status, "").exit.into()
        }))
    }

    /// The time at which all happens, and the state at that time.
    fn beginning(&self, engine: &Engine, state: Option<Vec<u8>>) -> Result<(TimestampMs, Document), CommandError> {
        if let Some(now) = self.now {
            return Ok((now, document(&mut self.session(engine, state, now)?)?));
        }
        // At the beginning of time nothing has expired yet.
        let all = document(&mut self.session(engine, state.clone(), 0)?)?;
        let now = all
            .entries
            .iter()
            .filter_map(|entry| Some(entry.attributes?.updated_at))
            .max()
            .unwrap_or(0);
        Ok((now, document(&mut self.session(engine, state, now)?)?))
    }

    fn session(&self, engine: &Engine, state: Option<Vec<u8>>, now: TimestampMs) -> Result<Session, CommandError> {
        let input = Input {
            sealed: state,
            vault: Vault::clear(self.now.unwrap_or(0)).for_automation(AutomationId::of_name("simulate")),
            max_state_bytes: self.limits.max_state_bytes(),
            max_value_bytes: self.limits.max_value_size,
            now,
        };
        engine.open(input).map_err(|error| match error {
            EngineError::Unreadable(problem) => {
                let file = self.state.as_deref().unwrap_or_default();
                CommandError::new(format!("{file} is not a state: {problem}"))
            }
            error => error.into(),
        })
    }

    fn carry_out(
        &self,
        engine: &Engine,
        state: Option<Vec<u8>>,
        now: TimestampMs,
        before: &Document,
        batches: &[&str],
    ) -> Result<Outcome, CommandError> {
        let plugins = self.plugins.load()?;
        let mut session = self.session(engine, state.clone(), now)?;
        let mut answers = Vec::with_capacity(batches.len());
        let mut requests = Vec::with_capacity(batches.len());
        for batch in batches {
            let answer = match OfflineBatch::read(batch, now, &plugins) {
                Ok(batch) => {
                    match batch.request() {
                        Some(request) => requests.push(request.clone()),
                        None if self.record.is_some() => {
                            let message = "--record is for hosts of the engine alone: no batch may call a plugin";
                            return Err(CommandError::with(Exit::Usage, message));
                        }
                        None => {}
                    }
                    let (next, answer) = batch.carry_out(session, &mut plugins::show)?;
                    session = next;
                    answer
                }
                Err(refused) => Err(refused),
            };
            answers.push(Answer::of(answer)?);
        }
        let after = document(&mut session)?;
        let saved = session.commit()?.map(|sealed| sealed.bytes);
        Ok(Outcome {
            answers,
            difference: Difference::between(before, &after).map_err(|error| CommandError::new(error.to_string()))?,
            after,
            requests,
            document: saved.or(state),
        })
    }

    fn recording(&self, state: Option<&[u8]>, now: TimestampMs, outcome: &Outcome) -> String {
        let encoded = |bytes: Option<&[u8]>| bytes.map(|bytes| STANDARD.encode(bytes));
        let requests: Vec<_> = outcome.requests.iter().map(recording::request).collect();
        let mut text = serde_json::json!({
            "sealed-at": self.now.unwrap_or(0),
            "now": now,
            "limits": {
                "state-bytes": self.limits.max_state_bytes(),
                "value-bytes": self.limits.max_value_size,
            },
            "state": encoded(state),
            "requests": requests,
            "document": encoded(outcome.document.as_deref()),
        })
        .to_string();
        text.push('\n');
        text
    }
}

/// The batches in a text that is one, or a list of them.
fn batches(text: &str) -> Result<Vec<&str>, serde_json::Error> {
    if !text.trim_start().starts_with('[') {
        serde_json::from_str::<&RawValue>(text)?;
        return Ok(vec![text]);
    }
    let batches = serde_json::from_str::<Vec<&RawValue>>(text)?;
    Ok(batches.into_iter().map(RawValue::get).collect())
}

/// The state of a session.
pub(super) fn document(session: &mut Session) -> Result<Document, CommandError> {
    let reply = session.execute(&clear::listing())?.ok();
    let document = reply.and_then(|reply| clear::document(&reply));
    document.ok_or_else(|| CommandError::new("the engine gave an answer that makes no sense"))
}

impl Answer {
    fn of(answer: Result<String, Refused>) -> Result<Self, CommandError> {
        const OK: u16 = 200;
        let (status, body) = match answer {
            Ok(body) => (OK, body),
            Err(Refused { status, body }) => (status, body),
        };
        let body = RawValue::from_string(body)
            .map_err(|error| CommandError::new(format!("the engine gave an answer that is not JSON: {error}")))?;
        Ok(Self { status, body })
    }
}

impl Outcome {
    fn print(&self, format: Format) -> Result<(), CommandError> {
        match format {
            Format::Table => {
                let mut text = String::new();
                for Answer { status, body } in &self.answers {
                    // Writing to a string does not fail.
                    let _ = writeln!(text, "{status} {body}");
                }
                output::print(text + &self.difference.text(output::colour()))
            }
            Format::Json => output::print_json(self),
            Format::Raw => output::print(clear::json(&self.after)),
        }
    }
}

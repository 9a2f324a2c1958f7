//! `automation-kv plugins test`

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::super::output::{self, Format};
use super::super::{CommandError, Exit, simulate};
use super::cases::{Case, Cases, ErrorKind};
use super::knobs::SandboxKnobs;
use super::show;
use crate::automation::AutomationId;
use crate::cli::limits::LimitKnobs;
use crate::diff::{Difference, Document};
use crate::engine::plugin::{CallError, Plugin};
use crate::engine::{Done, Engine, Input, Refusal, Session, Step, Transaction};
use crate::vault::{TimestampMs, Vault};

#[derive(Debug, Args)]
pub(in crate::cli) struct Test {
    #[command(flatten)]
    sandbox: SandboxKnobs,

    #[command(flatten)]
    limits: LimitKnobs,

    /// How to show what came of the cases.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,

    /// The component.
    #[arg(value_name = "FILE.wasm")]
    file: String,

    /// The cases: JSON, as docs/plugins.md describes it.
    #[arg(value_name = "CASES.json")]
    cases: String,
}

/// What came of a case.
#[derive(Serialize)]
struct Verdict<'a> {
    name: &'a str,
    passed: bool,
    /// What is not as it should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

/// What came of a call.
struct Called {
    result: Result<Value, CallError>,
    before: Document,
    after: Document,
}

impl Test {
    pub(super) fn run(self) -> Result<ExitCode, CommandError> {
        let cases = Cases::read(&self.cases)?;
        let plugin = self
            .sandbox
            .engine()?
            .load(&output::read(&self.file)?)
            .map_err(|reason| CommandError::new(format!("{} is not a plugin that can be used: {reason}", self.file)))?;
        let (plugin, engine) = (Arc::new(plugin), Engine::of_command()?);
        let mut verdicts = Vec::with_capacity(cases.cases.len());
        for case in &cases.cases {
            let problems = self.try_case(&engine, &plugin, case)?;
            verdicts.push(Verdict {
                name: &case.name,
                passed: problems.is_empty(),
                problems,
            });
        }
        let failed = verdicts.iter().filter(|verdict| !verdict.passed).count();
        match self.output {
            Format::Json => output::print_json(&verdicts)?,
            Format::Table | Format::Raw => output::print(table(&verdicts))?,
        }
        Ok(if failed == 0 {
            ExitCode::SUCCESS
        } else {
            Exit::Failure.into()
        })
    }

    /// What is not as it should be.
    fn try_case(&self, engine: &Engine, plugin: &Arc<Plugin>, case: &Case) -> Result<Vec<String>, CommandError> {
        let input = case.input.as_ref().map_or("{}", |input| input.get());
        let folder = Path::new(&self.cases).parent().unwrap_or(Path::new(""));
        let before = case.before.as_ref().map(|state| state.document(folder)).transpose()?;
        if let Err(misfits) = plugin.check_input(input) {
            let misfits: Vec<_> = misfits.iter().map(ToString::to_string).collect();
            let error = CallError::InvalidInput(format!("the schema: {}", misfits.join("; ")));
            return Ok(problems(case, &Err(error)));
        }
        let called = self.call(engine, plugin, before, case.now, input)?;
        let expected = match &case.after {
            Some(state) => self.document(engine, Some(state.document(folder)?), case.now)?,
            None => called.before,
        };
        let mut problems = problems(case, &called.result);
        let difference = Difference::between(&values(expected), &values(called.after))
            .map_err(|error| CommandError::new(error.to_string()))?;
        if !difference.keys.is_empty() {
            problems.push(format!(
                "the state is not the one that it should be; from that to what it is:\n{}",
                difference.text(output::colour()).trim_end()
            ));
        }
        Ok(problems)
    }

    fn call(
        &self,
        engine: &Engine,
        plugin: &Arc<Plugin>,
        state: Option<Vec<u8>>,
        now: TimestampMs,
        input: &str,
    ) -> Result<Called, CommandError> {
        let mut session = self.session(engine, state, now)?;
        let before = simulate::document(&mut session)?;
        let transaction = Transaction {
            steps: vec![Step::Call {
                plugin: Arc::clone(plugin),
                input: input.to_owned(),
            }],
            if_version: None,
            always_bump: false,
            once: None,
            scope: None,
        };
        let (mut session, answer) = transaction.carry_out(session, &mut show)?;
        let result = match answer {
            Ok(carried) => Ok(match carried.done.into_iter().next() {
                Some(Done::Output(output)) => serde_json::from_str(&output).unwrap_or_default(),
                _ => Value::Null,
            }),
            Err(Refusal::Call { error, .. }) => Err(error),
            Err(Refusal::Rejected(rejection)) => Err(CallError::Rejected(rejection)),
        };
        let after = simulate::document(&mut session)?;
        Ok(Called { result, before, after })
    }

    fn document(&self, engine: &Engine, state: Option<Vec<u8>>, now: TimestampMs) -> Result<Document, CommandError> {
        simulate::document(&mut self.session(engine, state, now)?)
    }

    fn session(&self, engine: &Engine, state: Option<Vec<u8>>, now: TimestampMs) -> Result<Session, CommandError> {
        let input = Input {
            sealed: state,
            vault: Vault::clear(now).for_automation(AutomationId::of_name("plugins test")),
            max_state_bytes: self.limits.max_state_bytes(),
            max_value_bytes: self.limits.max_value_size,
            now,
        };
        Ok(engine.open(input)?)
    }
}

/// What is wrong with the result.
fn problems(case: &Case, result: &Result<Value, CallError>) -> Vec<String> {
    let mut problems = Vec::new();
    match (result, &case.output) {
        (Ok(output), Some(expected)) if output != expected => {
            problems.push(format!("the output is {output}, not {expected}"));
        }
        (Ok(_), Some(_)) => {}
        (Ok(output), None) => problems.push(format!("there is no error, but the output {output}")),
        (Err(error), Some(_)) => problems.push(format!("there is no output, but an error: {}", described(error))),
        (Err(CallError::Fault(fault)), None) if case.fault.as_deref() == Some(fault.name()) => {}
        (Err(error), None) if case.error.is_some() && case.error == kind(error) => {}
        (Err(error), None) => problems.push(format!("the error is another one: {}", described(error))),
    }
    if let (Err(error), Some(text)) = (result, &case.error_contains)
        && !error.to_string().contains(text.as_str())
    {
        problems.push(format!("the error does not say {text:?}: {error}"));
    }
    problems
}

fn kind(error: &CallError) -> Option<ErrorKind> {
    match error {
        CallError::InvalidInput(_) => Some(ErrorKind::InvalidInput),
        CallError::Conflict(_) => Some(ErrorKind::Conflict),
        CallError::Rejected(_) => Some(ErrorKind::Rejected),
        CallError::Failed(_) => Some(ErrorKind::Failed),
        CallError::Fault(_) => None,
    }
}

fn described(error: &CallError) -> String {
    match error {
        CallError::InvalidInput(message) => format!("invalid-input: {message}"),
        CallError::Conflict(message) => format!("conflict: {message}"),
        CallError::Rejected(rejection) => format!("rejected: {:?}", rejection.reason),
        CallError::Failed(message) => format!("failed: {message}"),
        CallError::Fault(fault) => format!("fault {}: the plugin {fault}", fault.name()),
    }
}

/// A document of which only keys and values are known.
fn values(mut document: Document) -> Document {
    document.version = None;
    document.size_bytes = None;
    for entry in &mut document.entries {
        entry.attributes = None;
    }
    document
}

fn table(verdicts: &[Verdict<'_>]) -> String {
    let mut lines = Vec::new();
    for verdict in verdicts {
        let word = if verdict.passed { "ok" } else { "FAILED" };
        lines.push(format!("{word:<7}{}", verdict.name));
        let details = verdict.problems.iter().flat_map(|problem| problem.lines());
        lines.extend(details.map(|line| format!("       {line}")));
    }
    let held = verdicts.iter().filter(|verdict| verdict.passed).count();
    lines.push(format!("{held} of {} cases hold\n", verdicts.len()));
    lines.join("\n")
}

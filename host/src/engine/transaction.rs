//! Operations and calls of plugins that happen together or not at all, as one new version at most.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::plugin::{CallError, CallReport, MAX_REMEMBERED_BYTES, Plugin, PluginFault};
use super::types::{Once, Operation, Outcome, Reason, Rejection, Reply, Request, Scope};
use super::{EngineError, Session, Terms};

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// What, in order.
    pub steps: Vec<Step>,
    /// Go ahead only if the document has this version.
    pub if_version: Option<i64>,
    /// Raise the version even if nothing changed.
    pub always_bump: bool,
    /// Carry it out only once, however often it is sent.
    pub once: Option<Once>,
    /// What it may ask for, its plugins included; none for everything.
    pub scope: Option<Scope>,
}

/// A part of a transaction.
#[derive(Debug, Clone)]
pub enum Step {
    /// Operations, all or none.
    Operations(Vec<Operation>),
    /// A call of a plugin.
    Call {
        /// Which plugin.
        plugin: Arc<Plugin>,
        /// What it is given, JSON text. It was [checked](Plugin::check_input).
        input: String,
    },
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// One for each operation and each call, in order.
    pub done: Vec<Done>,
    /// The state afterwards; it has no outcomes.
    pub reply: Reply,
}

/// What came of an operation or a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Done {
    /// Of an operation.
    Outcome(Outcome),
    /// Of a call: compact JSON.
    Output(String),
}

/// Why a transaction was refused. Nothing of it happened.
#[derive(Debug)]
pub enum Refusal {
    /// As a request is: the operation's number is counted over operations and calls.
    Rejected(Rejection),
    /// By a plugin.
    Call {
        /// Counted over operations and calls, from 0.
        index: usize,
        /// What it says.
        error: CallError,
    },
}

/// Is told of each call that is over.
pub type Observer<'a> = &'a mut dyn FnMut(&Plugin, &CallReport);

impl Transaction {
    /// Carries it out in a session, which can be used on. An error of the engine's ends the session.
    pub fn carry_out(
        &self,
        mut session: Session,
        observer: Observer<'_>,
    ) -> Result<(Session, Result<Carried, Refusal>), EngineError> {
        match session.begin(&self.terms())? {
            Ok(None) => {}
            Ok(Some(before)) => {
                let answer = match serde_json::from_str(&before.answer) {
                    Ok(done) => Ok(Carried {
                        done,
                        reply: before.reply,
                    }),
                    // What is remembered under this name is the answer to another kind of request.
                    Err(_) => Err(Refusal::whole(Reason::OnceMismatch)),
                };
                return Ok((session, answer));
            }
            Err(rejection) => return Ok((session, Err(Refusal::Rejected(rejection)))),
        }
        let mut done = Vec::new();
        for step in &self.steps {
            let (next, carried) = self.carry_out_step(session, step, &mut done, observer)?;
            session = next;
            if let Err(refusal) = carried {
                session.abandon()?;
                return Ok((session, Err(refusal)));
            }
        }
        let answer = self.answer(&done);
        if answer.len() > MAX_REMEMBERED_BYTES {
            session.abandon()?;
            let index = done
                .iter()
                .rposition(|done| matches!(done, Done::Output(_)))
                .unwrap_or(0);
            let error = CallError::Fault(PluginFault::OutputSize);
            return Ok((session, Err(Refusal::Call { index, error })));
        }
        let reply = session.finish(&answer)?;
        Ok((session, Ok(Carried { done, reply })))
    }

    fn carry_out_step(
        &self,
        mut session: Session,
        step: &Step,
        done: &mut Vec<Done>,
        observer: Observer<'_>,
    ) -> Result<(Session, Result<(), Refusal>), EngineError> {
        let index = done.len();
        match step {
            Step::Operations(operations) => {
                let request = Request {
                    scope: self.scope.clone(),
                    ..Request::of(operations.clone())
                };
                let carried = match session.execute(&request)? {
                    Ok(reply) => {
                        done.extend(reply.outcomes.into_iter().map(Done::Outcome));
                        Ok(())
                    }
                    Err(rejection) => Err(Refusal::Rejected(behind(index, rejection))),
                };
                Ok((session, carried))
            }
            Step::Call { plugin, input } => {
                let called = plugin.invoke(session, self.scope.as_ref(), input)?;
                observer(plugin, &called.report);
                let carried = match called.result {
                    Ok(output) => {
                        done.push(Done::Output(output));
                        Ok(())
                    }
                    Err(error) => Err(Refusal::Call { index, error }),
                };
                Ok((called.session, carried))
            }
        }
    }

    fn terms(&self) -> Terms {
        Terms {
            if_version: self.if_version,
            always_bump: self.always_bump,
            once: self.once.clone(),
            scope: self.scope.clone(),
        }
    }

    /// What is to be remembered, if anything is.
    fn answer(&self, done: &[Done]) -> String {
        if self.once.is_none() {
            return String::new();
        }
        // Texts and numbers are always JSON.
        serde_json::to_string(done).unwrap_or_default()
    }
}

impl Refusal {
    fn whole(reason: Reason) -> Self {
        Self::Rejected(Rejection {
            operation: None,
            reason,
        })
    }
}

/// A rejection of operations that come behind others.
fn behind(index: usize, rejection: Rejection) -> Rejection {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    Rejection {
        operation: rejection.operation.map(|operation| operation.saturating_add(index)),
        reason: rejection.reason,
    }
}

//! Random sessions, played on the engine and on a plain model of the contract: every reply and every rejection must be
//! the same, and so must everything that is there after a commit.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test may panic, and its helpers speak for themselves"
)]

#[path = "model/generators.rs"]
mod generators;
#[path = "model/reference.rs"]
mod reference;
#[path = "model/reference_arguments.rs"]
mod reference_arguments;
#[path = "model/reference_edits.rs"]
mod reference_edits;
#[path = "model/reference_scope.rs"]
mod reference_scope;
#[path = "model/requests.rs"]
mod requests;
#[path = "model/worth.rs"]
mod worth;

use automation_kv_engine::Session;
use automation_kv_engine::document::Document;
use automation_kv_engine::model::{
    self, Entry, Limits, Listed, Once, Outcome, Page, Reason, Rejection, Reply, Request, Terms,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use reference::{Asked, Circumstances, State};
use requests::{Action, Guard, Moment, Operation};

/// Each is about five requests and some sessions. What is compiled for speed can do more of them in its time.
const CASES: u32 = if cfg!(debug_assertions) { 25_000 } else { 100_000 };
const START: u64 = 1_700_000_000_000;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_engine_does_what_the_contract_says(
        limit_bytes in generators::limit_bytes(),
        value_limit_bytes in generators::value_limit_bytes(),
        actions in prop::collection::vec(generators::action(), 1..16),
        inspect_always in any::<bool>(),
    ) {
        let mut pair = Pair::open(limit_bytes, value_limit_bytes);
        for action in &actions {
            pair.play(action)?;
            // Looking is a request of its own, so some runs do without.
            if inspect_always {
                pair.inspect()?;
            }
        }
        pair.inspect()?;
        pair.reopen(true, 0, 0, 1)?;
    }
}

fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    config.failure_persistence = Some(Box::new(FileFailurePersistence::WithSource("regressions")));
    config
}

/// The engine and the model, in the same situation.
struct Pair {
    session: Session,
    state: State,
    /// The state as the session found it.
    opened_state: State,
    /// One for each valid savepoint of the session.
    savepoints: Vec<State>,
    circumstances: Circumstances,
    saved_bytes: Option<Vec<u8>>,
    saved_state: State,
    /// The cursors that the engine gave, and the model's, latest last.
    cursors: Vec<(String, String)>,
    /// The requests that had `once`, latest last.
    asked_once: Vec<Asked>,
}

impl Pair {
    fn open(limit_bytes: u64, value_limit_bytes: u64) -> Self {
        let circumstances = Circumstances {
            limit_bytes,
            value_limit_bytes,
            now: START,
            has_expired: false,
        };
        Self {
            session: session(None, circumstances),
            state: State::default(),
            opened_state: State::default(),
            savepoints: Vec::new(),
            circumstances,
            saved_bytes: None,
            saved_state: State::default(),
            cursors: Vec::new(),
            asked_once: Vec::new(),
        }
    }

    fn play(&mut self, action: &Action) -> Result<(), TestCaseError> {
        match action {
            Action::Request {
                operations,
                guard,
                always_bump,
                once,
                scope,
            } => {
                let asked = Asked {
                    scope: scope.clone(),
                    ..self.settle(operations, *guard, *always_bump, once.as_ref())
                };
                if asked.once.is_some() {
                    self.asked_once.push(asked.clone());
                }
                self.request(&asked)
            }
            Action::Transaction {
                requests,
                guard,
                always_bump,
                once,
                scope,
                ends_well,
            } => {
                let mut terms = Asked {
                    scope: scope.clone(),
                    ..self.settle(&[], *guard, *always_bump, once.as_ref())
                };
                if let Some(once) = &mut terms.once {
                    once.fingerprint.push('t');
                }
                if self.begin(&terms)? {
                    self.transaction(&terms, requests, *ends_well)?;
                    if terms.once.is_some() && *ends_well {
                        // A retry begins nothing.
                        prop_assert!(!self.begin(&terms)?);
                    }
                }
                Ok(())
            }
            Action::Retry(age, scope) => match self.asked_once.iter().rev().nth(*age).cloned() {
                Some(asked) => {
                    let scope = scope.clone();
                    self.request(&Asked { scope, ..asked })
                }
                None => Ok(()),
            },
            Action::Savepoint => {
                prop_assert_eq!(self.session.savepoint() as usize, self.savepoints.len());
                self.savepoints.push(self.state.clone());
                Ok(())
            }
            Action::Rollback(savepoint) => {
                self.session.rollback(*savepoint);
                let savepoint = *savepoint as usize;
                if let Some(state) = self.savepoints.get(savepoint) {
                    self.state = state.clone();
                    self.savepoints.truncate(savepoint + 1);
                }
                Ok(())
            }
            Action::Reopen {
                save,
                limit_bytes,
                value_limit_bytes,
                clock_step_ms,
            } => self.reopen(*save, *limit_bytes, *value_limit_bytes, *clock_step_ms),
        }
    }

    fn settle(&self, operations: &[Operation], guard: Guard, always_bump: bool, once: Option<&String>) -> Asked {
        let moment = Moment {
            now: self.circumstances.now,
            version: self.state.version,
            cursors: &self.cursors,
        };
        Asked {
            operations: operations.iter().map(|operation| operation.settled(&moment)).collect(),
            if_version: match guard {
                Guard::None => None,
                Guard::FromCurrent(offset) => Some(i64::try_from(self.state.version).unwrap() + offset),
                Guard::Exactly(version) => Some(version),
            },
            always_bump,
            once: once.map(|key| Once {
                key: key.clone(),
                fingerprint: self.asked_once.len().to_string(),
            }),
            scope: None,
        }
    }

    fn request(&mut self, asked: &Asked) -> Result<(), TestCaseError> {
        let before = self.state.clone();
        let expected = self.state.execute(asked, self.circumstances);
        let given = self.session.execute(Request {
            operations: asked.operations.iter().map(Operation::spelled).collect(),
            if_version: asked.if_version,
            always_bump: asked.always_bump,
            once: asked.once.clone(),
            scope: asked.scope.clone(),
        });
        let mut given = without_texts(given);
        if was_over_limit(&expected) {
            accept_any_blame(&mut given, &expected);
        }
        if let (Ok(given), Ok(expected)) = (&mut given, &expected) {
            self.exchange_cursors(given, expected);
        }
        prop_assert_eq!(&given, &expected);
        if expected.is_err() {
            prop_assert_eq!(&self.state, &before);
            self.inspect()?;
        }
        Ok(())
    }

    /// Whether a transaction has begun.
    fn begin(&mut self, terms: &Asked) -> Result<bool, TestCaseError> {
        // A request without operations is refused, or answered again, for the same reasons.
        let expected = self.state.clone().execute(terms, self.circumstances);
        let given = self.session.begin(Terms {
            if_version: terms.if_version,
            always_bump: terms.always_bump,
            once: terms.once.clone(),
            scope: terms.scope.clone(),
        });
        match (without_texts(given), expected) {
            (Ok(None), Ok(reply)) => {
                prop_assert!(!reply.is_replay);
                Ok(true)
            }
            (Ok(Some(remembered)), Ok(reply)) => {
                prop_assert_eq!(remembered.answer, answer(terms));
                prop_assert_eq!(remembered.reply, reply);
                Ok(false)
            }
            (given, expected) => {
                prop_assert_eq!(given.map(drop), expected.map(drop));
                Ok(false)
            }
        }
    }

    fn transaction(
        &mut self,
        terms: &Asked,
        requests: &[Vec<Operation>],
        ends_well: bool,
    ) -> Result<(), TestCaseError> {
        let before = self.state.clone();
        let mut has_written = false;
        for operations in requests {
            let asked = Asked {
                scope: terms.scope.clone(),
                ..self.settle(operations, Guard::None, false, None)
            };
            let expected = self.state.carry_out_part(&asked, self.circumstances);
            has_written |= expected.as_ref().is_ok_and(|(_, wrote)| *wrote);
            let expected = expected.map(|(reply, _)| reply);
            // What the request says of itself does not count.
            let given = self.session.execute(Request {
                operations: asked.operations.iter().map(Operation::spelled).collect(),
                if_version: Some(-1),
                always_bump: true,
                once: None,
                scope: asked.scope.clone(),
            });
            let mut given = without_texts(given);
            if was_over_limit(&expected) {
                accept_any_blame(&mut given, &expected);
            }
            if let (Ok(given), Ok(expected)) = (&mut given, &expected) {
                self.exchange_cursors(given, expected);
            }
            prop_assert_eq!(&given, &expected);
        }
        if ends_well {
            let expected = self.state.conclude(terms, Vec::new(), has_written, self.circumstances);
            prop_assert_eq!(self.session.finish(answer(terms)), expected);
        } else {
            self.session.abandon();
            self.state = before;
        }
        Ok(())
    }

    /// Notes which cursor of the engine is which of the model, and puts the model's in the reply.
    fn exchange_cursors(&mut self, given: &mut Reply, expected: &Reply) {
        for (given, expected) in given.outcomes.iter_mut().zip(&expected.outcomes) {
            if let Outcome::Keys(Page { next: Some(engine), .. }) = given
                && let Outcome::Keys(Page { next: Some(model), .. }) = expected
            {
                self.cursors.push((engine.clone(), model.clone()));
                engine.clone_from(model);
            }
        }
    }

    /// Everything that can be read from the session, key by key.
    fn inspect(&mut self) -> Result<(), TestCaseError> {
        let listing = model::Operation::ListKeys {
            prefix: String::new(),
            limit: None,
            cursor: None,
            values: false,
        };
        let listed = self.state.entries.iter().map(|kept| Listed {
            key: kept.key.clone(),
            value: None,
            attributes: kept.attributes(),
        });
        let keys = listed.collect();
        let mut operations = vec![listing];
        let mut outcomes = vec![Outcome::Keys(Page { keys, next: None })];
        for kept in &self.state.entries {
            operations.push(model::Operation::Get {
                key: kept.key.clone(),
                path: None,
            });
            outcomes.push(Outcome::Value(Entry {
                value: kept.value.to_string(),
                attributes: kept.attributes(),
            }));
        }
        let given = self.session.execute(Request {
            operations,
            if_version: None,
            always_bump: false,
            once: None,
            scope: None,
        });
        let reply = Reply {
            outcomes,
            version: self.state.version,
            size_bytes: self.state.size_bytes(),
            limit_bytes: self.circumstances.limit_bytes,
            is_replay: false,
            has_expired: self.circumstances.has_expired,
        };
        prop_assert_eq!(given, Ok(reply));
        Ok(())
    }

    /// Ends the session as `commit` does, or drops it, and begins the next one on what is saved by then.
    fn reopen(
        &mut self,
        save: bool,
        limit_bytes: u64,
        value_limit_bytes: u64,
        clock_step_ms: i64,
    ) -> Result<(), TestCaseError> {
        let changed = self.session.changed();
        let is_to_be_saved = self.state.version != self.opened_state.version
            || self.state.remembered != self.opened_state.remembered
            || self.circumstances.has_expired;
        prop_assert_eq!(changed.is_some(), is_to_be_saved);
        if save && let Some(document) = changed {
            prop_assert_eq!(document.size_bytes(), self.state.size_bytes());
            self.saved_bytes = Some(document.encode());
            self.saved_state = self.state.clone();
        }
        let document = read(self.saved_bytes.as_ref());
        let saved = &self.saved_state;
        prop_assert_eq!(document.version, saved.version);
        prop_assert_eq!(document.created_at, saved.created_at);
        prop_assert_eq!(document.updated_at, saved.updated_at);
        prop_assert_eq!(document.size_bytes(), saved.size_bytes());
        let first_expiry = saved.entries.iter().filter_map(|kept| kept.expires_at).min();
        prop_assert_eq!(document.first_expiry(), first_expiry);
        let now = self.circumstances.now.saturating_add_signed(clock_step_ms);
        let (state, has_expired) = saved.opened(now);
        self.opened_state = state.clone();
        self.state = state;
        self.savepoints.clear();
        self.circumstances = Circumstances {
            limit_bytes,
            value_limit_bytes,
            now,
            has_expired,
        };
        self.session = session(self.saved_bytes.as_ref(), self.circumstances);
        self.inspect()
    }
}

fn session(saved: Option<&Vec<u8>>, circumstances: Circumstances) -> Session {
    let limits = Limits {
        state_bytes: circumstances.limit_bytes,
        value_bytes: circumstances.value_limit_bytes,
    };
    Session::new(read(saved), limits, circumstances.now)
}

fn read(saved: Option<&Vec<u8>>) -> Document {
    // The second argument dates documents of the Python service only.
    saved.map_or_else(Document::default, |bytes| Document::decode(bytes.clone(), 0).unwrap())
}

/// What is remembered of a transaction.
fn answer(terms: &Asked) -> String {
    format!("the answer to {:?}", terms.once)
}

/// An answer without the texts that are for people only; those about keys are promised to the letter.
fn without_texts<T>(answer: Result<T, Rejection>) -> Result<T, Rejection> {
    answer.map_err(|mut rejection| {
        match &mut rejection.reason {
            Reason::InvalidJson(text)
            | Reason::InvalidValue(text)
            | Reason::InvalidPath(text)
            | Reason::InvalidArgument { message: text, .. } => text.clear(),
            _ => {}
        }
        rejection
    })
}

fn was_over_limit(answer: &Result<Reply, Rejection>) -> bool {
    match answer {
        Err(rejection) => match rejection.reason {
            Reason::TooLarge {
                current_bytes,
                limit_bytes,
                ..
            } => current_bytes > limit_bytes,
            _ => false,
        },
        Ok(_) => false,
    }
}

/// Which key is blamed in a state that was too large before the request is the matter of one test in `rules.rs`; a
/// difference in it must not hide everything else.
fn accept_any_blame(given: &mut Result<Reply, Rejection>, expected: &Result<Reply, Rejection>) {
    if let (Err(given), Err(expected)) = (given, expected)
        && let (Reason::TooLarge { key, .. }, Reason::TooLarge { key: right, .. }) =
            (&mut given.reason, &expected.reason)
    {
        key.clone_from(right);
    }
}

//! Random sessions, played on the engine and on a plain model of the contract: every reply and every rejection must be
//! the same, and so must everything that is there after a commit.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test may panic, and its helpers speak for themselves"
)]

#[path = "model/reference.rs"]
mod reference;
#[path = "model/requests.rs"]
mod requests;

use automation_kv_engine::Session;
use automation_kv_engine::document::Document;
use automation_kv_engine::model::{self, Entry, Limits, Outcome, Reason, Rejection, Reply, Request};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use reference::{Circumstances, State};
use requests::{Action, Guard, Operation};

const CASES: u32 = 8000;
const START: u64 = 1_700_000_000_000;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_engine_does_what_the_contract_says(
        limit_bytes in requests::limit_bytes(),
        actions in prop::collection::vec(requests::action(), 1..16),
        inspect_always in any::<bool>(),
    ) {
        let mut pair = Pair::open(limit_bytes);
        for action in &actions {
            pair.play(action)?;
            // Looking is a request of its own, so some runs do without.
            if inspect_always {
                pair.inspect()?;
            }
        }
        pair.inspect()?;
        pair.reopen(true, 0)?;
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
    /// One for each valid savepoint of the session.
    savepoints: Vec<State>,
    circumstances: Circumstances,
    saved_bytes: Option<Vec<u8>>,
    saved_state: State,
}

impl Pair {
    fn open(limit_bytes: u64) -> Self {
        let circumstances = Circumstances {
            limit_bytes,
            now: START,
        };
        Self {
            session: session(None, circumstances),
            state: State::default(),
            savepoints: Vec::new(),
            circumstances,
            saved_bytes: None,
            saved_state: State::default(),
        }
    }

    fn play(&mut self, action: &Action) -> Result<(), TestCaseError> {
        match action {
            Action::Request {
                operations,
                guard,
                always_bump,
            } => self.request(operations, *guard, *always_bump),
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
            Action::Reopen { save, limit_bytes } => self.reopen(*save, *limit_bytes),
        }
    }

    fn request(&mut self, operations: &[Operation], guard: Guard, always_bump: bool) -> Result<(), TestCaseError> {
        let if_version = match guard {
            Guard::None => None,
            Guard::FromCurrent(offset) => Some(i64::try_from(self.state.version).unwrap() + offset),
            Guard::Exactly(version) => Some(version),
        };
        let before = self.state.clone();
        let expected = self
            .state
            .execute(operations, if_version, always_bump, self.circumstances);
        let given = self.session.execute(Request {
            operations: operations.iter().map(Operation::spelled).collect(),
            if_version,
            always_bump,
        });
        let mut given = without_texts(given);
        if was_over_limit(&expected) {
            accept_any_blame(&mut given, &expected);
        }
        prop_assert_eq!(&given, &expected);
        if expected.is_err() {
            prop_assert_eq!(&self.state, &before);
            self.inspect()?;
        }
        Ok(())
    }

    /// Everything that can be read from the session, key by key.
    fn inspect(&mut self) -> Result<(), TestCaseError> {
        let mut operations = vec![model::Operation::ListKeys];
        let mut outcomes = vec![Outcome::Keys(
            self.state.entries.iter().map(|kept| kept.key.clone()).collect(),
        )];
        for kept in &self.state.entries {
            operations.push(model::Operation::Get {
                key: kept.key.clone(),
                path: None,
            });
            outcomes.push(Outcome::Value(Entry {
                value: kept.value.to_string(),
                key_version: kept.version,
                created_at: kept.created_at,
                updated_at: kept.updated_at,
            }));
        }
        let given = self.session.execute(Request {
            operations,
            if_version: None,
            always_bump: false,
        });
        let reply = Reply {
            outcomes,
            version: self.state.version,
            size_bytes: self.state.size_bytes(),
        };
        prop_assert_eq!(given, Ok(reply));
        Ok(())
    }

    /// Ends the session as `commit` does, or drops it, and begins the next one on what is saved by then.
    fn reopen(&mut self, save: bool, limit_bytes: u64) -> Result<(), TestCaseError> {
        let changed = self.session.changed();
        prop_assert_eq!(changed.is_some(), self.state.version != self.saved_state.version);
        if save && let Some(document) = changed {
            prop_assert_eq!(document.size_bytes(), self.state.size_bytes());
            self.saved_bytes = Some(document.encode());
            self.saved_state = self.state.clone();
        }
        self.state = self.saved_state.clone();
        self.savepoints.clear();
        self.circumstances = Circumstances {
            limit_bytes,
            now: self.circumstances.now + 1,
        };
        let document = read(self.saved_bytes.as_ref());
        prop_assert_eq!(document.version, self.state.version);
        prop_assert_eq!(document.created_at, self.state.created_at);
        prop_assert_eq!(document.updated_at, self.state.updated_at);
        prop_assert_eq!(document.size_bytes(), self.state.size_bytes());
        self.session = session(self.saved_bytes.as_ref(), self.circumstances);
        self.inspect()
    }
}

fn session(saved: Option<&Vec<u8>>, circumstances: Circumstances) -> Session {
    let limits = Limits {
        state_bytes: circumstances.limit_bytes,
    };
    Session::new(read(saved), limits, circumstances.now)
}

fn read(saved: Option<&Vec<u8>>) -> Document {
    // The second argument dates documents of the Python service only.
    saved.map_or_else(Document::default, |bytes| Document::decode(bytes.clone(), 0).unwrap())
}

/// An answer without the texts that are for people only; those about keys are promised to the letter.
fn without_texts(answer: Result<Reply, Rejection>) -> Result<Reply, Rejection> {
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

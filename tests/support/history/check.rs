//! Whether a history is linearizable: whether one engine, working alone, could have given every answer, in an order that
//! keeps that of real time.
//!
//! Versions make this cheap. Each answer names the version that the state had right after it, so the order of
//! the writes is known, and a read's place in it too. What is left is to see that the order fits real time, and
//! to play the writes through the engine component and compare every answer. Writes whose outcome is unknown may fill
//! gaps between versions, and nothing else may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use automation_kv::automation::AutomationId;
use automation_kv::engine::types::{Operation, Rejection, Request};
use automation_kv::engine::{Engine, EngineOptions, Input};
use automation_kv::vault::Vault;
use serde_json::Value;
use uuid::Uuid;

use super::operation::{expected, fits, is_write};
use super::{Event, Reply};

/// The limit that the service under test has.
const MAX_STATE_BYTES: u64 = 65_536;

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::built_in(EngineOptions::default()).expect("the engine compiles"));

static VAULT: LazyLock<Vault> = LazyLock::new(|| Vault::new(&"a secret for replays".into(), &[], false));

/// What a history without a violation held.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Acknowledged writes that raised the version.
    pub writes: usize,
    /// Answers that show a state and changed nothing.
    pub reads: usize,
    /// Requests that were refused for what they found.
    pub rejections: usize,
    /// Writes whose outcome was unknown and that turned out to have happened.
    pub found: usize,
}

/// Checks the history of one automation that was never written before. The text says what is wrong.
pub fn check(events: &[Event]) -> Result<Checked, String> {
    let history = History::of(events)?;
    history.check_real_time()?;
    Replay::new(&history).run()
}

/// The events by what they say.
struct History<'a> {
    /// By the version that they made.
    writes: BTreeMap<u64, &'a Event>,
    /// Each with the version that it saw.
    reads: Vec<(u64, &'a Event)>,
    rejections: Vec<&'a Event>,
    /// Writes that may have happened.
    unknown: Vec<&'a Event>,
    /// The highest version that was acknowledged before a time, by time.
    floors: BTreeMap<Duration, u64>,
}

impl<'a> History<'a> {
    fn of(events: &'a [Event]) -> Result<Self, String> {
        let mut history = Self {
            writes: BTreeMap::new(),
            reads: Vec::new(),
            rejections: Vec::new(),
            unknown: Vec::new(),
            floors: BTreeMap::new(),
        };
        let mut seen = Vec::new();
        for event in events {
            let (status, body) = match &event.reply {
                Reply::Answered(status, body) => (*status, body),
                Reply::Unknown if event.request.operations.iter().any(is_write) => {
                    history.unknown.push(event);
                    continue;
                }
                Reply::Unknown | Reply::Refused => continue,
            };
            if status >= 400 {
                history.rejections.push(event);
                continue;
            }
            let version = body["version"]
                .as_u64()
                .ok_or_else(|| format!("an answer without a version: {}", describe(event)))?;
            seen.push((event.returned, version));
            if !raises_version(&event.request, body) {
                history.reads.push((version, event));
            } else if let Some(other) = history.writes.insert(version, event) {
                return Err(format!(
                    "two writes made version {version}: {} and {}",
                    describe(event),
                    describe(other)
                ));
            }
        }
        seen.sort_unstable();
        let mut highest = 0;
        for (returned, version) in seen {
            highest = highest.max(version);
            history.floors.insert(returned, highest);
        }
        Ok(history)
    }

    /// The highest version that somebody had been told of when a request was sent.
    fn floor(&self, event: &Event) -> u64 {
        let before = self.floors.range(..event.invoked).next_back();
        before.map_or(0, |(_, version)| *version)
    }

    fn check_real_time(&self) -> Result<(), String> {
        for (&version, event) in &self.writes {
            let floor = self.floor(event);
            if version <= floor {
                return Err(format!(
                    "version {version} was made after version {floor} had been acknowledged: {}",
                    describe(event)
                ));
            }
        }
        for &(version, event) in &self.reads {
            let floor = self.floor(event);
            if version < floor {
                return Err(format!(
                    "a stale read: it saw version {version} after version {floor} had been acknowledged: {}",
                    describe(event)
                ));
            }
            if self
                .writes
                .get(&version)
                .is_some_and(|write| write.invoked > event.returned)
            {
                return Err(format!(
                    "a read saw version {version} before it was asked for: {}",
                    describe(event)
                ));
            }
        }
        Ok(())
    }

    /// The highest version that a request can have met: that of a write which was sent before it was answered, or one
    /// beyond for each write of unknown outcome.
    fn ceiling(&self, event: &Event) -> u64 {
        let sent_before = self
            .writes
            .iter()
            .rev()
            .find(|(_, write)| write.invoked < event.returned);
        sent_before.map_or(0, |(version, _)| *version) + self.unknown.len() as u64
    }
}

/// Plays the writes in the order of their versions.
struct Replay<'a> {
    history: &'a History<'a>,
    reads: BTreeMap<u64, Vec<&'a Event>>,
    /// Rejections, each with the versions that it can have met, and at which one it fits.
    rejections: Vec<(u64, u64, &'a Event, Option<u64>)>,
    /// Unknown writes that are taken to have happened, by index.
    used: BTreeSet<usize>,
    choices: Vec<Choice>,
}

/// A gap, and what was tried to fill it.
struct Choice {
    version: u64,
    before: Option<Vec<u8>>,
    candidate: usize,
}

impl<'a> Replay<'a> {
    fn new(history: &'a History<'a>) -> Self {
        let mut reads: BTreeMap<u64, Vec<&Event>> = BTreeMap::new();
        for &(version, event) in &history.reads {
            reads.entry(version).or_default().push(event);
        }
        let window = |&event: &&'a Event| (history.floor(event), history.ceiling(event), event, None);
        Self {
            history,
            reads,
            rejections: history.rejections.iter().map(window).collect(),
            used: BTreeSet::new(),
            choices: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Checked, String> {
        let last_write = self.history.writes.keys().next_back().copied().unwrap_or(0);
        let last = last_write.max(self.reads.keys().next_back().copied().unwrap_or(0));
        let mut version = 0;
        let mut state: Option<Vec<u8>> = None;
        self.rejections.sort_by_key(|rejection| rejection.0);
        loop {
            let step = self.look(version, state.as_deref()).and_then(|()| {
                if version == last {
                    return self.all_explained().map(|()| None);
                }
                self.next(version, state.as_deref(), 0).map(Some)
            });
            match step {
                Ok(None) => break,
                Ok(Some(next)) => {
                    version += 1;
                    state = Some(next);
                }
                Err(problem) => (version, state) = self.take_back(problem)?,
            }
        }
        Ok(Checked {
            writes: self.history.writes.len(),
            reads: self.history.reads.len(),
            rejections: self.history.rejections.len(),
            found: self.used.len(),
        })
    }

    /// Compares everything that was answered from a version with what the engine answers there.
    fn look(&mut self, version: u64, state: Option<&[u8]>) -> Result<(), String> {
        for event in self.reads.get(&version).into_iter().flatten() {
            compare(event, &play(state, &event.request).0)?;
        }
        for (floor, ceiling, event, explained) in &mut self.rejections {
            if *floor > version {
                break;
            }
            if *ceiling >= version && explained.is_none() && compare(event, &play(state, &event.request).0).is_ok() {
                *explained = Some(version);
            }
        }
        let over = |rejection: &&(u64, u64, &Event, Option<u64>)| rejection.1 == version && rejection.3.is_none();
        match self.rejections.iter().find(over) {
            Some((floor, ceiling, event, _)) => Err(format!(
                "no state from version {floor} to {ceiling} explains {}",
                describe(event)
            )),
            None => Ok(()),
        }
    }

    /// The state of the version after this one, made by the write that is known to have made it, or else by one of
    /// those whose outcome is unknown, from the `first` on.
    fn next(&mut self, version: u64, state: Option<&[u8]>, first: usize) -> Result<Vec<u8>, String> {
        if let Some(event) = self.history.writes.get(&(version + 1)) {
            let (answer, next) = play(state, &event.request);
            compare(event, &answer)?;
            return next.ok_or_else(|| format!("the engine changes nothing for {}", describe(event)));
        }
        for candidate in first..self.history.unknown.len() {
            if self.used.contains(&candidate) {
                continue;
            }
            let (answer, next) = play(state, &self.history.unknown[candidate].request);
            if answer.is_ok_and(|(made, _)| made == version + 1)
                && let Some(next) = next
            {
                self.used.insert(candidate);
                self.choices.push(Choice {
                    version,
                    before: state.map(<[u8]>::to_vec),
                    candidate,
                });
                return Ok(next);
            }
        }
        Err(format!("nothing is known to have made version {}", version + 1))
    }

    /// Goes back to the last gap that can be filled otherwise; without one, the problem stands.
    fn take_back(&mut self, problem: String) -> Result<(u64, Option<Vec<u8>>), String> {
        while let Some(choice) = self.choices.pop() {
            self.used.remove(&choice.candidate);
            for rejection in &mut self.rejections {
                rejection.3 = rejection.3.filter(|version| *version <= choice.version);
            }
            if let Ok(next) = self.next(choice.version, choice.before.as_deref(), choice.candidate + 1) {
                return Ok((choice.version + 1, Some(next)));
            }
        }
        Err(problem)
    }

    fn all_explained(&self) -> Result<(), String> {
        match self.rejections.iter().find(|rejection| rejection.3.is_none()) {
            Some((_, _, event, _)) => Err(format!("no state explains {}", describe(event))),
            None => Ok(()),
        }
    }
}

/// The version that an answer names, and status and body of it.
type Played = Result<(u64, (u16, Value)), (u16, Value)>;

/// Has a fresh session of the engine component carry out a request on a state: its answer, and the next state.
fn play(state: Option<&[u8]>, request: &Request) -> (Played, Option<Vec<u8>>) {
    let input = Input {
        sealed: state.map(<[u8]>::to_vec),
        vault: VAULT.for_automation(AutomationId::from(Uuid::nil())),
        max_state_bytes: MAX_STATE_BYTES,
        max_value_bytes: MAX_STATE_BYTES,
        now: 1_000_000,
    };
    let mut session = ENGINE.open(input).expect("a session");
    let answer: Result<_, Rejection> = session.execute(request).expect("an answer");
    let body = expected(request, &answer);
    match answer {
        Ok(reply) => (
            Ok((reply.version, body)),
            session.commit().expect("a commit").map(|sealed| sealed.bytes),
        ),
        Err(_) => (Err(body), None),
    }
}

fn compare(event: &Event, played: &Played) -> Result<(), String> {
    let (status, body) = match played {
        Ok((_, (status, body))) | Err((status, body)) => (status, body),
    };
    let Reply::Answered(given_status, given) = &event.reply else {
        return Ok(());
    };
    if status == given_status && fits(body, given) {
        return Ok(());
    }
    Err(format!("the engine answers {status} {body} to {}", describe(event)))
}

/// Whether an accepted request made a new version. A batch always does; a delete or a pop only if there was something.
fn raises_version(request: &Request, body: &Value) -> bool {
    if request.always_bump {
        return true;
    }
    match &request.operations[0] {
        Operation::Delete(_) => body["deleted"] == true,
        Operation::Pop(_) => !body["value"].is_null(),
        operation => is_write(operation),
    }
}

fn describe(event: &Event) -> String {
    format!(
        "{:?} at {:?} to {:?}: {:?}",
        event.request, event.invoked, event.returned, event.reply
    )
}

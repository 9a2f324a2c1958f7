//! Requests that are carried out only once: what is remembered of them, and how it is written.
//!
//! Only outcomes are written, one after another. What the request carries itself is left out, since the same request
//! has it again: the values that it stores, and the name of an owner. An option is 0, or what it holds and one more.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::Session;
use super::arguments::Checked;
use crate::document::numbers::{Reader, push_number, push_text};
use crate::document::{Remembered, Text};
use crate::limits::{MAX_ONCE_REPLIES_BYTES, MAX_ONCE_REQUESTS};
use crate::model::{
    Attributes, Effect, Entry, Lease, Listed, Once, Operation, Outcome, Page, Reason, Rejection, Reply, Scope, Step,
    Stored,
};

impl Session {
    /// The reply to a request that was carried out before, if it was, perhaps in another scope.
    pub(super) fn replay(
        &self,
        once: &Once,
        operations: &[Checked],
        scope: Option<&Scope>,
    ) -> Result<Option<Reply>, Rejection> {
        let Some(before) = self.remembered(once)? else {
            return Ok(None);
        };
        let Some(mut outcomes) = read_outcomes(self.document.text(&before.outcomes), operations) else {
            return Err(Rejection::whole(Reason::OnceMismatch));
        };
        if let Some(scope) = scope {
            scope.hide_keys(&mut outcomes);
        }
        Ok(Some(self.replayed(before, outcomes)))
    }

    /// What is remembered of a request that was carried out before, if it was.
    pub(super) fn remembered(&self, once: &Once) -> Result<Option<&Remembered>, Rejection> {
        let document = &self.document;
        let mut remembered = document.remembered().iter();
        match remembered.find(|before| document.text(&before.key) == once.key) {
            Some(before) if document.text(&before.fingerprint) != once.fingerprint => {
                Err(Rejection::whole(Reason::OnceMismatch))
            }
            before => Ok(before),
        }
    }

    /// The reply that a request got then.
    pub(super) fn replayed(&self, before: &Remembered, outcomes: Vec<Outcome>) -> Reply {
        Reply {
            version: before.version,
            size_bytes: before.size_bytes,
            is_replay: true,
            ..self.reply(outcomes)
        }
    }

    /// Remembers a request that was just carried out with these outcomes.
    pub(super) fn remember_outcomes(&mut self, once: Once, outcomes: &[Outcome]) {
        self.remember(once, write_outcomes(outcomes));
    }

    /// Remembers a request that was just carried out, and forgets the oldest ones where there are too many.
    pub(super) fn remember(&mut self, once: Once, answer: String) {
        let request = Remembered {
            key: Text::Owned(once.key),
            fingerprint: Text::Owned(once.fingerprint),
            at: self.now,
            version: self.document.version,
            size_bytes: self.document.size_bytes(),
            outcomes: Text::Owned(answer),
        };
        self.journal.remember(&mut self.document, request);
        self.journal.set_dirty();
        while self.remembers_too_much() {
            self.journal.forget_oldest(&mut self.document);
        }
    }

    fn remembers_too_much(&self) -> bool {
        let remembered = self.document.remembered();
        let before_latest = remembered.iter().rev().skip(1);
        let bytes: usize = before_latest
            .map(|before| self.document.text(&before.outcomes).len())
            .sum();
        remembered.len() > MAX_ONCE_REQUESTS || bytes > MAX_ONCE_REPLIES_BYTES
    }
}

fn write_outcomes(outcomes: &[Outcome]) -> String {
    let mut out = Vec::new();
    for outcome in outcomes {
        write_outcome(&mut out, outcome);
    }
    // Numbers and texts one after another are UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

fn write_outcome(out: &mut Vec<u8>, outcome: &Outcome) {
    match outcome {
        Outcome::Keys(page) => {
            push_number(out, page.keys.len() as u64);
            for listed in &page.keys {
                push_text(out, &listed.key);
                push_option(out, listed.value.as_ref().map(|value| value.len() as u64));
                out.extend_from_slice(listed.value.as_deref().unwrap_or_default().as_bytes());
                push_attributes(out, &listed.attributes);
            }
            push_text(out, page.next.as_deref().unwrap_or_default());
        }
        Outcome::Value(entry) => {
            push_text(out, &entry.value);
            push_attributes(out, &entry.attributes);
        }
        Outcome::Checked => {}
        Outcome::Stored(stored) => {
            push_number(out, u64::from(stored.created));
            push_number(out, stored.updated_at);
            push_option(out, stored.expires_at);
        }
        Outcome::Expires(time) => push_option(out, *time),
        Outcome::Edited(effects) => effects.iter().for_each(|effect| write_effect(out, effect)),
        Outcome::Removed(count) | Outcome::Length(count) => push_number(out, *count),
        Outcome::Number(number) => push_text(out, number),
        Outcome::Items(items) => {
            push_number(out, items.len() as u64);
            for item in items {
                push_text(out, item);
            }
        }
        Outcome::Claimed(lease) => {
            push_number(out, lease.fence);
            push_number(out, lease.expires_at);
        }
    }
}

fn write_effect(out: &mut Vec<u8>, effect: &Effect) {
    match effect {
        Effect::Placed(_) | Effect::Done => {}
        Effect::Removed(removed) => push_number(out, u64::from(*removed)),
        Effect::Number(number) => push_text(out, number),
        Effect::Length(length) => push_number(out, *length),
    }
}

fn push_attributes(out: &mut Vec<u8>, attributes: &Attributes) {
    for number in [
        attributes.size_bytes,
        attributes.key_version,
        attributes.created_at,
        attributes.updated_at,
    ] {
        push_number(out, number);
    }
    push_option(out, attributes.expires_at);
}

fn push_option(out: &mut Vec<u8>, number: Option<u64>) {
    push_number(out, number.map_or(0, |number| number.saturating_add(1)));
}

/// The outcomes of the same operations; none if those were others.
fn read_outcomes(text: &str, operations: &[Checked]) -> Option<Vec<Outcome>> {
    let mut reader = Outcomes(Reader::new(text, 0));
    let outcomes = operations.iter().map(|checked| reader.outcome(&checked.operation));
    let outcomes = outcomes.collect::<Option<Vec<_>>>()?;
    reader.0.is_at_end().then_some(outcomes)
}

struct Outcomes<'a>(Reader<'a>);

impl Outcomes<'_> {
    fn outcome(&mut self, operation: &Operation) -> Option<Outcome> {
        Some(match operation {
            Operation::ListKeys { .. } => Outcome::Keys(self.page()?),
            Operation::Get { .. } => Outcome::Value(Entry {
                value: self.text()?,
                attributes: self.attributes()?,
            }),
            Operation::Check { .. } => Outcome::Checked,
            Operation::Set { value, .. } => Outcome::Stored(Stored {
                created: self.number()? != 0,
                value: value.clone(),
                updated_at: self.number()?,
                expires_at: self.option()?,
            }),
            Operation::Expire { .. } => Outcome::Expires(self.option()?),
            Operation::Edit { steps, .. } => {
                Outcome::Edited(steps.iter().map(|step| self.effect(step)).collect::<Option<_>>()?)
            }
            Operation::Delete { .. } | Operation::Remove { .. } | Operation::Release { .. } => {
                Outcome::Removed(self.number()?)
            }
            Operation::Increment { .. } | Operation::Decrement { .. } => Outcome::Number(self.text()?),
            Operation::Push { .. } | Operation::Trim { .. } | Operation::Length { .. } => {
                Outcome::Length(self.number()?)
            }
            Operation::Pop { .. } | Operation::Range { .. } => {
                let count = self.number()?;
                Outcome::Items((0..count).map(|_| self.text()).collect::<Option<_>>()?)
            }
            Operation::Claim { owner, .. } | Operation::Renew { owner, .. } => Outcome::Claimed(Lease {
                owner: owner.clone(),
                fence: self.number()?,
                expires_at: self.number()?,
            }),
        })
    }

    fn effect(&mut self, step: &Step) -> Option<Effect> {
        Some(match step {
            Step::Set { value, .. } | Step::Insert { value, .. } | Step::Replace { value, .. } => {
                Effect::Placed(value.clone())
            }
            Step::Remove { .. } => Effect::Removed(self.number()? != 0),
            Step::Append { .. } => Effect::Length(self.number()?),
            Step::Increment { .. } => Effect::Number(self.text()?),
            Step::Merge { .. } | Step::Move { .. } | Step::Copy { .. } | Step::Test { .. } => Effect::Done,
        })
    }

    fn page(&mut self) -> Option<Page> {
        let count = self.number()?;
        let keys = (0..count).map(|_| self.listed()).collect::<Option<_>>()?;
        Some(Page {
            keys,
            next: Some(self.text()?).filter(|cursor| !cursor.is_empty()),
        })
    }

    fn listed(&mut self) -> Option<Listed> {
        let key = self.text()?;
        let value = match self.option()? {
            Some(length) => Some(self.0.str(usize::try_from(length).ok()?).ok()?.to_owned()),
            None => None,
        };
        Some(Listed {
            key,
            value,
            attributes: self.attributes()?,
        })
    }

    fn attributes(&mut self) -> Option<Attributes> {
        Some(Attributes {
            size_bytes: self.number()?,
            key_version: self.number()?,
            created_at: self.number()?,
            updated_at: self.number()?,
            expires_at: self.option()?,
        })
    }

    #[expect(clippy::option_option, reason = "the outer one is the one of every function here")]
    fn option(&mut self) -> Option<Option<u64>> {
        Some(self.number()?.checked_sub(1))
    }

    fn text(&mut self) -> Option<String> {
        self.0.text().ok().map(str::to_owned)
    }

    fn number(&mut self) -> Option<u64> {
        self.0.number().ok()
    }
}

//! Who a state belongs to, and who writes to it.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// The identity of an automation: the only tenant there is. It comes from a verified token or from
/// an operator, never from anything else in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AutomationId(Uuid);

/// The namespace in which names are turned into ids.
const NAMES: Uuid = Uuid::from_u128(0x5e6f_2a0c_8f0b_5d0e_9a55_6b1c_4e1d_7a10);

/// Text that is not an automation id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID such as 123e4567-e89b-12d3-a456-426614174000, with or without hyphens")]
pub struct InvalidAutomationId;

/// Nothing was given where a name is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID or a name")]
pub struct EmptyName;

impl AutomationId {
    /// Reads a UUID in its canonical form or as 32 plain hexadecimal digits, in any case; no braces, no
    /// `urn:`, no hyphens elsewhere.
    pub fn parse(text: &str) -> Result<Self, InvalidAutomationId> {
        const CANONICAL_CHARS: usize = 36;
        const PLAIN_CHARS: usize = 32;
        if !matches!(text.len(), CANONICAL_CHARS | PLAIN_CHARS) {
            return Err(InvalidAutomationId);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidAutomationId)
    }

    /// The id that a name stands for: a UUID of version 5 (RFC 9562) in a namespace of our own,
    /// `5e6f2a0c-8f0b-5d0e-9a55-6b1c4e1d7a10`. The same name is the same id everywhere.
    pub fn of_name(name: &str) -> Self {
        Self(Uuid::new_v5(&NAMES, name.as_bytes()))
    }

    /// Reads an id, or takes any other text for a name ([`of_name`](Self::of_name)). No text is no name.
    pub fn parse_or_name(text: &str) -> Result<Self, EmptyName> {
        match Self::parse(text) {
            Ok(id) => Ok(id),
            Err(_) if text.trim().is_empty() => Err(EmptyName),
            Err(_) => Ok(Self::of_name(text)),
        }
    }

    /// A new one, at random.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for AutomationId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

/// What a run of an automation is called by the platform that started it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Arc<str>);

/// Text that is not a run's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {} visible ASCII characters without quotes and backslashes",
    RunId::MAX_CHARS
)]
pub struct InvalidRunId;

impl RunId {
    /// The longest that one may be.
    pub const MAX_CHARS: usize = 255;

    /// Takes any text that can stand in a database, a terminal and a line of the log as it is.
    pub fn parse(text: &str) -> Result<Self, InvalidRunId> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"'\"\\".contains(&byte);
        if (1..=Self::MAX_CHARS).contains(&text.len()) && text.bytes().all(is_plain) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidRunId)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// On whose behalf a request writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// Whose state it is.
    pub automation: AutomationId,
    /// The run that writes, if it is known. Only for those is a history kept.
    pub run: Option<RunId>,
}

impl From<AutomationId> for Writer {
    fn from(automation: AutomationId) -> Self {
        Self { automation, run: None }
    }
}

impl fmt::Display for AutomationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python: `uuid.uuid5(uuid.UUID("5e6f2a0c-8f0b-5d0e-9a55-6b1c4e1d7a10"), "feed-poller")`.
    #[test]
    fn a_name_is_always_the_same_id() {
        let id = AutomationId::parse_or_name("feed-poller").unwrap();
        assert_eq!(id.to_string(), "0afaacde-4ca6-50ca-9ec5-017be0a0c03d");
        assert_eq!(AutomationId::parse_or_name(&id.to_string()), Ok(id));
        assert_eq!(AutomationId::parse_or_name("  "), Err(EmptyName));
    }

    #[test]
    fn a_run_id_is_plain_text() {
        for text in [
            "r",
            "2f1c7a1e-6d0a-4d6e-9d53-0d4f7f0d9a11",
            "daily__2026-01-01T00:00:00+00:00",
            &"x".repeat(255),
        ] {
            assert_eq!(RunId::parse(text).map(|run| run.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "a b", "é", "it's", "\"", "a\\", "a\0", "a\n", &"x".repeat(256)] {
            assert_eq!(RunId::parse(text), Err(InvalidRunId), "{text}");
        }
    }

    #[test]
    fn only_canonical_and_plain_spellings_are_ids() {
        let canonical = "123e4567-e89b-12d3-a456-426614174000";
        let id = AutomationId::parse(canonical).unwrap();
        assert_eq!(AutomationId::parse(&canonical.to_uppercase()), Ok(id));
        assert_eq!(AutomationId::parse(&canonical.replace('-', "")), Ok(id));
        assert_eq!(id.to_string(), canonical);
        for text in [
            "",
            "not-a-uuid",
            "{123e4567-e89b-12d3-a456-426614174000}",
            "urn:uuid:123e4567-e89b-12d3-a456-426614174000",
            "123e4567e89b-12d3-a456-4266141740-00",
            "123e4567-e89b-12d3-a456-42661417400g",
        ] {
            assert_eq!(AutomationId::parse(text), Err(InvalidAutomationId), "{text}");
        }
    }
}

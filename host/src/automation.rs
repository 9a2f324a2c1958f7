//! Who a state belongs to.

use std::fmt;

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

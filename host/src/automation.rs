//! Who a state belongs to.

use std::fmt;

use uuid::Uuid;

/// The identity of an automation: the only tenant there is. It comes from a verified token or from
/// an operator, never from anything else in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AutomationId(Uuid);

/// Text that is not an automation id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID such as 123e4567-e89b-12d3-a456-426614174000, with or without hyphens")]
pub struct InvalidAutomationId;

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

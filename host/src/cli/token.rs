//! `automation-kv token`

use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use uuid::Uuid;

use super::knobs::{self, SecretKnobs};
use super::{CommandError, Exit, output};
use crate::automation::AutomationId;
use crate::scope::{NAMES, Restrictions};
use crate::token::Tokens;

#[derive(Debug, Args)]
pub(super) struct Token {
    /// Whose state the token opens.
    #[arg(long, value_name = "UUID", value_parser = AutomationId::parse, required_unless_present = "admin")]
    automation: Option<AutomationId>,

    /// For an administrator: lists and deletes automations, and opens no state.
    #[arg(long, conflicts_with_all = ["automation", "run"])]
    admin: bool,

    /// The run that the token is for; a random one unless given.
    #[arg(long, value_name = "UUID")]
    run: Option<Uuid>,

    /// The token may only read.
    #[arg(long, conflicts_with = "admin")]
    read_only: bool,

    /// The keys that the token may use, by what they start with, as in `cursor:*`; all unless given.
    #[arg(long, value_name = "PATTERNS", value_delimiter = ',', value_parser = key_prefix, conflicts_with = "admin")]
    keys: Vec<String>,

    /// The operations that the token may do, by the names of the API; all unless given. `get` includes `check`, `expire`
    /// includes `persist`, and `remove` includes `prune`.
    #[arg(
        long,
        value_name = "OPERATIONS",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(NAMES),
        conflicts_with = "admin"
    )]
    ops: Vec<String>,

    /// How long the token lives, as in 90s, 15m, 24h, 7d; 366d at most.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = knobs::duration)]
    expires_in: Duration,

    #[command(flatten)]
    secrets: SecretKnobs,
}

impl Token {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let secret = self.secrets.current()?.ok_or_else(|| {
            let message = "AUTOMATION_KV_SECRET is not set; a token is signed with the secret of the service";
            CommandError::with(Exit::Unauthorized, message)
        })?;
        let tokens = Tokens::new(&secret, &[]);
        let restrictions = Restrictions {
            read_only: self.read_only,
            key_prefixes: self.keys,
            operations: self.ops,
        };
        let run = self.run.unwrap_or_else(Uuid::new_v4);
        let token = match self.automation {
            Some(automation) => tokens.mint_restricted(automation, run, self.expires_in, &restrictions),
            None => tokens.mint_for_administrator(self.expires_in),
        };
        let token = token.map_err(|error| CommandError::new(error.to_string()))?;
        output::print(format!("{token}\n"))
    }
}

/// Reads a pattern for keys: a prefix and `*`. The star must be there, so that nobody takes a prefix for a single key.
fn key_prefix(pattern: &str) -> Result<String, String> {
    match pattern.strip_suffix('*') {
        None => Err("must end in *: keys are named by what they start with, as in cursor:*".to_string()),
        Some("") => Err("must have something before the *; leave the option out to allow every key".to_string()),
        Some(prefix) if prefix.contains('*') => Err("must have only one *, at its end".to_string()),
        Some(prefix) => Ok(prefix.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_prefix_and_one_star() {
        assert_eq!(key_prefix("cursor:*").as_deref(), Ok("cursor:"));
        assert_eq!(key_prefix("é *").as_deref(), Ok("é "));
        for pattern in ["", "*", "**", "cursor:", "cursor", "*a", "a*b", "a**", "a*b*"] {
            assert!(key_prefix(pattern).is_err(), "{pattern}");
        }
    }
}

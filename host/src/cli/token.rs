//! `automation-kv token`

use std::time::Duration;

use clap::Args;
use uuid::Uuid;

use super::knobs::{self, SecretKnobs};
use super::{CommandError, Exit};
use crate::automation::AutomationId;
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
        let token = match self.automation {
            Some(automation) => tokens.mint(automation, self.run.unwrap_or_else(Uuid::new_v4), self.expires_in),
            None => tokens.mint_for_administrator(self.expires_in),
        };
        let token = token.map_err(|error| CommandError::new(error.to_string()))?;
        println!("{token}");
        Ok(())
    }
}

//! `automation-kv token`

use std::time::Duration;

use clap::Args;
use uuid::Uuid;

use super::CommandError;
use super::knobs::{self, SecretKnobs};
use crate::automation::AutomationId;
use crate::token::Tokens;

#[derive(Debug, Args)]
pub(super) struct Token {
    /// Whose state the token opens.
    #[arg(long, value_name = "UUID", value_parser = AutomationId::parse)]
    automation: AutomationId,

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
            CommandError::new("AUTOMATION_KV_SECRET is not set; a token is signed with the secret of the service")
        })?;
        let run = self.run.unwrap_or_else(Uuid::new_v4);
        let token = Tokens::new(&secret, &[])
            .mint(self.automation, run, self.expires_in)
            .map_err(|error| CommandError::new(error.to_string()))?;
        println!("{token}");
        Ok(())
    }
}

//! `--dev`: a secret of its own, kept beside the database, and a token to try with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use secrecy::SecretString;
use uuid::Uuid;

use super::CommandError;
use super::knobs::{self, SecretKnobs};
use crate::automation::AutomationId;
use crate::database::Database;
use crate::token::{DEFAULT_LIFETIME, Tokens};

/// The automation that `--dev` prints a token for; always the same, so that its state is found again.
const DEV_AUTOMATION: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_00de);

/// The secret that is set, or, where none is and `--dev` says so, the one that is kept beside the database.
pub(super) fn secret_of(
    secrets: &SecretKnobs,
    database: &Database,
    is_dev: bool,
) -> Result<Option<SecretString>, CommandError> {
    match secrets.current()? {
        None if is_dev => secret(&knobs::dev_secret_file(database)).map(Some),
        secret => Ok(secret),
    }
}

/// Reads the secret that an earlier start made, or makes one, in a file that only its owner can read.
fn secret(file: &Path) -> Result<SecretString, CommandError> {
    match std::fs::read_to_string(file) {
        Ok(secret) if !secret.trim().is_empty() => Ok(SecretString::from(secret.trim())),
        Ok(_) => Err(CommandError::new(format!(
            "the file {} is empty; remove it",
            file.display()
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => make_secret(file),
        Err(error) => Err(CommandError::new(format!("cannot read {}: {error}", file.display()))),
    }
}

fn make_secret(file: &Path) -> Result<SecretString, CommandError> {
    const OWNER_ONLY: u32 = 0o600;
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(file)
        .and_then(|mut file| writeln!(file, "{secret}"));
    written.map_err(|error| CommandError::new(format!("cannot write {}: {error}", file.display())))?;
    Ok(SecretString::from(secret))
}

/// What to paste into a shell to try the service.
pub(super) fn welcome(address: SocketAddr, tokens: &Tokens) -> Result<String, CommandError> {
    let automation = AutomationId::from(DEV_AUTOMATION);
    let token = tokens
        .mint(automation, Uuid::new_v4(), DEFAULT_LIFETIME)
        .map_err(|error| CommandError::new(error.to_string()))?;
    Ok(format!(
        "\nTry it from another shell:\n\n\
         export AUTOMATION_KV_TOKEN={token} AUTOMATION_API_URL=http://{address}\n\
         curl -X POST -H \"Authorization: Bearer $AUTOMATION_KV_TOKEN\" \"$AUTOMATION_API_URL/v1/kv/runs/incr\"\n"
    ))
}

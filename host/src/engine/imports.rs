//! What the component may call: the interfaces `storage` and `vault`, for one automation.

use wasmtime::StoreLimits;

use super::generated::automation::kv::types::{self, Failure};
use super::generated::automation::kv::{storage, vault};
use crate::storage::Sealed;
use crate::vault::{AutomationVault, Before, Change};

/// The number of the state that is stored.
const STORED: u32 = 0;

/// The host's side of one session.
pub(super) struct SessionState {
    /// Sealed states, each until it is used: the stored one, if there is one, and what the engine has sealed.
    pub(super) sealed: Vec<Option<Change>>,
    /// Whether a state was stored; it is the first of those then.
    pub(super) is_stored: bool,
    /// What the next state can be sealed beside, once the stored one is open.
    pub(super) before: Option<Before>,
    /// What `save` was given.
    pub(super) saved: Option<Sealed>,
    /// The keys of the automation.
    pub(super) vault: AutomationVault,
    /// How much memory the instance may have.
    pub(super) limits: StoreLimits,
}

impl SessionState {
    /// Takes a sealed state in beside the one that is stored, and gives its number.
    pub(super) fn put(&mut self, sealed: Change) -> u32 {
        let number = u32::try_from(self.sealed.len()).unwrap_or(u32::MAX);
        self.sealed.push(Some(sealed));
        number
    }

    fn take(&mut self, number: u32) -> Option<Change> {
        self.sealed.get_mut(number as usize)?.take()
    }
}

impl storage::Host for SessionState {
    fn load(&mut self) -> wasmtime::Result<Result<Option<u32>, Failure>> {
        Ok(Ok(self.is_stored.then_some(STORED)))
    }

    fn save(&mut self, sealed: u32, expires_at: Option<u64>) -> wasmtime::Result<Result<(), Failure>> {
        let Some(change) = self.take(sealed) else {
            return Ok(Err(Failure::Storage(unknown(sealed))));
        };
        self.saved = Some(Sealed {
            bytes: change.sealed,
            keeps_base: change.keeps_base,
            expires_at,
            keep: None,
        });
        Ok(Ok(()))
    }
}

impl vault::Host for SessionState {
    fn open(&mut self, sealed: u32) -> wasmtime::Result<Result<vault::Opened, Failure>> {
        let Some(Change { sealed: bytes, .. }) = self.take(sealed) else {
            return Ok(Err(Failure::Vault(unknown(sealed))));
        };
        let is_stored = self.is_stored && sealed == STORED;
        let opened = if is_stored {
            self.vault.open_to_change(&bytes).map(|(opened, before)| {
                self.before = before;
                opened
            })
        } else {
            self.vault.open(&bytes)
        };
        Ok(opened
            .map(|opened| vault::Opened {
                plain: opened.plain,
                sealed_at: opened.sealed_at,
            })
            .map_err(|error| Failure::Vault(error.to_string())))
    }

    fn seal(&mut self, plain: Vec<u8>) -> wasmtime::Result<Result<u32, Failure>> {
        // Sealing twice in a session is allowed, without end it is not: only the latest is kept beside the stored one.
        self.sealed.truncate(1);
        let change = self.vault.seal_change(self.before.as_ref(), plain);
        Ok(Ok(self.put(change)))
    }
}

fn unknown(number: u32) -> String {
    format!("nothing sealed has the number {number}, or it was used before")
}

impl types::Host for SessionState {}

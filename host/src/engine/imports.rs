//! What the component may call: the interfaces `storage` and `vault`, for one automation.

use wasmtime::StoreLimits;

use super::generated::automation::kv::types::{self, Failure};
use super::generated::automation::kv::{storage, vault};
use crate::storage::Sealed;
use crate::vault::AutomationVault;

/// The host's side of one session.
pub(super) struct SessionState {
    /// What `load` gives, until it did.
    pub(super) sealed: Option<Vec<u8>>,
    /// What `save` was given.
    pub(super) saved: Option<Sealed>,
    /// The keys of the automation.
    pub(super) vault: AutomationVault,
    /// How much memory the instance may have.
    pub(super) limits: StoreLimits,
}

impl storage::Host for SessionState {
    fn load(&mut self) -> wasmtime::Result<Result<Option<Vec<u8>>, Failure>> {
        Ok(Ok(self.sealed.take()))
    }

    fn save(&mut self, bytes: Vec<u8>, expires_at: Option<u64>) -> wasmtime::Result<Result<(), Failure>> {
        self.saved = Some(Sealed { bytes, expires_at });
        Ok(Ok(()))
    }
}

impl vault::Host for SessionState {
    fn open(&mut self, sealed: Vec<u8>) -> wasmtime::Result<Result<vault::Opened, Failure>> {
        Ok(self
            .vault
            .open(&sealed)
            .map(|opened| vault::Opened {
                plain: opened.plain,
                sealed_at: opened.sealed_at,
            })
            .map_err(|error| Failure::Vault(error.to_string())))
    }

    fn seal(&mut self, plain: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, Failure>> {
        Ok(Ok(self.vault.seal(&plain)))
    }
}

impl types::Host for SessionState {}

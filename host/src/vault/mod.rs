//! Authenticated encryption of states: a Fernet key for each automation, derived from the secret.
//!
//! The key is HKDF-SHA256 (RFC 5869) of the secret with the automation's id in the info, so a row that is
//! copied onto another automation's does not open.
//!
//! A sealed state is such a token, or a large one that was sealed earlier (the base), a full stop, and a token of what has
//! changed since (the delta), which opens beside that base only. So a small change of a large state costs neither sealing all
//! of it nor storing it again.

mod bases;
mod delta;
mod keyring;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use fernet::Fernet;
use secrecy::SecretString;

use crate::automation::AutomationId;
use bases::{Base, Bases};
use keyring::Keyring;

/// What stands between a base and a delta. No Fernet token has one.
pub(crate) const DELTA_MARK: u8 = b'.';

/// A delta is at most this part of its state, if that is no less than the smallest delta: a larger one would soon cost more
/// than it saves.
const DELTA_PART: usize = 8;

/// How old a base may become while the state is written: what was replaced since is in it.
const BASE_LIFETIME: Duration = Duration::from_mins(1);

/// Milliseconds since the Unix epoch.
pub type TimestampMs = u64;

/// All keys of the service. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    keys: Keys,
}

/// The keys of one automation.
pub struct AutomationVault {
    keys: Keys,
    automation: AutomationId,
}

#[derive(Clone)]
enum Keys {
    Ring(Arc<Ring>),
    /// None: what is sealed is what it was, and is told to be of this time.
    Clear(TimestampMs),
}

struct Ring {
    keyring: Keyring,
    bases: Bases,
}

/// What the next state can be sealed beside.
pub(crate) struct Before {
    base: Arc<Base>,
    /// The size of the state that was opened, which is the base or has a delta to it.
    plain_bytes: usize,
}

/// A sealed state that follows another, or none.
pub(crate) struct Change {
    pub(crate) sealed: Vec<u8>,
    /// Whether its base is that of the state before it.
    pub(crate) keeps_base: bool,
}

/// An opened state.
pub struct Opened {
    /// The plain bytes.
    pub plain: Vec<u8>,
    /// When they were sealed, to the second.
    pub sealed_at: TimestampMs,
    /// What they were sealed with.
    pub with: SealedWith,
}

/// What a state is sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SealedWith {
    /// 0 for the current secret, 1 for the first of the previous ones, and so on.
    pub secret: usize,
    /// Whether it is the Python service's key of that secret, and not the automation's.
    pub is_adopted: bool,
}

impl SealedWith {
    /// The automation's own key of the current secret: what everything is sealed with now.
    pub const CURRENT: Self = Self {
        secret: 0,
        is_adopted: false,
    };
}

/// Why a state does not open. Holds nothing of the state or the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// No key fits, or the bytes were changed.
    #[error(
        "the state does not open with AUTOMATION_KV_SECRET or AUTOMATION_KV_SECRET_PREVIOUS: it was sealed with another \
         secret, for another automation, or it is damaged"
    )]
    Unopenable,
    /// The base and the delta are not of one state.
    #[error(
        "the two parts of the state (state_encrypted and state_delta) do not belong together: one of them was changed \
         without the other"
    )]
    Mismatched,
    /// The Python service sealed it, and reading such states is not switched on.
    #[error("the state was sealed by the Python service; set AUTOMATION_KV_ADOPT=true to take over its states")]
    NeedsAdoption,
}

impl Change {
    /// A state that follows none.
    pub(crate) fn whole(sealed: Vec<u8>) -> Self {
        let keeps_base = false;
        Self { sealed, keeps_base }
    }
}

impl Vault {
    /// Keys from the current secret, former secrets that still open, and, if `adopt`, the Python
    /// service's way of making a key of each of them.
    pub fn new(current: &SecretString, previous: &[SecretString], adopt: bool) -> Self {
        let ring = Ring {
            keyring: Keyring::new(current, previous, adopt),
            bases: Bases::new(),
        };
        Self {
            keys: Keys::Ring(Arc::new(ring)),
        }
    }

    /// No keys: states stay in the clear, and were sealed at `dated`. For trials on states that are in the clear already and
    /// never leave the memory.
    pub fn clear(dated: TimestampMs) -> Self {
        Self {
            keys: Keys::Clear(dated),
        }
    }

    /// Overwrites and lets go of opened states that nobody has asked for in this time.
    pub(crate) fn forget_unused(&self, time: Duration) {
        if let Keys::Ring(ring) = &self.keys {
            ring.bases.forget_unused(time);
        }
    }

    /// 32 bytes that only who has all the secrets in this order can tell, other ones for each purpose: HKDF-SHA256 (RFC 5869) of the
    /// current secret, with the purpose's parts and what stands for the others in the info. None without keys.
    pub(crate) fn derive(&self, purpose: &[&[u8]]) -> Option<[u8; 32]> {
        match &self.keys {
            Keys::Ring(ring) => Some(ring.keyring.derive(purpose)),
            Keys::Clear(_) => None,
        }
    }

    /// The keys of one automation.
    pub fn for_automation(&self, automation: AutomationId) -> AutomationVault {
        AutomationVault {
            keys: self.keys.clone(),
            automation,
        }
    }
}

impl AutomationVault {
    /// Seals bytes with the current secret, whole: as a Fernet token.
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        match &self.keys {
            Keys::Ring(ring) => ring.keyring.current(self.automation).encrypt(plain).into_bytes(),
            Keys::Clear(_) => plain.to_vec(),
        }
    }

    /// Seals what follows a state that was opened: as what has changed, where that is little of much. A state that has become
    /// smaller is sealed whole, so that what is stored becomes smaller too.
    pub(crate) fn seal_change(&self, before: Option<&Before>, plain: Vec<u8>) -> Change {
        let beside = before.and_then(|before| self.seal_beside(before, &plain));
        if let Some(sealed) = beside {
            let keeps_base = true;
            return Change { sealed, keeps_base };
        }
        let sealed = self.seal(&plain);
        if let Keys::Ring(ring) = &self.keys {
            if plain.len() >= bases::MIN_BYTES {
                let base = Base {
                    sealed: sealed.clone(),
                    plain: plain.into(),
                };
                ring.bases.keep(self.automation, base);
            } else if before.is_some() {
                ring.bases.forget(self.automation);
            }
        }
        Change::whole(sealed)
    }

    fn seal_beside(&self, before: &Before, plain: &[u8]) -> Option<Vec<u8>> {
        let base = &before.base;
        if plain.len() < before.plain_bytes || is_old(&base.sealed) {
            return None;
        }
        let most = (plain.len() / DELTA_PART).max(delta::PADDING);
        let delta = delta::between(&base.sealed, &base.plain, plain, most)?;
        Some([&base.sealed, &[DELTA_MARK][..], &self.seal(&delta)].concat())
    }

    /// Seals what another key sealed with the current secret, as of the same time: that dates the keys of some documents.
    /// None if it is sealed with it already.
    pub fn reseal(&self, sealed: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        let opened = self.open(sealed)?;
        if opened.with == SealedWith::CURRENT {
            return Ok(None);
        }
        Ok(match &self.keys {
            Keys::Ring(ring) => {
                let key = ring.keyring.current(self.automation);
                Some(key.encrypt_at_time(&opened.plain, opened.sealed_at / 1000).into_bytes())
            }
            Keys::Clear(_) => None,
        })
    }

    /// Opens a sealed state: with the current secret, then the previous ones, then the adopted keys.
    pub fn open(&self, sealed: &[u8]) -> Result<Opened, VaultError> {
        let ring = match &self.keys {
            Keys::Ring(ring) => ring,
            Keys::Clear(dated) => {
                return Ok(Opened {
                    plain: sealed.to_vec(),
                    sealed_at: *dated,
                    with: SealedWith::CURRENT,
                });
            }
        };
        let (base, delta) = parts(sealed)?;
        let opened = ring
            .keyring
            .candidates(self.automation)
            .find_map(|(with, key)| Some((open_with(&key, base)?, with, key)));
        match (opened, delta) {
            (Some((plain, with, _)), None) => Ok(Opened {
                plain,
                sealed_at: sealed_at(base),
                with,
            }),
            (Some((plain, with, key)), Some(delta)) => Ok(Opened {
                plain: open_beside(base, &plain, &key, delta)?,
                sealed_at: sealed_at(delta),
                with,
            }),
            (None, _) if ring.keyring.would_adopt(base) => Err(VaultError::NeedsAdoption),
            (None, _) => Err(VaultError::Unopenable),
        }
    }

    /// The same for a session, with what the next state can be sealed beside, if it can be sealed so. A large state that was
    /// opened or sealed lately is not opened again.
    pub(crate) fn open_to_change(&self, sealed: &[u8]) -> Result<(Opened, Option<Before>), VaultError> {
        let Keys::Ring(ring) = &self.keys else {
            return Ok((self.open(sealed)?, None));
        };
        let (base, delta) = parts(sealed)?;
        let known = match ring.bases.find(self.automation, base.as_bytes()) {
            Some(known) => known,
            None => {
                let whole = self.open(base.as_bytes())?;
                if whole.with != SealedWith::CURRENT || whole.plain.len() < bases::MIN_BYTES {
                    return match delta {
                        None => Ok((whole, None)),
                        Some(_) => Ok((self.open(sealed)?, None)),
                    };
                }
                let base = Base {
                    sealed: base.as_bytes().to_vec(),
                    plain: whole.plain.into(),
                };
                ring.bases.keep(self.automation, base)
            }
        };
        let plain = match delta {
            None => known.plain.to_vec(),
            Some(delta) => open_beside(base, &known.plain, &ring.keyring.current(self.automation), delta)?,
        };
        let before = Before {
            base: known,
            plain_bytes: plain.len(),
        };
        let opened = Opened {
            plain,
            sealed_at: sealed_at(delta.unwrap_or(base)),
            with: SealedWith::CURRENT,
        };
        Ok((opened, Some(before)))
    }
}

/// Whether a base was sealed so long ago, or so far ahead, that the next state is to be the base.
fn is_old(sealed: &[u8]) -> bool {
    let sealed_at = std::str::from_utf8(sealed).map_or(0, sealed_at_seconds);
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_epoch.as_secs().abs_diff(sealed_at) > BASE_LIFETIME.as_secs()
}

/// A sealed state's base and delta.
fn parts(sealed: &[u8]) -> Result<(&str, Option<&str>), VaultError> {
    let text = std::str::from_utf8(sealed).map_err(|_| VaultError::Unopenable)?;
    Ok(match memchr::memchr(DELTA_MARK, sealed) {
        Some(mark) => (&text[..mark], Some(&text[mark + 1..])),
        None => (text, None),
    })
}

/// What a sealed delta makes of its base.
fn open_beside(sealed_base: &str, base: &[u8], key: &Fernet, delta: &str) -> Result<Vec<u8>, VaultError> {
    let delta = open_with(key, delta).ok_or(VaultError::Unopenable)?;
    delta::apply(sealed_base.as_bytes(), base, &delta).ok_or(VaultError::Mismatched)
}

/// Opens a token whenever it was sealed: the library would refuse one from more than a minute ahead, so a clock that was
/// set back would lock every state that was written before.
fn open_with(key: &Fernet, token: &str) -> Option<Vec<u8>> {
    key.decrypt_at_time(token, None, sealed_at_seconds(token)).ok()
}

/// When a token was sealed, to the second.
fn sealed_at(token: &str) -> TimestampMs {
    sealed_at_seconds(token).saturating_mul(1000)
}

/// The time in a Fernet token: bytes 1 to 8, seconds, big-endian. Whether it is genuine is known once the token opens.
fn sealed_at_seconds(token: &str) -> u64 {
    const HEADER_CHARS: usize = 12;
    let header = token.get(..HEADER_CHARS).and_then(|text| URL_SAFE.decode(text).ok());
    let seconds = header
        .and_then(|bytes| bytes.get(1..9)?.try_into().ok())
        .map(u64::from_be_bytes);
    seconds.unwrap_or(0)
}

#[cfg(test)]
mod tests;

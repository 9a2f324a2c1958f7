//! Authenticated encryption of states: a Fernet key for each automation, derived from the secret.
//!
//! The key is HKDF-SHA256 (RFC 5869) of the secret with the automation's id in the info, so a row that is
//! copied onto another automation's does not open.

mod keyring;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use fernet::Fernet;
use secrecy::SecretString;

use crate::automation::AutomationId;
use keyring::Keyring;

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
    Ring(Arc<Keyring>),
    /// None: what is sealed is what it was, and is told to be of this time.
    Clear(TimestampMs),
}

/// An opened state.
pub struct Opened {
    /// The plain bytes.
    pub plain: Vec<u8>,
    /// When they were sealed, to the second.
    pub sealed_at: TimestampMs,
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
    /// The Python service sealed it, and reading such states is not switched on.
    #[error("the state was sealed by the Python service; set AUTOMATION_KV_ADOPT=true to take over its states")]
    NeedsAdoption,
}

impl Vault {
    /// Keys from the current secret, former secrets that still open, and, if `adopt`, the Python
    /// service's way of making a key of each of them.
    pub fn new(current: &SecretString, previous: &[SecretString], adopt: bool) -> Self {
        Self {
            keys: Keys::Ring(Arc::new(Keyring::new(current, previous, adopt))),
        }
    }

    /// No keys: states stay in the clear, and were sealed at `dated`. For trials on states that are in the clear already and
    /// never leave the memory.
    pub fn clear(dated: TimestampMs) -> Self {
        Self {
            keys: Keys::Clear(dated),
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
    /// Seals bytes with the current secret, as a Fernet token.
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        match &self.keys {
            Keys::Ring(keyring) => keyring.current(self.automation).encrypt(plain).into_bytes(),
            Keys::Clear(_) => plain.to_vec(),
        }
    }

    /// Opens a Fernet token: with the current secret, then the previous ones, then the adopted keys.
    pub fn open(&self, sealed: &[u8]) -> Result<Opened, VaultError> {
        let keyring = match &self.keys {
            Keys::Ring(keyring) => keyring,
            Keys::Clear(dated) => {
                return Ok(Opened {
                    plain: sealed.to_vec(),
                    sealed_at: *dated,
                });
            }
        };
        let token = std::str::from_utf8(sealed).map_err(|_| VaultError::Unopenable)?;
        let opened = keyring
            .candidates(self.automation)
            .find_map(|key| open_with(&key, token));
        match opened {
            Some(plain) => Ok(Opened {
                plain,
                sealed_at: sealed_at_seconds(token).saturating_mul(1000),
            }),
            None if keyring.would_adopt(token) => Err(VaultError::NeedsAdoption),
            None => Err(VaultError::Unopenable),
        }
    }
}

/// Opens a token whenever it was sealed: the library would refuse one from more than a minute ahead, so a clock that was
/// set back would lock every state that was written before.
fn open_with(key: &Fernet, token: &str) -> Option<Vec<u8>> {
    key.decrypt_at_time(token, None, sealed_at_seconds(token)).ok()
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
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn vault(current: &str, previous: &[&str], adopt: bool) -> Vault {
        let previous: Vec<_> = previous.iter().map(|text| secret(text)).collect();
        Vault::new(&secret(current), &previous, adopt)
    }

    fn automation(number: u128) -> AutomationId {
        uuid::Uuid::from_u128(number).into()
    }

    /// Made by Python's `cryptography` package, as the Python service does, of `PYTHON_PLAIN`.
    const PYTHON_TOKEN: &str = "gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD8X6jo3eXsLxIwcmIqzaNv8bhc1UZ2QQyN_T_-Ca34tbXqGNOmDBR5YVH-JEsV4b2WzR-ls28hC7AmnrGXLtEKoe2Z0q3IhrsTfkIG2RpB1_";
    const PYTHON_PLAIN: &str = r#"{"k": {"é": [1, 2.0, null]}, "$version": 7}"#;

    #[test]
    fn what_is_sealed_opens_again_and_nowhere_else() {
        let vault = vault("s", &[], false);
        let sealed = vault.for_automation(automation(1)).seal(b"state");
        assert_eq!(
            vault.for_automation(automation(1)).open(&sealed).unwrap().plain,
            b"state"
        );
        assert_eq!(
            vault.for_automation(automation(2)).open(&sealed).err(),
            Some(VaultError::Unopenable)
        );
    }

    #[test]
    fn sealing_twice_gives_different_tokens() {
        let vault = vault("s", &[], false).for_automation(automation(1));
        assert_ne!(vault.seal(b"state"), vault.seal(b"state"));
    }

    #[test]
    fn a_state_of_the_future_opens() {
        let vault = vault("s", &[], false).for_automation(automation(1));
        let tomorrow = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs()
            + 86_400;
        for seconds in [tomorrow, 1 << 40] {
            let Keys::Ring(keyring) = &vault.keys else {
                panic!("a vault without keys");
            };
            let sealed = keyring.current(vault.automation).encrypt_at_time(b"state", seconds);
            assert_eq!(vault.open(sealed.as_bytes()).unwrap().plain, b"state");
        }
    }

    #[test]
    fn without_keys_a_state_stays_what_it_is() {
        let vault = Vault::clear(7).for_automation(automation(1));
        let opened = vault.open(&vault.seal(b"state")).unwrap();
        assert_eq!((opened.plain.as_slice(), opened.sealed_at), (&b"state"[..], 7));
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let vault = vault("s", &[], false).for_automation(automation(1));
        let sealed = vault.seal(b"state");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(vault.open(&changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_previous_secret_opens_and_the_current_one_seals() {
        let id = automation(1);
        let old = vault("old", &[], false).for_automation(id).seal(b"state");
        let rotated = vault("new", &["older", "old"], false).for_automation(id);
        assert_eq!(rotated.open(&old).unwrap().plain, b"state");
        let renewed = rotated.seal(b"state");
        assert!(vault("new", &[], false).for_automation(id).open(&renewed).is_ok());
        assert!(vault("old", &[], false).for_automation(id).open(&renewed).is_err());
    }

    #[test]
    fn a_token_of_the_python_service_opens_only_when_adopting() {
        let id = automation(1);
        let open = |vault: Vault| vault.for_automation(id).open(PYTHON_TOKEN.as_bytes());
        let opened = open(vault("vector-secret", &[], true)).unwrap();
        assert_eq!(opened.plain, PYTHON_PLAIN.as_bytes());
        assert_eq!(opened.sealed_at, 1_700_000_000_000);
        assert!(open(vault("new", &["vector-secret"], true)).is_ok());
        assert_eq!(
            open(vault("vector-secret", &[], false)).err(),
            Some(VaultError::NeedsAdoption)
        );
        assert_eq!(open(vault("other", &[], true)).err(), Some(VaultError::Unopenable));
    }

    /// The `verify.json` vector of the Fernet specification.
    #[test]
    fn the_specification_s_token_opens_with_the_specification_s_key() {
        let key = Fernet::new("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").unwrap();
        let token =
            "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        assert_eq!(key.decrypt(token).unwrap(), b"hello");
        assert_eq!(open_with(&key, token).unwrap(), b"hello");
        assert_eq!(sealed_at_seconds(token), 499_162_800);
    }

    #[test]
    fn rubbish_does_not_open() {
        let vault = vault("s", &[], true).for_automation(automation(1));
        for sealed in [&b""[..], b"gAAAA", b"\xff\xfe", "é".as_bytes(), &[b'A'; 4096]] {
            assert_eq!(vault.open(sealed).err(), Some(VaultError::Unopenable));
        }
    }
}

//! From secrets to keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use fernet::Fernet;
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::SealedWith;
use crate::automation::AutomationId;

const KEY_BYTES: usize = 32;

/// What binds a derived key to its purpose; the automation's 16 bytes follow.
const INFO_PREFIX: &[u8] = b"automation-kv state v1 ";

/// The same for what is no state's key.
const PURPOSE_PREFIX: &[u8] = b"automation-kv purpose v1 ";

/// What stands for a former secret.
const PREVIOUS: &[u8] = b"automation-kv previous v1";

/// Every secret, ready to derive keys from.
pub(super) struct Keyring {
    current: Secret,
    previous: Vec<Secret>,
    adopt: bool,
}

/// One secret.
struct Secret {
    /// HKDF-Extract of it.
    derived: Hkdf<Sha256>,
    /// The Python service's only key: the SHA-256 of it.
    python: Fernet,
}

impl Keyring {
    pub(super) fn new(current: &SecretString, previous: &[SecretString], adopt: bool) -> Self {
        Self {
            current: Secret::new(current),
            previous: previous.iter().map(Secret::new).collect(),
            adopt,
        }
    }

    /// The key that seals.
    pub(super) fn current(&self, automation: AutomationId) -> Fernet {
        self.current.key(automation)
    }

    /// The keys that open, likeliest first, and whose they are; each is made when its turn comes.
    pub(super) fn candidates(&self, automation: AutomationId) -> impl Iterator<Item = (SealedWith, Fernet)> {
        let ours = self.secrets().enumerate().map(move |(secret, of)| {
            let with = SealedWith {
                secret,
                is_adopted: false,
            };
            (with, of.key(automation))
        });
        let adopted = self.secrets().enumerate().filter(|_| self.adopt).map(|(secret, of)| {
            let with = SealedWith {
                secret,
                is_adopted: true,
            };
            (with, of.python.clone())
        });
        ours.chain(adopted)
    }

    /// Whether a token that does not open would open if adopting were switched on.
    pub(super) fn would_adopt(&self, token: &str) -> bool {
        !self.adopt
            && self
                .secrets()
                .any(|secret| super::open_with(&secret.python, token).is_some())
    }

    /// What [`Vault::derive`](super::Vault::derive) gives.
    pub(super) fn derive(&self, purpose: &[&[u8]]) -> [u8; KEY_BYTES] {
        let previous: Vec<_> = self.previous.iter().map(|secret| secret.expand(&[PREVIOUS])).collect();
        let adopts = [u8::from(self.adopt)];
        let mut info = vec![PURPOSE_PREFIX];
        for part in purpose {
            info.push(part);
        }
        info.extend(previous.iter().map(|previous| &previous[..]));
        info.push(&adopts);
        *self.current.expand(&info)
    }

    fn secrets(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl Secret {
    fn new(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let digest = Zeroizing::new(<[u8; KEY_BYTES]>::from(Sha256::digest(bytes)));
        Self {
            derived: Hkdf::new(None, bytes),
            python: fernet(&digest),
        }
    }

    fn key(&self, automation: AutomationId) -> Fernet {
        fernet(&self.expand(&[INFO_PREFIX, automation.uuid().as_bytes()]))
    }

    fn expand(&self, info: &[&[u8]]) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        #[expect(clippy::expect_used, reason = "RFC 5869 lets HKDF-SHA256 give up to 8160 bytes")]
        self.derived
            .expand_multi_info(info, key.as_mut())
            .expect("32 bytes are within HKDF's reach");
        key
    }
}

fn fernet(key: &[u8; KEY_BYTES]) -> Fernet {
    let text = Zeroizing::new(URL_SAFE.encode(key));
    #[expect(clippy::expect_used, reason = "a Fernet key is 32 bytes in base64url")]
    Fernet::new(&text).expect("32 bytes make a Fernet key")
}

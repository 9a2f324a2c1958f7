//! What opens, what does not, and what is sealed how.

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
        let Keys::Ring(ring) = &vault.keys else {
            panic!("a vault without keys");
        };
        let sealed = ring
            .keyring
            .current(vault.automation)
            .encrypt_at_time(b"state", seconds);
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
fn what_opens_tells_which_secret_it_was_sealed_with() {
    let id = automation(1);
    let with = |secret, is_adopted| SealedWith { secret, is_adopted };
    let rotated = vault("new", &["old", "vector-secret"], true).for_automation(id);
    for (secret, expected) in [
        ("new", SealedWith::CURRENT),
        ("old", with(1, false)),
        ("vector-secret", with(2, false)),
    ] {
        let sealed = vault(secret, &[], false).for_automation(id).seal(b"state");
        assert_eq!(rotated.open(&sealed).unwrap().with, expected, "{secret}");
    }
    assert_eq!(rotated.open(PYTHON_TOKEN.as_bytes()).unwrap().with, with(2, true));
}

#[test]
fn sealing_anew_changes_the_key_and_neither_bytes_nor_time() {
    let id = automation(1);
    let rotated = vault("new", &["vector-secret"], true).for_automation(id);
    let alone = vault("new", &[], false).for_automation(id);
    let renewed = rotated.reseal(PYTHON_TOKEN.as_bytes()).unwrap().unwrap();
    let opened = alone.open(&renewed).unwrap();
    assert_eq!(
        (opened.plain.as_slice(), opened.sealed_at),
        (PYTHON_PLAIN.as_bytes(), 1_700_000_000_000)
    );
    assert_eq!(renewed.len(), PYTHON_TOKEN.len());
    assert_eq!(rotated.reseal(&renewed), Ok(None));
    assert_eq!(alone.reseal(PYTHON_TOKEN.as_bytes()), Err(VaultError::Unopenable));
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

/// A large document with a counter.
fn large(counter: u32) -> Vec<u8> {
    let items: Vec<String> = (0..500).map(|item| format!(r#""item {item}""#)).collect();
    format!(r#"{{"n":{counter},"items":[{}]}}"#, items.join(",")).into_bytes()
}

/// Opens a sealed state and seals another as what follows it.
fn changed(vault: &AutomationVault, sealed: &[u8], plain: &[u8]) -> Change {
    let (_, before) = vault.open_to_change(sealed).unwrap();
    vault.seal_change(before.as_ref(), plain.to_vec())
}

#[test]
fn a_small_change_of_a_large_state_is_sealed_beside_it() {
    let id = automation(1);
    let ours = vault("s", &[], false).for_automation(id);
    let base = ours.seal_change(None, large(100));
    assert!(!base.keeps_base);
    let mut sealed = base.sealed.clone();
    for counter in 101..120 {
        let change = changed(&ours, &sealed, &large(counter));
        assert!(change.keeps_base && change.sealed.starts_with(&base.sealed));
        assert!(change.sealed.len() < base.sealed.len() + 600);
        sealed = change.sealed;
        // Somebody who has seen nothing of it opens it as well.
        for vault in [&ours, &vault("s", &[], false).for_automation(id)] {
            assert_eq!(vault.open(&sealed).unwrap().plain, large(counter));
            let (opened, before) = vault.open_to_change(&sealed).unwrap();
            assert_eq!((opened.plain, before.is_some()), (large(counter), true));
        }
    }
}

#[test]
fn what_is_small_or_shrinks_or_is_another_is_sealed_whole() {
    let vault = vault("s", &[], false).for_automation(automation(1));
    let base = vault.seal_change(None, large(100)).sealed;
    assert!(!changed(&vault, &base, &large(9)).keeps_base, "a smaller one");
    let another: Vec<u8> = large(100).iter().map(|byte| byte ^ 1).collect();
    assert!(!changed(&vault, &base, &another).keeps_base, "another one");
    let small = vault.seal_change(None, b"{}".to_vec()).sealed;
    assert!(!changed(&vault, &small, b"{ }").keeps_base, "a small one");
}

#[test]
fn the_smallest_state_that_is_sealed_beside_another_is_as_large_as_a_vault_says() {
    let vault = vault("s", &[], false).for_automation(automation(1));
    for (bytes, is_beside) in [(bases::MIN_BYTES, true), (bases::MIN_BYTES - 1, false)] {
        let of = |counter: u32| format!("{{\"n\":{counter}}}{}", "x".repeat(bytes - 7)).into_bytes();
        let base = vault.seal_change(None, of(1)).sealed;
        assert_eq!(changed(&vault, &base, &of(2)).keeps_base, is_beside, "{bytes} bytes");
    }
}

#[test]
fn a_delta_opens_beside_its_own_base_only() {
    let vault = vault("s", &[], false).for_automation(automation(1));
    let one = vault.seal_change(None, large(100)).sealed;
    let other = vault.seal_change(None, large(100)).sealed;
    let delta = changed(&vault, &one, &large(101)).sealed[one.len()..].to_vec();
    let mixed = [other, delta.clone()].concat();
    assert_eq!(vault.open(&mixed).err(), Some(VaultError::Mismatched));
    assert_eq!(vault.open_to_change(&mixed).err(), Some(VaultError::Mismatched));
    let twice = [one, delta.clone(), delta].concat();
    assert_eq!(vault.open(&twice).err(), Some(VaultError::Unopenable));
}

/// Whoever writes the database can leave a delta out: a state of a minute ago at most, if its automation is written.
#[test]
fn a_base_opens_alone_and_a_delta_alone_is_no_document() {
    let vault = vault("s", &[], false).for_automation(automation(1));
    let base = vault.seal_change(None, large(100)).sealed;
    let sealed = changed(&vault, &base, &large(101)).sealed;
    assert_eq!(vault.open(&base).unwrap().plain, large(100));
    let delta = vault.open(&sealed[base.len() + 1..]).unwrap();
    let document = automation_kv_engine::document::Document::decode(delta.plain, delta.sealed_at);
    assert!(document.is_err());
}

#[test]
fn an_old_base_is_followed_by_a_whole_state() {
    let vault = vault("s", &[], false).for_automation(automation(1));
    let Keys::Ring(ring) = &vault.keys else {
        panic!("a vault without keys");
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for (sealed_at, is_kept) in [(now - 5, true), (now - 100, false), (now + 86_400, false)] {
        let base = ring
            .keyring
            .current(vault.automation)
            .encrypt_at_time(&large(100), sealed_at);
        assert_eq!(changed(&vault, base.as_bytes(), &large(101)).keeps_base, is_kept);
    }
}

#[test]
fn a_changed_byte_of_a_base_or_a_delta_is_noticed_also_where_it_is_known() {
    let vault = vault("s", &[], false).for_automation(automation(1));
    let base = vault.seal_change(None, large(100)).sealed;
    let sealed = changed(&vault, &base, &large(101)).sealed;
    for at in (0..sealed.len()).step_by(97).chain(base.len()..sealed.len()) {
        let mut changed = sealed.clone();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(vault.open_to_change(&changed).is_err(), "byte {at}");
    }
    assert!(vault.open_to_change(&sealed).is_ok());
}

#[test]
fn with_another_secret_the_next_change_is_sealed_whole_with_the_current_one() {
    let id = automation(1);
    let old = vault("old", &[], false).for_automation(id);
    let base = old.seal_change(None, large(100)).sealed;
    let sealed = changed(&old, &base, &large(101)).sealed;
    let rotated = vault("new", &["old"], false).for_automation(id);
    assert_eq!(rotated.open(&sealed).unwrap().plain, large(101));
    let next = changed(&rotated, &sealed, &large(102));
    assert!(!next.keeps_base);
    let alone = vault("new", &[], false).for_automation(id);
    assert_eq!(alone.open(&next.sealed).unwrap().plain, large(102));
    let resealed = rotated.reseal(&sealed).unwrap().unwrap();
    assert_eq!(alone.open(&resealed).unwrap().plain, large(101));
}

/// The `verify.json` vector of the Fernet specification.
#[test]
fn the_specification_s_token_opens_with_the_specification_s_key() {
    let key = Fernet::new("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").unwrap();
    let token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
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

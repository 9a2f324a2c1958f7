//! What the benchmarks of sessions share: documents of several sizes, and one increment done in several ways.

#![allow(
    missing_docs,
    dead_code,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "each benchmark uses a part of it"
)]

use std::hint::black_box;

use automation_kv::engine::types;
use automation_kv::engine::{Engine, EngineOptions, Input, Transaction};
use automation_kv::vault::{AutomationVault, Vault};
use automation_kv_engine::document::Document;
use automation_kv_engine::{Session, model};
use uuid::Uuid;

/// The service's allocator: with another one, large buffers cost page faults that the service does not have.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A state larger than single values may be: its bytes of compact JSON, and its keys.
pub const LARGE: (usize, usize) = (1 << 20, 2_000);

/// Documents' sizes, in bytes of compact JSON, and what to call them.
pub const SIZES: [(usize, &str); 4] = [(100, "0.1 KB"), (1_000, "1 KB"), (8_000, "8 KB"), (60_000, "60 KB")];

const VALUE_LIMIT_BYTES: u64 = 65_536;
const STATE_LIMIT_BYTES: u64 = 2 << 20;
const LIMITS: model::Limits = model::Limits {
    state_bytes: STATE_LIMIT_BYTES,
    value_bytes: VALUE_LIMIT_BYTES,
};
const NOW: u64 = 1_800_000_000_000;

/// One document, sealed, and everything that can be done to it.
pub struct Subject {
    engine: Engine,
    vault: Vault,
    automation: Uuid,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    request: types::Request,
}

impl Subject {
    /// A document of about `bytes` bytes: a counter, and entries such as scripts keep.
    pub fn new(bytes: usize) -> Self {
        Self::of(document(bytes))
    }

    /// A document of about `bytes` bytes in as many keys, and a counter.
    pub fn with_keys(bytes: usize, keys: usize) -> Self {
        const KEY_BYTES: usize = 16;
        let value = format!("\"{}\"", "x".repeat((bytes / keys).saturating_sub(KEY_BYTES)));
        let mut session = Session::new(Document::default(), LIMITS, NOW);
        session.execute(native_increment()).expect("a reply");
        for key in 0..keys {
            session
                .execute(single(set(format!("item-{key:06}"), value.clone())))
                .expect("a reply");
        }
        Self::of(session.changed().expect("a change").encode())
    }

    fn of(plain: Vec<u8>) -> Self {
        let vault = Vault::new(&"a secret for benchmarks".into(), &[], false);
        let automation = Uuid::new_v4();
        let sealed = vault.for_automation(automation.into()).seal(&plain);
        Self {
            engine: Engine::built_in(EngineOptions::default()).expect("an engine"),
            vault,
            automation,
            plain,
            sealed,
            request: increment(),
        }
    }

    /// A fresh instance: opens, increments, seals.
    pub fn session(&self) {
        let mut session = self.opened();
        session.execute(&self.request).expect("a call").expect("a reply");
        black_box(session.commit().expect("a state"));
    }

    /// A fresh instance: opens, and names a hundred keys by their prefix.
    pub fn list(&self) {
        let list = types::ListOperation {
            prefix: "item-".to_owned(),
            limit: Some(100),
            cursor: None,
            values: false,
        };
        let request = types::Request {
            operations: vec![types::Operation::ListKeys(list)],
            ..increment()
        };
        let mut session = self.engine.open_to_read(self.input()).expect("a session");
        let reply = session.execute(&request).expect("a call").expect("a reply");
        black_box(reply);
    }

    /// The vault alone: opens.
    pub fn open(&self) {
        let opened = self.keys().open(&black_box(self.sealed.clone()));
        black_box(opened.expect("a state that opens").plain);
    }

    /// A fresh instance: opens, does something, seals.
    pub fn transact(&self, work: impl FnOnce(&mut automation_kv::engine::Session)) {
        let mut session = self.opened();
        work(&mut session);
        black_box(session.commit().expect("a state"));
    }

    /// A fresh instance: opens, carries a transaction out, seals.
    pub fn transaction(&self, transaction: &Transaction) {
        let (session, answer) = transaction.carry_out(self.opened(), &mut |_, _| {}).expect("a session");
        black_box(answer.expect("an answer"));
        black_box(session.commit().expect("a state"));
    }

    /// The document as it is sealed.
    pub fn plain(&self) -> &[u8] {
        &self.plain
    }

    fn opened(&self) -> automation_kv::engine::Session {
        self.engine.open(self.input()).expect("a session")
    }

    fn input(&self) -> Input {
        Input {
            sealed: Some(self.sealed.clone()),
            vault: self.keys(),
            max_state_bytes: STATE_LIMIT_BYTES,
            max_value_bytes: VALUE_LIMIT_BYTES,
            now: NOW,
        }
    }

    /// The same code compiled natively, vault included.
    pub fn native(&self) {
        let keys = self.keys();
        let opened = keys.open(&black_box(self.sealed.clone())).expect("a state that opens");
        let document = Document::decode(opened.plain, opened.sealed_at).expect("a document");
        let mut session = Session::new(document, LIMITS, NOW);
        session.execute(native_increment()).expect("a reply");
        let changed = session.changed().expect("a change").encode();
        black_box(keys.seal(&changed));
    }

    /// The vault alone: opens.and seals.
    pub fn vault(&self) {
        let keys = self.keys();
        black_box(
            keys.open(&black_box(self.sealed.clone()))
                .expect("a state that opens")
                .plain,
        );
        black_box(keys.seal(&self.plain));
    }

    /// A fresh instance and a call that does nothing.
    pub fn bare(&self) {
        self.engine.probe(self.keys()).expect("an instance");
    }

    fn keys(&self) -> AutomationVault {
        self.vault.for_automation(self.automation.into())
    }
}

fn document(bytes: usize) -> Vec<u8> {
    let mut session = Session::new(Document::default(), LIMITS, NOW);
    session.execute(native_increment()).expect("a reply");
    session
        .execute(single(set("a".to_owned(), "1".to_owned())))
        .expect("a reply");
    let mut size = r#"{"runs":1,"a":1}"#.len();
    for entry in 0.. {
        let key = format!("item-{entry:04}");
        let value = format!(r#"{{"id":"msg_{entry:08}","at":18000{entry:05},"done":true,"note":"seen and answered"}}"#);
        let grown = size + key.len() + value.len() + 4;
        if grown > bytes {
            break;
        }
        size = grown;
        session.execute(single(set(key, value))).expect("a reply");
    }
    session.changed().expect("a change").encode()
}

fn set(key: String, value: String) -> model::Operation {
    model::Operation::Set {
        key,
        value,
        condition: model::Condition::Always,
        expiry: model::Expiry::Never,
    }
}

fn native_increment() -> model::Request {
    single(model::Operation::Increment {
        key: "runs".to_owned(),
        by: "1".to_owned(),
    })
}

fn single(operation: model::Operation) -> model::Request {
    model::Request {
        operations: vec![operation],
        if_version: None,
        always_bump: false,
        once: None,
        scope: None,
    }
}

fn increment() -> types::Request {
    let count = types::CountOperation {
        key: "runs".to_owned(),
        by: "1".to_owned(),
    };
    types::Request::of(vec![types::Operation::Increment(count)])
}

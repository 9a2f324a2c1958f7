//! What holds the engine's component in: its imports, its time and its memory.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::time::{Duration, Instant};

use automation_kv::engine::types::{GetOperation, Operation, Request};
use automation_kv::engine::{BUILT_IN_COMPONENT, Engine, EngineError, EngineOptions, Input, Session};
use automation_kv::vault::{AutomationVault, Vault};
use automation_kv_engine::document::Document;
use automation_kv_engine::model;
use automation_kv_test_guests::{MISBEHAVING, Misdeed};
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_millis(200);

/// More than enough for a machine that is busy with other tests.
const LENIENCE: Duration = Duration::from_secs(10);

#[test]
fn the_component_imports_exactly_its_world() {
    assert_eq!(
        imports_of(BUILT_IN_COMPONENT),
        [
            "automation:kv/storage@1.0.0",
            "automation:kv/types@1.0.0",
            "automation:kv/vault@1.0.0"
        ]
    );
}

#[test]
fn an_endless_loop_is_stopped_and_the_next_session_works() {
    let engine = misbehaving();
    let begun = Instant::now();
    let error = run(&engine, Misdeed::LOOP).unwrap_err();
    assert!(matches!(error, EngineError::Deadline { call: "execute" }), "{error:?}");
    assert!(
        begun.elapsed() >= DEADLINE && begun.elapsed() < LENIENCE,
        "{:?}",
        begun.elapsed()
    );
    run(&engine, "good").unwrap();
}

#[test]
fn a_memory_bomb_is_stopped_and_the_next_session_works() {
    let engine = misbehaving();
    let before = resident_bytes();
    let error = run(&engine, Misdeed::MEMORY).unwrap_err();
    assert!(matches!(error, EngineError::Trap { call: "execute", .. }), "{error:?}");
    assert!(resident_bytes() < before + (96 << 20), "the bomb's memory stayed");
    run(&engine, "good").unwrap();
}

#[test]
fn endless_recursion_is_stopped_and_the_next_session_works() {
    let engine = misbehaving();
    let error = run(&engine, Misdeed::RECURSION).unwrap_err();
    assert!(matches!(error, EngineError::Trap { call: "execute", .. }), "{error:?}");
    run(&engine, "good").unwrap();
}

#[test]
fn a_trap_ends_its_session_and_no_other() {
    let engine = misbehaving();
    let mut other = open(&engine);
    let error = run(&engine, Misdeed::TRAP).unwrap_err();
    assert!(matches!(error, EngineError::Trap { call: "execute", .. }), "{error:?}");
    assert!(other.execute(&get("good")).unwrap().is_ok());
}

#[test]
fn sessions_beyond_the_pool_wait_for_their_turn() {
    const SESSIONS: usize = 64;
    let options = EngineOptions {
        pools: 1,
        max_sessions: 2,
        ..EngineOptions::default()
    };
    let engine = Engine::built_in(options).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..SESSIONS {
            scope.spawn(|| run(&engine, "absent").unwrap());
        }
    });
}

#[test]
fn a_component_of_another_world_is_refused() {
    for bytes in [&b""[..], b"not wasm", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0"] {
        let refused = Engine::new(bytes, EngineOptions::default()).err();
        assert!(matches!(refused, Some(EngineError::Component(_))), "{refused:?}");
    }
}

/// The component looks at a document in blocks of its own, unlike the same code compiled natively.
#[test]
fn a_byte_that_belongs_to_no_text_is_found_wherever_it_is() {
    const TEXT_BYTES: usize = 200;
    let (plain, text) = document_with_text(TEXT_BYTES);
    let engine = Engine::built_in(EngineOptions::small()).unwrap();
    let opens = |plain: &[u8]| engine.open(input(|vault| Some(vault.seal(plain)))).map(drop);
    opens(&plain).unwrap();
    for at in text..text + TEXT_BYTES - 1 {
        let mut broken = plain.clone();
        broken[at] = 0xff;
        assert!(
            matches!(opens(&broken), Err(EngineError::Unreadable(_))),
            "byte {at} of {}",
            plain.len()
        );
        let mut accented = plain.clone();
        accented[at..at + 2].copy_from_slice("é".as_bytes());
        opens(&accented).unwrap();
    }
}

/// A document with one value, and where its text starts.
fn document_with_text(bytes: usize) -> (Vec<u8>, usize) {
    let text = "x".repeat(bytes);
    let limits = model::Limits {
        state_bytes: 0,
        value_bytes: 0,
    };
    let mut session = automation_kv_engine::Session::new(Document::default(), limits, 0);
    let set = model::Operation::Set {
        key: "k".to_owned(),
        value: format!("\"{text}\""),
        condition: model::Condition::Always,
        expiry: model::Expiry::Never,
    };
    let request = model::Request {
        operations: vec![set],
        if_version: None,
        always_bump: false,
        once: None,
        scope: None,
    };
    session.execute(request).unwrap();
    let plain = session.changed().unwrap().encode();
    let place = plain.windows(bytes).position(|window| window == text.as_bytes());
    (plain, place.unwrap())
}

fn misbehaving() -> Engine {
    let options = EngineOptions {
        call_deadline: DEADLINE,
        ..EngineOptions::default()
    };
    Engine::new(MISBEHAVING, options).expect("a component of the world op-engine")
}

fn open(engine: &Engine) -> Session {
    engine.open(input(|_| None)).expect("a session")
}

/// What is stored is what `sealed` makes with the vault of the automation.
fn input(sealed: impl FnOnce(&AutomationVault) -> Option<Vec<u8>>) -> Input {
    let vault = Vault::new(&"secret".into(), &[], false).for_automation(Uuid::new_v4().into());
    Input {
        sealed: sealed(&vault),
        vault,
        max_state_bytes: 65_536,
        max_value_bytes: 65_536,
        now: 0,
    }
}

/// One session with one request about a key.
fn run(engine: &Engine, key: &str) -> Result<(), EngineError> {
    let mut session = open(engine);
    session.execute(&get(key)).map(drop)
}

fn get(key: &str) -> Request {
    let get = GetOperation {
        key: key.to_owned(),
        path: None,
    };
    Request::of(vec![Operation::Get(get)])
}

fn imports_of(component: &[u8]) -> Vec<String> {
    let engine = wasmtime::Engine::default();
    let component = wasmtime::component::Component::new(&engine, component).unwrap();
    let mut imports: Vec<String> = component
        .component_type()
        .imports(&engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    imports.sort();
    imports
}

fn resident_bytes() -> usize {
    const PAGE_BYTES: usize = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * PAGE_BYTES
}

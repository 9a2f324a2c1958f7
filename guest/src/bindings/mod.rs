//! The WIT world `op-engine` over [`Session`]: translation and nothing else.

// An instance is one session and a component has one thread, so the session is the instance's state.
#![allow(unsafe_code, reason = "generated bindings; the ABI is raw pointers")]

mod replies;
mod requests;

use alloc::string::{String, ToString};
use core::cell::RefCell;

use crate::document::Document;
use crate::model;
use crate::session::Session;

wit_bindgen::generate!({
    world: "op-engine",
    path: "../wit",
});

use automation::kv::types::{Failure, Rejection, Reply, Request, TimestampMs};
use automation::kv::{storage, vault};
use exports::automation::kv::engine::{Guest, Limits, Remembered, Terms};

struct Engine;

export!(Engine);

/// The session of this instance.
struct Slot(RefCell<Option<Session>>);

// SAFETY: a component instance has exactly one thread.
unsafe impl Sync for Slot {}

static SESSION: Slot = Slot(RefCell::new(None));

fn with_session<T>(work: impl FnOnce(&mut Session) -> T) -> T {
    let mut slot = SESSION.0.borrow_mut();
    work(slot.get_or_insert_with(|| Session::new(Document::default(), model::Limits::default(), 0)))
}

fn opened(sealed: vault::Sealed) -> Result<Document, Failure> {
    let opened = vault::open(sealed)?;
    Document::decode(opened.plain, opened.sealed_at).map_err(|error| Failure::Document(error.0.to_string()))
}

impl Guest for Engine {
    fn open(limits: Limits, now: TimestampMs) -> Result<(), Failure> {
        let document = match storage::load()? {
            Some(sealed) => opened(sealed)?,
            None => Document::default(),
        };
        let limits = model::Limits {
            state_bytes: limits.state_bytes,
            value_bytes: limits.value_bytes,
        };
        *SESSION.0.borrow_mut() = Some(Session::new(document, limits, now));
        Ok(())
    }

    fn execute(request: Request) -> Result<Reply, Rejection> {
        with_session(|session| session.execute(request.into()))
            .map(Into::into)
            .map_err(Into::into)
    }

    fn begin(terms: Terms) -> Result<Option<Remembered>, Rejection> {
        match with_session(|session| session.begin(terms.into())) {
            Ok(remembered) => Ok(remembered.map(Into::into)),
            Err(rejection) => Err(rejection.into()),
        }
    }

    fn finish(answer: String) -> Reply {
        with_session(|session| session.finish(answer)).into()
    }

    fn abandon() {
        with_session(Session::abandon);
    }

    fn restore(earlier: Option<vault::Sealed>) -> Result<Reply, Failure> {
        let earlier = match earlier {
            Some(sealed) => opened(sealed)?,
            None => Document::default(),
        };
        Ok(with_session(|session| session.restore(earlier)).into())
    }

    fn savepoint() -> u32 {
        with_session(Session::savepoint)
    }

    fn rollback(savepoint: u32) {
        with_session(|session| session.rollback(savepoint));
    }

    fn commit() -> Result<(), Failure> {
        let Some(session) = SESSION.0.take() else {
            return Ok(());
        };
        let Some(document) = session.changed() else {
            return Ok(());
        };
        let sealed = vault::seal(&document.encode())?;
        storage::save(sealed, document.first_expiry())
    }
}

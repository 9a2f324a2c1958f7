//! One owner at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{Call, Error, Kv, Method};

/// How much of its time a lease has left when it is renewed, as a divisor: a third is gone.
const RENEWALS_PER_TIME: u32 = 3;

/// A lease that is held, and renewed in the background as long as this value lives.
///
/// It is not mutual exclusion: a pause that nobody sees may outlast it. Send [`fence`](Self::fence) along with the work, and
/// let whoever receives it refuse a lower one than the highest it has seen.
#[derive(Debug)]
pub struct Lease {
    kv: Kv,
    name: String,
    owner: String,
    fence: u64,
    held: Arc<Held>,
    renewing: JoinHandle<()>,
}

/// What is known of a lease.
#[derive(Debug)]
struct Held {
    is_lost: AtomicBool,
    /// When its time is over, counted from when it was asked for.
    until: Mutex<Instant>,
}

impl Held {
    fn until(&self) -> Instant {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew(&self, until: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

#[derive(Deserialize)]
struct Granted {
    fence: u64,
}

impl Kv {
    /// Asks for a lease; none if somebody else has it. It ends with [`Lease::release`], or `ttl` after the last renewal.
    pub async fn claim(&self, name: &str, ttl: Duration) -> Result<Option<Lease>, Error> {
        let owner = Uuid::new_v4().to_string();
        let claim = json!({ "owner": owner, "ttl_ms": milliseconds(ttl) });
        // A claim by the same owner goes on with the same lease, so it needs no memory of an earlier try.
        let call = Call::on(name, Method::POST, "claim")
            .body(claim.to_string())
            .without_idempotency_key();
        let asked = Instant::now();
        let granted: Granted = match self.send(call).await {
            Ok(reply) => reply.read()?,
            Err(Error::Conflict(refusal)) if refusal.code == "held" => return Ok(None),
            Err(error) => return Err(error),
        };
        let held = Arc::new(Held {
            is_lost: AtomicBool::new(false),
            until: Mutex::new(asked + ttl),
        });
        let renewing = tokio::spawn(renew(
            self.clone(),
            name.to_owned(),
            json!({ "owner": owner, "fence": granted.fence, "ttl_ms": milliseconds(ttl) }).to_string(),
            ttl,
            Arc::clone(&held),
        ));
        Ok(Some(Lease {
            kv: self.clone(),
            name: name.to_owned(),
            owner,
            fence: granted.fence,
            held,
            renewing,
        }))
    }
}

impl Lease {
    /// Higher for each later owner.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Whether the lease is lost, or its time over as far as this process knows: somebody else may have it.
    pub fn is_lost(&self) -> bool {
        self.held.is_lost.load(Ordering::SeqCst) || Instant::now() >= self.held.until()
    }

    /// Gives it back. [`Error::Conflict`] if it was lost before.
    pub async fn release(self) -> Result<(), Error> {
        self.renewing.abort();
        let release = json!({ "owner": self.owner, "fence": self.fence });
        let call = Call::on(&self.name, Method::POST, "release").body(release.to_string());
        self.kv.send(call).await.map(drop)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

async fn renew(kv: Kv, name: String, body: String, ttl: Duration, held: Arc<Held>) {
    while Instant::now() < held.until() {
        tokio::time::sleep(ttl / RENEWALS_PER_TIME).await;
        let asked = Instant::now();
        let call = Call::on(&name, Method::POST, "renew")
            .body(body.clone())
            .without_idempotency_key();
        match kv.send(call).await {
            Ok(_) => held.renew(asked + ttl),
            // Nobody could say: it is ours until its time is over.
            Err(Error::Unreachable { .. } | Error::Unavailable(_) | Error::OutcomeUnknown(_)) => {}
            Err(_) => break,
        }
    }
    held.is_lost.store(true, Ordering::SeqCst);
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

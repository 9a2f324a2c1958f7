//! One owner at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    is_lost: Arc<AtomicBool>,
    renewing: JoinHandle<()>,
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
        let granted: Granted = match self.send(call).await {
            Ok(reply) => reply.read()?,
            Err(Error::Conflict(refusal)) if refusal.code == "held" => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_lost = Arc::new(AtomicBool::new(false));
        let renewing = tokio::spawn(renew(
            self.clone(),
            name.to_owned(),
            json!({ "owner": owner, "fence": granted.fence, "ttl_ms": milliseconds(ttl) }).to_string(),
            ttl,
            Arc::clone(&is_lost),
        ));
        Ok(Some(Lease {
            kv: self.clone(),
            name: name.to_owned(),
            owner,
            fence: granted.fence,
            is_lost,
            renewing,
        }))
    }
}

impl Lease {
    /// Higher for each later owner.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Whether the lease is known to be lost: somebody else may have it.
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::SeqCst)
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

async fn renew(kv: Kv, name: String, body: String, ttl: Duration, is_lost: Arc<AtomicBool>) {
    let mut until = Instant::now() + ttl;
    loop {
        tokio::time::sleep(ttl / RENEWALS_PER_TIME).await;
        let asked = Instant::now();
        let call = Call::on(&name, Method::POST, "renew")
            .body(body.clone())
            .without_idempotency_key();
        match kv.send(call).await {
            Ok(_) => until = asked + ttl,
            // Nobody could say: it is ours until its time is over.
            Err(Error::Unreachable { .. } | Error::Unavailable(_)) if Instant::now() < until => {}
            Err(_) => return is_lost.store(true, Ordering::SeqCst),
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

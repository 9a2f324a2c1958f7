//! Services of one machine on one database server: one of them, the leader, carries out the requests of all.
//!
//! They share the processors, so nothing is lost by that; and an automation's writes meet in one mailbox, whichever service
//! they came to: nobody has to load what another has just saved, or loses a race against it, and the loads and saves of all
//! automations meet in larger groups. That is a matter of speed alone. Any of them may read and write at any time, as all saves
//! are compare-and-set: where there is no leader each carries out its own.
//!
//! They meet at a Unix socket in Linux' abstract namespace: whoever binds its name leads, and when that process ends, however
//! it does, the name is free again. The name is derived from the secret, the database and everything that must be the same for
//! a write to come out the same.

mod frame;
mod handshake;
mod link;
mod links;
mod meet;
mod serve;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout, timeout_at};

use super::{Answer, Service, ServiceError, ServiceOptions, Shared};
use crate::automation::{AutomationId, Writer};
use crate::engine::types::Request;
use link::{Asked, Called, Link};
use links::Links;
use meet::{Followers, run};

/// The largest request that is handed on, in bytes of its values: of a larger one the copies would cost more than they save.
const MAX_VALUE_BYTES: usize = 64 << 10;

/// How much longer than two lock timeouts a leader may take; if it has said nothing at all meanwhile, it is taken to be dead.
const GRACE: Duration = Duration::from_secs(1);

/// How long a leader that is asked for something may say nothing at all before it is asked for nothing more until it does, and
/// how long a read waits for it: that can be carried out here just as well.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long neighbours may take to let go of one that stops.
const PARTING_TIME: Duration = Duration::from_secs(5);

/// What a service is to its neighbours.
#[derive(Default)]
pub(super) struct Neighbours {
    /// To the leader, if this is a follower.
    links: Links,
    /// Of this one, if it is a leader.
    followers: Followers,
    /// What leads or follows, if it was started.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Service {
    /// Carries out requests for the other services of this machine on this database, or has one of them carry out those of
    /// this one, on each of so many threads with a runtime of its own. Does nothing where the storage is not for several
    /// services, or without a secret. Ends with [`close`](Self::close). Needs a tokio runtime.
    pub fn join_neighbours(&self, threads: Vec<Handle>) {
        let Some(name) = self.shared.meeting_name() else {
            return;
        };
        let task = tokio::spawn(run(Arc::downgrade(&self.shared), name, threads));
        if let Some(before) = self.shared.neighbours.replace(Some(task)) {
            before.abort();
        }
    }
}

impl Neighbours {
    /// Lets go of all of them: what was sent either way is answered first.
    pub(super) async fn leave(&self) {
        const POLL: Duration = Duration::from_millis(5);
        let Some(task) = self.replace(None) else { return };
        // In this order a link that is just being made is closed by one of the two.
        self.followers.dismiss();
        self.links.close();
        let until = Instant::now() + PARTING_TIME;
        while (self.followers.are_there() || self.links.are_there()) && Instant::now() < until {
            sleep(POLL).await;
        }
        task.abort();
    }

    /// Whether others hand their requests on to this one.
    pub(super) fn leads(&self) -> bool {
        self.followers.are_there()
    }

    fn replace(&self, task: Option<JoinHandle<()>>) -> Option<JoinHandle<()>> {
        std::mem::replace(&mut *self.task.lock().unwrap_or_else(PoisonError::into_inner), task)
    }
}

impl Shared {
    /// Has the leader carry out a write, if there is a leader. None if it is to be carried out here; nobody has done so
    /// then.
    pub(super) async fn hand_on(
        &self,
        writer: &Writer,
        request: &Request,
        arrival: Instant,
    ) -> Option<Result<Answer, ServiceError>> {
        let called = Instant::now();
        let (link, mut answer) = self.ask(&Asked {
            writer,
            request,
            is_read: false,
            arrival,
        })?;
        let last = arrival + 2 * self.options.lock_timeout + GRACE;
        let mut answered = timeout(PATIENCE, &mut answer).await;
        if answered.is_err() {
            link.doubt_if_silent_since(called);
            answered = timeout_at(last.into(), answer).await;
        }
        match answered {
            Ok(Ok(Called::Answered(Ok(answer)))) => Some(Ok(answer)),
            Ok(Ok(Called::Answered(Err(refusal)))) => Some(Err(refusal.error()?)),
            Ok(Ok(Called::NotSent)) => None,
            Ok(Err(_)) => Some(Err(frame::lost("the service that was to carry it out has ended"))),
            Err(_) => {
                link.sever_if_silent_since(called);
                Some(Err(frame::lost("the service that was to carry it out does not answer")))
            }
        }
    }

    /// Has the leader carry out a request that only reads, with those of the others. None if it is to be carried out here.
    pub(super) async fn hand_read_on(
        &self,
        automation: AutomationId,
        request: &Request,
        arrival: Instant,
    ) -> Option<Answer> {
        let called = Instant::now();
        let (link, answer) = self.ask(&Asked {
            writer: &automation.into(),
            request,
            is_read: true,
            arrival,
        })?;
        // Whoever waits in vain needs some of the time for itself.
        let left = self.options.lock_timeout.saturating_sub(arrival.elapsed());
        match timeout(PATIENCE.min(left / 2), answer).await {
            Ok(Ok(Called::Answered(Ok(answer)))) => Some(answer),
            Ok(_) => None,
            Err(_) => {
                link.doubt_if_silent_since(called);
                None
            }
        }
    }

    /// Asks the leader, if there is one and the request is one to hand on. Gives the link too that leads there.
    fn ask(&self, asked: &Asked<'_>) -> Option<(Link, oneshot::Receiver<Called>)> {
        let link = self.neighbours.links.of_this_thread()?;
        // Whoever took its time to send the request has none left to wait for others in.
        let is_late = asked.arrival.elapsed() >= self.options.lock_timeout;
        if is_late || asked.request.value_bytes() > MAX_VALUE_BYTES {
            return None;
        }
        let answer = link.call(asked)?;
        self.metrics.handed_on(asked.is_read);
        Some((link, answer))
    }

    /// What services are neighbours by: the same for all that would carry out a write in the same way in the same place.
    fn meeting_name(&self) -> Option<String> {
        let database = self.storage.identity()?;
        let ServiceOptions {
            max_state_bytes,
            max_value_bytes,
            lock_timeout,
            history_runs,
            max_waiting,
            sweep_interval: _,
            fixed_now,
        } = self.options;
        let options = format!(
            "{} {} {} {max_state_bytes} {max_value_bytes} {lock_timeout:?} {history_runs} {max_waiting} {fixed_now:?} ",
            env!("CARGO_PKG_VERSION"),
            crate::engine::built_in_sha256(),
            frame::PROTOCOL,
        );
        let name = self
            .vault
            .derive(&[b"neighbours v1 ", options.as_bytes(), database.as_bytes()])?;
        Some(format!(
            "automation-kv-{:032x}",
            u128::from_be_bytes(*name.first_chunk()?)
        ))
    }
}

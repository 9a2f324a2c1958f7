//! Reads of one automation that come at the same time share a session, as writes do.
//!
//! The first of them leads: it lets everything else that its thread could do go first, and then carries out what has come
//! meanwhile together with its own. Nothing is read before all of them have arrived, so none sees anything
//! older than it would alone. Whatever goes wrong, whoever got no answer from its leader reads alone.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::execution::Reading;
use super::{ServiceError, Shared};
use crate::automation::AutomationId;
use crate::engine::types::Request;
use crate::threads;

/// The most reads in one session.
const MAX_GROUP: usize = 32;

/// So many reads in a row that led nobody say that one client reads alone, which then is not held up any more.
const PATIENCE: u32 = 4;

/// Of the reads of a client that reads alone, one in so many leads all the same, in case others have come.
const PROBE: u32 = 16;

/// Places of each thread where reads of the same automation meet.
const PLACES: usize = 64;

/// Where reads meet.
pub(super) struct Meetings {
    /// Those of one thread after those of another: waking a task of another thread takes longer than a session.
    places: Vec<Mutex<Place>>,
    threads: usize,
    hasher: RandomState,
}

#[derive(Default)]
struct Place {
    /// Of the read that came last, or of those that wait for their leader.
    automation: Option<AutomationId>,
    /// Whether somebody leads.
    is_led: bool,
    /// Reads in a row that nobody came together with.
    lonely: u32,
    following: Vec<Follower>,
}

/// A read that another carries out.
pub(super) struct Follower {
    pub(super) request: Arc<Request>,
    pub(super) answer: oneshot::Sender<Reading>,
}

/// How a read is to be carried out.
enum Role<'a> {
    Alone,
    /// With those that follow, once everything else has gone first.
    Lead(Leader<'a>),
    /// By whoever leads. Without an answer, alone.
    Follow(oneshot::Receiver<Reading>),
}

/// Who leads. Whoever goes away without taking its followers along leaves them to read alone.
struct Leader<'a>(Option<&'a Mutex<Place>>);

impl Shared {
    /// Carries out a request that only reads on what is stored, together with others.
    pub(super) async fn read_with_others(
        self: &Arc<Self>,
        automation: AutomationId,
        request: &Arc<Request>,
        deadline: Instant,
    ) -> Result<Reading, ServiceError> {
        let mut followers = Vec::new();
        match self.meetings.join(automation, request) {
            Role::Alone => {}
            Role::Lead(leader) => {
                tokio::task::yield_now().await;
                followers = leader.take();
            }
            Role::Follow(answer) => {
                // Whoever waits in vain needs some of the time for itself.
                let patience = deadline.saturating_duration_since(Instant::now()) / 2;
                if let Ok(Ok(reading)) = timeout(patience, answer).await {
                    return Ok(reading);
                }
            }
        }
        let stored = self.load(automation, deadline).await?;
        self.read_anywhere(automation, stored, request, followers, deadline)
            .await
    }
}

impl Meetings {
    pub(super) fn new() -> Self {
        let threads = threads::processors();
        Self {
            places: std::iter::repeat_with(Mutex::default).take(threads * PLACES).collect(),
            threads,
            hasher: RandomState::new(),
        }
    }

    fn join(&self, automation: AutomationId, request: &Arc<Request>) -> Role<'_> {
        let mutex = self.place(automation);
        let mut place = lock(mutex);
        if place.automation != Some(automation) {
            if !place.is_led {
                *place = Place {
                    automation: Some(automation),
                    ..Place::default()
                };
            }
            return Role::Alone;
        }
        if !place.is_led {
            if !place.expects_company() {
                return Role::Alone;
            }
            place.is_led = true;
            return Role::Lead(Leader(Some(mutex)));
        }
        // One is the leader's own.
        if place.following.len() + 1 >= MAX_GROUP {
            return Role::Alone;
        }
        let (answer, answered) = oneshot::channel();
        place.following.push(Follower {
            request: Arc::clone(request),
            answer,
        });
        Role::Follow(answered)
    }

    fn place(&self, automation: AutomationId) -> &Mutex<Place> {
        let hash = self.hasher.hash_one(automation);
        let place = usize::try_from(hash % PLACES as u64).unwrap_or(0);
        &self.places[threads::number_of_this() % self.threads * PLACES + place]
    }
}

impl Place {
    fn expects_company(&mut self) -> bool {
        if self.lonely < PATIENCE {
            return true;
        }
        self.lonely = self.lonely.wrapping_add(1);
        self.lonely.is_multiple_of(PROBE)
    }
}

impl Leader<'_> {
    /// Takes along those that have come until now; whoever comes later needs another leader.
    fn take(mut self) -> Vec<Follower> {
        self.end()
    }

    fn end(&mut self) -> Vec<Follower> {
        let Some(place) = self.0.take() else {
            return Vec::new();
        };
        let mut place = lock(place);
        place.is_led = false;
        place.lonely = if place.following.is_empty() {
            place.lonely.wrapping_add(1)
        } else {
            0
        };
        std::mem::take(&mut place.following)
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        drop(self.end());
    }
}

fn lock(place: &Mutex<Place>) -> MutexGuard<'_, Place> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

//! A follower's connection to its leader: calls go out together, answers come back in any order.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use slab::Slab;
use tokio::net::UnixStream;
use tokio::sync::oneshot;

use super::super::Answer;
use super::frame::{self, CallOf, Refusal, Word};
use super::wire::Wire;
use crate::automation::{RunId, Writer};
use crate::engine::types::Request;

/// Calls that may be under way at a time. Whoever finds more carries out its own.
const MAX_CALLS: usize = 4096;

/// Bytes that may wait to be sent, for the same purpose.
const MAX_UNSENT_BYTES: usize = 4 << 20;

/// The callers' side. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Link {
    calls: Arc<Mutex<Calls>>,
}

#[derive(Default)]
struct Calls {
    /// Those that are not answered yet, by their numbers.
    waiting: Slab<Waiting>,
    /// Frames that the task has not taken yet.
    unsent: Vec<u8>,
    /// All bytes of frames that there ever were.
    put_bytes: u64,
    /// No more calls are taken.
    is_closed: bool,
    /// Nobody waits for those that were taken either.
    is_severed: bool,
    /// When the leader last said anything.
    heard_at: Option<Instant>,
    /// It has been asked for something, and said nothing for too long.
    is_doubted: bool,
    /// The task, while it has nothing to do.
    task: Option<Waker>,
}

struct Waiting {
    answer: oneshot::Sender<Called>,
    /// What [`Calls::put_bytes`] was behind it.
    end: u64,
}

/// What the leader is asked for.
pub(super) struct Asked<'a> {
    pub(super) writer: &'a Writer,
    pub(super) request: &'a Request,
    /// Whether it only reads.
    pub(super) is_read: bool,
    pub(super) arrival: Instant,
}

/// What came of a call.
pub(super) enum Called {
    /// It was answered.
    Answered(Result<Answer, Refusal>),
    /// The leader is gone, and has never got it.
    NotSent,
}

impl Link {
    /// Asks the leader. The answer comes from the receiver; none does if the leader is lost. None if there is no room, the
    /// link is closed, or the leader is [doubted](Self::doubt_if_silent_since).
    pub(super) fn call(&self, asked: &Asked<'_>) -> Option<oneshot::Receiver<Called>> {
        let mut guard = self.lock();
        let calls = &mut *guard;
        let has_room = calls.waiting.len() < MAX_CALLS && calls.unsent.len() < MAX_UNSENT_BYTES;
        if calls.is_closed || calls.is_doubted || !has_room {
            return None;
        }
        let entry = calls.waiting.vacant_entry();
        let call = CallOf {
            number: u32::try_from(entry.key()).ok()?,
            automation: asked.writer.automation.uuid().into_bytes(),
            run: asked.writer.run.as_ref().map(RunId::as_str),
            is_read: asked.is_read,
            age_us: u64::try_from(asked.arrival.elapsed().as_micros()).unwrap_or(u64::MAX),
            request: asked.request,
        };
        let before = calls.unsent.len();
        frame::put(&mut calls.unsent, &call).ok()?;
        calls.put_bytes += (calls.unsent.len() - before) as u64;
        let (answer, answered) = oneshot::channel();
        let end = calls.put_bytes;
        entry.insert(Waiting { answer, end });
        wake(guard);
        Some(answered)
    }

    /// Takes no more calls. Those that were taken are still answered.
    pub(super) fn close(&self) {
        let mut calls = self.lock();
        calls.is_closed = true;
        wake(calls);
    }

    /// Lets go of the leader, whatever is still to come of it.
    pub(super) fn sever(&self) {
        let mut calls = self.lock();
        calls.is_severed = true;
        wake(calls);
    }

    /// If nothing has come of the leader since, takes no more calls until something does.
    pub(super) fn doubt_if_silent_since(&self, time: Instant) {
        let mut calls = self.lock();
        calls.is_doubted |= calls.is_silent_since(time);
    }

    /// If nothing has come of the leader since, lets go of it.
    pub(super) fn sever_if_silent_since(&self, time: Instant) {
        if self.lock().is_silent_since(time) {
            self.sever();
        }
    }

    /// Sends calls and takes answers until the leader is gone or the link severed, or, once it is closed or the leader has
    /// said goodbye, until everything is answered.
    pub(super) async fn run(&self, stream: UnixStream) -> io::Result<()> {
        let mut wire = Wire::new(stream);
        let ended = poll_fn(|context| self.poll(&mut wire, context)).await;
        self.give_up(wire.sent_bytes());
        ended
    }

    fn poll(&self, wire: &mut Wire, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        wire.receive(context, |word| self.take(word))?;
        loop {
            {
                let mut calls = self.lock();
                wire.put_all(&mut calls.unsent);
                let is_done = calls.is_closed && calls.waiting.is_empty();
                if wire.has_ended() || calls.is_severed || is_done {
                    return Poll::Ready(Ok(()));
                }
                calls.task = Some(context.waker().clone());
            }
            if wire.is_sent() {
                return Poll::Pending;
            }
            wire.send(context)?;
            if !wire.is_sent() {
                return Poll::Pending;
            }
        }
    }

    fn take(&self, word: Word) {
        let mut calls = self.lock();
        calls.heard_at = Some(Instant::now());
        calls.is_doubted = false;
        match word {
            Word::Answer { number, answer } => {
                let waiting = usize::try_from(number)
                    .ok()
                    .and_then(|number| calls.waiting.try_remove(number));
                drop(calls);
                if let Some(waiting) = waiting {
                    // Nobody listens if the client went away.
                    let _ = waiting.answer.send(Called::Answered(answer));
                }
            }
            Word::Goodbye => calls.is_closed = true,
        }
    }

    /// Tells all that still wait that there will be no answer, and those whose calls the leader cannot have got, so.
    fn give_up(&self, sent_bytes: u64) {
        let mut calls = self.lock();
        calls.is_closed = true;
        for waiting in calls.waiting.drain() {
            if waiting.end > sent_bytes {
                let _ = waiting.answer.send(Called::NotSent);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    fn is_silent_since(&self, time: Instant) -> bool {
        self.heard_at.is_none_or(|heard_at| heard_at < time)
    }
}

fn wake(mut calls: MutexGuard<'_, Calls>) {
    let task = calls.task.take();
    drop(calls);
    if let Some(task) = task {
        task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;
    use crate::automation::AutomationId;

    fn call(link: &Link) -> Option<oneshot::Receiver<Called>> {
        link.call(&Asked {
            writer: &AutomationId::random().into(),
            request: &Request::of(Vec::new()),
            is_read: false,
            arrival: Instant::now(),
        })
    }

    async fn answer(stream: &mut UnixStream, number: u32) {
        let mut frames = Vec::new();
        let answer = Err(Refusal::Busy);
        frame::put(&mut frames, &Word::Answer { number, answer }).unwrap();
        stream.write_all(&frames).await.unwrap();
    }

    async fn ended(running: tokio::task::JoinHandle<io::Result<()>>) {
        let ended = timeout(Duration::from_secs(10), running).await;
        ended.expect("an end").unwrap().unwrap();
    }

    fn start() -> (Link, UnixStream, tokio::task::JoinHandle<io::Result<()>>) {
        let (ours, leader) = UnixStream::pair().unwrap();
        let link = Link::default();
        let running = link.clone();
        (link, leader, tokio::spawn(async move { running.run(ours).await }))
    }

    #[tokio::test]
    async fn a_closed_link_ends_when_all_calls_are_answered() {
        let (link, mut leader, running) = start();
        let answered = [call(&link).unwrap(), call(&link).unwrap()];
        link.close();
        assert!(call(&link).is_none());
        for number in [1, 0] {
            answer(&mut leader, number).await;
        }
        for answered in answered {
            assert!(matches!(answered.await, Ok(Called::Answered(Err(Refusal::Busy)))));
        }
        ended(running).await;
    }

    #[tokio::test]
    async fn a_goodbye_closes_the_link() {
        let (link, mut leader, running) = start();
        let mut frames = Vec::new();
        frame::put(&mut frames, &Word::Goodbye).unwrap();
        leader.write_all(&frames).await.unwrap();
        ended(running).await;
        assert!(call(&link).is_none());
    }

    #[tokio::test]
    async fn a_lost_leader_leaves_what_it_may_have_got_without_an_answer() {
        let (link, mut leader, running) = start();
        let answered = call(&link).unwrap();
        let mut some = [0; 4];
        leader.read_exact(&mut some).await.unwrap();
        drop(leader);
        assert!(answered.await.is_err());
        let _ = running.await.unwrap();
        assert!(call(&link).is_none());
    }

    #[tokio::test]
    async fn a_call_that_was_never_sent_is_told_so() {
        let (link, leader, running) = start();
        drop(leader);
        let _ = timeout(Duration::from_secs(10), running).await.unwrap();
        // As a call between the end of the leader and the link's notice of it.
        link.lock().is_closed = false;
        let answered = call(&link).unwrap();
        link.give_up(0);
        assert!(matches!(answered.await, Ok(Called::NotSent)));
    }

    #[tokio::test]
    async fn a_leader_that_says_anything_is_not_let_go() {
        let (link, mut leader, running) = start();
        let slow = call(&link).unwrap();
        let called = Instant::now();
        let other = call(&link).unwrap();
        answer(&mut leader, 1).await;
        assert!(matches!(other.await, Ok(Called::Answered(_))));
        link.sever_if_silent_since(called);
        answer(&mut leader, 0).await;
        assert!(matches!(slow.await, Ok(Called::Answered(_))));
        link.sever_if_silent_since(Instant::now());
        ended(running).await;
    }

    #[tokio::test]
    async fn a_leader_that_says_nothing_is_asked_for_nothing_until_it_does() {
        let (link, mut leader, running) = start();
        let answered = [call(&link).unwrap(), call(&link).unwrap()];
        let called = Instant::now();
        link.doubt_if_silent_since(called);
        assert!(call(&link).is_none());
        for (number, answered) in (0..).zip(answered) {
            answer(&mut leader, number).await;
            assert!(matches!(answered.await, Ok(Called::Answered(_))));
        }
        link.doubt_if_silent_since(called);
        assert!(call(&link).is_some());
        drop(leader);
        let _ = running.await.unwrap();
    }

    #[tokio::test]
    async fn a_severed_link_waits_for_nobody() {
        let (link, _leader, running) = start();
        let answered = call(&link).unwrap();
        tokio::task::yield_now().await;
        link.sever();
        ended(running).await;
        assert!(!matches!(answered.await, Ok(Called::Answered(_))));
    }
}

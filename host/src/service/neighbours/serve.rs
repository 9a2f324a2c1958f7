//! A leader's connection to one of its followers: whatever is called is carried out at once, and answered when it is done.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, Stream};
use tokio::net::UnixStream;
use uuid::Uuid;

use super::super::mailbox::{Work, Worked};
use super::super::{Answer, ServiceError, Shared};
use super::frame::{Call, Refusal, Word};
use super::wire::Wire;
use crate::automation::{AutomationId, RunId, Writer};

/// Serves until the follower has closed its end and everything is answered. Says goodbye when `leaving` comes.
pub(super) async fn serve(
    shared: &Arc<Shared>,
    stream: UnixStream,
    leaving: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut wire = Wire::new(stream);
    let mut working = FuturesUnordered::new();
    let mut leaving = pin!(leaving);
    let mut is_leaving = false;
    poll_fn(|context| {
        wire.receive(context, |call| working.push(carry_out(shared, call)))?;
        while let Poll::Ready(Some(word)) = Pin::new(&mut working).poll_next(context) {
            wire.put(&word)?;
        }
        if !is_leaving && leaving.as_mut().poll(context).is_ready() {
            is_leaving = true;
            wire.put(&Word::Goodbye)?;
        }
        wire.send(context)?;
        if wire.has_ended() && working.is_empty() && wire.is_sent() {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    })
    .await
}

async fn carry_out(shared: &Arc<Shared>, call: Call) -> Word {
    let number = call.number;
    let answer = answer(shared, call).await;
    Word::Answer {
        number,
        answer: answer.map_err(Refusal::from),
    }
}

async fn answer(shared: &Arc<Shared>, call: Call) -> Result<Answer, ServiceError> {
    let now = Instant::now();
    let arrival = now.checked_sub(Duration::from_micros(call.age_us)).unwrap_or(now);
    let automation = AutomationId::from(Uuid::from_bytes(call.automation));
    let request = Arc::new(call.request);
    shared.metrics.carried_out_for_neighbour(call.is_read);
    if call.is_read {
        return shared.read_committed(automation, request, arrival).await;
    }
    let writer = Writer {
        automation,
        // It was one where it came from.
        run: call.run.and_then(|run| RunId::parse(&run).ok()),
    };
    let worked = shared.write(writer, Work::Request(request), arrival).await;
    worked.and_then(Worked::of_request)
}

//! Work that outlives whoever began it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Work that whoever waits for it does itself, and that goes on in a task of its own once nobody waits any more. Having such
/// a task from the beginning costs two turns in the queue of tasks, and work that ends soon needs none.
///
/// A panic ends it, as it would end a task.
pub(super) struct Lasting(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Lasting {
    pub(super) fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl Future for Lasting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(work) = &mut self.0 else {
            return Poll::Ready(());
        };
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let poll = polled.unwrap_or(Poll::Ready(()));
        if poll.is_ready() {
            self.0 = None;
        }
        poll
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        // Without a runtime there is nothing that could do it.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            drop(runtime.spawn(work));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_for_it() {
        let (go, gone) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let work = Lasting::new(async move {
            gone.await.unwrap();
            tell.send(7).unwrap();
        });
        assert!(tokio::time::timeout(Duration::from_millis(1), work).await.is_err());
        go.send(()).unwrap();
        assert_eq!(told.await, Ok(7));
    }

    #[tokio::test]
    async fn work_that_was_never_waited_for_is_done() {
        let (tell, told) = oneshot::channel();
        drop(Lasting::new(async move { tell.send(7).unwrap() }));
        assert_eq!(told.await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_ends_the_work_alone() {
        let (tell, told) = oneshot::channel::<()>();
        Lasting::new(async move {
            let _tell = tell;
            panic!("as meant");
        })
        .await;
        assert!(told.await.is_err());
    }
}

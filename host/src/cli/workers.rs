//! The threads that serve. Each has connections of its own, and does by itself everything that their requests need: work
//! that is handed from one thread to another costs more than most work does.

use std::future::Future;
use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{oneshot, watch};

use super::{CommandError, build};
use crate::api::{Api, Inbox, Stopped, spread};
use crate::threads;

/// How long requests that are under way may take after a signal to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// A runtime for one of the threads.
pub(super) fn runtime() -> Result<Runtime, CommandError> {
    /// Steps of tasks between two looks at what has arrived. A thread that is alone must not leave the database's answers,
    /// which writes wait for, until it has done everything else that it knows of.
    const STEPS: u32 = 6;
    /// Steps between two looks at what other threads have woken, such as those of SQLite.
    const STEPS_TO_OTHERS: u32 = 4;
    let mut builder = Builder::new_current_thread();
    builder.event_interval(STEPS).global_queue_interval(STEPS_TO_OTHERS);
    build(builder)
}

/// Threads that have served. What they have begun may still be under way, such as a write that nobody waits for.
pub(super) struct Workers(Vec<Worker>);

struct Worker {
    served: oneshot::Receiver<io::Result<Stopped>>,
    /// The thread ends when this is gone.
    lifeline: oneshot::Sender<()>,
    runtime: Handle,
    thread: JoinHandle<()>,
}

impl Workers {
    /// Serves on so many threads, of which this is one, until `stop` comes and what was taken is finished. `begun` is given
    /// their runtimes first. An error of one thread is told when all have ended.
    pub(super) async fn serve(
        listener: TcpListener,
        api: Api,
        base_path: &str,
        threads: usize,
        begun: impl FnOnce(Vec<Handle>),
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(Self, Result<Stopped, CommandError>), CommandError> {
        threads::number_of_this();
        let failed = |error| CommandError::new(format!("serving failed: {error}"));
        let (listener, inboxes) = spread(listener, threads.saturating_sub(1)).map_err(failed)?;
        let (stopping, stopped) = watch::channel(false);
        let workers = inboxes.into_iter().map(|inbox| {
            let mut stopped = stopped.clone();
            let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            Worker::start(inbox, api.clone(), base_path.to_owned(), stop)
        });
        let mut workers = workers.collect::<Result<Vec<_>, _>>()?;
        let runtimes = workers.iter().map(|worker| worker.runtime.clone());
        begun(std::iter::once(Handle::current()).chain(runtimes).collect());
        let stop = async move {
            stop.await;
            let _ = stopping.send(true);
        };
        let mut outcome = api.serve_from(listener, base_path, stop, SHUTDOWN_TIMEOUT).await;
        for worker in &mut workers {
            let served = (&mut worker.served).await.map_err(io::Error::other).flatten();
            outcome = match (outcome, served) {
                (Err(error), _) | (Ok(_), Err(error)) => Err(error),
                (Ok(Stopped::Finished), Ok(stopped)) => Ok(stopped),
                (Ok(Stopped::Overtime), Ok(_)) => Ok(Stopped::Overtime),
            };
        }
        Ok((Self(workers), outcome.map_err(failed)))
    }

    /// Ends the threads, and whatever is still under way on them.
    pub(super) fn end(self) {
        for Worker { lifeline, thread, .. } in self.0 {
            drop(lifeline);
            let _ = thread.join();
        }
    }
}

impl Worker {
    fn start(
        inbox: Inbox,
        api: Api,
        base_path: String,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Self, CommandError> {
        let runtime = runtime()?;
        let handle = runtime.handle().clone();
        let (tell, served) = oneshot::channel();
        let (lifeline, life) = oneshot::channel::<()>();
        let work = move || {
            threads::number_of_this();
            runtime.block_on(async move {
                let _ = tell.send(api.serve_from(inbox, &base_path, stop, SHUTDOWN_TIMEOUT).await);
                let _ = life.await;
            });
        };
        let thread = thread::Builder::new()
            .name("worker".to_owned())
            .spawn(work)
            .map_err(|error| CommandError::new(format!("cannot start a thread that serves: {error}")))?;
        Ok(Self {
            served,
            lifeline,
            runtime: handle,
            thread,
        })
    }
}

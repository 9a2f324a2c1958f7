//! Work that waits, and the lanes that take it.

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::super::StorageError;

/// Jobs that may wait.
const CAPACITY: usize = 4096;

/// The most jobs that a lane takes at once.
const MAX_GROUP: usize = 64;

/// A queue with several lanes at its end.
pub(super) struct Queue<J> {
    sender: RwLock<Option<mpsc::Sender<J>>>,
    lanes: Mutex<JoinSet<()>>,
}

/// A lane's end of the queue. While all lanes are at work, jobs gather; the next free lane takes them together.
pub(super) struct Jobs<J> {
    receiver: Arc<Mutex<mpsc::Receiver<J>>>,
}

impl<J: Send + 'static> Queue<J> {
    /// A queue whose jobs are done by as many runs of `lane`, each until its jobs end.
    pub(super) fn start<F>(lanes: u32, lane: impl Fn(Jobs<J>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let receiver = Arc::new(Mutex::new(receiver));
        let lanes = (0..lanes).map(|_| {
            lane(Jobs {
                receiver: Arc::clone(&receiver),
            })
        });
        Self {
            sender: RwLock::new(Some(sender)),
            lanes: Mutex::new(lanes.collect()),
        }
    }

    /// Puts a job at the end.
    pub(super) async fn push(&self, job: J) -> Result<(), StorageError> {
        let sender = self.sender.read().unwrap_or_else(PoisonError::into_inner).clone();
        let sender = sender.ok_or(StorageError::Closed)?;
        sender.send(job).await.map_err(|_| StorageError::Closed)
    }

    /// Takes no more jobs, and waits until those that were taken are done.
    pub(super) async fn close(&self) {
        let sender = self.sender.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(sender);
        let mut lanes = self.lanes.lock().await;
        while let Some(ended) = lanes.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a connection's task crashed");
            }
        }
    }
}

impl<J> Jobs<J> {
    /// Waits for jobs and takes all that are there, up to a limit; none are left if it gives none.
    pub(super) async fn next(&mut self) -> Vec<J> {
        let mut group = Vec::new();
        self.receiver.lock().await.recv_many(&mut group, MAX_GROUP).await;
        group
    }
}

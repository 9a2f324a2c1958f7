//! States in a SQLite file: one writer that commits the saves of many automations together, several
//! readers beside it.

mod open;
mod row;
mod writer;

use std::path::PathBuf;
use std::time::Instant;

use async_trait::async_trait;
use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{OpenError, Revision, Step, Storage, StorageError, Stored, Swap};
use crate::automation::AutomationId;
use writer::{Job, Work};

/// Saves that may wait for the writer. Each automation has one under way at most.
const WRITER_QUEUE: usize = 4096;

/// What to open, and how.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The file; made if it does not exist, in a folder that must.
    pub file: PathBuf,
    /// Take over a file of the Python service.
    pub adopt: bool,
    /// Connections for reading.
    pub readers: u32,
}

/// A storage in one SQLite file. Other processes may use the file too.
pub struct SqliteStorage {
    readers: SqlitePool,
    writer: mpsc::Sender<Job>,
    writing: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStorage {
    /// Opens the file, brings its tables up to date and starts the writer.
    pub async fn open(options: &SqliteOptions) -> Result<Self, OpenError> {
        open::check_owner(options).await?;
        let mut connection = open::writer_connection(options).await?;
        open::migrate(options, &mut connection).await?;
        let readers = open::readers(options).await?;
        let (writer, jobs) = mpsc::channel(WRITER_QUEUE);
        let writing = tokio::spawn(writer::run(connection, jobs));
        Ok(Self {
            readers,
            writer,
            writing: tokio::sync::Mutex::new(Some(writing)),
        })
    }

    async fn write(&self, automation: AutomationId, work: Work, deadline: Instant) -> Result<Swap, StorageError> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            automation,
            work,
            deadline,
            answer,
        };
        self.writer.send(job).await.map_err(|_| StorageError::Closed)?;
        answered.await.map_err(|_| StorageError::Closed)?
    }
}

#[async_trait]
impl Storage for SqliteStorage {
    async fn load(&self, automation: AutomationId) -> Result<Stored, StorageError> {
        row::load(&self.readers, automation).await.map_err(StorageError::from)
    }

    async fn swap(
        &self,
        automation: AutomationId,
        seen: Option<Revision>,
        sealed: Vec<u8>,
        deadline: Instant,
    ) -> Result<Swap, StorageError> {
        self.write(automation, Work::Swap { seen, sealed }, deadline).await
    }

    async fn update(&self, automation: AutomationId, step: Step, deadline: Instant) -> Result<(), StorageError> {
        self.write(automation, Work::Update(step), deadline).await.map(|_| ())
    }

    async fn check(&self) -> Result<(), StorageError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    async fn close(&self) {
        let writing = self.writing.lock().await.take();
        if let Some(writing) = writing {
            let (answer, _) = oneshot::channel();
            let stop = Job {
                automation: uuid::Uuid::nil().into(),
                work: Work::Stop,
                deadline: Instant::now(),
                answer,
            };
            if self.writer.send(stop).await.is_ok() && writing.await.is_err() {
                tracing::error!("the SQLite writer crashed");
            }
        }
        self.readers.close().await;
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        if row::is_busy(&error) {
            Self::Busy
        } else {
            Self::Unavailable(std::sync::Arc::new(error))
        }
    }
}

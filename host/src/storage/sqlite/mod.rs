//! States in a SQLite file: one writer that commits the saves of many automations together, several
//! readers beside it.

mod cache;
mod history;
mod open;
mod peek;
mod room;
mod row;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::text::{self, Text};
use super::{Archive, Listed, OpenError, Revision, Sealed, Step, Storage, StorageError, StorageOptions, Stored, Swap};
use crate::automation::AutomationId;
use cache::Cache;
use room::Room;
use writer::{Job, Work, Writer, Written};

/// Saves that may wait for the writer. Each automation has one under way at most.
const WRITER_QUEUE: usize = 4096;

/// What to open.
struct File {
    /// Made if it does not exist, in a folder that must.
    path: PathBuf,
    /// Whether a file of the Python service is taken over.
    adopt: bool,
}

/// A storage in one SQLite file. Other processes may use the file too.
pub struct SqliteStorage {
    readers: SqlitePool,
    cache: Arc<Cache>,
    has_registry: bool,
    writer: mpsc::Sender<Job>,
    writing: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStorage {
    /// Opens the file, brings its tables up to date and starts the writer.
    pub async fn open(path: &Path, options: &StorageOptions) -> Result<Self, OpenError> {
        let file = File {
            path: path.to_owned(),
            adopt: options.adopt,
        };
        let opened = match Opened::of(&file, options.existing).await {
            // Opening takes room as well: the index of the log, at least.
            Err(OpenError::Open { .. }) if Room::give_up(&open::place(path)) => {
                Opened::of(&file, options.existing).await?
            }
            opened => opened?,
        };
        let Opened {
            mut writing,
            readers,
            has_registry,
        } = opened;
        let place = open::place(path);
        let room = Room::beside(&place);
        room.limit_log(&mut writing)
            .await
            .map_err(|error| open::cannot_open(&file, &error))?;
        let cache = Arc::new(Cache::of(&place));
        let (writer, jobs) = mpsc::channel(WRITER_QUEUE);
        let writing = Writer {
            connection: writing,
            room,
            cache: Arc::clone(&cache),
            has_registry,
        };
        Ok(Self {
            readers,
            cache,
            has_registry,
            writer,
            writing: tokio::sync::Mutex::new(Some(tokio::spawn(writing.run(jobs)))),
        })
    }

    /// What is stored for an automation, read without changing anything in the file or beside it.
    pub async fn peek(path: &Path, automation: AutomationId, options: &StorageOptions) -> Result<Stored, OpenError> {
        let file = File {
            path: open::place(path),
            adopt: options.adopt,
        };
        peek::peek(&file, automation).await
    }

    async fn write(&self, automation: AutomationId, work: Work, deadline: Instant) -> Result<Written, StorageError> {
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

    async fn swapped(&self, automation: AutomationId, work: Work, deadline: Instant) -> Result<Swap, StorageError> {
        match self.write(automation, work, deadline).await? {
            Written::Swap(swap) => Ok(swap),
            Written::Deleted(_) | Written::Resealed(_) => Ok(Swap::Lost),
        }
    }
}

/// A file that is ours, with its tables up to date.
struct Opened {
    writing: SqliteConnection,
    readers: SqlitePool,
    has_registry: bool,
}

impl Opened {
    async fn of(file: &File, must_exist: bool) -> Result<Self, OpenError> {
        open::check_owner(file).await?;
        if must_exist {
            open::require(file).await?;
        }
        let mut writing = open::writer_connection(file).await?;
        open::migrate(file, &mut writing).await?;
        let has_registry = open::has_registry(file, &mut writing).await?;
        Ok(Self {
            readers: open::readers(file).await?,
            writing,
            has_registry,
        })
    }
}

#[async_trait]
impl Storage for SqliteStorage {
    async fn load(&self, automation: AutomationId) -> Result<Stored, StorageError> {
        let header = match self.cache.find(automation).await {
            Ok(record) => return Ok(Stored::Present(record)),
            Err(header) => header,
        };
        let mut reader = self.readers.acquire().await?;
        let stored = row::load(&mut reader, automation, self.has_registry).await?;
        self.cache.note(automation, &stored, header);
        Ok(stored)
    }

    async fn swap(
        &self,
        automation: AutomationId,
        seen: Option<Revision>,
        sealed: Sealed,
        deadline: Instant,
    ) -> Result<Swap, StorageError> {
        let text = Text::try_from(sealed)?;
        self.swapped(automation, Work::Swap { seen, text }, deadline).await
    }

    async fn update(&self, automation: AutomationId, step: Step, deadline: Instant) -> Result<Swap, StorageError> {
        self.swapped(automation, Work::Update(Some(step)), deadline).await
    }

    async fn delete(&self, automation: AutomationId, deadline: Instant) -> Result<bool, StorageError> {
        let written = self.write(automation, Work::Delete, deadline).await?;
        Ok(matches!(written, Written::Deleted(true)))
    }

    async fn list(&self, after: Option<AutomationId>, limit: u32) -> Result<Vec<Listed>, StorageError> {
        let mut reader = self.readers.acquire().await?;
        Ok(row::page(&mut reader, after, limit).await?)
    }

    async fn expired(&self, now_ms: u64, limit: u32) -> Result<Vec<AutomationId>, StorageError> {
        let mut reader = self.readers.acquire().await?;
        Ok(row::expired(&mut reader, text::column(now_ms), limit).await?)
    }

    fn archive(&self) -> &dyn Archive {
        self
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
        let is_unknown = error
            .as_database_error()
            .is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation);
        match error {
            sqlx::Error::PoolTimedOut => Self::NoConnection,
            sqlx::Error::PoolClosed => Self::Closed,
            _ if is_unknown => Self::UnknownAutomation,
            error if row::is_busy(&error) => Self::Busy,
            error if row::is_full(&error) => Self::Full(Arc::new(error)),
            error => Self::Unavailable(Arc::new(error)),
        }
    }
}

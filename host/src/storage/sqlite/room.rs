//! Room on the disk that is kept for the time when there is none left.
//!
//! Deleting takes room too: a smaller state is written before the larger one is given up. So a file beside the database
//! holds some of it. When the disk is full that file goes, and from then on only what makes states no larger is
//! saved, until the file can be put back.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnection;

/// Enough for the write-ahead log between two checkpoints (1,000 pages of 4 KiB), and for the checkpoint itself.
const RESERVE_BYTES: usize = 9 << 20;

/// What must be free beyond the reserve, on the disk or within the file, before states may grow again.
const MARGIN_BYTES: usize = 3 << 20;

/// Between two tries to put the reserve back.
const RETRY: Duration = Duration::from_secs(1);

/// Gives the room of the write-ahead log back to the disk.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Room within the file that deleted states have left.
const FREE_BYTES: &str = "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size";

/// The reserve of one database file.
pub(super) struct Room {
    reserve: PathBuf,
    /// Set while the reserve is spent: when it was last tried to put it back.
    spent: Option<Instant>,
}

impl Room {
    /// Puts the reserve in place, if there is room for it.
    pub(super) fn beside(database: &Path) -> Self {
        let mut name = OsString::from(database);
        name.push("-reserve");
        let mut room = Self {
            reserve: name.into(),
            spent: None,
        };
        room.restore(0);
        room
    }

    /// Whether states may not grow. To be asked outside a transaction.
    pub(super) async fn is_short(&mut self, connection: &mut SqliteConnection) -> bool {
        if self.spent.is_some_and(|tried| tried.elapsed() >= RETRY) {
            let _ = sqlx::query(CHECKPOINT).execute(&mut *connection).await;
            let free: i64 = sqlx::query_scalar(FREE_BYTES).fetch_one(connection).await.unwrap_or(0);
            let is_free_inside = usize::try_from(free).is_ok_and(|free| free >= MARGIN_BYTES);
            self.restore(if is_free_inside { 0 } else { MARGIN_BYTES });
        }
        self.spent.is_some()
    }

    /// The disk is full: gives the reserve up. False if it was given up before.
    pub(super) fn spend(&mut self) -> bool {
        if self.spent.is_some() {
            return false;
        }
        tracing::error!("the disk is full: nothing that makes a state larger is saved until there is room again");
        if let Err(error) = std::fs::remove_file(&self.reserve) {
            tracing::warn!(%error, "no reserve to give up");
        }
        self.spent = Some(Instant::now());
        true
    }

    /// Puts the reserve back if that and a margin are free.
    fn restore(&mut self, margin_bytes: usize) {
        match fill(&self.reserve, margin_bytes) {
            Ok(()) => {
                if self.spent.take().is_some() {
                    tracing::info!("there is room on the disk again");
                }
            }
            Err(error) => {
                if self.spent.is_none() {
                    tracing::warn!(%error, file = %self.reserve.display(), "no room for the reserve");
                }
                let _ = std::fs::remove_file(&self.reserve);
                self.spent = Some(Instant::now());
            }
        }
    }
}

fn fill(reserve: &Path, margin_bytes: usize) -> io::Result<()> {
    let wanted = RESERVE_BYTES as u64;
    if std::fs::metadata(reserve).is_ok_and(|file| file.len() == wanted) {
        return Ok(());
    }
    let mut file = File::create(reserve)?;
    file.write_all(&vec![0; RESERVE_BYTES + margin_bytes])?;
    file.set_len(wanted)?;
    file.sync_all()
}

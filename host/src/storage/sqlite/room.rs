//! Room on the disk that is kept for the time when there is none left.
//!
//! Deleting takes room too: a smaller state is written before the larger one is given up. So a file beside the database
//! holds some of it. When the disk is full that file goes, and from then on only what makes states no larger is
//! saved, until the file can be put back.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::{Errno, retry_on_intr};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

/// How large the write-ahead log gets before it is written back, and what is kept for that.
#[derive(Clone, Copy)]
struct Plan {
    /// Pages of 4 KiB.
    log_pages: u32,
    /// Enough for as large a log, and for its checkpoint.
    reserve_bytes: u64,
}

/// For small disks: `SQLite`'s own.
const SMALL: Plan = Plan {
    log_pages: 1000,
    reserve_bytes: 9 << 20,
};

/// For all others. The larger the log, the more often a page was written again before it has to be written back.
const LARGE: Plan = Plan {
    log_pages: 4000,
    reserve_bytes: 33 << 20,
};

/// What a disk holds that is not small.
const LARGE_DISK_BYTES: u64 = 1 << 30;

/// What must be free beyond the reserve, on the disk or within the file, before states may grow again.
const MARGIN_BYTES: u64 = 3 << 20;

/// With less than this a disk is full: opening a database takes some of it.
const FULL_BYTES: u64 = 1 << 20;

/// Between two tries to put the reserve back.
const RETRY: Duration = Duration::from_secs(1);

/// Gives the room of the write-ahead log back to the disk.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Room within the file that deleted states have left.
const FREE_BYTES: &str = "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size";

/// The reserve of one database file.
pub(super) struct Room {
    plan: Plan,
    reserve: PathBuf,
    /// Set while the reserve is spent: when it was last tried to put it back.
    spent: Option<Instant>,
}

impl Room {
    /// Puts the reserve in place, if there is room for it.
    pub(super) fn beside(database: &Path) -> Self {
        let mut room = Self {
            plan: plan(database),
            reserve: reserve(database),
            spent: None,
        };
        room.restore(0);
        room
    }

    /// Gives the reserve up for a database that could not be opened, if that was for want of room.
    pub(super) fn give_up(database: &Path) -> bool {
        let is_full =
            statvfs(folder(database)).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < FULL_BYTES);
        is_full && std::fs::remove_file(reserve(database)).is_ok()
    }

    /// Has the connection write the log back before it gets larger than what there is room for.
    pub(super) async fn limit_log(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let limit = format!("PRAGMA wal_autocheckpoint = {}", self.plan.log_pages);
        sqlx::query(AssertSqlSafe(limit)).execute(connection).await.map(drop)
    }

    /// Whether states may not grow. To be asked outside a transaction.
    pub(super) async fn is_short(&mut self, connection: &mut SqliteConnection) -> bool {
        if self.spent.is_some_and(|tried| tried.elapsed() >= RETRY) {
            let _ = sqlx::query(CHECKPOINT).execute(&mut *connection).await;
            let free: i64 = sqlx::query_scalar(FREE_BYTES).fetch_one(connection).await.unwrap_or(0);
            let is_free_inside = u64::try_from(free).is_ok_and(|free| free >= MARGIN_BYTES);
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
    fn restore(&mut self, margin_bytes: u64) {
        match fill(&self.reserve, self.plan.reserve_bytes, margin_bytes) {
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

fn reserve(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push("-reserve");
    name.into()
}

fn folder(database: &Path) -> &Path {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn plan(database: &Path) -> Plan {
    let disk = statvfs(folder(database));
    let is_large = disk.is_ok_and(|disk| disk.f_blocks.saturating_mul(disk.f_frsize) >= LARGE_DISK_BYTES);
    if is_large { LARGE } else { SMALL }
}

fn fill(reserve: &Path, wanted: u64, margin_bytes: u64) -> io::Result<()> {
    if std::fs::metadata(reserve).is_ok_and(|file| file.len() == wanted) {
        return Ok(());
    }
    let mut file = File::create(reserve)?;
    allocate(&mut file, wanted + margin_bytes)?;
    file.set_len(wanted)?;
    file.sync_all()
}

/// Takes room for an empty file. Not every file system can do so without being sent the bytes.
fn allocate(file: &mut File, bytes: u64) -> io::Result<()> {
    match retry_on_intr(|| fallocate(&*file, FallocateFlags::empty(), 0, bytes)) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => io::copy(&mut io::repeat(0).take(bytes), file).map(drop),
        allocated => Ok(allocated?),
    }
}

//! Rows that were read or written lately, kept for as long as nobody else has written the file.
//!
//! Whoever commits to a file in WAL mode changes the header of its WAL index (the first bytes of `…-shm`), and does so
//! before the commit returns. So rows are good while that header is the one that they were noted under, which
//! costs one small read to find out, and a read after another process's commit always sees it. The rows are what is
//! on disk too: sealed.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::super::{Record, Stored};
use crate::automation::AutomationId;

/// The most that rows may take.
const MAX_BYTES: usize = 48 << 20;

/// What a row takes beside its sealed state, about.
const ROW_BYTES: usize = 200;

/// How long to wait for our writer; it may wait itself, for the lock that another process holds.
const PATIENCE: Duration = Duration::from_millis(2);

/// How often: there may be another commit as soon as one is done.
const MAX_WAITS: u32 = 3;

/// The rows of one file.
pub(super) struct Cache {
    index: Option<WalIndex>,
    rows: Mutex<Rows>,
    /// Our writer has said what became of the rows.
    written: Notify,
}

/// What is known of a row.
enum Found {
    Row(Record),
    /// It was known until our writer began, and may be again when that is done.
    Soon(Option<Header>),
    Nothing(Option<Header>),
}

struct Rows {
    /// The header that the rows are good under.
    header: Option<Header>,
    /// Whether our own writer is at work: it will say itself what became of the rows.
    is_writing: bool,
    by_automation: LruCache<AutomationId, Record>,
    bytes: usize,
}

/// A header of a WAL index (<https://sqlite.org/walformat.html>, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header([u8; HEADER_BYTES]);

const HEADER_BYTES: usize = 48;

/// The shared memory of a file in WAL mode.
struct WalIndex(Arc<File>);

impl Cache {
    /// For a file that is open in WAL mode. Where its index cannot be read, nothing is cached.
    pub(super) fn of(database: &Path) -> Self {
        let index = WalIndex::of(database)
            .inspect_err(|error| tracing::warn!(%error, "the WAL index cannot be read: rows are not cached"))
            .ok();
        Self {
            index,
            rows: Mutex::new(Rows {
                header: None,
                is_writing: false,
                by_automation: LruCache::unbounded(),
                bytes: 0,
            }),
            written: Notify::new(),
        }
    }

    /// The header as it is now; none while somebody is changing it.
    pub(super) fn header(&self) -> Option<Header> {
        self.index.as_ref()?.header()
    }

    /// A row, if it is known; otherwise the header to note it under once it was read. Where our own writer has just changed the
    /// header, what is known is about to be: waiting for that takes less than reading.
    pub(super) async fn find(&self, automation: AutomationId) -> Result<Record, Option<Header>> {
        let mut found = self.look(automation);
        for _ in 0..MAX_WAITS {
            if !matches!(found, Found::Soon(_)) {
                break;
            }
            let mut written = pin!(self.written.notified());
            written.as_mut().enable();
            found = self.look(automation);
            if matches!(found, Found::Soon(_)) {
                let is_late = timeout(PATIENCE, written).await.is_err();
                found = self.look(automation);
                if is_late {
                    break;
                }
            }
        }
        match found {
            Found::Row(record) => Ok(record),
            Found::Soon(header) | Found::Nothing(header) => Err(header),
        }
    }

    fn look(&self, automation: AutomationId) -> Found {
        let header = self.header();
        let mut rows = self.rows();
        if header.is_some() && rows.header == header {
            let row = rows.by_automation.get(&automation).cloned();
            return row.map_or(Found::Nothing(header), Found::Row);
        }
        if rows.is_writing && rows.by_automation.contains(&automation) {
            return Found::Soon(header);
        }
        Found::Nothing(header)
    }

    /// Notes a row that was read after `header` was.
    pub(super) fn note(&self, automation: AutomationId, stored: &Stored, header: Option<Header>) {
        let Stored::Present(record) = stored else { return };
        if header.is_none() || self.header() != header {
            return;
        }
        let mut rows = self.rows();
        if rows.header != header {
            if rows.is_writing {
                return;
            }
            // Another process has written.
            rows.restart(header);
        }
        rows.put(automation, record.clone());
    }

    /// Our writer is about to ask for the lock.
    pub(super) fn begin_write(&self) {
        self.rows().is_writing = true;
    }

    /// Our writer is about to write: rows that others may have written in the meantime are forgotten.
    pub(super) fn found(&self) -> Option<Header> {
        let header = self.header();
        let mut rows = self.rows();
        if rows.header != header {
            rows.restart(header);
        }
        header
    }

    /// Our writer has committed these rows, if it `changed` any, on the header that it found before. With no
    /// header, it has changed something else too, or failed.
    pub(super) fn end_write(&self, found: Option<Header>, changed: bool, saved: Vec<(AutomationId, Record)>) {
        self.end(found, changed, saved);
        self.written.notify_waiters();
    }

    fn end(&self, found: Option<Header>, changed: bool, saved: Vec<(AutomationId, Record)>) {
        let header = self.header();
        let mut rows = self.rows();
        rows.is_writing = false;
        let is_ours_alone = match (found, header) {
            (Some(found), Some(header)) => header.commits().wrapping_sub(found.commits()) == u32::from(changed),
            _ => false,
        };
        if !is_ours_alone {
            return rows.restart(header);
        }
        rows.header = header;
        for (automation, record) in saved {
            rows.put(automation, record);
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn restart(&mut self, header: Option<Header>) {
        self.header = header;
        self.by_automation.clear();
        self.bytes = 0;
    }

    fn put(&mut self, automation: AutomationId, record: Record) {
        self.bytes += size(&record);
        if let Some(before) = self.by_automation.put(automation, record) {
            self.bytes -= size(&before);
        }
        while self.bytes > MAX_BYTES {
            let Some((_, oldest)) = self.by_automation.pop_lru() else {
                break;
            };
            self.bytes -= size(&oldest);
        }
    }
}

fn size(record: &Record) -> usize {
    record.sealed.len() + ROW_BYTES
}

impl Header {
    /// Counts the commits (`iChange`), in the byte order of the machine.
    fn commits(&self) -> u32 {
        let bytes = [self.0[8], self.0[9], self.0[10], self.0[11]];
        u32::from_ne_bytes(bytes)
    }
}

impl WalIndex {
    fn of(database: &Path) -> io::Result<Self> {
        let mut path = database.as_os_str().to_owned();
        path.push("-shm");
        Ok(Self(opened(Path::new(&path))?))
    }

    fn header(&self) -> Option<Header> {
        let mut copies = [[0; HEADER_BYTES]; 2];
        self.0.read_exact_at(copies.as_flattened_mut(), 0).ok()?;
        let [one, other] = copies;
        (one == other).then_some(Header(one))
    }
}

/// Files by device and inode.
type ByInode = HashMap<(u64, u64), Arc<File>>;

/// Opens a file that `SQLite` has locked, and never closes it: closing it would take away the locks that this process
/// holds on it (POSIX), `SQLite`'s among them.
fn opened(path: &Path) -> io::Result<Arc<File>> {
    static FILES: LazyLock<Mutex<ByInode>> = LazyLock::new(Mutex::default);
    let found = std::fs::metadata(path)?;
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = files.get(&(found.dev(), found.ino())) {
        return Ok(Arc::clone(file));
    }
    let file = Arc::new(File::open(path)?);
    let opened = file.metadata()?;
    files.insert((opened.dev(), opened.ino()), Arc::clone(&file));
    Ok(file)
}

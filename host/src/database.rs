//! Which storage a database URL means.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::automation::AutomationId;
use crate::storage::{
    MemoryStorage, OpenError, PostgresStorage, PostgresUrl, SqliteStorage, Storage, StorageOptions, Stored,
};

/// A database, as an operator named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// Nothing that lasts: `memory:`.
    Memory,
    /// A file: `sqlite://state.db`, `sqlite:///var/lib/state.db`.
    Sqlite(PathBuf),
    /// A server: `postgres://user:password@host:port/database`.
    Postgres(Box<PostgresUrl>),
}

impl Database {
    /// Reads a database URL. A driver in the scheme, as in `sqlite+aiosqlite:///state.db`, makes it an SQLAlchemy
    /// URL, where a relative path has one slash more.
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        let invalid = |problem: &str| OpenError::Url {
            url: without_password(url),
            problem: problem.to_string(),
        };
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(invalid(
                "has no scheme; use sqlite://FILE, postgres://USER:PASSWORD@HOST:PORT/DATABASE or memory:",
            ));
        };
        let (kind, is_sqlalchemy) = match scheme.split_once('+') {
            Some((kind, _)) => (kind, true),
            None => (scheme, false),
        };
        match kind {
            "postgres" | "postgresql" => match PostgresUrl::parse(&format!("postgres:{rest}")) {
                Ok(url) => Ok(Self::Postgres(Box::new(url))),
                Err(problem) => Err(invalid(&problem)),
            },
            "memory" if rest.is_empty() => Ok(Self::Memory),
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                let path = if is_sqlalchemy {
                    path.strip_prefix('/').unwrap_or(path)
                } else {
                    path
                };
                let path = path.split('?').next().unwrap_or_default();
                match path {
                    "" => Err(invalid("names no file; use sqlite://FILE")),
                    ":memory:" => Ok(Self::Memory),
                    path => Ok(Self::Sqlite(PathBuf::from(path))),
                }
            }
            _ => Err(invalid(
                "has a scheme that is not known; use sqlite://FILE, postgres://USER:PASSWORD@HOST:PORT/DATABASE or memory:",
            )),
        }
    }

    /// Opens it, and brings its tables up to date.
    pub async fn open(&self, options: &StorageOptions) -> Result<Arc<dyn Storage>, OpenError> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryStorage::default())),
            Self::Sqlite(file) => Ok(Arc::new(SqliteStorage::open(file, options).await?)),
            Self::Postgres(url) => Ok(Arc::new(PostgresStorage::open(url, options).await?)),
        }
    }

    /// How many of so many processors are left to serve, at least one: a server on the machine of the service, as far as the
    /// URL tells, needs half of them, and the thread that writes an SQLite file needs one.
    pub fn processors_left(&self, of: usize) -> usize {
        let left = match self {
            Self::Sqlite(_) => of.saturating_sub(1),
            Self::Postgres(url) if url.is_of_this_machine() => of / 2,
            Self::Memory | Self::Postgres(_) => of,
        };
        left.max(1)
    }

    /// What is stored for an automation. Nothing is changed by that: no table is made, no file is written.
    pub async fn peek(&self, automation: AutomationId, options: &StorageOptions) -> Result<Stored, OpenError> {
        match self {
            Self::Memory => Ok(Stored::Absent),
            Self::Sqlite(file) => SqliteStorage::peek(file, automation, options).await,
            Self::Postgres(url) => PostgresStorage::peek(url, automation).await,
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory (nothing is kept)"),
            Self::Sqlite(file) => write!(f, "SQLite file {}", file.display()),
            Self::Postgres(url) => write!(f, "PostgreSQL database {url}"),
        }
    }
}

/// A URL fit for a message: what stands between `//` and `@`, or behind a question mark, may hold a password.
fn without_password(url: &str) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    match (address.find("//"), address.rfind('@')) {
        // A password with a `?` in it, or one among the parameters.
        (Some(start), _) if query.contains('@') => format!("{}***", &address[..start + 2]),
        (Some(start), Some(end)) if start < end => format!("{}***{}", &address[..start + 2], &address[end..]),
        _ => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_files() {
        for (url, file) in [
            ("sqlite://state.db", "state.db"),
            ("sqlite:state.db", "state.db"),
            ("sqlite:///var/state.db?mode=rwc", "/var/state.db"),
            ("sqlite+aiosqlite:///state.db", "state.db"),
            ("sqlite+aiosqlite:////var/state.db", "/var/state.db"),
        ] {
            assert_eq!(Database::parse(url).ok(), Some(Database::Sqlite(file.into())), "{url}");
        }
        assert_eq!(Database::parse("memory:").ok(), Some(Database::Memory));
    }

    #[test]
    fn urls_name_servers() {
        for url in [
            "postgres://kv:hunter2@db.example/states",
            "postgresql://kv:hunter2@db.example/states",
            "postgresql+asyncpg://kv:hunter2@db.example:5432/states?ssl=prefer",
        ] {
            let database = Database::parse(url).unwrap();
            assert_eq!(
                database.to_string(),
                "PostgreSQL database states at db.example:5432",
                "{url}"
            );
        }
    }

    #[test]
    fn what_a_database_needs_on_the_machine_is_left_to_it() {
        for (url, of_one, of_eight) in [
            ("postgres://kv@localhost/states", 1, 4),
            ("postgres://kv@127.0.0.1:6432/states", 1, 4),
            ("postgres://kv@[::1]/states", 1, 4),
            ("postgres://kv@LOCALHOST/states", 1, 4),
            ("postgres://kv@localhost/states?host=db.example", 1, 8),
            ("postgres://kv@db.example/states?host=/var/run/postgresql", 1, 4),
            ("postgres://kv@db.example/states", 1, 8),
            ("postgres://kv@10.0.0.7/states", 1, 8),
            ("sqlite://state.db", 1, 7),
            ("memory:", 1, 8),
        ] {
            let database = Database::parse(url).unwrap();
            let left = [1, 8].map(|of| database.processors_left(of));
            assert_eq!(left, [of_one, of_eight], "{url}");
        }
    }

    #[test]
    fn a_url_that_is_none_is_refused_without_its_password() {
        for url in [
            "",
            "state.db",
            "sqlite://",
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2@h:port/d",
            "postgres://u@h:port/d?password=hunter2",
            "postgres://u@h/d?passwort=hunter2",
            "postgres://u@h:port/d?password=ab@hunter2",
            "postgres://u@h/d?password=ab=hunter2&x=",
            "postgres://u:hunter2?ab@h/d",
            "postgres://u:ab?hunter2=c@h/d",
            "memory:x",
        ] {
            let message = Database::parse(url).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}

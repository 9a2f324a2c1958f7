//! The URL of a PostgreSQL database.

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

/// Where a PostgreSQL database is, and how to log in. Shows itself without the password.
#[derive(Clone)]
pub struct PostgresUrl {
    url: SecretString,
    options: PgConnectOptions,
}

impl PostgresUrl {
    /// Reads `postgres://user:password@host:port/database?sslmode=…`. `ssl=`, as Python's asyncpg spells it, means
    /// `sslmode=`. The text says what is wrong and holds no password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let spelled = url.replace("?ssl=", "?sslmode=").replace("&ssl=", "&sslmode=");
        let options = PgConnectOptions::from_str(&spelled).map_err(|error| {
            format!("is not one of PostgreSQL ({error}); use postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=MODE")
        })?;
        Ok(Self {
            url: SecretString::from(spelled),
            options,
        })
    }

    /// How to connect: with nothing that a pooler in transaction mode would not take.
    pub(super) fn options(&self) -> PgConnectOptions {
        self.options
            .clone()
            .extra_float_digits(None)
            .statement_cache_capacity(0)
            .application_name("automation-kv")
            .disable_statement_logging()
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.url.expose_secret() == other.url.expose_secret()
    }
}

impl Eq for PostgresUrl {}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let database = options.get_database().unwrap_or(options.get_username());
        match options.get_socket() {
            Some(socket) => write!(f, "PostgreSQL database {database} at {}", socket.display()),
            None => write!(
                f,
                "PostgreSQL database {database} at {}:{}",
                options.get_host(),
                options.get_port()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_itself_without_its_password() {
        let url = PostgresUrl::parse("postgres://kv:hunter2@db.example:6432/states?ssl=require").unwrap();
        assert_eq!(url.to_string(), "PostgreSQL database states at db.example:6432");
        assert!(!format!("{url:?}").contains("hunter2"));
        assert!(matches!(url.options.get_ssl_mode(), sqlx::postgres::PgSslMode::Require));
    }

    #[test]
    fn an_unknown_mode_is_refused_without_the_password() {
        let message = PostgresUrl::parse("postgres://kv:hunter2@h/d?sslmode=perhaps").unwrap_err();
        assert!(message.contains("perhaps") && !message.contains("hunter2"), "{message}");
    }
}

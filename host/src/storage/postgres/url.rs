//! The URL of a PostgreSQL database.

use std::fmt;
use std::net::IpAddr;
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
        const PARAMETERS: [&str; 9] = [
            "sslmode",
            "sslrootcert",
            "sslcert",
            "sslkey",
            "host",
            "port",
            "dbname",
            "user",
            "password",
        ];
        let spelled = url.replace("?ssl=", "?sslmode=").replace("&ssl=", "&sslmode=");
        let query = spelled.split_once('?').map_or("", |(_, query)| query);
        let names = query
            .split('&')
            .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
        if let Some(unknown) = names
            .filter(|name| !name.is_empty())
            .find(|name| !PARAMETERS.contains(name))
        {
            // What follows a `?` in a password looks like a parameter.
            let shown = if query.contains('@') {
                "whose name is not shown"
            } else {
                unknown
            };
            return Err(format!(
                "has a parameter ({shown}) that is not known; known are {}. In a password, `?`, `&` and `=` must be \
                 percent-encoded",
                PARAMETERS.join(", ")
            ));
        }
        let mut options = PgConnectOptions::from_str(&spelled).map_err(|error| {
            format!("is not one of PostgreSQL ({error}); use postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=MODE")
        })?;
        // A URL has brackets around an IPv6 address, a socket takes it without.
        if let Some(address) = options
            .get_host()
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            let address = address.to_owned();
            options = options.host(&address);
        }
        Ok(Self {
            url: SecretString::from(spelled),
            options,
        })
    }

    /// Whether it names a socket or a loopback address.
    pub fn is_of_this_machine(&self) -> bool {
        let host = self.options.get_host();
        let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
        self.options.get_socket().is_some()
            || host.starts_with('/')
            || host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(is_loopback)
    }

    /// Where the database is, and as whom it is used: two URLs that have this in common mean the same one.
    pub(super) fn place(&self) -> String {
        let (user, database) = (self.options.get_username(), self.options.get_database());
        format!("{user:?} {:?} {self}", database.unwrap_or(user))
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
            Some(socket) => write!(f, "{database} at {}", socket.display()),
            None => write!(f, "{database} at {}:{}", options.get_host(), options.get_port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_itself_without_its_password() {
        let url = PostgresUrl::parse("postgres://kv:hunter2@db.example:6432/states?ssl=require").unwrap();
        assert_eq!(url.to_string(), "states at db.example:6432");
        assert!(!format!("{url:?}").contains("hunter2"));
        assert!(matches!(url.options.get_ssl_mode(), sqlx::postgres::PgSslMode::Require));
    }

    #[test]
    fn an_ipv6_address_is_used_without_its_brackets() {
        let url = PostgresUrl::parse("postgres://kv@[::1]:6432/states").unwrap();
        assert_eq!(url.to_string(), "states at ::1:6432");
    }

    #[test]
    fn an_unknown_mode_is_refused_without_the_password() {
        let message = PostgresUrl::parse("postgres://kv:hunter2@h/d?sslmode=perhaps").unwrap_err();
        assert!(message.contains("perhaps") && !message.contains("hunter2"), "{message}");
    }
}

//! The settings that several commands share. Flags weigh more than the environment.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use super::CommandError;
use crate::api::Fault;
use crate::database::Database;
use crate::storage::StorageOptions;
use crate::vault::TimestampMs;

const EXPECTED_TIME: &str = "must be a time such as 2026-01-31T08:00:00Z, or seconds since 1970";

/// Where states are kept unless somewhere else is named.
const DEFAULT_DATABASE_URL: &str = "sqlite://automation-kv.db";

/// The secrets.
#[derive(Debug, Args)]
pub(super) struct SecretKnobs {
    /// The secret that signs tokens and seals states. Anyone who has it can read everything: set it in the
    /// environment, not on the command line.
    #[arg(long, env = "AUTOMATION_KV_SECRET", hide_env_values = true, value_name = "SECRET")]
    secret: Option<SecretString>,

    /// Former secrets, separated by commas: tokens signed and states sealed with them are still accepted. The
    /// next write seals a state with the current one. Each costs a failed decryption where it is not the right one.
    #[arg(
        long,
        env = "AUTOMATION_KV_SECRET_PREVIOUS",
        hide_env_values = true,
        value_name = "SECRETS",
        value_delimiter = ','
    )]
    secret_previous: Vec<SecretString>,
}

/// The database.
#[derive(Debug, Args)]
pub(super) struct DatabaseKnobs {
    /// Where states are kept: `sqlite://FILE`, `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=MODE` (any number
    /// of services may share one), or `memory:` for nothing that lasts.
    ///
    /// Unless given, the server that the `AUTOMATION_DB_…` settings name, or else `sqlite://automation-kv.db`.
    #[arg(long, env = "AUTOMATION_DB_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,

    /// Host of a PostgreSQL server, where no URL is given.
    #[arg(long, env = "AUTOMATION_DB_HOST", value_name = "HOST")]
    db_host: Option<String>,

    /// Its port.
    #[arg(long, env = "AUTOMATION_DB_PORT", default_value_t = 5432, value_name = "PORT")]
    db_port: u16,

    /// The database on it.
    #[arg(long, env = "AUTOMATION_DB_NAME", default_value = "automations", value_name = "NAME")]
    db_name: String,

    /// The user to log in as.
    #[arg(long, env = "AUTOMATION_DB_USER", default_value = "postgres", value_name = "NAME")]
    db_user: String,

    /// The user's password; set it in the environment.
    #[arg(long, env = "AUTOMATION_DB_PASS", hide_env_values = true, value_name = "PASSWORD")]
    db_pass: Option<SecretString>,

    /// Connections to a PostgreSQL server, at most; 3 at least. Each costs the server some memory; more help where the
    /// server is far away.
    #[arg(long, env = "AUTOMATION_DB_POOL_SIZE", default_value_t = 10, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(3..=1000))]
    db_pool_size: u32,

    /// Take over a database of the Python service: open its states (they are sealed with a key that is bound to no
    /// automation) and turn each into ours with its next write.
    #[arg(long, env = "AUTOMATION_KV_ADOPT", default_value_t = false, num_args = 0..=1, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub(super) adopt: bool,
}

/// The history.
#[derive(Debug, Args)]
pub(super) struct HistoryKnobs {
    /// Of how many runs of each automation the state before their first write is kept; 0 for none. Each takes as much room
    /// in the database as a state does. Fewer than before takes effect with an automation's next run.
    #[arg(long, env = "AUTOMATION_KV_HISTORY_RUNS", default_value_t = 10, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(super) history_runs: u32,
}

impl SecretKnobs {
    /// The current secret, if one is set; an empty one is a mistake.
    pub(super) fn current(&self) -> Result<Option<SecretString>, CommandError> {
        match &self.secret {
            Some(secret) if secret.expose_secret().trim().is_empty() => Err(CommandError::new(
                "AUTOMATION_KV_SECRET is empty; set it to a long random text, or unset it",
            )),
            secret => Ok(secret.clone()),
        }
    }

    /// The former secrets.
    pub(super) fn previous(&self) -> Vec<SecretString> {
        let previous = self.secret_previous.iter();
        previous
            .filter(|secret| !secret.expose_secret().is_empty())
            .cloned()
            .collect()
    }
}

impl DatabaseKnobs {
    pub(super) fn database(&self) -> Result<Database, CommandError> {
        let url = match (&self.database_url, &self.db_host) {
            (Some(url), _) => url.clone(),
            (None, Some(host)) => self.server_url(host),
            (None, None) => DEFAULT_DATABASE_URL.to_string(),
        };
        Database::parse(&url).map_err(|error| CommandError::new(error.to_string()))
    }

    /// How the database is used.
    pub(super) fn options(&self, lock_timeout: Duration) -> StorageOptions {
        StorageOptions {
            adopt: self.adopt,
            lock_timeout,
            connections: self.db_pool_size,
            existing: false,
        }
    }

    fn server_url(&self, host: &str) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password = self.db_pass.as_ref().map(|password| encode(password.expose_secret()));
        // In the query a host may be a name, an address of either kind, or the folder of a socket.
        format!(
            "postgres://{}:{}@localhost:{}/{}?host={}",
            encode(&self.db_user),
            password.unwrap_or_default(),
            self.db_port,
            encode(&self.db_name),
            encode(host)
        )
    }
}

/// Where a secret for development is kept: beside the database.
pub(super) fn dev_secret_file(database: &Database) -> PathBuf {
    match database {
        Database::Sqlite(file) => {
            let mut name = file.clone().into_os_string();
            name.push(".secret");
            PathBuf::from(name)
        }
        Database::Memory | Database::Postgres(_) => PathBuf::from("automation-kv.secret"),
    }
}

/// Reads a duration such as `30s`, `15m`, `24h`, `7d`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let seconds_per_unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("the unit must be s, m, h or d, as in 24h".to_string()),
    };
    let count: u64 = digits
        .parse()
        .map_err(|_| "must be a whole number and a unit, as in 24h".to_string())?;
    count
        .checked_mul(seconds_per_unit)
        .map(Duration::from_secs)
        .ok_or_else(|| "is too long".to_string())
}

/// The same, of a second at least.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be 1s at least".to_string()),
        interval => Ok(interval),
    }
}

/// Reads a time: RFC 3339 text such as `2026-01-31T08:00:00Z`, or seconds since 1970. Gives milliseconds since 1970.
pub(super) fn time(text: &str) -> Result<TimestampMs, String> {
    let milliseconds = match text.parse::<i64>() {
        Ok(seconds) => seconds.saturating_mul(1000),
        Err(_) => text
            .parse::<jiff::Timestamp>()
            .map_err(|_| EXPECTED_TIME)?
            .as_millisecond(),
    };
    TimestampMs::try_from(milliseconds).map_err(|_| "is before 1970".to_string())
}

/// Reads a fault and its share of the calls, such as `409=0.2`.
pub(super) fn fault(text: &str) -> Result<(Fault, f64), String> {
    const EXPECTED: &str = "must be 409 or 503, =, and a number from 0 to 1, as in 409=0.2";
    let (status, share) = text.split_once('=').ok_or(EXPECTED)?;
    let fault = status.parse().ok().and_then(Fault::with_status).ok_or(EXPECTED)?;
    let share = share
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or(EXPECTED)?;
    Ok((fault, share))
}

/// Reads the URL of a service, without `/v1/kv`.
pub(super) fn api_url(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() => Ok(url.to_string()),
        _ => Err("must be like http://127.0.0.1:8420".to_string()),
    }
}

/// Reads a size limit in bytes; 0 and less mean none.
pub(super) fn size_limit(text: &str) -> Result<u64, String> {
    let bytes: i64 = text
        .parse()
        .map_err(|_| "must be a whole number of bytes, 0 for no limit".to_string())?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Reads the size limit of a state.
pub(super) fn state_size_limit(text: &str) -> Result<u64, String> {
    const MAX_BYTES: u64 = 16 << 20;
    match size_limit(text)? {
        bytes if bytes > MAX_BYTES => Err(format!("must be at most {MAX_BYTES} bytes, or 0 for no limit")),
        bytes => Ok(bytes),
    }
}

/// Reads a path prefix: empty, or segments with a slash before each.
pub(super) fn base_path(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte));
    if path.is_empty() || (path.starts_with('/') && is_plain && !path.contains("//")) {
        return Ok(path.to_string());
    }
    Err("must be like /api/automation, or empty for none".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("24h"), Ok(Duration::from_hours(24)));
        for text in [
            "",
            "h",
            "1w",
            "-1s",
            "1.5h",
            "99999999999999999999s",
            "9999999999999999999d",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_text_or_seconds() {
        assert_eq!(time("1700000000"), Ok(1_700_000_000_000));
        assert_eq!(time("2023-11-14T23:13:20.5+01:00"), Ok(1_700_000_000_500));
        for text in ["", "now", "2023-11-14", "-1", "1969-12-31T00:00:00Z"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn faults_have_a_status_and_a_share() {
        assert_eq!(fault("409=0.2"), Ok((Fault::Busy, 0.2)));
        assert_eq!(fault("503=1"), Ok((Fault::Unavailable, 1.0)));
        for text in ["409", "500=0.1", "409=2", "409=-1", "409=NaN", "409="] {
            assert!(fault(text).is_err(), "{text}");
        }
    }

    #[test]
    fn base_paths_start_with_a_slash() {
        assert_eq!(base_path("/api/automation/").as_deref(), Ok("/api/automation"));
        assert_eq!(base_path("/").as_deref(), Ok(""));
        for path in ["api", "/a//b", "/{a}", "/a b"] {
            assert!(base_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_limit_of_zero_or_less_is_none() {
        assert_eq!(size_limit("65536"), Ok(65_536));
        assert_eq!(size_limit("-1"), Ok(0));
        assert!(size_limit("64k").is_err());
    }

    #[test]
    fn a_state_may_be_16_mib_and_no_more() {
        assert_eq!(state_size_limit("16777216"), Ok(16 << 20));
        assert_eq!(state_size_limit("0"), Ok(0));
        for text in ["16777217", "1 MiB", ""] {
            assert!(state_size_limit(text).is_err(), "{text}");
        }
    }
}

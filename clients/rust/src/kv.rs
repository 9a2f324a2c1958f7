//! The state of one automation.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::Told;
use crate::{Call, Error, Method, Retry, Settings};

/// The longest that making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The state of one automation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Kv {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) token: SecretString,
    pub(crate) retry: Retry,
}

/// A value, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry<T> {
    /// The value.
    pub value: T,
    /// The version of the state right after the last write to the key: what `if_key_version` takes.
    pub key_version: u64,
    /// The version of the state.
    pub version: u64,
}

/// How to [`set_with`](Kv::set_with).
#[derive(Debug, Clone, Copy, Default)]
pub struct SetOptions {
    /// Only if the key does not exist.
    pub if_absent: bool,
    /// Only if the key exists.
    pub if_present: bool,
    /// Only if the state has this version.
    pub if_version: Option<u64>,
    /// Only if the key has this version; 0: does not exist.
    pub if_key_version: Option<u64>,
    /// How long the key is to live, to the millisecond.
    pub ttl: Option<Duration>,
    /// Leave the key's time to live as it is; otherwise a write without `ttl` makes it last.
    pub keep_ttl: bool,
}

#[derive(Deserialize)]
struct Valued<T> {
    value: T,
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Kv {
    /// The state of the run's own automation, with the settings of [`Settings::from_environment`].
    pub fn from_environment() -> Result<Self, Error> {
        Self::new(&Settings::from_environment()?)
    }

    /// The state that a token opens.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let url = settings.url.trim_end_matches('/');
        let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if !Url::parse(url).is_ok_and(|url| is_web(&url)) {
            return Err(Error::configuration(format!(
                "{:?} is not the URL of a service; it starts with http:// or https://",
                settings.url
            )));
        }
        // Only the first one in a process counts, and whoever came first knows better.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // Followed, a write could become a read.
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .user_agent(concat!("automation-kv/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::configuration(format!("no HTTP client: {error}")))?;
        Ok(Self {
            http,
            url: url.to_owned(),
            token: settings.token.clone(),
            retry: Retry::default(),
        })
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The value of a key, if there is one. `Box<RawValue>` keeps every digit and space of it.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        Ok(self.entry(key).await?.map(|entry| entry.value))
    }

    /// The same with its versions.
    pub async fn entry<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Entry<T>>, Error> {
        let reply = self.send(Call::on(key, Method::GET, "").query("meta", "true")).await;
        match reply {
            Ok(reply) => serde_json::from_str(&reply.body)
                .map(Some)
                .map_err(|error| Error::value(key, error)),
            Err(Error::NotFound(refusal)) if refusal.code == "key_not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores a value, whatever was there.
    pub async fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), Error> {
        self.set_with(key, value, SetOptions::default()).await.map(drop)
    }

    /// Stores a value on conditions and for a time. Gives the state's version. A condition that does not hold is
    /// [`Error::Conflict`].
    pub async fn set_with<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
        options: SetOptions,
    ) -> Result<u64, Error> {
        let reply = self.send(set_call(key, value, options)?).await?;
        Ok(reply.read::<Versioned>()?.version)
    }

    /// The same for a value that was made from a read, and tells what is known beside the result.
    pub(crate) async fn set_from_read<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
        options: SetOptions,
        refusals: u32,
    ) -> (Result<u64, Error>, Told) {
        let mut call = match set_call(key, value, options) {
            Ok(call) => call,
            Err(error) => return (Err(error), Told::default()),
        };
        call.refusals = Some(refusals);
        let (reply, told) = self.send_and_tell(call).await;
        let version = reply.and_then(|reply| Ok(reply.read::<Versioned>()?.version));
        (version, told)
    }

    /// The state's version.
    pub(crate) async fn version_now(&self) -> Result<u64, Error> {
        let call = Call::on_state(Method::GET, "").query("limit", "1");
        Ok(self.send(call).await?.read::<Versioned>()?.version)
    }

    /// Removes a key; tells whether it was there.
    pub async fn delete(&self, key: &str) -> Result<bool, Error> {
        #[derive(Deserialize)]
        struct Deleted {
            deleted: bool,
        }
        let reply = self.send(Call::on(key, Method::DELETE, "")).await?;
        Ok(reply.read::<Deleted>()?.deleted)
    }

    /// The names of all keys that start with a prefix, oldest first.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<String>,
        }
        let mut call = Call::on_state(Method::GET, "");
        if !prefix.is_empty() {
            call = call.query("prefix", prefix);
        }
        Ok(self.send(call).await?.read::<Keys>()?.keys)
    }

    /// Adds to an integer, which counts from 0 where there is none; gives the sum. A sum that is no `i64` is there all the same;
    /// the error is [`Error::Value`].
    pub async fn increment(&self, key: &str, by: i64) -> Result<i64, Error> {
        self.post(key, "incr", &json!({ "by": by })).await
    }

    /// Adds an item at the end of a list; gives the list's length. With a limit, as many fall off the front as are too
    /// many.
    pub async fn push<T: Serialize + ?Sized>(
        &self,
        key: &str,
        item: &T,
        max_length: Option<u64>,
    ) -> Result<u64, Error> {
        #[derive(Serialize)]
        struct Push<'a, T: ?Sized> {
            value: &'a T,
            #[serde(skip_serializing_if = "Option::is_none")]
            max_len: Option<u64>,
        }
        #[derive(Deserialize)]
        struct Pushed {
            length: u64,
        }
        let push = Push {
            value: item,
            max_len: max_length,
        };
        let json = serde_json::to_string(&push).map_err(|error| Error::value(key, error))?;
        let reply = self.send(Call::on(key, Method::POST, "rpush").body(json)).await?;
        Ok(reply.read::<Pushed>()?.length)
    }

    /// Takes the item at the front of a list, if there is one. One that does not fit the type is taken all the same; the error
    /// is [`Error::Value`].
    pub async fn pop<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        #[derive(Deserialize)]
        struct Popped<T> {
            values: Vec<T>,
        }
        // As a list of one: only so is an item that is `null` told from none.
        let call = Call::on(key, Method::POST, "lpop").body(json!({ "count": 1 }).to_string());
        let reply = self.send(call).await?;
        let popped = serde_json::from_str::<Popped<_>>(&reply.body).map_err(|error| Error::value(key, error))?;
        Ok(popped.values.into_iter().next())
    }

    /// Does something to a key that answers with a `value`.
    async fn post<T: DeserializeOwned>(&self, key: &str, what: &str, body: &serde_json::Value) -> Result<T, Error> {
        let reply = self
            .send(Call::on(key, Method::POST, what).body(body.to_string()))
            .await?;
        let valued = serde_json::from_str::<Valued<T>>(&reply.body).map_err(|error| Error::value(key, error))?;
        Ok(valued.value)
    }
}

fn set_call<T: Serialize + ?Sized>(key: &str, value: &T, options: SetOptions) -> Result<Call, Error> {
    let json = serde_json::to_string(value).map_err(|error| Error::value(key, error))?;
    let mut call = Call::on(key, Method::PUT, "").body(json);
    if options.if_absent {
        call = call.query("nx", "true");
    }
    if options.if_present {
        call = call.query("xx", "true");
    }
    if let Some(version) = options.if_version {
        call = call.query("if_version", version.to_string());
    }
    if let Some(version) = options.if_key_version {
        call = call.query("if_key_version", version.to_string());
    }
    if let Some(ttl) = options.ttl {
        call = call.query("px", ttl.as_millis().to_string());
    }
    if options.keep_ttl {
        call = call.query("keepttl", "true");
    }
    Ok(call)
}

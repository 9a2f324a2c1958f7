//! One request, and its way to the service and back.

use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Error, Kv, Refusal, Retry};

pub use reqwest::Method;

/// Where the state is.
const STATE: &str = "/v1/kv";

/// Where the plugins are.
const PLUGINS: &str = "/v1/plugins";

/// What a segment of a path shows as it is.
const UNESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One request, for whatever the methods of [`Kv`] have no name for.
///
/// ```
/// use automation_kv_client::{Call, Method};
///
/// let call = Call::on("jobs", Method::POST, "remove").body(r#"{"where":{"field":"done","equals":true}}"#);
/// ```
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    content_type: &'static str,
    problem: Option<String>,
    is_once: bool,
    /// Of a write that was made from a read, which gets old in a pause: how often the service has refused what it is another
    /// attempt at. The service's next refusal is given with its pause, instead of waited out, unless an answer got lost.
    pub(crate) refusals: Option<u32>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status, below 400.
    pub status: u16,
    /// The answer's JSON, as it was sent.
    pub body: String,
}

impl Call {
    /// A request on the whole state: `""` for the list of keys, or `batch`.
    pub fn on_state(method: Method, what: &str) -> Self {
        let path = match what {
            "" => STATE.to_owned(),
            what => format!("{STATE}/{what}"),
        };
        Self::new(method, path)
    }

    /// A request on a key: `""` for its value, or what is to be done, such as `incr`.
    pub fn on(key: &str, method: Method, what: &str) -> Self {
        let mut path = format!("{STATE}/{}", utf8_percent_encode(key, UNESCAPED));
        if !what.is_empty() {
            path.push('/');
            path.push_str(what);
        }
        let mut call = Self::new(method, path);
        // A URL cannot name them: they mean this folder and the one above.
        if matches!(key, "" | "." | "..") {
            call.problem = Some(format!("a key cannot be {key:?} here"));
        }
        call
    }

    /// A call of a plugin; the body is its input.
    pub fn on_plugin(name: &str) -> Self {
        Self::new(
            Method::POST,
            format!("{PLUGINS}/{}", utf8_percent_encode(name, UNESCAPED)),
        )
    }

    /// A request for the list of the service's plugins.
    pub fn plugins() -> Self {
        Self::new(Method::GET, PLUGINS.to_owned())
    }

    fn new(method: Method, path: String) -> Self {
        Self {
            is_once: method != Method::GET,
            refusals: None,
            method,
            path,
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            content_type: "application/json",
            problem: None,
        }
    }

    /// Adds a parameter to the query.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the body, a JSON text.
    #[must_use]
    pub fn body(mut self, json: impl Into<String>) -> Self {
        self.body = Some(json.into());
        self
    }

    /// Says that the body is of another kind than `application/json`.
    #[must_use]
    pub fn content_type(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    /// Sends no `Idempotency-Key` with a write: sending it twice does no harm, or the caller sends one.
    #[must_use]
    pub fn without_idempotency_key(mut self) -> Self {
        self.is_once = false;
        self
    }
}

impl Reply {
    /// Reads the answer as a type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.body).map_err(|error| Error::NotTheService {
            url: "the service".to_owned(),
            problem: error.to_string(),
        })
    }
}

/// Whether a try may have been carried out although nobody said so.
type Lost = bool;

/// What is known beside the result.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    /// Whether an answer got lost on the way.
    pub was_lost: Lost,
    /// How long to wait before another attempt, where that is left to whoever called.
    pub pause: Option<Duration>,
}

/// How one try ended without a reply.
enum Failed {
    /// Asking again may help, after the pause that the service asked for. Perhaps it was carried out all the same.
    Passing(Error, Option<Duration>, Lost),
    /// It does not.
    Final(Error),
}

impl Kv {
    /// Sends a request, again if it is worth it, and gives the answer if it is no error.
    pub async fn send(&self, call: Call) -> Result<Reply, Error> {
        self.send_and_tell(call).await.0
    }

    /// The same, and tells what is known beside the result.
    pub(crate) async fn send_and_tell(&self, call: Call) -> (Result<Reply, Error>, Told) {
        let mut told = Told::default();
        let result = self.send_noting(call, &mut told).await;
        (result, told)
    }

    async fn send_noting(&self, call: Call, told: &mut Told) -> Result<Reply, Error> {
        if let Some(problem) = call.problem {
            return Err(Error::configuration(problem));
        }
        let is_write = call.method != Method::GET;
        let url = format!("{}{}", self.url, call.path);
        let mut request = self
            .http
            .request(call.method, &url)
            .timeout(self.retry.try_timeout)
            .query(&call.query)
            .header(AUTHORIZATION, format!("Bearer {}", self.token.expose_secret()));
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        if call.is_once {
            request = request.header("Idempotency-Key", Uuid::new_v4().to_string());
        }
        if let Some(body) = call.body {
            request = request.header(CONTENT_TYPE, call.content_type).body(body);
        }
        let request = request
            .build()
            .map_err(|error| Error::configuration(format!("{url}: {error}")))?;
        let begun = Instant::now();
        let mut tries = call.refusals.unwrap_or(0);
        let mut urgent_pauses = 0;
        loop {
            let Some(again) = request.try_clone() else {
                return Err(Error::configuration(format!("{url}: the request cannot be sent again")));
            };
            tries += 1;
            let (error, asked) = match self.try_once(again, &url).await {
                Ok(reply) => return Ok(reply),
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Passing(error, asked, lost)) => {
                    told.was_lost |= lost && is_write;
                    (error, asked)
                }
            };
            let urgent = if told.was_lost {
                Retry::urgent_pause(urgent_pauses)
            } else {
                None
            };
            urgent_pauses += u32::from(urgent.is_some());
            let pause = urgent.unwrap_or_else(|| self.retry.pause(tries, asked));
            if begun.elapsed() + pause >= self.retry.total {
                return Err(if told.was_lost {
                    Error::OutcomeUnknown(error.to_string())
                } else {
                    error
                });
            }
            // A proxy's refusal may hide that the service has done it.
            if call.refusals.is_some() && !told.was_lost && error.refusal().is_some_and(Refusal::is_known_to_pass) {
                told.pause = Some(pause);
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn try_once(&self, request: reqwest::Request, url: &str) -> Result<Reply, Failed> {
        let unreachable = |error: reqwest::Error| {
            let unreachable = Error::Unreachable {
                url: url.to_owned(),
                problem: cause(&error),
            };
            // Without a connection nothing was sent.
            Failed::Passing(unreachable, None, !error.is_connect())
        };
        let response = self.http.execute(request).await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let asked = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let asked = asked.map(Duration::from_secs);
        let body = response.text().await.map_err(unreachable)?;
        match status {
            200..=299 | 304 => Ok(Reply { status, body }),
            ..=399 => Err(Failed::Final(Error::NotTheService {
                url: url.to_owned(),
                problem: format!("HTTP {status}, where the service gives a result or a refusal"),
            })),
            _ => {
                let refusal = Refusal::read(status, &body);
                if refusal.is_passing() {
                    let lost = refusal.is_uncertain();
                    Err(Failed::Passing(Error::refused(refusal), asked, lost))
                } else {
                    Err(Failed::Final(Error::refused(refusal)))
                }
            }
        }
    }
}

/// The innermost error says what happened; those around it only where.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

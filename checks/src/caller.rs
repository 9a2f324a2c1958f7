//! A client as a script would write one: JSON in, status and JSON out, on one kept connection.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Connection, Request};
use crate::matcher::show;
use crate::target::Target;

/// How long to ask again while the state is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait before that: many clients wait, and all are to get their turn.
const PAUSE: Duration = Duration::from_millis(100);

/// One token's way to the service.
pub(crate) struct Caller {
    connection: Connection,
    prefix: String,
    authorization: String,
}

/// A status and a body; `null` where the body is not JSON.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Caller {
    pub(crate) fn open(target: &Target, token: &str) -> Result<Self, String> {
        let connection = Connection::open(target.origin.clone()).map_err(|error| format!("no connection: {error}"))?;
        Ok(Self {
            connection,
            prefix: target.prefix.clone(),
            authorization: format!("Bearer {token}"),
        })
    }

    /// Sends a request; `path` begins with `/v1`.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        let mut request = Request::new(method, format!("{}{path}", self.prefix));
        request = request.header("Authorization", self.authorization.as_str());
        request = request.header("Accept", "*/*");
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json");
            request = request.body(body.to_string());
        }
        let response = self.connection.send(&request);
        let response = response.map_err(|error| format!("{method} {path}: no answer: {error}"))?;
        Ok(Answer {
            status: response.status,
            body: serde_json::from_slice(&response.body).unwrap_or_default(),
        })
    }

    /// The same, again and again while the answer is that the state is busy, which means that nothing happened.
    pub(crate) fn call_patiently(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        let begun = Instant::now();
        loop {
            let answer = self.call(method, path, body)?;
            if !answer.is_busy() || begun.elapsed() > PATIENCE {
                return Ok(answer);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The same for a call that must succeed.
    pub(crate) fn done(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let answer = self.call_patiently(method, path, body)?;
        match answer.status {
            200 | 201 => Ok(answer.body),
            _ => Err(format!("{method} {path}: expected success, got {answer}")),
        }
    }
}

impl Answer {
    fn is_busy(&self) -> bool {
        let detail = self.body.get("detail").and_then(Value::as_str).unwrap_or_default();
        self.status == 409 && detail.starts_with("kv_store_busy")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.status, show(&self.body))
    }
}

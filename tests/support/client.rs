//! A client as a script would write one: JSON in, status and JSON out, on one kept connection.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;

use super::http::{Connection, Request, Response};

/// One automation's way to the service.
pub struct Client {
    connection: Connection,
    authorization: String,
}

/// A status and a body.
pub type Answer = (u16, Value);

impl Client {
    /// Connects with a token.
    pub fn new(address: SocketAddr, token: &str) -> Self {
        Self::try_new(address, token).expect("the service listens")
    }

    /// The same, for a service that may be gone.
    pub fn try_new(address: SocketAddr, token: &str) -> io::Result<Self> {
        Ok(Self {
            connection: Connection::open(address)?,
            authorization: format!("Bearer {token}"),
        })
    }

    /// The same connection with another token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.authorization = format!("Bearer {token}");
        self
    }

    /// Sends a request; `path` follows `/v1/kv`.
    pub fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Response> {
        let mut request = Request::new(method, format!("/v1/kv{path}"));
        request = request.header("Authorization", self.authorization.as_str());
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json");
            request = request.body(body.to_string());
        }
        self.connection.send(&request)
    }

    /// Sends a request and reads the JSON of its answer.
    pub fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        let response = self.send(method, path, body)?;
        let value = serde_json::from_slice(&response.body).map_err(io::Error::other)?;
        Ok((response.status, value))
    }

    /// `GET` that must be answered.
    pub fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path, None).expect("an answer")
    }

    /// `PUT` that must be answered.
    pub fn put(&mut self, path: &str, value: &Value) -> Answer {
        self.call("PUT", path, Some(value)).expect("an answer")
    }

    /// `POST` that must be answered.
    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(body)).expect("an answer")
    }

    /// `DELETE` that must be answered.
    pub fn delete(&mut self, path: &str) -> Answer {
        self.call("DELETE", path, None).expect("an answer")
    }
}

//! A request, as it goes over the wire.

/// One request; neither its target nor its header values are looked at, let alone changed.
#[derive(Clone)]
pub struct Request {
    method: String,
    target: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request without headers and body; `target` is the path and the query.
    pub fn new(method: &str, target: impl Into<Vec<u8>>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Method and target, for messages.
    pub fn label(&self) -> String {
        const SHOWN_CHARACTERS: usize = 100;
        let target = String::from_utf8_lossy(&self.target);
        let shown: String = target.chars().take(SHOWN_CHARACTERS).collect();
        let rest = if shown.len() < target.len() { "…" } else { "" };
        format!("{} {shown}{rest}", self.method)
    }

    /// The bytes to send. `Host`, `Connection` and `Content-Length` are added where the caller has not set them.
    pub(super) fn bytes(&self, authority: &str, connection: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(self.method.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(&self.target);
        bytes.extend_from_slice(b" HTTP/1.1\r\n");
        let mut add = |name: &str, value: &[u8]| {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        };
        if !self.has("Host") {
            add("Host", authority.as_bytes());
        }
        if !self.has("Connection") {
            add("Connection", connection.as_bytes());
        }
        for (name, value) in &self.headers {
            add(name, value);
        }
        let body = self.body.as_deref().unwrap_or_default();
        if self.states_length() {
            add("Content-Length", body.len().to_string().as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        bytes
    }

    /// Methods that usually carry a body say so even when it is empty, as every other client does.
    fn states_length(&self) -> bool {
        let usual = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        let framed = self.has("Content-Length") || self.has("Transfer-Encoding");
        (usual || self.body.is_some()) && !framed
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }
}

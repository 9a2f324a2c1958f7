//! An answer, and how it is read from a connection.

use std::io::{self, Read};

const MOST_HEADERS: usize = 100;

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// In the order of arrival, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Without its framing.
    pub body: Vec<u8>,
    /// The server will not take another request on this connection.
    pub ends_connection: bool,
}

impl Response {
    /// A header by its lower-case name; where there are several of that name, the last.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().rev().filter(|(own, _)| own == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The receiving end of a connection.
pub(super) struct Reader<'a, S> {
    stream: S,
    /// Received and not yet used.
    buffer: &'a mut Vec<u8>,
}

impl<'a, S: Read> Reader<'a, S> {
    /// Reads on; `buffer` holds what was received with an earlier answer.
    pub(super) fn new(stream: S, buffer: &'a mut Vec<u8>) -> Self {
        Self { stream, buffer }
    }

    /// The answer to a request with this method.
    pub(super) fn response(&mut self, method: &str) -> io::Result<Response> {
        let mut response = self.final_head()?;
        let coding = response.header("transfer-encoding").map(str::to_ascii_lowercase);
        let length = response.header("content-length").map(str::to_owned);
        if method == "HEAD" || matches!(response.status, 204 | 304) {
            return Ok(response);
        }
        response.body = if coding.as_deref() == Some("chunked") {
            self.chunks()?
        } else if let Some(length) = length {
            let length = length.parse().map_err(|_| bad(format!("Content-Length {length:?}")))?;
            self.take(length)?
        } else {
            response.ends_connection = true;
            self.rest()?
        };
        Ok(response)
    }

    /// The first head that is not a mere announcement such as `100 Continue`.
    fn final_head(&mut self) -> io::Result<Response> {
        loop {
            let head = self.head()?;
            if head.status >= 200 {
                return Ok(head);
            }
        }
    }

    fn head(&mut self) -> io::Result<Response> {
        loop {
            if let Some((response, length)) = parse_head(self.buffer)? {
                self.buffer.drain(..length);
                return Ok(response);
            }
            if !self.fill()? {
                return Err(closed("before the end of the head"));
            }
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = self.chunk_size()?;
            if size == 0 {
                self.skip_trailers()?;
                return Ok(body);
            }
            body.extend(self.take(size)?);
            self.line_end()?;
        }
    }

    fn chunk_size(&mut self) -> io::Result<usize> {
        loop {
            match httparse::parse_chunk_size(self.buffer) {
                Ok(httparse::Status::Complete((used, size))) => {
                    self.buffer.drain(..used);
                    return usize::try_from(size).map_err(|_| bad("chunk size"));
                }
                Ok(httparse::Status::Partial) if self.fill()? => {}
                Ok(httparse::Status::Partial) => return Err(closed("inside a chunk size")),
                Err(_) => return Err(bad("chunk size")),
            }
        }
    }

    fn skip_trailers(&mut self) -> io::Result<()> {
        while !self.line()?.is_empty() {}
        Ok(())
    }

    fn line_end(&mut self) -> io::Result<()> {
        if self.line()?.is_empty() {
            Ok(())
        } else {
            Err(bad("chunk, which is longer than its size"))
        }
    }

    /// Everything before the next line feed, without the line end.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.truncate(end);
                line.pop_if(|byte| *byte == b'\r');
                return Ok(line);
            }
            if !self.fill()? {
                return Err(closed("inside a line"));
            }
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.fill()? {
                return Err(closed("inside the body"));
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? {}
        Ok(std::mem::take(self.buffer))
    }

    /// Receives some more; false at the end of the connection.
    fn fill(&mut self) -> io::Result<bool> {
        let mut piece = [0; 16 * 1024];
        let received = self.stream.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..received]);
        Ok(received > 0)
    }
}

/// The head that these bytes begin with, and its length, once it is complete.
fn parse_head(bytes: &[u8]) -> io::Result<Option<(Response, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(bad(format!("head: {error}"))),
    };
    let mut response = Response {
        status: head.code.ok_or_else(|| bad("head: no status"))?,
        headers: head.headers.iter().map(owned).collect(),
        body: Vec::new(),
        ends_connection: head.version == Some(0),
    };
    if let Some(connection) = response.header("connection") {
        response.ends_connection = connection.eq_ignore_ascii_case("close");
    }
    Ok(Some((response, length)))
}

fn owned(header: &httparse::Header<'_>) -> (String, String) {
    let value = String::from_utf8_lossy(header.value);
    (header.name.to_ascii_lowercase(), value.trim().to_owned())
}

fn bad(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP/1.1: bad {what}"))
}

fn closed(place: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("connection closed {place}"))
}

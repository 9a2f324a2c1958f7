//! A small blocking HTTP/1.1 client that sends what it is given, byte for byte.
//!
//! An ordinary client tidies up a path (`..`, `%2f`, blanks) before it sends it, and these tests are about just such
//! paths.

mod origin;
mod request;
mod response;
mod stream;

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

pub use origin::Origin;
pub use request::Request;
pub use response::Response;

use response::Reader;
use stream::Stream;

/// Beyond this a request no longer surely fits into the buffers of a connection whose other end does not read.
const LARGE_REQUEST_BYTES: usize = 128 * 1024;

/// Sends one request over a connection of its own.
pub fn exchange(origin: impl Into<Origin>, request: &Request) -> io::Result<Response> {
    let origin = origin.into();
    let mut line = Line::open(&origin)?;
    line.converse(&request.bytes(&origin.authority, "close"), request.method())
}

/// A connection that is kept between requests.
///
/// It is opened anew only after an answer that announced its end. A request is never repeated: whoever counts
/// acknowledged writes has to see the failure.
pub struct Connection {
    origin: Origin,
    line: Option<Line>,
}

impl Connection {
    /// Connects.
    pub fn open(origin: impl Into<Origin>) -> io::Result<Self> {
        let origin = origin.into();
        let line = Some(Line::open(&origin)?);
        Ok(Self { origin, line })
    }

    /// Sends one request and reads its answer.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => Line::open(&self.origin)?,
        };
        let bytes = request.bytes(&self.origin.authority, "keep-alive");
        let response = line.converse(&bytes, request.method())?;
        if line.reusable {
            self.line = Some(line);
        }
        Ok(response)
    }
}

/// One connection, and what was received on it and not yet used.
struct Line {
    stream: Stream,
    received: Vec<u8>,
    reusable: bool,
}

impl Line {
    fn open(origin: &Origin) -> io::Result<Self> {
        Ok(Self {
            stream: Stream::open(origin)?,
            received: Vec::new(),
            reusable: true,
        })
    }

    fn converse(&mut self, request: &[u8], method: &str) -> io::Result<Response> {
        let Self {
            stream,
            received,
            reusable,
        } = self;
        let response = match stream {
            Stream::Plain(socket) if request.len() > LARGE_REQUEST_BYTES => {
                *reusable = false;
                converse_both_ways(socket, received, request, method)?
            }
            // TLS has one state for both ways. What stands before a service and ends TLS reads large bodies, too.
            stream => {
                *reusable &= send(stream, request)?;
                Reader::new(stream, received).response(method)?
            }
        };
        *reusable &= !response.ends_connection;
        Ok(response)
    }
}

/// Sends and reads at the same time: a server may answer without reading a large body, and then never read it.
fn converse_both_ways(
    socket: &TcpStream,
    received: &mut Vec<u8>,
    request: &[u8],
    method: &str,
) -> io::Result<Response> {
    thread::scope(|scope| {
        let sending = scope.spawn(|| send(&mut &*socket, request));
        let response = Reader::new(socket, received).response(method);
        // Releases a sender that nobody listens to any more; it fails where the server has hung up, which is as good.
        let _ = socket.shutdown(Shutdown::Write);
        let panicked = |_| Err(io::Error::other("the sender panicked"));
        let sent = sending.join().unwrap_or_else(panicked);
        match (response, sent) {
            (Ok(response), _) => Ok(response),
            (Err(_), Err(error)) | (Err(error), Ok(_)) => Err(error),
        }
    })
}

/// Sends everything, or as much as the server wants; true when that was everything.
fn send(stream: &mut impl Write, request: &[u8]) -> io::Result<bool> {
    match stream.write_all(request).and_then(|()| stream.flush()) {
        Ok(()) => Ok(true),
        Err(error) if hung_up(error.kind()) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A server that hangs up in the middle of a request has usually answered it first.
fn hung_up(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(kind, BrokenPipe | ConnectionReset | ConnectionAborted)
}

//! A small blocking HTTP/1.1 client that sends what it is given, byte for byte.
//!
//! An ordinary client tidies up a path (`..`, `%2f`, blanks) before it sends it, and these tests are about just such paths.

mod request;
mod response;

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

pub use request::Request;
pub use response::Response;

use response::Reader;

/// How long to wait for a connection, for room to send, and for each piece of an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Beyond this a request no longer surely fits into the buffers of a connection whose other end does not read.
const LARGE_REQUEST_BYTES: usize = 128 * 1024;

/// Sends one request over a connection of its own.
pub fn exchange(address: SocketAddr, request: &Request) -> io::Result<Response> {
    let mut line = Line::open(address)?;
    line.converse(&request.bytes(address, "close"), request.method())
}

/// A connection that is kept between requests.
///
/// It is opened anew only after an answer that announced its end. A request is never repeated: whoever counts
/// acknowledged writes has to see the failure.
pub struct Connection {
    address: SocketAddr,
    line: Option<Line>,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let line = Some(Line::open(address)?);
        Ok(Self { address, line })
    }

    /// Sends one request and reads its answer.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => Line::open(self.address)?,
        };
        let bytes = request.bytes(self.address, "keep-alive");
        let response = line.converse(&bytes, request.method())?;
        if line.reusable {
            self.line = Some(line);
        }
        Ok(response)
    }
}

/// One TCP connection.
struct Line {
    socket: TcpStream,
    reader: Reader,
    reusable: bool,
}

impl Line {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, TIMEOUT)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.set_write_timeout(Some(TIMEOUT))?;
        socket.set_nodelay(true)?;
        let reader = Reader::new(socket.try_clone()?);
        Ok(Self {
            socket,
            reader,
            reusable: true,
        })
    }

    fn converse(&mut self, request: &[u8], method: &str) -> io::Result<Response> {
        let response = if request.len() > LARGE_REQUEST_BYTES {
            self.converse_both_ways(request, method)?
        } else {
            self.reusable &= send(&self.socket, request)?;
            self.reader.response(method)?
        };
        self.reusable &= !response.ends_connection;
        Ok(response)
    }

    /// Sends and reads at the same time: a server may answer without reading a large body, and then never read it.
    fn converse_both_ways(&mut self, request: &[u8], method: &str) -> io::Result<Response> {
        let Self { socket, reader, .. } = self;
        let response = thread::scope(|scope| {
            let sending = scope.spawn(|| send(socket, request));
            let response = reader.response(method);
            // Releases a sender that nobody listens to any more; it fails where the server has hung up, which is as good.
            let _ = socket.shutdown(Shutdown::Write);
            let sent = sending.join().expect("the sender does not panic");
            match (response, sent) {
                (Ok(response), _) => Ok(response),
                (Err(_), Err(error)) | (Err(error), Ok(_)) => Err(error),
            }
        });
        self.reusable = false;
        response
    }
}

/// Sends everything, or as much as the server wants; true when that was everything.
fn send(mut socket: &TcpStream, request: &[u8]) -> io::Result<bool> {
    match socket.write_all(request) {
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

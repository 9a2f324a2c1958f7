//! Connections as the API wants them: without Nagle's delay, and with one blank kept.
//!
//! The contract tells `Authorization: Bearer ` (an empty token) from `Authorization: Bearer` (no token at
//! all), but an HTTP parser drops white space at the end of a header's value, as RFC 9110 says. So that blank
//! becomes a byte that a parser keeps. Nothing else can be hit: outside headers, `Bearer` with a blank and
//! a line break behind it is in no valid JSON.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::extract::EMPTY_BEARER;
use super::spread::Place;

/// A connection whose reading keeps the blank.
pub(crate) struct Connection {
    stream: TcpStream,
    _place: Place,
}

impl Connection {
    /// A connection of a thread, in which it has a place until it ends.
    pub(super) fn new(stream: TcpStream, place: Place) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's delay");
        }
        Self { stream, _place: place }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(context, buffer);
        keep_blank(&mut buffer.filled_mut()[before..]);
        poll
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Replaces the blank in each `Bearer `, line break, by the last byte of [`EMPTY_BEARER`].
fn keep_blank(bytes: &mut [u8]) {
    const BLANK_LINE_END: &[u8] = b" \r\n";
    let scheme_bytes = EMPTY_BEARER.len() - 1;
    let mut from = 0;
    while let Some(found) = memchr::memmem::find(&bytes[from..], BLANK_LINE_END) {
        let blank = from + found;
        let scheme = bytes[..blank].rchunks(scheme_bytes).next().unwrap_or_default();
        if scheme.eq_ignore_ascii_case(&EMPTY_BEARER[..scheme_bytes]) {
            bytes[blank] = EMPTY_BEARER[scheme_bytes];
        }
        from = blank + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::keep_blank;

    fn kept(text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        keep_blank(&mut bytes);
        bytes
    }

    #[test]
    fn only_the_blank_behind_an_empty_bearer_is_kept() {
        assert_eq!(
            kept(b"authorization: bearer \r\nA: b \r\n"),
            b"authorization: bearer\xa0\r\nA: b \r\n"
        );
        for text in [
            &b"Authorization: Bearer\r\n"[..],
            b"Authorization: Bearer x \r\n",
            b" \r\n",
            b"arer \r\n",
            b"",
        ] {
            assert_eq!(kept(text), text);
        }
    }
}

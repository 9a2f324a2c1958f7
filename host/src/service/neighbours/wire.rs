//! A socket between neighbours, and what has come over it or is yet to go.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

use super::frame;

/// Room for what is read at a time; more where a frame is longer.
const READ_BYTES: usize = 64 << 10;

/// One end of the socket.
pub(super) struct Wire {
    stream: UnixStream,
    /// The first `filled` bytes were read, and no frame was made of them yet.
    incoming: Vec<u8>,
    filled: usize,
    /// The first `sent` bytes are gone already.
    outgoing: Vec<u8>,
    sent: usize,
    /// All bytes that ever went.
    sent_bytes: u64,
    has_ended: bool,
}

impl Wire {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            incoming: Vec::new(),
            filled: 0,
            outgoing: Vec::new(),
            sent: 0,
            sent_bytes: 0,
            has_ended: false,
        }
    }

    /// Whether the other end sends no more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Reads what has come, gives each value of it, and has the task woken when more comes.
    pub(super) fn receive<T: DeserializeOwned>(
        &mut self,
        context: &mut Context<'_>,
        mut take: impl FnMut(T),
    ) -> io::Result<()> {
        while !self.has_ended {
            if self.incoming.len() - self.filled < READ_BYTES {
                self.incoming.resize(self.filled + 2 * READ_BYTES, 0);
            }
            let mut room = ReadBuf::new(&mut self.incoming[self.filled..]);
            match Pin::new(&mut self.stream).poll_read(context, &mut room) {
                Poll::Pending => break,
                Poll::Ready(read) => read?,
            }
            let count = room.filled().len();
            self.has_ended = count == 0;
            self.filled += count;
            let mut rest = &self.incoming[..self.filled];
            while let Some(value) = frame::take(&mut rest).map_err(io::Error::other)? {
                take(value);
            }
            let taken = self.filled - rest.len();
            self.incoming.copy_within(taken..self.filled, 0);
            self.filled -= taken;
        }
        Ok(())
    }

    /// Puts a value behind what is to be sent.
    pub(super) fn put<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        frame::put(&mut self.outgoing, value).map_err(io::Error::other)
    }

    /// Takes frames to send, all of them, if everything before them was sent.
    pub(super) fn put_all(&mut self, frames: &mut Vec<u8>) {
        if self.is_sent() {
            std::mem::swap(&mut self.outgoing, frames);
        }
    }

    /// Whether there is nothing to send.
    pub(super) fn is_sent(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// How many bytes the socket has taken so far.
    pub(super) fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// Sends as much as the socket takes, and has the task woken when it takes more.
    pub(super) fn send(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.sent < self.outgoing.len() {
            let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(context, &self.outgoing[self.sent..])
            else {
                return Ok(());
            };
            let written = written?;
            self.sent += written;
            self.sent_bytes += written as u64;
        }
        self.outgoing.clear();
        self.sent = 0;
        Ok(())
    }
}

//! One port for several threads: each connection belongs to one of them, from its first byte to its last.

use std::io;
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::wire::Connection;

/// Accepts connections, keeps those that are for its own thread, and hands out the others.
pub(crate) struct Spread {
    listener: TcpListener,
    own: Load,
    others: Vec<Other>,
}

/// The connections that are for one of the other threads.
pub(crate) struct Inbox {
    local: SocketAddr,
    handed: mpsc::UnboundedReceiver<Handed>,
}

/// How many connections a thread has.
#[derive(Clone, Default)]
struct Load(Arc<AtomicUsize>);

/// One of the connections that a thread has.
pub(super) struct Place(Load);

struct Other {
    load: Load,
    inbox: mpsc::UnboundedSender<Handed>,
}

/// A connection that no runtime knows of.
struct Handed {
    stream: net::TcpStream,
    peer: SocketAddr,
    place: Place,
}

/// A listener for the thread that calls, and inboxes for so many others.
pub(crate) fn spread(listener: TcpListener, others: usize) -> io::Result<(Spread, Vec<Inbox>)> {
    let local = listener.local_addr()?;
    let (others, inboxes) = std::iter::repeat_with(|| {
        let load = Load::default();
        let (inbox, handed) = mpsc::unbounded_channel();
        (Other { load, inbox }, Inbox { local, handed })
    })
    .take(others)
    .unzip();
    let own = Load::default();
    Ok((Spread { listener, own, others }, inboxes))
}

impl Spread {
    /// The other thread that has the fewest connections, if it has fewer than this one. One that takes none any more has none.
    fn other(&self) -> Option<&Other> {
        let others = self.others.iter().filter(|other| !other.inbox.is_closed());
        let other = others.min_by_key(|other| other.load.connections())?;
        (other.load.connections() < self.own.connections()).then_some(other)
    }
}

impl Listener for Spread {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            let Some(other) = self.other() else {
                return (Connection::new(stream, self.own.place()), peer);
            };
            match stream.into_std() {
                Ok(stream) => {
                    let place = other.load.place();
                    // Nobody takes it only where serving has ended.
                    let _ = other.inbox.send(Handed { stream, peer, place });
                }
                Err(error) => tracing::warn!(%error, "a connection cannot be handed on"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Listener for Inbox {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let Some(Handed { stream, peer, place }) = self.handed.recv().await else {
                // No more will come; what is under way goes on.
                return std::future::pending().await;
            };
            match TcpStream::from_std(stream) {
                Ok(stream) => return (Connection::new(stream, place), peer),
                Err(error) => tracing::warn!(%error, "a connection cannot be taken"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

impl Load {
    fn connections(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn place(&self) -> Place {
        self.0.fetch_add(1, Ordering::Relaxed);
        Place(self.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_goes_to_the_thread_that_has_the_fewest() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mut spread, inboxes) = spread(listener, 2).unwrap();
        let [mut second, mut third] = <[Inbox; 2]>::try_from(inboxes).ok().unwrap();
        let mut clients = Vec::new();
        for _ in 0..5 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let of = |client: usize| clients[client].local_addr().unwrap();
        let (first, peer) = spread.accept().await;
        assert_eq!(peer, of(0));
        // On the way to the next that stays here, two are handed on.
        assert_eq!(spread.accept().await.1, of(3));
        let (_second, peer) = second.accept().await;
        assert_eq!(peer, of(1));
        assert_eq!(third.accept().await.1, of(2));
        // The third thread's connection is gone, so it has the fewest.
        let accepting = tokio::spawn(async move { spread.accept().await });
        let (_third, peer) = third.accept().await;
        assert_eq!(peer, of(4));
        accepting.abort();
        drop(first);
    }

    #[tokio::test]
    async fn the_inbox_of_a_listener_that_is_gone_waits() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (spread, mut inboxes) = spread(listener, 1).unwrap();
        drop(spread);
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(10), inboxes[0].accept());
        assert!(waiting.await.is_err());
    }
}

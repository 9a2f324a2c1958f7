//! Who leads and who follows.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::super::Shared;
use super::link::Link;
use super::{handshake, serve};
use crate::report::Chain;

/// Between two tries to lead or to follow, at first; twice as long after each that was in vain.
const PAUSE: Duration = Duration::from_millis(2);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// How long the links of other threads may still wait for answers once one of them has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(15);

/// The followers of a leader.
#[derive(Default)]
pub(super) struct Followers {
    connections: AtomicUsize,
    /// Whether they are to go, and no more may come.
    dismissed: watch::Sender<bool>,
}

/// One connection of a follower.
struct Following(Arc<Shared>);

impl Followers {
    pub(super) fn dismiss(&self) {
        self.dismissed.send_replace(true);
    }

    pub(super) fn are_there(&self) -> bool {
        self.connections.load(Ordering::Acquire) > 0
    }

    fn are_dismissed(&self) -> bool {
        *self.dismissed.borrow()
    }

    /// Waits until they are dismissed.
    async fn dismissal(&self) {
        let mut dismissed = self.dismissed.subscribe();
        let _ = dismissed.wait_for(|dismissed| *dismissed).await;
    }
}

/// Leads or follows, whichever is possible, until the service is gone or leaves.
pub(super) async fn run(shared: Weak<Shared>, name: String, threads: Vec<Handle>) {
    // A leading zero byte stands for the abstract namespace.
    let name = format!("\0{name}");
    let mut pause = PAUSE;
    loop {
        let begun = Instant::now();
        let met = match UnixListener::bind(&name) {
            Ok(listener) => lead(&shared, listener, &threads).await,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => follow(&shared, &name, &threads).await,
            Err(error) => Err(error),
        };
        if let Err(error) = met {
            tracing::debug!(error = %Chain(&error), "nothing to do with neighbours for a while");
        }
        let is_over = |shared: Arc<Shared>| shared.neighbours.followers.are_dismissed();
        if shared.upgrade().is_none_or(is_over) {
            return;
        }
        pause = if begun.elapsed() > MAX_PAUSE {
            PAUSE
        } else {
            (pause * 2).min(MAX_PAUSE)
        };
        sleep(pause).await;
    }
}

/// Serves whoever follows, until they are dismissed.
async fn lead(shared: &Weak<Shared>, listener: UnixListener, threads: &[Handle]) -> io::Result<()> {
    let mut threads = threads.iter().cycle();
    loop {
        // The service is not kept alive by waiting for followers.
        let mut dismissed = match shared.upgrade() {
            Some(shared) => shared.neighbours.followers.dismissed.subscribe(),
            None => return Ok(()),
        };
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = dismissed.wait_for(|dismissed| *dismissed) => return Ok(()),
        };
        let (Some(shared), Some(thread)) = (shared.upgrade(), threads.next()) else {
            return Ok(());
        };
        let stream = stream.into_std()?;
        let following = Following::new(shared);
        thread.spawn(async move {
            match following.serve(stream).await {
                Ok(()) => {}
                Err(error) => tracing::info!(error = %Chain(&error), "a neighbour was lost"),
            }
        });
    }
}

impl Following {
    fn new(shared: Arc<Shared>) -> Self {
        shared.neighbours.followers.connections.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }

    async fn serve(&self, stream: std::os::unix::net::UnixStream) -> io::Result<()> {
        let Self(shared) = self;
        let mut stream = UnixStream::from_std(stream)?;
        if let Err(error) = handshake::welcome(&shared.vault, &mut stream).await {
            tracing::debug!(error = %Chain(&error), "whoever came is no neighbour");
            return Ok(());
        }
        tracing::info!("a neighbour's requests are carried out here");
        serve::serve(shared, stream, shared.neighbours.followers.dismissal()).await?;
        tracing::info!("a neighbour has left");
        Ok(())
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.neighbours.followers.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Follows with all threads, until one of them has lost the leader.
async fn follow(shared: &Weak<Shared>, name: &str, threads: &[Handle]) -> io::Result<()> {
    let all = All::new(threads.len());
    let mut following: FuturesUnordered<_> = threads
        .iter()
        .zip(&all.0)
        .map(|(thread, link)| thread.spawn(follow_with(Weak::clone(shared), name.to_owned(), link.clone())))
        .collect();
    let ended = following.next().await;
    all.0.iter().for_each(Link::close);
    // The others may still be answered; those that are not are let go with `all`.
    let _ = timeout(LAST_ANSWERS, following.for_each(|_| std::future::ready(()))).await;
    ended.unwrap_or(Ok(Ok(()))).map_err(io::Error::other).flatten()
}

/// The links of all threads, which end with it.
struct All(Vec<Link>);

impl All {
    fn new(count: usize) -> Self {
        Self(std::iter::repeat_with(Link::default).take(count).collect())
    }
}

impl Drop for All {
    fn drop(&mut self) {
        self.0.iter().for_each(Link::sever);
    }
}

async fn follow_with(shared: Weak<Shared>, name: String, link: Link) -> io::Result<()> {
    let mut stream = UnixStream::connect(&name).await?;
    let Some(shared) = shared.upgrade() else { return Ok(()) };
    handshake::join(&shared.vault, &mut stream).await?;
    tracing::info!("a neighbour carries out the requests");
    let neighbours = &shared.neighbours;
    let _linked = neighbours.links.put(link.clone());
    if neighbours.followers.are_dismissed() {
        link.close();
    }
    let ended = link.run(stream).await;
    tracing::info!("the neighbour that carried out the requests has gone");
    ended
}

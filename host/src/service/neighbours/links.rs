//! A follower's links, one for each thread that serves: waking a task of another thread would cost more than a call does.

use std::sync::{PoisonError, RwLock};

use super::link::Link;
use crate::threads;

/// All links, by the numbers of their threads.
#[derive(Default)]
pub(super) struct Links(RwLock<Vec<Option<Link>>>);

/// That a thread has a link.
pub(super) struct Linked<'a> {
    links: &'a Links,
    thread: usize,
}

impl Links {
    /// The link of this thread, if it has one.
    pub(super) fn of_this_thread(&self) -> Option<Link> {
        let links = self.0.read().unwrap_or_else(PoisonError::into_inner);
        links.get(threads::number_of_this())?.clone()
    }

    /// Makes a link that of this thread, for as long as what it gives is kept.
    pub(super) fn put(&self, link: Link) -> Linked<'_> {
        let thread = threads::number_of_this();
        self.set(thread, Some(link));
        Linked { links: self, thread }
    }

    /// Closes all of them.
    pub(super) fn close(&self) {
        let links = self.0.read().unwrap_or_else(PoisonError::into_inner);
        links.iter().flatten().for_each(Link::close);
    }

    /// Whether a thread has one.
    pub(super) fn are_there(&self) -> bool {
        let links = self.0.read().unwrap_or_else(PoisonError::into_inner);
        links.iter().any(Option::is_some)
    }

    fn set(&self, thread: usize, link: Option<Link>) {
        let mut links = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if links.len() <= thread {
            links.resize(thread + 1, None);
        }
        links[thread] = link;
    }
}

impl Drop for Linked<'_> {
    fn drop(&mut self) {
        self.links.set(self.thread, None);
    }
}

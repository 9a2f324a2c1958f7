//! The commands that call a service: what a script in any language can do with its state.

mod batch;
mod call;
mod connection;
mod json;
mod lease;
mod list;
mod read;
mod remove;
mod show;
mod watch;
mod write;

use clap::Subcommand;

pub(super) use connection::{Connection, Read};
pub(super) use show::columns;

use super::{CommandError, runtime};

/// Calls of a service. Inside an automation they find it, and their token, by themselves.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Client {
    /// Show a value, or a part of it.
    Get(read::Get),
    /// Name the keys.
    #[command(visible_alias = "list")]
    Ls(read::Ls),
    /// Store a value.
    Set(write::Set),
    /// Change parts of a value.
    Patch(write::Patch),
    /// Remove a key, or a part of its value.
    #[command(visible_alias = "delete")]
    Del(write::Del),
    /// Add to an integer.
    Incr(write::Count),
    /// Take from an integer.
    Decr(write::Count),
    /// Say how long a key is to live.
    Expire(write::Expire),
    /// Let a key live for ever.
    Persist(write::Persist),
    /// Add an item to a list.
    Push(list::Push),
    /// Take an item from a list: the oldest, after pushes without --left.
    Pop(list::Pop),
    /// Count the items of a list.
    Len(list::Len),
    /// Show items of a list.
    Range(list::Range),
    /// Keep a range of a list, and drop the other items.
    Trim(list::Trim),
    /// Remove what matches from a list or an object.
    Remove(remove::Remove),
    /// Remove what is old from a list or an object.
    Prune(remove::Prune),
    /// Ask for a lease: one owner at a time.
    Claim(lease::Claim),
    /// Give the owner of a lease more time.
    Renew(lease::Renew),
    /// Give a lease back.
    Release(lease::Release),
    /// Do up to 100 operations, all or none.
    Batch(batch::Batch),
    /// Call a plugin: an operation of somebody's own, all or nothing.
    Call(call::CallPlugin),
    /// Show a value whenever it changes, until interrupted.
    Watch(watch::Watch),
}

impl Client {
    pub(in crate::cli) fn run(self) -> Result<(), CommandError> {
        runtime()?.block_on(async {
            match self {
                Self::Get(get) => get.run().await,
                Self::Ls(ls) => ls.run().await,
                Self::Set(set) => set.run().await,
                Self::Patch(patch) => patch.run().await,
                Self::Del(del) => del.run().await,
                Self::Incr(count) => count.run("incr").await,
                Self::Decr(count) => count.run("decr").await,
                Self::Expire(expire) => expire.run().await,
                Self::Persist(persist) => persist.run().await,
                Self::Push(push) => push.run().await,
                Self::Pop(pop) => pop.run().await,
                Self::Len(len) => len.run().await,
                Self::Range(range) => range.run().await,
                Self::Trim(trim) => trim.run().await,
                Self::Remove(remove) => remove.run().await,
                Self::Prune(prune) => prune.run().await,
                Self::Claim(claim) => claim.run().await,
                Self::Renew(renew) => renew.run().await,
                Self::Release(release) => release.run().await,
                Self::Batch(batch) => batch.run().await,
                Self::Call(call) => call.run().await,
                Self::Watch(watch) => watch.run().await,
            }
        })
    }
}

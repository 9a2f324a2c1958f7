//! Leases: one owner at a time, until a time.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use super::{Done, Session};
use crate::json::{self, read};
use crate::model::{Kind, Lease, Outcome, Reason};

impl Session {
    /// Gives the lease to who asks, if it is free or theirs already.
    pub(super) fn claim(&mut self, key: String, owner: String, milliseconds: u64) -> Done {
        let place = self.document.find(&key);
        let fence = match place {
            None => self.document.version + 1,
            Some(place) => match self.lease(place).ok_or(Reason::NotALease)? {
                theirs if theirs.owner == owner => theirs.fence,
                others => return Err(Reason::Held(others)),
            },
        };
        let mut name = String::new();
        json::push_string(&mut name, &owner);
        let value = format!("{{\"owner\":{name},\"fence\":{fence}}}");
        let expires_at = self.now.saturating_add(milliseconds);
        self.put_until(place, key, value, Some(expires_at));
        Ok(Outcome::Claimed(Lease {
            owner,
            fence,
            expires_at,
        }))
    }

    /// Gives its owner the lease for another time.
    pub(super) fn renew(&mut self, key: String, owner: &str, fence: Option<u64>, milliseconds: u64) -> Done {
        let (place, lease) = self.held(&key, owner, fence)?;
        let expires_at = self.now.saturating_add(milliseconds);
        let value = self.document.value(place).to_owned();
        self.put_until(Some(place), key, value, Some(expires_at));
        Ok(Outcome::Claimed(Lease { expires_at, ..lease }))
    }

    /// Takes the lease back from its owner.
    pub(super) fn release(&mut self, key: &str, owner: &str, fence: Option<u64>) -> Done {
        let (place, _) = self.held(key, owner, fence)?;
        self.take_out(place);
        Ok(Outcome::Removed(1))
    }

    /// The lease under a key, which this owner must have, and with this number if one is named.
    fn held(&self, key: &str, owner: &str, fence: Option<u64>) -> Result<(usize, Lease), Reason> {
        let place = self.document.find(key).ok_or(Reason::NotHeld)?;
        let lease = self.lease(place).ok_or(Reason::NotALease)?;
        if lease.owner != owner || fence.is_some_and(|fence| fence != lease.fence) {
            return Err(Reason::NotHeld);
        }
        Ok((place, lease))
    }

    /// The lease in a place, if what is there is one.
    fn lease(&self, place: usize) -> Option<Lease> {
        let value = self.document.value(place);
        if read::kind(value) != Kind::Object || read::members(value).count() != 2 {
            return None;
        }
        let member = |name| read::member(value, name).map(|range| &value[range]);
        Some(Lease {
            owner: json::unescape(member("\"owner\"")?)?,
            fence: member("\"fence\"")?.parse().ok()?,
            expires_at: self.document.record(place).expires_at?,
        })
    }
}

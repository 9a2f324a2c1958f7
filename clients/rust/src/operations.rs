//! Every other operation of the API, with Rust's types. Each is one call of `docs/api.md`, which tells what it means.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Call, Error, Kv, Method};

#[derive(Deserialize)]
struct Length {
    length: u64,
}

#[derive(Deserialize)]
struct Removed {
    removed: u64,
}

#[derive(Deserialize)]
struct Values<T> {
    values: Vec<T>,
}

impl Kv {
    /// The part of a value that a path names, as in `who.name` or `items[0]`; none if there is no such key or part.
    pub async fn get_at<T: DeserializeOwned>(&self, key: &str, path: &str) -> Result<Option<T>, Error> {
        #[derive(Deserialize)]
        struct Part<T> {
            value: T,
        }
        match self.send(Call::on(key, Method::GET, "").query("path", path)).await {
            Ok(reply) => {
                let part: Part<T> = serde_json::from_str(&reply.body).map_err(|error| Error::value(key, error))?;
                Ok(Some(part.value))
            }
            Err(Error::NotFound(refusal)) if ["key_not_found", "invalid_path"].contains(&refusal.code.as_str()) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Sets one member of a value. A missing key, and missing objects on the way, are made.
    pub async fn set_at<T: Serialize + ?Sized>(&self, key: &str, path: &str, value: &T) -> Result<(), Error> {
        let value = serde_json::to_value(value).map_err(|error| Error::value(key, error))?;
        self.change(key, &json!({ "path": path, "value": value })).await
    }

    /// Changes parts of a value in place: steps such as `{"op": "append", "path": "log", "value": 1}`, all or none. A missing
    /// key is made.
    pub async fn patch(&self, key: &str, steps: &[Value]) -> Result<(), Error> {
        self.change(key, &json!({ "operations": steps })).await
    }

    /// Merges an object into a value (RFC 7396): `null` removes a member. A missing key is made.
    pub async fn merge<T: Serialize + ?Sized>(&self, key: &str, object: &T) -> Result<(), Error> {
        let json = serde_json::to_string(object).map_err(|error| Error::value(key, error))?;
        let call = Call::on(key, Method::PATCH, "").query("create", "true").body(json);
        self.send(call.content_type("application/merge-patch+json"))
            .await
            .map(drop)
    }

    /// Removes a part of a value; tells whether it was there.
    pub async fn delete_at(&self, key: &str, path: &str) -> Result<bool, Error> {
        #[derive(Deserialize)]
        struct Deleted {
            deleted: bool,
        }
        let call = Call::on(key, Method::DELETE, "").query("path", path);
        Ok(self.send(call).await?.read::<Deleted>()?.deleted)
    }

    /// Lets a key live for so long from now, to the millisecond.
    pub async fn expire(&self, key: &str, ttl: Duration) -> Result<(), Error> {
        let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        self.act(key, "expire", &json!({ "px": ttl })).await.map(drop)
    }

    /// Lets a key live for ever.
    pub async fn persist(&self, key: &str) -> Result<(), Error> {
        self.act(key, "persist", &json!({})).await.map(drop)
    }

    /// Adds an item at the front of a list; gives the list's length.
    pub async fn push_front<T: Serialize + ?Sized>(&self, key: &str, item: &T) -> Result<u64, Error> {
        let item = serde_json::to_value(item).map_err(|error| Error::value(key, error))?;
        Ok(self
            .act(key, "lpush", &json!({ "value": item }))
            .await?
            .read::<Length>()?
            .length)
    }

    /// Takes the item at the end of a list, if there is one.
    pub async fn pop_back<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        Ok(self.popped(key, "rpop", 1).await?.into_iter().next())
    }

    /// Takes up to so many items from the front of a list, at most 1,000.
    pub async fn pop_many<T: DeserializeOwned>(&self, key: &str, count: u32) -> Result<Vec<T>, Error> {
        self.popped(key, "lpop", count).await
    }

    /// How many items a list has.
    pub async fn length(&self, key: &str) -> Result<u64, Error> {
        Ok(self
            .send(Call::on(key, Method::GET, "len"))
            .await?
            .read::<Length>()?
            .length)
    }

    /// The items of a list from `start` to `stop`, both included; -1 is the last one.
    pub async fn range<T: DeserializeOwned>(&self, key: &str, start: i64, stop: i64) -> Result<Vec<T>, Error> {
        let call = Call::on(key, Method::GET, "range")
            .query("start", start.to_string())
            .query("stop", stop.to_string());
        values(key, &self.send(call).await?.body)
    }

    /// Keeps the items from `start` to `stop` and drops the others; gives how many are left.
    pub async fn trim(&self, key: &str, start: i64, stop: i64) -> Result<u64, Error> {
        let body = json!({ "start": start, "stop": stop });
        Ok(self.act(key, "trim", &body).await?.read::<Length>()?.length)
    }

    /// Removes the items of a list, or the members of an object, that are equal to a value; gives how many.
    pub async fn remove<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<u64, Error> {
        let value = serde_json::to_value(value).map_err(|error| Error::value(key, error))?;
        Ok(self
            .act(key, "remove", &json!({ "value": value }))
            .await?
            .read::<Removed>()?
            .removed)
    }

    /// Removes those that have something equal to a value at a path; gives how many.
    pub async fn remove_where<T: Serialize + ?Sized>(&self, key: &str, field: &str, value: &T) -> Result<u64, Error> {
        let value = serde_json::to_value(value).map_err(|error| Error::value(key, error))?;
        let body = json!({ "where": { "field": field, "equals": value } });
        Ok(self.act(key, "remove", &body).await?.read::<Removed>()?.removed)
    }

    /// Removes those with a time that is longer ago: the time at a path, or the item or member itself. Gives how many.
    pub async fn prune(&self, key: &str, older_than: Duration, field: Option<&str>) -> Result<u64, Error> {
        let mut body = json!({ "older_than": older_than.as_secs_f64() });
        if let Some(field) = field {
            body["field"] = json!(field);
        }
        Ok(self.act(key, "prune", &body).await?.read::<Removed>()?.removed)
    }

    async fn change(&self, key: &str, body: &Value) -> Result<(), Error> {
        let call = Call::on(key, Method::PATCH, "")
            .query("create", "true")
            .body(body.to_string());
        self.send(call).await.map(drop)
    }

    async fn act(&self, key: &str, what: &str, body: &Value) -> Result<crate::Reply, Error> {
        self.send(Call::on(key, Method::POST, what).body(body.to_string()))
            .await
    }

    async fn popped<T: DeserializeOwned>(&self, key: &str, what: &str, count: u32) -> Result<Vec<T>, Error> {
        values(key, &self.act(key, what, &json!({ "count": count })).await?.body)
    }
}

fn values<T: DeserializeOwned>(key: &str, body: &str) -> Result<Vec<T>, Error> {
    let values: Values<T> = serde_json::from_str(body).map_err(|error| Error::value(key, error))?;
    Ok(values.values)
}

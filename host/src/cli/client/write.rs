//! Commands that store, change and remove values.

use automation_kv_client::{Call, Method};
use clap::{ArgGroup, Args};
use serde_json::json;

use super::super::CommandError;
use super::connection::Write;
use super::json;

/// How long a key is to live.
#[derive(Debug, Args)]
#[group(id = "lifetime", multiple = false)]
pub(super) struct Lifetime {
    /// For so many seconds.
    #[arg(long, value_name = "SECONDS")]
    ex: Option<u64>,

    /// For so many milliseconds.
    #[arg(long, value_name = "MILLISECONDS")]
    px: Option<u64>,

    /// Until a time, in seconds since 1970.
    #[arg(long, value_name = "SECONDS")]
    exat: Option<u64>,
}

impl Lifetime {
    /// The option that is given, by its name in the API.
    pub(super) fn option(&self) -> Option<(&'static str, u64)> {
        let options = [("ex", self.ex), ("px", self.px), ("exat", self.exat)];
        options.into_iter().find_map(|(name, time)| Some((name, time?)))
    }
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("existence").args(["nx", "xx"])))]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(in crate::cli) struct Set {
    /// The key.
    key: String,

    /// The value: JSON, `-` for stdin, `@FILE` for a file.
    #[arg(allow_negative_numbers = true)]
    value: String,

    /// Store what is given as a text, whatever it is.
    #[arg(long)]
    text: bool,

    /// Only if the key does not exist.
    #[arg(long)]
    nx: bool,

    /// Only if the key exists.
    #[arg(long)]
    xx: bool,

    /// Let the key live as long as it was to live anyway.
    #[arg(long, conflicts_with = "lifetime")]
    keep_ttl: bool,

    #[command(flatten)]
    lifetime: Lifetime,

    #[command(flatten)]
    write: Write,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("change").args(["member", "operations", "merge", "rfc_6902"]).required(true)))]
pub(in crate::cli) struct Patch {
    /// The key.
    key: String,

    /// Set one member: the path to it, as in who.role, and its value.
    #[arg(num_args = 2, value_names = ["PATH", "VALUE"], allow_negative_numbers = true)]
    member: Vec<String>,

    /// Carry out steps: a list such as [{"op":"append","path":"log","value":1}]; `-` for stdin, `@FILE` for a file.
    #[arg(long, value_name = "JSON")]
    operations: Option<String>,

    /// Merge an object into the value (RFC 7396).
    #[arg(long, value_name = "JSON")]
    merge: Option<String>,

    /// Apply a JSON Patch (RFC 6902).
    #[arg(long = "json-patch", value_name = "JSON")]
    rfc_6902: Option<String>,

    /// Make the key if it does not exist.
    #[arg(long)]
    create: bool,

    #[command(flatten)]
    write: Write,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Del {
    /// The key.
    key: String,

    /// Remove only what this names within the value.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,

    #[command(flatten)]
    write: Write,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Count {
    /// The key. One that does not exist counts from 0.
    key: String,

    /// By how much; an integer of any size.
    #[arg(default_value = "1", allow_negative_numbers = true)]
    by: String,

    #[command(flatten)]
    write: Write,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("time").args(["ex", "px", "exat"]).required(true)))]
pub(in crate::cli) struct Expire {
    /// The key.
    key: String,

    #[command(flatten)]
    lifetime: Lifetime,

    #[command(flatten)]
    write: Write,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Persist {
    /// The key.
    key: String,

    #[command(flatten)]
    write: Write,
}

impl Set {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let value = json::value(&self.value, self.text)?;
        let mut call = Call::on(&self.key, Method::PUT, "").body(value.get());
        for (name, is_given) in [("nx", self.nx), ("xx", self.xx), ("keepttl", self.keep_ttl)] {
            if is_given {
                call = call.query(name, "true");
            }
        }
        if let Some((name, time)) = self.lifetime.option() {
            call = call.query(name, time.to_string());
        }
        self.write.send(call, "version").await
    }
}

impl Patch {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let (body, content_type) = if let Some(operations) = &self.operations {
            let operations = json::read(operations)?;
            (format!(r#"{{"operations":{operations}}}"#), "application/json")
        } else if let Some(merge) = &self.merge {
            (json::read(merge)?.get().to_owned(), "application/merge-patch+json")
        } else if let Some(patch) = &self.rfc_6902 {
            (json::read(patch)?.get().to_owned(), "application/json-patch+json")
        } else {
            let (path, value) = match self.member.as_slice() {
                [path, value] => (json!(path), json::read(value)?),
                _ => return Err(CommandError::new("a path needs a value")),
            };
            (format!(r#"{{"path":{path},"value":{value}}}"#), "application/json")
        };
        let mut call = Call::on(&self.key, Method::PATCH, "")
            .body(body)
            .content_type(content_type);
        if self.create {
            call = call.query("create", "true");
        }
        self.write.send(call, "version").await
    }
}

impl Del {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let mut call = Call::on(&self.key, Method::DELETE, "");
        if let Some(path) = self.path {
            call = call.query("path", path);
        }
        self.write.send(call, "deleted").await
    }
}

impl Count {
    pub(super) async fn run(self, what: &'static str) -> Result<(), CommandError> {
        let body = json!({ "by": self.by }).to_string();
        let call = Call::on(&self.key, Method::POST, what).body(body);
        self.write.send(call, "value").await
    }
}

impl Expire {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let option = self.lifetime.option();
        let body: serde_json::Map<_, _> = option
            .map(|(name, time)| (name.to_owned(), json!(time)))
            .into_iter()
            .collect();
        let call = Call::on(&self.key, Method::POST, "expire").body(json!(body).to_string());
        self.write.send(call, "expires_at").await
    }
}

impl Persist {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let call = Call::on(&self.key, Method::POST, "persist");
        self.write.send(call, "version").await
    }
}

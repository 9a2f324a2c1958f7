//! Commands on lists.

use std::fmt::Write as _;

use automation_kv_client::{Call, Method, Reply};
use clap::Args;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::{CommandError, Exit};
use super::connection::{Read, Write};
use super::write::Lifetime;
use super::{json as text, show};

#[derive(Debug, Args)]
pub(in crate::cli) struct Push {
    /// The key. One that does not exist becomes a list.
    key: String,

    /// The item: JSON, `-` for stdin, `@FILE` for a file.
    #[arg(allow_negative_numbers = true)]
    value: String,

    /// Add what is given as a text, whatever it is.
    #[arg(long)]
    text: bool,

    /// At the front; otherwise at the end.
    #[arg(long)]
    left: bool,

    /// The most items to keep; what is more falls off the other end.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    max_len: Option<u64>,

    #[command(flatten)]
    lifetime: Lifetime,

    #[command(flatten)]
    write: Write,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Pop {
    /// The key.
    key: String,

    /// From the end; otherwise from the front.
    #[arg(long)]
    right: bool,

    /// Take up to so many, and show them as a list.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: Option<u32>,

    #[command(flatten)]
    write: Write,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Len {
    /// The key.
    key: String,

    #[command(flatten)]
    read: Read,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Range {
    /// The key.
    key: String,

    /// The first item; -1 is the last one.
    #[arg(default_value_t = 0, allow_negative_numbers = true)]
    start: i64,

    /// The last item to show.
    #[arg(default_value_t = -1, allow_negative_numbers = true)]
    stop: i64,

    #[command(flatten)]
    read: Read,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Trim {
    /// The key.
    key: String,

    /// The first item to keep; -1 is the last one.
    #[arg(allow_negative_numbers = true)]
    start: i64,

    /// The last item to keep.
    #[arg(allow_negative_numbers = true)]
    stop: i64,

    #[command(flatten)]
    write: Write,
}

impl Push {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let mut body = format!(r#"{{"value":{}"#, text::value(&self.value, self.text)?);
        let max_len = self.max_len.map(|max_len| ("max_len", max_len));
        for (name, number) in max_len.into_iter().chain(self.lifetime.option()) {
            let _ = write!(body, r#","{name}":{number}"#);
        }
        body.push('}');
        let what = if self.left { "lpush" } else { "rpush" };
        let call = Call::on(&self.key, Method::POST, what).body(body);
        self.write.send(call, "length").await
    }
}

impl Pop {
    /// Asks for a list of items even if one is wanted: only so is an item that is `null` told from none.
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let what = if self.right { "rpop" } else { "lpop" };
        let body = json!({ "count": self.count.unwrap_or(1) }).to_string();
        let reply = self
            .write
            .call(Call::on(&self.key, Method::POST, what).body(body))
            .await?;
        let members = show::Members::of(&reply.body)?;
        let values: Vec<&RawValue> = serde_json::from_str(members.get("values").unwrap_or("[]")).unwrap_or_default();
        match (self.count, values.first()) {
            (_, None) => Err(CommandError::with(Exit::NotFound, format!("nothing in {:?}", self.key))),
            (Some(_), _) => self.write.show(&reply, "values"),
            (None, Some(value)) => {
                let (key, version) = (json!(self.key), members.get("version").unwrap_or("0"));
                let body = format!(r#"{{"key":{key},"value":{value},"version":{version}}}"#);
                let one = Reply { body, ..reply.clone() };
                self.write.show(&one, "value")
            }
        }
    }
}

impl Len {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let call = Call::on(&self.key, Method::GET, "len");
        self.read.send(call, "length").await
    }
}

impl Range {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let call = Call::on(&self.key, Method::GET, "range")
            .query("start", self.start.to_string())
            .query("stop", self.stop.to_string());
        self.read.send(call, "values").await
    }
}

impl Trim {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let body: Value = json!({ "start": self.start, "stop": self.stop });
        let call = Call::on(&self.key, Method::POST, "trim").body(body.to_string());
        self.write.send(call, "length").await
    }
}

//! `claim`, `renew` and `release`.

use std::time::Duration;

use automation_kv_client::{Call, Method};
use clap::Args;
use serde_json::{Value, json};

use super::super::CommandError;
use super::super::knobs;
use super::connection::Write;

/// Whose lease, and which.
#[derive(Debug, Args)]
pub(super) struct Holder {
    /// The name of the lease: a key.
    key: String,

    /// Who has it or wants it: a text that no two owners share. Unless given, `AUTOMATION_RUN_ID`.
    #[arg(long, env = "AUTOMATION_RUN_ID", value_name = "TEXT")]
    owner: String,

    #[command(flatten)]
    write: Write,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Claim {
    /// For how long, as in 90s, 15m.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = knobs::duration)]
    ttl: Duration,

    #[command(flatten)]
    holder: Holder,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Renew {
    /// For how long from now, as in 90s, 15m.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = knobs::duration)]
    ttl: Duration,

    /// Only if the lease is still the one with this fence.
    #[arg(long, value_name = "NUMBER")]
    fence: Option<u64>,

    #[command(flatten)]
    holder: Holder,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Release {
    /// Only if the lease is still the one with this fence.
    #[arg(long, value_name = "NUMBER")]
    fence: Option<u64>,

    #[command(flatten)]
    holder: Holder,
}

impl Claim {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        self.holder.call("claim", Some(self.ttl), None, "fence").await
    }
}

impl Renew {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        self.holder.call("renew", Some(self.ttl), self.fence, "fence").await
    }
}

impl Release {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        self.holder.call("release", None, self.fence, "released").await
    }
}

impl Holder {
    async fn call(
        &self,
        what: &'static str,
        ttl: Option<Duration>,
        fence: Option<u64>,
        result: &str,
    ) -> Result<(), CommandError> {
        let mut body: Value = json!({ "owner": self.owner });
        if let Some(ttl) = ttl {
            body["ttl_ms"] = json!(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        }
        if let Some(fence) = fence {
            body["fence"] = json!(fence);
        }
        let call = Call::on(&self.key, Method::POST, what).body(body.to_string());
        self.write.send(call, result).await
    }
}

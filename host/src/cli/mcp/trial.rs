//! What a write would change: the state is fetched, and the write carried out on the copy by the engine itself.

use std::time::{SystemTime, UNIX_EPOCH};

use automation_kv_client::{Call, Method};
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::CommandError;
use super::super::simulate;
use super::{Server, refusal};
use crate::api::{OfflineBatch, Refused};
use crate::automation::AutomationId;
use crate::clear;
use crate::diff::{Attributes, Colour, Difference, Document, Entry};
use crate::engine::Input;
use crate::plugins::Plugins;
use crate::vault::{TimestampMs, Vault};

/// What a list tells of a key.
#[derive(Deserialize)]
struct Listed {
    key: String,
    value: Box<RawValue>,
    size_bytes: u64,
    key_version: u64,
    created_at: jiff::Timestamp,
    updated_at: jiff::Timestamp,
    expires_at: Option<jiff::Timestamp>,
}

#[derive(Deserialize)]
struct List {
    entries: Vec<Listed>,
    version: u64,
    size_bytes: u64,
    limit_bytes: Option<u64>,
}

/// Answers with the difference that a batch would make to the state as it is now.
pub(super) async fn difference(server: &Server, batch: &Value) -> Result<CallToolResult, CallToolResult> {
    let call = Call::on_state(Method::GET, "")
        .query("values", "true")
        .query("meta", "true");
    let reply = server.kv.send(call).await.map_err(|error| super::refused(&error))?;
    let failed = |error: CommandError| refusal(&error.to_string());
    let (before, limit_bytes) = document(&reply.body).map_err(failed)?;
    let now = now();
    let refused = |refused: Refused| would_be_refused(&refused);
    let batch = OfflineBatch::read(&batch.to_string(), now, &Plugins::none()).map_err(refused)?;
    // The engine works for a moment and waits for nobody; other calls go on beside it.
    let tried = tokio::task::block_in_place(|| carry_out(server, &before, limit_bytes, batch, now)).map_err(failed)?;
    let (answer, after) = tried.map_err(refused)?;
    let difference = Difference::between(&before, &after).map_err(|error| refusal(&error.to_string()))?;
    let mut result = CallToolResult::structured(json!({
        "dry_run": true,
        "answer": answer,
        "difference": serde_json::to_value(&difference).unwrap_or_default(),
    }));
    result.content.push(ContentBlock::text(difference.text(Colour::Never)));
    Ok(result)
}

type Tried = Result<(Value, Document), Refused>;

/// The batch's answer and the state after it.
fn carry_out(
    server: &Server,
    before: &Document,
    limit_bytes: u64,
    batch: OfflineBatch,
    now: TimestampMs,
) -> Result<Tried, CommandError> {
    let input = Input {
        sealed: Some(clear::json(before).into_bytes()),
        vault: Vault::clear(now).for_automation(AutomationId::random()),
        max_state_bytes: limit_bytes,
        max_value_bytes: limit_bytes,
        now,
    };
    let session = server.engine.open(input)?;
    let (mut session, answer) = batch.carry_out(session, &mut |_, _| {})?;
    let answer = match answer {
        Ok(answer) => serde_json::from_str(&answer).unwrap_or_default(),
        Err(refused) => return Ok(Err(refused)),
    };
    Ok(Ok((answer, simulate::document(&mut session)?)))
}

/// The state that a list with values and meta shows, and the largest that it may be; 0 for no limit.
fn document(body: &str) -> Result<(Document, u64), CommandError> {
    let list: List = serde_json::from_str(body)
        .map_err(|error| CommandError::new(format!("the answer is not the service's: {error}")))?;
    let entries = list.entries.into_iter().map(|listed| Entry {
        value: listed.value.get().to_owned(),
        attributes: Some(Attributes {
            version: listed.key_version,
            size_bytes: listed.size_bytes,
            created_at: milliseconds(listed.created_at),
            updated_at: milliseconds(listed.updated_at),
            expires_at: listed.expires_at.map(milliseconds),
        }),
        key: listed.key,
    });
    let document = Document {
        version: Some(list.version),
        size_bytes: Some(list.size_bytes),
        entries: entries.collect(),
    };
    Ok((document, list.limit_bytes.unwrap_or(0)))
}

fn would_be_refused(refused: &Refused) -> CallToolResult {
    let body: Value = serde_json::from_str(&refused.body).unwrap_or_default();
    CallToolResult::structured_error(json!({ "dry_run": true, "status": refused.status, "answer": body }))
}

fn milliseconds(time: jiff::Timestamp) -> TimestampMs {
    TimestampMs::try_from(time.as_millisecond()).unwrap_or(0)
}

fn now() -> TimestampMs {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampMs::try_from(since_epoch.as_millis()).unwrap_or(TimestampMs::MAX)
}

//! Every refusal that an answer may have: its status, its code, and what it means. An operation names those that it may
//! give beside the groups at the end, which many operations have in common: what is added to a group is documented
//! wherever the group is.

use super::headers;

/// A refusal.
#[derive(Debug)]
pub(in crate::api) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// When it comes.
    pub(super) when: &'static str,
    /// A message that it may have.
    pub(super) message: &'static str,
    pub(super) detail: Detail,
    /// Further members, as the JSON text of an object.
    pub(super) members: &'static str,
    /// Headers that it carries beside those of every answer.
    pub(super) headers: &'static [&'static str],
}

/// What the member `detail` is.
#[derive(Debug)]
pub(super) enum Detail {
    /// There is none.
    None,
    Message,
    Code,
    /// Both, with a colon between them.
    CodeAndMessage,
    /// JSON text.
    Json(&'static str),
}

const RETRY: &[&str] = &[headers::RETRY_AFTER];
const CHALLENGE: &[&str] = &[headers::WWW_AUTHENTICATE];
const TAG: &[&str] = &[headers::ETAG];

impl Refusal {
    const fn new(status: u16, code: &'static str, when: &'static str) -> Self {
        Self {
            status,
            code,
            when,
            message: "",
            detail: Detail::None,
            members: "{}",
            headers: &[],
        }
    }

    const fn says(self, message: &'static str, detail: Detail) -> Self {
        Self {
            message,
            detail,
            ..self
        }
    }

    const fn with(self, members: &'static str) -> Self {
        Self { members, ..self }
    }

    const fn carries(self, headers: &'static [&'static str]) -> Self {
        Self { headers, ..self }
    }
}

pub(in crate::api) static INVALID_KEY: Refusal = Refusal::new(
    400,
    "invalid_key",
    "The key breaks a rule, or its percent-encoding is broken.",
)
.says(
    "keys starting with '$' are reserved for system use",
    Detail::CodeAndMessage,
);

pub(in crate::api) static INVALID_VALUE: Refusal = Refusal::new(
    400,
    "invalid_value",
    "The value cannot be kept: more than 32 levels deep, a number that is not finite, half of a surrogate pair; \
     or the body is not UTF-8.",
)
.says("Value exceeds maximum nesting depth of 32", Detail::CodeAndMessage);

pub(in crate::api) static MALFORMED_PATH: Refusal = Refusal::new(
    400,
    "invalid_path",
    "The path is malformed, longer than 32 segments, or would go through something that is not an object.",
)
.says("Invalid path: unclosed bracket in 'a[0'", Detail::CodeAndMessage);

pub(in crate::api) static TYPE_MISMATCH: Refusal = Refusal::new(
    400,
    "type_mismatch",
    "The value is of another type than the operation needs.",
)
.says("value is not an integer", Detail::CodeAndMessage);

pub(in crate::api) static NX_AND_XX: Refusal = Refusal::new(400, "invalid_request", "`nx` and `xx` are both set.")
    .says("Cannot use both nx and xx", Detail::Message);

pub(in crate::api) static NOT_A_LEASE: Refusal =
    Refusal::new(400, "not_a_lease", "The key holds something that is not a lease.").says(
        "the value of key \"config\" is not a lease; claim another key",
        Detail::CodeAndMessage,
    );

pub(in crate::api) static OPERATION_FAILED: Refusal = Refusal::new(
    400,
    "operation_failed",
    "An operation of the batch failed, and so nothing of it happened. `reason` is the code that the operation \
     would have got alone, or `check_failed`.",
)
.says(
    "key 'config' is not an integer",
    Detail::Json(
        r#"{"error":"operation_failed","message":"key 'config' is not an integer","operation_index":1,
            "operation":{"op":"incr","key":"config"}}"#,
    ),
)
.with(r#"{"reason":"type_mismatch","operation_index":1}"#);

pub(in crate::api) static INVALID_INPUT: Refusal = Refusal::new(
    400,
    "invalid_input",
    "The plugin cannot work with the input, for a reason that its schema does not say.",
)
.says("the window is longer than a year", Detail::Code)
.with(r#"{"plugin":"rate-limiter"}"#);

pub(in crate::api) static PLUGIN_FAILED: Refusal = Refusal::new(
    400,
    "plugin_failed",
    "The plugin gave up, and says why. Nothing was changed.",
)
.says("there is nothing to pick from", Detail::Code)
.with(r#"{"plugin":"weighted-picker"}"#);

pub(in crate::api) static PLUGIN_NOT_FOUND: Refusal =
    Refusal::new(404, "plugin_not_found", "There is no plugin of this name.").says(
        "there is no plugin named \"rate-limiter\"; GET /v1/plugins lists them",
        Detail::Code,
    );

pub(in crate::api) static PLUGIN_CONFLICT: Refusal = Refusal::new(
    409,
    "plugin_conflict",
    "The plugin cannot do this with the state as it is. Nothing was changed.",
)
.says("the value of \"visits\" is no list of times", Detail::Code)
.with(r#"{"plugin":"rate-limiter"}"#);

pub(in crate::api) static PLUGIN_REJECTED: Refusal = Refusal::new(
    409,
    "plugin_rejected",
    "An operation of the plugin was refused, and it passes that on; `reason` says why. Nothing was changed.",
)
.says(
    "an operation of the plugin rate-limiter was refused: a value is of another type",
    Detail::Code,
)
.with(r#"{"reason":"type_mismatch","plugin":"rate-limiter"}"#);

pub(in crate::api) static PLUGIN_FAULT: Refusal = Refusal::new(
    500,
    "plugin_fault",
    "The plugin crashed or went over a limit; `fault` says how. Nothing was changed. Tell the plugin's author.",
)
.says(
    "the plugin rate-limiter ran longer than its deadline; nothing was changed",
    Detail::Code,
)
.with(r#"{"fault":"deadline","plugin":"rate-limiter"}"#);

pub(in crate::api) static INVALID_AUTHORIZATION: Refusal =
    Refusal::new(401, "invalid_authorization", "The header is not `Bearer` and a token.")
        .says(
            "the header must be `Authorization: Bearer <token>`",
            Detail::Json(r#""Invalid authorization header format""#),
        )
        .carries(CHALLENGE);

pub(in crate::api) static MISSING_TOKEN: Refusal =
    Refusal::new(401, "missing_token", "There is nothing behind `Bearer`.")
        .says("there is no token behind `Bearer`", Detail::Json(r#""Missing token""#))
        .carries(CHALLENGE);

pub(in crate::api) static TOKEN_EXPIRED: Refusal = Refusal::new(
    401,
    "token_expired",
    "The token's time is over: ask the platform for a new one.",
)
.says(
    "the token's time is over; ask the platform for a new one",
    Detail::Json(r#""Token has expired""#),
)
.carries(CHALLENGE);

pub(in crate::api) static INVALID_TOKEN: Refusal =
    Refusal::new(401, "invalid_token", "The token does not hold; `detail` says why.")
        .says(
            "the token is not one that this service accepts; ask the platform for a new one",
            Detail::Json(r#""Invalid token: InvalidSignature""#),
        )
        .carries(CHALLENGE);

pub(in crate::api) static FORBIDDEN: Refusal =
    Refusal::new(403, "forbidden", "The token holds, and is not good for this call.").says(
        "an administrator's token opens no state; use one of the automation",
        Detail::Message,
    );

pub(in crate::api) static AUTOMATION_NOT_FOUND: Refusal = Refusal::new(
    404,
    "automation_not_found",
    "The platform does not know the automation. Only in a database that was taken over from the Python service.",
)
.says(
    "the platform does not know this automation, or has deleted it",
    Detail::Code,
);

pub(in crate::api) static KEY_NOT_FOUND: Refusal =
    Refusal::new(404, "key_not_found", "There is no such key.").says("key \"config\" does not exist", Detail::Code);

pub(in crate::api) static PATH_NOT_FOUND: Refusal =
    Refusal::new(404, "invalid_path", "The path is well-formed and leads nowhere.")
        .says("the path leads nowhere in the value of key \"config\"", Detail::Code);

pub(in crate::api) static VERSION_MISMATCH: Refusal = Refusal::new(
    409,
    "version_mismatch",
    "`if_version` is not the state's version: read again and decide again.",
)
.says(
    "State was modified by another process",
    Detail::Json(
        r#"{"error":"version_mismatch","message":"State was modified by another process",
                 "expected_version":7,"actual_version":1}"#,
    ),
)
.with(r#"{"expected_version":7,"actual_version":1}"#)
.carries(RETRY);

pub(in crate::api) static KEY_EXISTS: Refusal = Refusal::new(409, "key_exists", "`nx` is set, and the key exists.")
    .says("key \"lock\" already exists (nx=true)", Detail::None)
    .with(r#"{"key":"lock","created":false}"#);

pub(in crate::api) static KEY_NOT_EXISTS: Refusal =
    Refusal::new(409, "key_not_exists", "`xx` is set, and the key does not exist.")
        .says("key \"lock\" does not exist (xx=true)", Detail::Code);

pub(in crate::api) static KEY_VERSION_MISMATCH: Refusal = Refusal::new(
    409,
    "key_version_mismatch",
    "`if_key_version` is not the key's version: read again and decide again.",
)
.says(
    "key \"config\" was modified by another process: read it again and decide again",
    Detail::Code,
)
.with(r#"{"key":"config","expected_key_version":1,"actual_key_version":2}"#)
.carries(RETRY);

pub(in crate::api) static TEST_FAILED: Refusal = Refusal::new(
    409,
    "test_failed",
    "A `test` of the JSON Patch does not hold. `operation_index` tells which, if there is only one.",
)
.says(
    "a test of the patch does not hold for key \"config\"; nothing was changed",
    Detail::Code,
)
.with(r#"{"operation_index":0}"#);

pub(in crate::api) static HELD: Refusal = Refusal::new(
    409,
    "held",
    "Another owner has the lease; `Retry-After` says for how long.",
)
.says("the lease \"leader\" is held by \"run-1\"", Detail::Code)
.with(r#"{"owner":"run-1","fence":25,"expires_at":"2026-11-25T23:12:51.818+00:00"}"#)
.carries(RETRY);

pub(in crate::api) static NOT_HELD: Refusal = Refusal::new(
    409,
    "not_held",
    "This owner (with this `fence`) does not have the lease, or has it no more.",
)
.says(
    "the lease \"leader\" is not held by this owner (with this fence); claim it again",
    Detail::Code,
);

pub(in crate::api) static BUSY: Refusal = Refusal::new(
    409,
    "kv_store_busy",
    "The time for waiting ran out behind other writes; this one will not happen. Try again.",
)
.says("another operation is in progress, please retry", Detail::CodeAndMessage)
.carries(RETRY);

pub(in crate::api) static AUTOMATION_DELETED: Refusal = Refusal::new(
    410,
    "automation_deleted",
    "The automation was deleted, and its state with it. Give up.",
)
.says("the automation was deleted, and its state with it", Detail::Code);

pub(in crate::api) static PRECONDITION_FAILED: Refusal = Refusal::new(
    412,
    "precondition_failed",
    "`If-Match` or `If-None-Match` does not hold. `ETag` is the present one, if there is such a key.",
)
.says("key \"config\" has the tag \"2\" now", Detail::Code)
.with(r#"{"key":"config"}"#)
.carries(TAG);

pub(in crate::api) static BODY_TOO_LARGE: Refusal =
    Refusal::new(413, "body_too_large", "The body is larger than any request needs.")
        .says("Request body exceeds limit (1048576 bytes)", Detail::Message)
        .with(r#"{"limit_bytes":1048576}"#);

pub(in crate::api) static STATE_TOO_LARGE: Refusal = Refusal::new(
    413,
    "state_too_large",
    "The state would exceed its limit. What does not make it larger is never refused.",
)
.says("State size (66064 bytes) exceeds limit (65536 bytes)", Detail::Message)
.with(r#"{"key":"big","current_size_bytes":55,"size_bytes":66064,"limit_bytes":65536,"free_bytes":65481}"#);

pub(in crate::api) static VALUE_TOO_LARGE: Refusal = Refusal::new(
    413,
    "value_too_large",
    "A value would exceed its limit, where that is smaller than the state's.",
)
.says("Value size (66009 bytes) exceeds limit (65536 bytes)", Detail::Message)
.with(r#"{"key":"big","size_bytes":66009,"limit_bytes":65536}"#);

pub(in crate::api) static MISSING_AUTHORIZATION: Refusal =
    Refusal::new(422, "missing_authorization", "There is no `Authorization` header.")
        .says(
            "send the header `Authorization: Bearer <token>` with the automation's token",
            Detail::Json(r#"[{"loc":["header","authorization"],"msg":"Field required","type":"missing"}]"#),
        )
        .carries(CHALLENGE);

pub(in crate::api) static INVALID_REQUEST: Refusal = Refusal::new(
    422,
    "invalid_request",
    "The request has another shape than is described here: JSON, members, parameters, headers, types. `detail` \
     names each problem.",
)
.says(
    "body.amount: unknown field",
    Detail::Json(r#"[{"loc":["body","amount"],"msg":"unknown field","type":"extra_forbidden"}]"#),
);

pub(in crate::api) static IDEMPOTENCY_KEY_REUSED: Refusal = Refusal::new(
    422,
    "idempotency_key_reused",
    "`Idempotency-Key` was sent with another request before.",
)
.says(
    "header.idempotency-key: was sent with another request before; take a new key for a new request",
    Detail::Json(
        r#"[{"loc":["header","idempotency-key"],
                  "msg":"was sent with another request before; take a new key for a new request",
                  "type":"idempotency_key_reused"}]"#,
    ),
);

pub(in crate::api) static DECRYPT_FAILED: Refusal = Refusal::new(
    500,
    "decrypt_failed",
    "The stored state does not open with the service's secrets.",
)
.says("Failed to decrypt value", Detail::Message);

pub(in crate::api) static STATE_UNREADABLE: Refusal = Refusal::new(
    500,
    "state_unreadable",
    "The stored state opens, and is not one that this build reads.",
)
.says("the stored state cannot be read", Detail::Message);

pub(in crate::api) static ENGINE_FAILED: Refusal = Refusal::new(
    500,
    "engine_failed",
    "A defect of the service; nothing was changed. Tell the operator the `X-Request-Id`.",
)
.says("the engine failed; nothing was changed", Detail::Message);

pub(in crate::api) static DROPPED: Refusal = Refusal::new(
    500,
    "dropped",
    "A defect of the service; nothing was changed. Tell the operator the `X-Request-Id`.",
)
.says("the request was dropped by the service", Detail::Message);

pub(in crate::api) static NOT_CONFIGURED: Refusal = Refusal::new(503, "not_configured", "The service has no secret.")
    .says(
        "the service has no secret; its operator must set AUTOMATION_KV_SECRET",
        Detail::Json(r#""KV store not configured (missing AUTOMATION_KV_SECRET)""#),
    );

pub(in crate::api) static OVERLOADED: Refusal = Refusal::new(
    503,
    "overloaded",
    "Too many writes wait for this automation; this one will not happen. Try again.",
)
.says(
    "too many writes wait for this automation, please retry",
    Detail::Message,
)
.carries(RETRY);

pub(in crate::api) static STORAGE_UNAVAILABLE: Refusal = Refusal::new(
    503,
    "storage_unavailable",
    "The database failed, or did not answer in time; nothing was written. Try again.",
)
.says("the storage is not available, please retry", Detail::Message)
.carries(RETRY);

pub(in crate::api) static OUTCOME_UNKNOWN: Refusal = Refusal::new(
    503,
    "outcome_unknown",
    "The database was lost while it saved: the write may have happened or not. Send it again with the same \
     `Idempotency-Key`, or read first.",
)
.says(
    "the storage was lost while saving: the write may have happened or not; read before you repeat it",
    Detail::Message,
)
.carries(RETRY);

pub(in crate::api) static STORAGE_FULL: Refusal = Refusal::new(
    507,
    "storage_full",
    "The database has no room for the write; nothing was written.",
)
.says(
    "the storage has no room left; delete something, or ask the operator",
    Detail::Message,
)
.carries(RETRY);

/// Of every call that needs a token, of either kind.
pub(super) static TOKEN: [&Refusal; 9] = [
    &INVALID_AUTHORIZATION,
    &MISSING_TOKEN,
    &TOKEN_EXPIRED,
    &INVALID_TOKEN,
    &FORBIDDEN,
    &MISSING_AUTHORIZATION,
    &INVALID_REQUEST,
    &NOT_CONFIGURED,
    &STORAGE_UNAVAILABLE,
];

/// Of every call on a state.
pub(in crate::api) static STATE: [&Refusal; 6] = [
    &AUTOMATION_NOT_FOUND,
    &AUTOMATION_DELETED,
    &DECRYPT_FAILED,
    &STATE_UNREADABLE,
    &ENGINE_FAILED,
    &DROPPED,
];

/// Of every call on a key.
pub(super) static KEY: [&Refusal; 1] = [&INVALID_KEY];

/// Of every call that may write to a state, a batch included.
pub(super) static WRITE: [&Refusal; 6] = [
    &VERSION_MISMATCH,
    &BUSY,
    &IDEMPOTENCY_KEY_REUSED,
    &OVERLOADED,
    &OUTCOME_UNKNOWN,
    &STORAGE_FULL,
];

/// Of every call that may write to one key.
pub(super) static KEY_WRITE: [&Refusal; 2] = [&KEY_VERSION_MISMATCH, &PRECONDITION_FAILED];

/// Of every call that reads a body.
pub(super) static BODY: [&Refusal; 2] = [&INVALID_VALUE, &BODY_TOO_LARGE];

/// Of every call that may make a state larger.
pub(in crate::api) static GROWTH: [&Refusal; 2] = [&STATE_TOO_LARGE, &VALUE_TOO_LARGE];

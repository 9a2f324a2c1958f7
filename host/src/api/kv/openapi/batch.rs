//! `POST /v1/kv/batch`, and the key of that name

use serde_json::json;
use utoipa::openapi::Type;
use utoipa::openapi::path::HttpMethod;

use super::{counters, leases, lifetime, lifetime_members, lists, patch, removal, values, version};
use crate::api::kv::batch::MAX_OPERATIONS;
use crate::api::openapi::refusals::{
    GROWTH, INVALID_INPUT, OPERATION_FAILED, PLUGIN_CONFLICT, PLUGIN_FAILED, PLUGIN_FAULT, PLUGIN_NOT_FOUND,
    PLUGIN_REJECTED,
};
use crate::api::openapi::schema::{
    Member, Schema, any_of, anything, boolean, closed, integer, list, may, must, named, natural, object, one_of,
    or_null, pattern, string, time_or_null, with_one_of, within, without, word,
};
use crate::api::openapi::{Answer, IDEMPOTENCY_REPLAYED, Operation, idempotency_key};

/// The names for the operations on a key named `batch`, in the order of [`values::key`].
const KEY_IDS: [&str; 4] = [
    "getValueOfBatch",
    "putValueOfBatch",
    "patchValueOfBatch",
    "deleteKeyBatch",
];

/// What can be done at the path of batches, which is also that of a key named `batch`.
pub(in crate::api::kv) fn batch_path() -> Vec<Operation> {
    let of_key = values::key().into_iter().zip(KEY_IDS);
    of_key
        .map(|(operation, id)| {
            operation
                .called(id)
                .tagged("The key named batch")
                .text("The same as for any other key, for one that is named `batch`.")
                .takes_no("key")
                .leads_nowhere()
        })
        .chain([run()])
        .collect()
}

/// The schemas that only batches have.
pub(super) fn schemas() -> Vec<(&'static str, Schema)> {
    let mut schemas = operations();
    let names: Vec<Schema> = schemas.iter().map(|(name, _)| named(name)).collect();
    schemas.push((
        "BatchOperation",
        one_of(
            "An operation of a batch; each does what the call of its name does.",
            names,
        ),
    ));
    schemas.push(("BatchResult", result()));
    schemas
}

fn run() -> Operation {
    let operations = list(named("BatchOperation"), "What to do, in this order.");
    let body = closed([
        may("if_version", if_version()),
        must(
            "operations",
            operations.min_items(Some(1)).max_items(Some(MAX_OPERATIONS)),
        ),
    ]);
    let answer = object([
        version(),
        must("results", list(named("BatchResult"), "One for each operation.")),
    ]);
    Operation::write(HttpMethod::Post, "runBatch", "Do several things, all or none")
        .tagged("Batches")
        .text(
            "Carries out operations in order, all of them or none. An accepted batch is one new version, also if none \
             of its operations changed anything. `check` makes it conditional on keys; it takes no conditional \
             headers.",
        )
        .takes([idempotency_key()])
        .body(
            body.into(),
            &[
                (
                    "count and log",
                    r#"{"operations":[{"op":"incr","key":"runs"},{"op":"rpush","key":"log","value":"ok"}]}"#,
                ),
                (
                    "check, read, set",
                    r#"{"operations":[{"op":"check","key":"runs","equals":41},{"op":"read","key":"seen"},
                        {"op":"set","key":"cursor","value":18}],"if_version":28}"#,
                ),
            ],
        )
        .answers(
            200,
            Answer::json(
                "All of it happened.",
                answer.into(),
                &[(
                    "results",
                    r#"{"version":28,"results":[{"op":"incr","key":"runs","success":true,"value":41},
                        {"op":"rpush","key":"log","success":true,"length":1}]}"#,
                )],
            )
            .carries([IDEMPOTENCY_REPLAYED]),
        )
        .refuses(&[
            &OPERATION_FAILED,
            &INVALID_INPUT,
            &PLUGIN_FAILED,
            &PLUGIN_NOT_FOUND,
            &PLUGIN_CONFLICT,
            &PLUGIN_REJECTED,
            &PLUGIN_FAULT,
        ])
        .refuses(&GROWTH)
}

/// The state's version as a body says it.
fn if_version() -> Schema {
    any_of(
        "Go ahead only if the state has this version.",
        [
            or_null(integer(""), Type::Integer).into(),
            pattern("^-?(?:0|[1-9][0-9]*)$", "The same as a text.").into(),
        ],
    )
}

/// All operations, by their names.
fn operations() -> Vec<(&'static str, Schema)> {
    let path = || may("path", named("Path"));
    let [value, condition] = removal::remove_members();
    vec![
        ("BatchRead", operation("read", [path()])),
        ("BatchCheck", check()),
        ("BatchSet", set()),
        (
            "BatchPatch",
            one_of(
                "`patch`: unlike `PATCH` it makes a missing key.",
                [
                    operation("patch", patch::member()),
                    operation("patch", [patch::steps()]),
                ],
            ),
        ),
        ("BatchDelete", operation("delete", [])),
        (
            "BatchExpire",
            one_of(
                "`expire`",
                lifetime::expire_members().map(|member| operation("expire", [member])),
            ),
        ),
        ("BatchPersist", operation("persist", [])),
        (
            "BatchCount",
            operation_of(&["incr", "decr"], counters::members()).into(),
        ),
        (
            "BatchPush",
            with_one_of(
                operation_of(&["lpush", "rpush"], lists::push_members()),
                &["ex", "px", "exat"],
            )
            .into(),
        ),
        ("BatchPop", operation_of(&["lpop", "rpop"], lists::pop_members()).into()),
        ("BatchLength", operation("len", [])),
        ("BatchRange", operation("range", lists::range_members())),
        ("BatchTrim", operation("trim", lists::trim_members())),
        (
            "BatchRemove",
            one_of(
                "`remove`",
                [operation("remove", [value]), operation("remove", [condition])],
            ),
        ),
        ("BatchPrune", operation("prune", removal::prune_members())),
        ("BatchClaim", operation("claim", leases::claim_members())),
        ("BatchRenew", operation("renew", leases::renew_members())),
        ("BatchRelease", operation("release", leases::release_members())),
        ("BatchCall", call()),
    ]
}

fn check() -> Schema {
    let check = |test, with_path: bool| {
        let path = with_path.then(|| may("path", named("Path")));
        operation("check", path.into_iter().chain([test]))
    };
    one_of(
        "`check`: the batch goes on only if this holds of the key, or of a place in its value.",
        [
            check(must("exists", named("Yes")), true),
            check(must("absent", named("Yes")), true),
            check(must("equals", named("Value")), true),
            check(
                must(
                    "version",
                    within(0, u64::MAX, "The key's version; 0 if it must not exist."),
                ),
                false,
            ),
        ],
    )
}

fn set() -> Schema {
    let mut members = vec![
        must("value", named("Value")),
        may("nx", named("Flag")),
        may("xx", named("Flag")),
        may("keepttl", named("Flag")),
    ];
    members.extend(lifetime_members());
    let yes = json!({"$ref": "#/components/schemas/Yes"});
    let times = ["ex", "px", "exat"];
    let mut excluded = vec![json!({"required": ["nx", "xx"], "properties": {"nx": yes, "xx": yes}})];
    for (index, time) in times.iter().enumerate() {
        excluded.push(json!({"required": [time, "keepttl"], "properties": {"keepttl": yes}}));
        let others = times.iter().skip(index + 1);
        excluded.extend(others.map(|other| json!({"required": [time, other]})));
    }
    without(operation_of(&["set"], members), json!({"anyOf": excluded})).into()
}

/// A call has no key.
fn call() -> Schema {
    closed([
        must("op", word(["call"])),
        must("plugin", named("PluginName")),
        may(
            "input",
            anything("What the plugin is given, as its `input_schema` says; `{}` unless given."),
        ),
    ])
    .into()
}

fn operation(name: &'static str, members: impl IntoIterator<Item = Member>) -> Schema {
    operation_of(&[name], members).into()
}

fn operation_of(names: &[&'static str], members: impl IntoIterator<Item = Member>) -> utoipa::openapi::ObjectBuilder {
    let what = [must("op", word(names.iter().copied())), must("key", named("Key"))];
    closed(what.into_iter().chain(members))
}

fn result() -> Schema {
    object([
        must("op", string("What was done.")),
        may("key", named("Key")),
        may("plugin", named("PluginName")),
        may("output", anything("What the plugin gave.")),
        must("success", boolean("Always `true`.")),
        may("value", named("Value")),
        may("key_version", natural("The key's version.")),
        may("created", boolean("Whether the key is new.")),
        may("expires_at", time_or_null("When the key ends, if it does.")),
        may("results", list(named("StepResult"), "One for each step.")),
        may("deleted", boolean("Whether there was such a key.")),
        may("length", natural("The list's length.")),
        may("values", list(named("Value"), "Items.")),
        may("count", natural("How many items there are in this answer.")),
        may("removed", natural("How many were removed.")),
        may("owner", string("Who has the lease.")),
        may("fence", natural("The lease's fence.")),
        may("ttl_ms", natural("For how many milliseconds the lease was asked.")),
        may("released", boolean("Always `true`.")),
    ])
    .description(Some("What came of an operation."))
    .into()
}

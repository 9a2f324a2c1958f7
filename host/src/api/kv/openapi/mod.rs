//! What the OpenAPI document says of the endpoints of `/v1/kv`, in the order of `docs/api.md`.

mod batch;
mod counters;
mod leases;
mod lifetime;
mod list_keys;
mod lists;
mod patch;
mod removal;
mod values;

pub(in crate::api::kv) use batch::batch_path;
pub(in crate::api::kv) use counters::{decr, incr};
pub(in crate::api::kv) use leases::{claim, release, renew};
pub(in crate::api::kv) use lifetime::{expire, persist};
pub(in crate::api::kv) use list_keys::list_keys;
pub(in crate::api::kv) use lists::{len, lpop, lpush, range, rpop, rpush, trim};
pub(in crate::api::kv) use removal::{prune, remove};
pub(in crate::api::kv) use values::key;

use crate::api::openapi::schema::{Member, Schema, may, must, named, natural, object};

/// The schemas that the endpoints have in common, or that are worth a name.
pub(in crate::api) fn schemas() -> Vec<(&'static str, Schema)> {
    let mut schemas = vec![
        ("Entry", list_keys::entry()),
        ("Step", patch::step()),
        ("StepResult", patch::step_result()),
        ("JsonPatchOperation", patch::json_patch_operation()),
        ("Lease", leases::lease()),
    ];
    schemas.extend(batch::schemas());
    schemas
}

/// The body of an answer about a key.
fn of_key(members: impl IntoIterator<Item = Member>) -> Schema {
    let members = [must("key", named("Key"))].into_iter().chain(members);
    object(members.chain([version()])).into()
}

/// The version in the answer to everything but an error.
fn version() -> Member {
    must(
        "version",
        natural("The state's version, after what was written: fit for `if_version`."),
    )
}

/// How long a key that is written is to live, at most one of them.
fn lifetime_members() -> [Member; 3] {
    [
        may("ex", named("Seconds")),
        may("px", named("Milliseconds")),
        may("exat", named("UnixTime")),
    ]
}

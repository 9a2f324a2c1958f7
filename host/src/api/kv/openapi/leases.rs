//! `POST /v1/kv/{key}/claim`, `/renew` and `/release`

use utoipa::openapi::path::HttpMethod;

use super::of_key;
use crate::api::openapi::refusals::{GROWTH, HELD, NOT_A_LEASE, NOT_HELD};
use crate::api::openapi::schema::{Member, Schema, boolean, closed, may, must, named, natural, string, time, within};
use crate::api::openapi::{Answer, ETAG, IDEMPOTENCY_REPLAYED, MAX_OWNER_CHARS, Operation};

const EXAMPLES: &[(&str, &str)] = &[(
    "lease",
    r#"{"key":"leader","owner":"run-1","fence":25,"expires_at":"2026-11-25T23:12:51.818+00:00","ttl_ms":30000,
        "version":25}"#,
)];

/// Asks for a lease.
pub(in crate::api::kv) fn claim() -> Vec<Operation> {
    let operation = lease_operation("claimLease", "Ask for a lease")
        .text(
            "A lease is a key that one owner has for a time. It is granted if nobody has it, and goes on for the new \
             time if this owner has it already.\n\n\
             A lease is not mutual exclusion: its time may run out while its owner still works. Send `fence`, which \
             is higher for each later owner, along with the work, and let whoever receives it refuse a lower one than \
             the highest that it has seen.",
        )
        .body(
            closed(claim_members()).into(),
            &[("claim", r#"{"owner":"run-1","ttl_ms":30000}"#)],
        )
        .answers(200, granted())
        .refuses(&[&HELD])
        .refuses(&GROWTH);
    vec![operation]
}

/// Gives a lease another time.
pub(in crate::api::kv) fn renew() -> Vec<Operation> {
    let operation = lease_operation("renewLease", "Keep a lease")
        .text("Gives a lease that its owner has another time. With `fence`, only the lease that had this fence.")
        .body(
            closed(renew_members()).into(),
            &[("renew", r#"{"owner":"run-1","ttl_ms":30000,"fence":25}"#)],
        )
        .answers(200, granted())
        .refuses(&[&NOT_HELD]);
    vec![operation]
}

/// Gives a lease back.
pub(in crate::api::kv) fn release() -> Vec<Operation> {
    let released = of_key([must("released", boolean("Always `true`."))]);
    let operation = lease_operation("releaseLease", "Give a lease back")
        .text("Gives a lease back before its time is over. With `fence`, only the lease that had this fence.")
        .body(
            closed(release_members()).into(),
            &[("release", r#"{"owner":"run-1","fence":25}"#)],
        )
        .answers(
            200,
            Answer::json(
                "The lease is free.",
                released,
                &[("released", r#"{"key":"leader","released":true,"version":27}"#)],
            )
            .carries([ETAG, IDEMPOTENCY_REPLAYED]),
        )
        .refuses(&[&NOT_HELD]);
    vec![operation]
}

/// The members of a claim.
pub(super) fn claim_members() -> [Member; 2] {
    [owner(), must("ttl_ms", named("Milliseconds"))]
}

/// The members of a renewal.
pub(super) fn renew_members() -> [Member; 3] {
    [owner(), must("ttl_ms", named("Milliseconds")), fence()]
}

/// The members of a release.
pub(super) fn release_members() -> [Member; 2] {
    [owner(), fence()]
}

/// A lease that was granted.
pub(super) fn lease() -> Schema {
    of_key([
        must("owner", string("Who has it.")),
        must("fence", natural("A number that is higher for each later owner.")),
        must("expires_at", time("When it ends.")),
        must("ttl_ms", natural("For how many milliseconds it was asked.")),
    ])
}

fn lease_operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::key_write(HttpMethod::Post, id, summary)
        .tagged("Leases")
        .refuses(&[&NOT_A_LEASE])
}

fn granted() -> Answer {
    Answer::json("The lease is this owner's.", named("Lease"), EXAMPLES)
        .carries([ETAG, IDEMPOTENCY_REPLAYED])
        .leads_to(["getValue"])
}

fn owner() -> Member {
    let owner = string("A text that no two owners share, a run's id for instance.");
    must("owner", owner.min_length(Some(1)).max_length(Some(MAX_OWNER_CHARS)))
}

fn fence() -> Member {
    may("fence", within(1, u64::MAX, "The fence of the lease that is meant."))
}

//! The mixes of requests that services are compared by.

use std::sync::Arc;

use super::drive::{Requests, request};

/// A mix, and what it needs to find.
pub struct Mix {
    /// Its name in the tables.
    pub name: &'static str,
    /// The requests.
    pub requests: Requests,
    /// What reads the counter that each of them adds 1 to, if there is one.
    pub counter: Option<Arc<[u8]>>,
}

/// A small value, as a script keeps it.
const SMALL: &str = r#"{"cursor":"2026-01-01T00:00:00Z","page":7}"#;

/// Ten operations that leave the document as large as it was.
const BATCH: &str = concat!(
    r#"{"operations":[{"op":"incr","key":"n"},{"op":"incr","key":"m","by":3},{"op":"decr","key":"d"},"#,
    r#"{"op":"set","key":"k","value":{"cursor":"2026-01-01T00:00:00Z","page":7}},{"op":"set","key":"s","value":"done"},"#,
    r#"{"op":"rpush","key":"q","value":{"id":1}},{"op":"lpop","key":"q"},"#,
    r#"{"op":"patch","key":"o","path":"a.b","value":true},{"op":"patch","key":"o","path":"a.c","value":5},"#,
    r#"{"op":"delete","key":"s"}]}"#
);

/// Automations with a large document, beyond those with a small one.
pub const LARGE: usize = 32;

/// Every mix, over the automations of these tokens, the last [`LARGE`] of which have large documents. `prefix` is what comes
/// before `/v1/kv`. See [`spread`] for `shares`.
pub fn all(prefix: &str, tokens: &[String], shares: usize) -> Vec<Mix> {
    let prepare = |tokens: &[String], method: &str, path: &str, body: &str| -> Vec<Arc<[u8]>> {
        tokens
            .iter()
            .map(|token| request(method, &format!("{prefix}/v1/kv{path}"), token, body))
            .collect()
    };
    let (many, large) = split(tokens);
    let one = &many[..1];
    let mix = |name, list| Mix {
        name,
        requests: spread(list, shares),
        counter: None,
    };
    let reads = prepare(many, "GET", "/k", "");
    let writes = prepare(many, "POST", "/n/incr", "");
    vec![
        mix("get-small", prepare(one, "GET", "/k", "")),
        mix("put-small", prepare(many, "PUT", "/k", SMALL)),
        Mix {
            counter: prepare(one, "GET", "/n", "").pop(),
            ..mix("incr-one", prepare(one, "POST", "/n/incr", ""))
        },
        mix("incr-many", writes.clone()),
        mix("batch10", prepare(many, "POST", "/batch", BATCH)),
        mix("incr-60k", prepare(large, "POST", "/big_n/incr", "")),
        Mix {
            name: "80/20",
            requests: Arc::new(move |client, turn| {
                let at = scatter(client, turn);
                let list = if at.is_multiple_of(5) { &writes } else { &reads };
                Arc::clone(pick(list, at / 5, client, shares))
            }),
            counter: None,
        },
    ]
}

/// Requests that put in place what the mixes read.
pub fn seeds(prefix: &str, tokens: &[String]) -> Vec<Arc<[u8]>> {
    let put = |token: &String, path: &str, body: &str| request("PUT", &format!("{prefix}/v1/kv{path}"), token, body);
    let large = format!("\"{}\"", "abcdefghijklmno ".repeat(60_000 / 16));
    let (many, with_large) = split(tokens);
    let small = many.iter().map(|token| put(token, "/k", SMALL));
    let big = with_large.iter().map(|token| put(token, "/big", &large));
    small.chain(big).collect()
}

/// Those with small documents, and those with large ones.
pub fn split(tokens: &[String]) -> (&[String], &[String]) {
    tokens.split_at(tokens.len().saturating_sub(LARGE))
}

/// Each client's requests, scattered over a list. With more than one share, each client keeps to its own part of the list, as
/// if a load balancer sent all requests of an automation to one service.
pub fn spread(list: Vec<Arc<[u8]>>, shares: usize) -> Requests {
    Arc::new(move |client, turn| Arc::clone(pick(&list, scatter(client, turn), client, shares)))
}

fn pick(list: &[Arc<[u8]>], at: usize, client: usize, shares: usize) -> &Arc<[u8]> {
    let share = list.len() / shares;
    if share == 0 {
        return &list[at % list.len()];
    }
    &list[at % share * shares + client % shares]
}

/// A number that looks random and is the same in every run (the finalizer of `SplitMix64`).
fn scatter(client: usize, turn: usize) -> usize {
    let mut mixed = (client as u64) << 32 | turn as u64;
    mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap_or(0)
}

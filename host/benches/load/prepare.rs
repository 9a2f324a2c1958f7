//! What is there before a service is driven: tokens, and what their automations hold.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use automation_kv::token::Tokens;
use uuid::Uuid;

use super::drive::{Requests, Until, drive};

/// Tokens of as many new automations.
pub fn tokens(secret: &str, count: usize) -> Vec<String> {
    let tokens = Tokens::new(&secret.into(), &[]);
    let mint = |_| {
        tokens
            .mint(Uuid::new_v4().into(), Uuid::new_v4(), Duration::from_hours(24))
            .expect("a token")
    };
    (0..count).map(mint).collect()
}

/// Sends each request, the last ones perhaps more than once.
pub async fn fill(addresses: &[SocketAddr], seeds: Vec<Arc<[u8]>>) {
    const CLIENTS: usize = 16;
    let each = seeds.len().div_ceil(CLIENTS);
    let requests: Requests =
        Arc::new(move |client, turn| Arc::clone(&seeds[(client * each + turn).min(seeds.len() - 1)]));
    let report = drive(addresses, CLIENTS, Until::Each(each), &requests).await;
    assert_eq!(
        report.failed(),
        0,
        "{addresses:?} cannot be filled: {:?}",
        report.failures
    );
}

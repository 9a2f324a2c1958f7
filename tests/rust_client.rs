//! The Rust client against the running service: alone, in crowds, and behind a proxy that refuses and loses answers.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use automation_kv_client::{Error, Kv, Retry, SetOptions, Settings};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use support::service::{self, SECRET, Setup};
use support::token;

/// Of a hundred requests behind the proxy, how many are refused, and how many are carried out and not answered.
const REFUSED: u8 = 20;
const LOST: u8 = 5;

fn kv(address: SocketAddr, automation: Uuid) -> Kv {
    Kv::new(&Settings {
        url: format!("http://{address}"),
        token: token::valid(SECRET, &automation.to_string()).into(),
    })
    .unwrap()
    .with_retry(Retry {
        total: Duration::from_mins(2),
        ..Retry::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_as_they_were_stored() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let kv = kv(service.address(), Uuid::new_v4());

    assert_eq!(kv.get::<Value>("cursor").await.unwrap(), None);
    kv.set("cursor", &json!({"at": [1, 2.5, null]})).await.unwrap();
    assert_eq!(kv.get("cursor").await.unwrap(), Some(json!({"at": [1, 2.5, null]})));
    let exact: Box<RawValue> = serde_json::from_str("1.00000000000000000000001").unwrap();
    kv.set("a/b é", &exact).await.unwrap();
    let back: Option<Box<RawValue>> = kv.get("a/b é").await.unwrap();
    assert_eq!(back.unwrap().get(), exact.get());
    assert_eq!(kv.keys("").await.unwrap(), ["cursor", "a/b é"]);
    assert_eq!(kv.increment("runs", 41).await.unwrap(), 41);
    assert_eq!(kv.push("log", "first", Some(1)).await.unwrap(), 1);
    assert_eq!(kv.push("log", "second", Some(1)).await.unwrap(), 1);
    assert_eq!(kv.pop::<String>("log").await.unwrap(), Some("second".to_owned()));
    assert_eq!(kv.pop::<String>("log").await.unwrap(), None);
    assert!(kv.delete("cursor").await.unwrap());
    assert!(!kv.delete("cursor").await.unwrap());
    let reply = kv
        .batch()
        .increment("runs", 1)
        .set("cursor", &7)
        .read("runs")
        .send()
        .await
        .unwrap();
    assert_eq!(reply.results[2]["value"], json!(42));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_a_method() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let kv = kv(service.address(), Uuid::new_v4());

    kv.set_at("config", "who.name", "Ada").await.unwrap();
    kv.merge("config", &json!({"limit": 10, "who": {"role": "admin"}}))
        .await
        .unwrap();
    let steps = [
        json!({"op": "append", "path": "log", "value": 1}),
        json!({"op": "incr", "path": "limit"}),
    ];
    kv.patch("config", &steps).await.unwrap();
    let config = json!({"who": {"name": "Ada", "role": "admin"}, "limit": 11, "log": [1]});
    assert_eq!(kv.get("config").await.unwrap(), Some(config));
    assert_eq!(kv.get_at::<u32>("config", "log[0]").await.unwrap(), Some(1));
    assert_eq!(kv.get_at::<u32>("config", "log[1]").await.unwrap(), None);
    assert_eq!(kv.get_at::<u32>("nothing", "a").await.unwrap(), None);
    assert!(kv.delete_at("config", "who.role").await.unwrap());
    assert!(!kv.delete_at("config", "who.role").await.unwrap());

    for item in 1..=5 {
        kv.push("list", &item, None).await.unwrap();
    }
    assert_eq!(kv.push_front("list", &0).await.unwrap(), 6);
    assert_eq!(kv.length("list").await.unwrap(), 6);
    assert_eq!(kv.pop_back::<u32>("list").await.unwrap(), Some(5));
    assert_eq!(kv.pop_many::<u32>("list", 2).await.unwrap(), [0, 1]);
    assert_eq!(kv.range::<u32>("list", 1, -1).await.unwrap(), [3, 4]);
    assert_eq!(kv.trim("list", 0, 1).await.unwrap(), 2);
    assert_eq!(kv.remove("list", &3).await.unwrap(), 1);
    kv.set("jobs", &json!([{"id": 1, "done": true}, {"id": 2}]))
        .await
        .unwrap();
    assert_eq!(kv.remove_where("jobs", "done", &true).await.unwrap(), 1);
    kv.set("seen", &json!({"a": 1_700_000_000, "b": 4_102_444_800_u64}))
        .await
        .unwrap();
    assert_eq!(kv.prune("seen", Duration::from_mins(1), None).await.unwrap(), 1);

    kv.expire("seen", Duration::from_millis(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(kv.get::<Value>("seen").await.unwrap(), None);
    kv.persist("jobs").await.unwrap();

    let mut cursor = kv.cursor::<u64>("feed").await.unwrap();
    let mut other = kv.cursor::<u64>("feed").await.unwrap();
    assert_eq!(cursor.value(), None);
    cursor.advance(7).await.unwrap();
    cursor.advance(8).await.unwrap();
    assert!(matches!(other.advance(1).await, Err(Error::Conflict(_))));
    assert_eq!(kv.get("feed").await.unwrap(), Some(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_come_by_kind() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let automation = Uuid::new_v4();
    let kv = kv(service.address(), automation);

    kv.set("taken", &1).await.unwrap();
    let options = SetOptions {
        if_absent: true,
        ..SetOptions::default()
    };
    assert!(matches!(
        kv.set_with("taken", &2, options).await,
        Err(Error::Conflict(_))
    ));
    match kv.set("big", &"x".repeat(70_000)).await {
        Err(Error::TooLarge(refusal)) => assert!(refusal.free_bytes().unwrap() > 60_000),
        other => panic!("{other:?}"),
    }
    assert!(matches!(kv.increment("k\u{7}", 1).await, Err(Error::Invalid(_))));
    kv.set("text", "x").await.unwrap();
    assert!(matches!(kv.get::<u64>("text").await, Err(Error::Value { key, .. }) if key == "text"));
    let stranger = Kv::new(&Settings {
        url: format!("http://{}", service.address()),
        token: token::valid("another secret", &automation.to_string()).into(),
    });
    assert!(matches!(
        stranger.unwrap().get::<Value>("x").await,
        Err(Error::Unauthorized(_))
    ));
    let address = service.address();
    service.kill();
    let nobody = self::kv(address, automation).with_retry(Retry::never());
    assert!(matches!(nobody.get::<Value>("x").await, Err(Error::Unreachable { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_a_crowd_all_count() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    count_in_a_crowd(service.address(), service.address(), 16, 25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_stay_exact_where_requests_are_refused_and_answers_lost() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let proxy = faulty_proxy(service.address()).await;
    count_in_a_crowd(proxy, service.address(), 8, 25).await;
}

/// Everybody increments one key by transactions and another by the service's own increment.
async fn count_in_a_crowd(by: SocketAddr, service: SocketAddr, clients: u32, times: u32) {
    let automation = Uuid::new_v4();
    let crowd: Vec<_> = (0..clients)
        .map(|_| {
            let kv = kv(by, automation);
            tokio::spawn(async move {
                for _ in 0..times {
                    let next = |count: Option<u32>| count.unwrap_or(0) + 1;
                    kv.transaction("by transaction", next).await.unwrap();
                    kv.increment("by increment", 1).await.unwrap();
                }
            })
        })
        .collect();
    for member in crowd {
        member.await.unwrap();
    }
    let kv = kv(service, automation);
    assert_eq!(kv.get("by transaction").await.unwrap(), Some(clients * times));
    assert_eq!(kv.get("by increment").await.unwrap(), Some(clients * times));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_racers_one_is_first_and_one_has_the_lease() {
    const ROUNDS: u32 = 50;
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    for round in 0..ROUNDS {
        let automation = Uuid::new_v4();
        let racers: Vec<_> = (0..16)
            .map(|_| {
                let kv = kv(service.address(), automation);
                tokio::spawn(async move {
                    let lease = kv.claim("leader", Duration::from_secs(30)).await.unwrap();
                    let is_first = kv.once("message", None).await.unwrap();
                    (lease, is_first)
                })
            })
            .collect();
        let mut leases = Vec::new();
        let mut firsts = 0;
        for racer in racers {
            let (lease, is_first) = racer.await.unwrap();
            leases.extend(lease);
            firsts += u32::from(is_first);
        }
        assert_eq!((leases.len(), firsts), (1, 1), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_while_it_is_held_and_free_when_it_is_released() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let kv = kv(service.address(), Uuid::new_v4());
    let ttl = Duration::from_millis(600);
    let lease = kv.claim("leader", ttl).await.unwrap().expect("nobody has it");
    tokio::time::sleep(ttl * 3).await;
    assert!(kv.claim("leader", ttl).await.unwrap().is_none());
    assert!(!lease.is_lost());
    let fence = lease.fence();
    lease.release().await.unwrap();
    let next = kv.claim("leader", ttl).await.unwrap().expect("it was released");
    assert!(next.fence() > fence);
    // Somebody throws it away.
    kv.delete("leader").await.unwrap();
    tokio::time::sleep(ttl).await;
    assert!(next.is_lost());
    assert!(matches!(next.release().await, Err(Error::Conflict(_))));
}

/// Passes requests on, refuses some, and answers some of those that it passed on with a connection that breaks.
async fn faulty_proxy(service: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Only the first one in a process counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let state = (reqwest::Client::new(), service);
    let proxy = axum::Router::new().fallback(pass_on).with_state(state);
    tokio::spawn(async move { axum::serve(listener, proxy).await });
    address
}

async fn pass_on(State((http, service)): State<(reqwest::Client, SocketAddr)>, request: Request) -> Response {
    let chance = fastrand::u8(0..100);
    if chance < REFUSED {
        let body = r#"{"error":"kv_store_busy","message":"busy","detail":"kv_store_busy"}"#;
        return (StatusCode::CONFLICT, [(header::RETRY_AFTER, "0")], body).into_response();
    }
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let passed_on = http
        .request(parts.method, format!("http://{service}{target}"))
        .headers(parts.headers)
        .body(body)
        .send()
        .await
        .unwrap();
    let status = passed_on.status();
    let answer = passed_on.bytes().await.unwrap();
    if chance < REFUSED + LOST {
        let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("lost")) });
        return (status, Body::from_stream(broken)).into_response();
    }
    (status, answer).into_response()
}

//! HTTP around the contract: health, ids, methods, slashes, bodies that are too large or that never end.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use support::http::{Request, Response, exchange};
use support::service::{self, SECRET, Service, Setup};
use support::token;

#[test]
fn health_needs_no_token() {
    let (_folder, service) = start();
    for path in ["/healthz", "/readyz"] {
        let response = send(&service, &Request::new("GET", path));
        assert_eq!((response.status, response.text().as_str()), (200, r#"{"status":"ok"}"#));
    }
}

#[test]
fn info_needs_neither_token_nor_secret_and_tells_none() {
    let folder = service::folder();
    let without_secret = Setup::on(folder.path(), "memory:").without("AUTOMATION_KV_SECRET");
    for setup in [Setup::sqlite(folder.path()), without_secret] {
        let service = setup.start();
        for path in ["/v1/info", "/api/automation/v1/info/"] {
            let response = send(&service, &Request::new("GET", path));
            assert_eq!(response.status, 200, "{path}");
            assert!(!response.text().contains(SECRET));
            assert_eq!(
                body(&response)["engine"]["sha256"].as_str().map(str::len),
                Some(64),
                "{path}"
            );
        }
    }
}

#[test]
fn a_service_without_a_secret_is_alive_but_not_ready() {
    let folder = service::folder();
    let service = Setup::on(folder.path(), "memory:")
        .without("AUTOMATION_KV_SECRET")
        .start();
    assert_eq!(send(&service, &Request::new("GET", "/healthz")).status, 200);
    assert_eq!(send(&service, &Request::new("GET", "/readyz")).status, 503);
    let response = send(&service, &authorized("GET", "/v1/kv"));
    assert_eq!(response.status, 503);
    assert_eq!(
        body(&response)["detail"],
        json!("KV store not configured (missing AUTOMATION_KV_SECRET)")
    );
}

#[test]
fn every_path_answers_with_and_without_a_slash_at_its_end() {
    let (_folder, service) = start();
    for path in ["/v1/kv", "/v1/kv/", "/api/automation/v1/kv", "/api/automation/v1/kv/"] {
        let response = send(&service, &authorized("GET", path));
        assert_eq!(
            (response.status, body(&response)),
            (200, json!({"keys": [], "count": 0, "version": 0})),
            "{path}"
        );
    }
    for path in ["/v1/kv/a/incr", "/v1/kv/a/incr/"] {
        assert_eq!(send(&service, &authorized("POST", path)).status, 200, "{path}");
    }
    assert_eq!(send(&service, &authorized("GET", "/v1/kv/a/")).status, 200);
}

#[test]
fn an_unknown_path_is_404_and_a_wrong_method_405_with_the_right_ones() {
    let (_folder, service) = start();
    for path in ["/", "/v1", "/v2/kv", "/v1/kv/a/frobnicate", "/healthz/x"] {
        let response = send(&service, &authorized("GET", path));
        assert_eq!(
            (response.status, &body(&response)["detail"]),
            (404, &json!("Not Found")),
            "{path}"
        );
    }
    for (method, path, allowed) in [
        ("DELETE", "/v1/kv", "GET,HEAD"),
        ("GET", "/v1/kv/a/incr", "POST"),
        ("POST", "/v1/kv/a", "GET,HEAD,PUT,PATCH,DELETE"),
        ("TRACE", "/v1/kv/a/len", "GET,HEAD"),
    ] {
        let response = send(&service, &authorized(method, path));
        assert_eq!(
            (response.status, response.header("allow")),
            (405, Some(allowed)),
            "{method} {path}"
        );
    }
}

#[test]
fn head_is_get_without_a_body() {
    let (_folder, service) = start();
    send(&service, &put("/v1/kv/a", r#""text""#));
    let response = send(&service, &authorized("HEAD", "/v1/kv/a"));
    let length = send(&service, &authorized("GET", "/v1/kv/a")).body.len().to_string();
    assert_eq!(
        (response.status, response.header("content-length")),
        (200, Some(length.as_str()))
    );
    assert_eq!(send(&service, &authorized("HEAD", "/v1/kv/absent")).status, 404);
}

#[test]
fn a_harmless_request_id_is_kept_and_any_other_replaced() {
    let (_folder, service) = start();
    let with_id = |id: &str| send(&service, &Request::new("GET", "/healthz").header("X-Request-Id", id));
    assert_eq!(with_id("run-7.a:b_c").header("x-request-id"), Some("run-7.a:b_c"));
    for id in ["", "a b", "a\"b", &"x".repeat(65)] {
        let response = with_id(id);
        let answered = response.header("x-request-id").expect("an id");
        assert!(answered != id && !answered.is_empty(), "{answered}");
    }
    let ids = [with_id("").headers, with_id("").headers];
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_body_beyond_the_limit_is_413_and_the_service_goes_on() {
    let (_folder, service) = start();
    let huge = format!(r#""{}""#, "x".repeat(3 << 20));
    let response = send(&service, &put("/v1/kv/a", &huge));
    assert_eq!(
        (response.status, &body(&response)["error"]),
        (413, &json!("body_too_large"))
    );
    assert_eq!(send(&service, &authorized("GET", "/v1/kv/a")).status, 404);
}

#[test]
fn what_is_not_http_is_refused_and_the_service_goes_on() {
    let (_folder, service) = start();
    let rubbish: [&[u8]; 6] = [
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/kv HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"PUT /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        &b"A".repeat(100_000),
    ];
    for bytes in rubbish {
        let mut socket = TcpStream::connect(service.address()).expect("a connection");
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout");
        let _ = socket.write_all(bytes);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        assert!(
            !answer.starts_with(b"HTTP/1.1 5"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        assert_eq!(send(&service, &Request::new("GET", "/healthz")).status, 200);
    }
}

#[test]
fn a_client_that_goes_away_in_the_middle_leaves_no_partial_write() {
    let (_folder, service) = start();
    for sent in [0, 1, 10, 60] {
        let mut socket = TcpStream::connect(service.address()).expect("a connection");
        let token = token::valid(SECRET, AUTOMATION);
        let text = r#"{"a":1,"b":2,"c":[1,2,3],"padding":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#;
        let head = format!(
            "PUT /v1/kv/partial HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        socket
            .write_all(head.as_bytes())
            .and_then(|()| socket.write_all(&text.as_bytes()[..sent]))
            .expect("sent");
        drop(socket);
    }
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(send(&service, &authorized("GET", "/v1/kv/partial")).status, 404);
}

#[test]
fn an_idle_connection_does_not_keep_the_service_from_stopping() {
    let (_folder, service) = start();
    let mut idle = service.client(Uuid::new_v4());
    idle.get("");
    let begun = Instant::now();
    assert!(service.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn errors_are_logged_with_the_id_that_the_client_saw() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path())
        .environment("AUTOMATION_LOG_LEVEL", "debug")
        .start();
    let response = send(
        &service,
        &authorized("GET", "/v1/kv/a").header("X-Request-Id", "seen-by-the-client"),
    );
    assert_eq!(response.status, 404);
    let log = service.log();
    let line = log
        .lines()
        .find(|line| line.contains("seen-by-the-client"))
        .expect("a line");
    let line: Value = serde_json::from_str(line).expect("a line of JSON");
    assert_eq!(line["fields"]["status"], json!(404));
    assert_eq!(line["fields"]["route"], json!("/v1/kv/{key}"));
}

const AUTOMATION: &str = "6b0a0b9e-5a52-4a3e-8f5c-0d6f3a6c9f11";

fn start() -> (tempfile::TempDir, Service) {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    (folder, service)
}

fn authorized(method: &str, path: &str) -> Request {
    let token = token::valid(SECRET, AUTOMATION);
    Request::new(method, path).header("Authorization", format!("Bearer {token}"))
}

fn put(path: &str, text: &str) -> Request {
    authorized("PUT", path)
        .header("Content-Type", "application/json")
        .body(text)
}

fn send(service: &Service, request: &Request) -> Response {
    exchange(service.address(), request).expect("an answer")
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).expect("JSON")
}

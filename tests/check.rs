//! `automation-kv check` against a service that is right, ones that are wrong, and none.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use support::http::{Request, exchange};
use support::service::{self, SECRET, Setup, command};
use support::token;

#[test]
fn thorough_passes_on_our_service_and_leaves_no_state() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let output = check(&["--thorough"], &url(service.address()), SECRET);
    let printed = printed(&output);
    assert!(output.status.success(), "{printed}{}", message(&output));
    let lines: Vec<&str> = printed.lines().collect();
    let (summary, tests) = lines.split_last().expect("a summary");
    assert!(tests.len() > 500, "only {} tests", tests.len());
    assert!(tests.iter().all(|line| line.starts_with("ok ")), "{printed}");
    let count = tests.len();
    assert!(
        summary.starts_with(&format!("{count} of {count} passed in ")),
        "{summary}"
    );
    assert!(message(&output).contains("deleted the "), "{}", message(&output));
    assert_eq!(automations(service.address()), 0);
}

#[test]
fn quick_needs_a_token_only_and_leaves_the_automation_as_it_was() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let automation = Uuid::new_v4();
    let mut client = service.client(automation);
    client.put("/mine", &json!("here"));
    let base_url = format!("{}/api/automation/", url(service.address()));
    let output = command(&["check", "--quick", "--base-url", &base_url])
        .env("AUTOMATION_KV_TOKEN", token::valid(SECRET, &automation.to_string()))
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{}{}", printed(&output), message(&output));
    assert!(message(&output).contains("check-"), "{}", message(&output));
    assert_eq!(client.get("").1["keys"], json!(["mine"]));
}

#[test]
fn quick_makes_an_automation_with_the_secret_and_keep_keeps_it() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let base_url = url(service.address());
    let output = check(&["--quick"], &base_url, SECRET);
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(automations(service.address()), 0);
    let output = check(&["--quick", "--keep"], &base_url, SECRET);
    assert!(output.status.success(), "{}", printed(&output));
    assert!(automations(service.address()) > 0);
}

#[test]
fn a_wrong_answer_is_found() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let proxy = falsifying(service.address(), "key_not_found", "key_mot_found");
    let output = check(&["--quick"], &url(proxy), SECRET);
    let printed = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    let failure = printed
        .split("FAILED  quick/write-read-delete\n")
        .nth(1)
        .expect("a failure");
    let problem = failure.lines().next().unwrap_or_default();
    assert!(problem.starts_with("        step 4: GET /v1/kv/check-"), "{problem}");
    assert!(problem.contains("key_mot_found"), "{problem}");
    assert!(printed.contains(" of 8 passed in "), "{printed}");
}

#[test]
fn an_increment_that_two_clients_share_is_found() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let proxy = falsifying(service.address(), "\"value\":7,", "\"value\":6,");
    let test = "concurrency/every-increment-counts-once";
    let output = check(&["--thorough", "--filter", test], &url(proxy), SECRET);
    let printed = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(
        printed.contains(&format!("FAILED  {test}\n        200 increments: ")),
        "{printed}"
    );
}

#[test]
fn a_wrong_secret_is_not_taken_for_a_broken_service() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    for extent in ["--quick", "--thorough"] {
        let output = check(&[extent], &url(service.address()), "another secret");
        refused(&output, 6, "the service refuses the token");
        assert!(!message(&output).contains("another secret"));
    }
}

#[test]
fn a_service_that_is_away_or_something_else_is_one_line() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address");
    drop(free);
    refused(
        &check(&["--quick"], &url(address), SECRET),
        1,
        "no answer from http://127.0.0.1:",
    );

    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let elsewhere = format!("{}/elsewhere", url(service.address()));
    let output = check(&["--thorough"], &elsewhere, SECRET);
    refused(&output, 1, "GET /elsewhere/v1/kv was answered 404");
    refused(&check(&["--quick"], "ftp://127.0.0.1", SECRET), 2, "ftp://127.0.0.1");
}

#[test]
fn without_a_secret_there_is_no_thorough_check() {
    let output = command(&["check", "--thorough", "--base-url", "http://127.0.0.1:1"]).output();
    refused(&output.expect("the binary runs"), 6, "AUTOMATION_KV_SECRET is not set");
}

#[test]
fn json_is_an_object_for_each_test_and_one_for_all() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let output = check(&["--quick", "--output", "json"], &url(service.address()), SECRET);
    let printed = printed(&output);
    let objects = printed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let objects: Vec<Value> = objects.collect();
    let (summary, tests) = objects.split_last().expect("a summary");
    assert!(
        tests
            .iter()
            .all(|test| test["ok"] == json!(true) && test["test"].is_string()),
        "{printed}"
    );
    assert_eq!(summary["passed"], json!(tests.len()));
    assert_eq!(summary["total"], json!(tests.len()));
}

#[test]
fn the_tests_of_the_contract_alone_are_fewer() {
    let list = |arguments: &[&str]| {
        let output = command(&["check", "--list"])
            .args(arguments)
            .output()
            .expect("the binary runs");
        assert!(output.status.success(), "{}", message(&output));
        printed(&output).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (all, contract) = (list(&["--thorough"]), list(&["--thorough", "--contract-only"]));
    assert!(contract.len() > 450 && contract.len() < all.len());
    let is_extension = |name: &String| name.starts_with("leases/") || name.starts_with("automations/");
    assert!(all.iter().any(is_extension) && !contract.iter().any(is_extension));
    assert!(
        list(&["--thorough", "--filter", "auth/"])
            .iter()
            .all(|name| name.contains("auth/"))
    );
    let none = command(&["check", "--list", "--quick", "--filter", "no such"]).output();
    refused(
        &none.expect("the binary runs"),
        2,
        "no test has \"no such\" in its name",
    );
}

#[test]
fn https_works_with_a_certificate_that_the_system_trusts_and_with_no_other() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let certificate = make_certificate(folder.path());
    let runtime = Runtime::new().expect("a runtime");
    let port = tls_before(service.address(), folder.path(), &runtime).port();
    let base_url = format!("https://localhost:{port}");
    let run = |trusted: &Path| {
        command(&["check", "--quick", "--base-url", &base_url])
            .env("AUTOMATION_KV_SECRET", SECRET)
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR")
            .output()
            .expect("the binary runs")
    };
    let output = run(&certificate);
    assert!(output.status.success(), "{}{}", printed(&output), message(&output));
    let another = service::folder();
    let output = run(&make_certificate(another.path()));
    refused(&output, 1, "certificate");
}

fn check(arguments: &[&str], base_url: &str, secret: &str) -> Output {
    let mut command = command(&["check", "--base-url", base_url]);
    command.args(arguments).env("AUTOMATION_KV_SECRET", secret);
    command.output().expect("the binary runs")
}

/// A refusal: this exit code, nothing on stdout, and on stderr why, in one line unless it is about the usage.
fn refused(output: &Output, code: i32, why: &str) {
    const USAGE: i32 = 2;
    let message = message(output);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(message.contains(why), "{why:?} is not in {message:?}");
    assert!(code == USAGE || message.lines().count() == 1, "{message}");
    assert!(output.stdout.is_empty(), "{}", printed(output));
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// How many automations have a state.
fn automations(service: SocketAddr) -> usize {
    let request = Request::new("GET", "/v1/automations?limit=1000");
    let request = request.header("Authorization", format!("Bearer {}", token::administrator(SECRET)));
    let listed: Value = serde_json::from_slice(&exchange(service, &request).expect("an answer").body).expect("JSON");
    listed["automations"].as_array().expect("a list").len()
}

/// A proxy that puts one text in the place of another, of the same length, in all answers.
fn falsifying(service: SocketAddr, text: &'static str, falsified: &'static str) -> SocketAddr {
    assert_eq!(text.len(), falsified.len());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    // It ends with the test's process.
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || forward(&client, service, text, falsified));
        }
    });
    address
}

fn forward(mut client: &TcpStream, service: SocketAddr, text: &str, falsified: &str) -> io::Result<()> {
    let server = TcpStream::connect(service)?;
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut &*client, &mut &server);
            let _ = server.shutdown(Shutdown::Write);
        });
        let mut piece = vec![0; 64 * 1024];
        loop {
            let length = (&server).read(&mut piece)?;
            if length == 0 {
                return client.shutdown(Shutdown::Both);
            }
            // Small answers come in one piece, and what is not UTF-8 is none of them.
            match std::str::from_utf8(&piece[..length]) {
                Ok(answer) => client.write_all(answer.replace(text, falsified).as_bytes())?,
                Err(_) => client.write_all(&piece[..length])?,
            }
        }
    })
}

/// A certificate for `localhost` that signs itself, with its key beside it.
fn make_certificate(folder: &Path) -> std::path::PathBuf {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .output()
        .expect("missing: the program openssl; run: make setup");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder.join("certificate.pem")
}

/// What ends TLS before a service, with the certificate in a folder.
fn tls_before(service: SocketAddr, folder: &Path, runtime: &Runtime) -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(folder.join("certificate.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key that is the certificate's");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut client = acceptor.accept(client).await?;
                let mut server = tokio::net::TcpStream::connect(service).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    address
}

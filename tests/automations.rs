//! Automations as an administrator manages them: the list, and deleting one for good.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::process::Output;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use support::http::{Request, Response, exchange};
use support::postgres::SHARED;
use support::service::{self, SECRET, Service, Setup, command};
use support::token;

#[test]
fn a_deleted_automation_is_gone_for_good_on_sqlite() {
    let folder = service::folder();
    deleting(&Setup::sqlite(folder.path()));
}

#[test]
fn a_deleted_automation_is_gone_for_good_on_postgres() {
    let folder = service::folder();
    deleting(&Setup::on(folder.path(), &SHARED.database()));
}

fn deleting(setup: &Setup) {
    let service = setup.start();
    let (id, other) = (Uuid::new_v4(), Uuid::new_v4());
    let mut client = service.client(id);
    client.put("/a", &json!(1));
    service.client(other).put("/a", &json!(2));
    let path = format!("/v1/automations/{id}");
    assert_eq!(body(&admin(&service, "DELETE", &path))["deleted"], json!(true));
    assert_eq!(body(&admin(&service, "DELETE", &path))["deleted"], json!(false));
    let gone = |answer: (u16, Value)| assert_eq!((answer.0, &answer.1["error"]), (410, &json!("automation_deleted")));
    gone(client.get("/a"));
    gone(client.get(""));
    gone(client.put("/a", &json!(1)));
    gone(client.post("/batch", &json!({"operations": [{"op": "incr", "key": "n"}]})));
    // Also one that never wrote, and also after a restart.
    let silent = Uuid::new_v4();
    let never = admin(&service, "DELETE", &format!("/api/automation/v1/automations/{silent}/"));
    assert_eq!(
        body(&never),
        json!({"automation_id": silent.to_string(), "deleted": false})
    );
    drop(client);
    assert!(service.stop().success());
    let service = setup.start();
    gone(service.client(id).put("/a?nx=true", &json!(1)));
    gone(service.client(silent).put("/a", &json!(1)));
    assert_eq!(service.client(other).get("/a").1["value"], json!(2));
}

#[test]
fn the_list_comes_page_by_page() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let mut ids: Vec<Uuid> = (0..5).map(|_| Uuid::new_v4()).collect();
    ids.sort();
    for (count, id) in ids.iter().enumerate() {
        let mut client = service.client(*id);
        for _ in 0..=count {
            client.post("/n/incr", &json!({}));
        }
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = body(&admin(&service, "GET", &format!("/v1/automations?limit=2{cursor}")));
        let automations = page["automations"].as_array().expect("a list").clone();
        assert_eq!(page["count"], json!(automations.len()));
        seen.extend(automations);
        match &page["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    assert_eq!(seen.len(), ids.len());
    for (count, (automation, id)) in seen.iter().zip(&ids).enumerate() {
        assert_eq!(automation["automation_id"], json!(id.to_string()));
        assert_eq!(automation["version"], json!(count + 1));
        assert_eq!(automation["size_bytes"], json!(r#"{"n":1}"#.len()));
        assert!(automation["stored_bytes"].as_u64() > Some(80), "{automation}");
        assert!(automation["updated_at"].as_str() >= automation["created_at"].as_str());
    }
}

#[test]
fn each_kind_of_token_is_good_for_its_own_things_only() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let id = Uuid::new_v4();
    for (method, path) in [
        ("GET", "/v1/automations".to_owned()),
        ("DELETE", format!("/v1/automations/{id}")),
    ] {
        let own = send(&service, method, &path, &token::valid(SECRET, &id.to_string()));
        assert_eq!((own.status, &body(&own)["error"]), (403, &json!("forbidden")));
        assert_eq!(
            exchange(service.address(), &Request::new(method, path.as_str()))
                .expect("an answer")
                .status,
            422
        );
        assert_eq!(send(&service, method, &path, "rubbish").status, 401);
    }
    for (method, path) in [("GET", "/v1/kv"), ("GET", "/v1/kv/a"), ("POST", "/v1/kv/a/incr")] {
        let refused = admin(&service, method, path);
        assert_eq!((refused.status, &body(&refused)["error"]), (403, &json!("forbidden")));
    }
    // An administrator's token opens no state, also if it names an automation.
    let mut claims = token::claims(&id.to_string());
    claims.insert("admin".to_owned(), json!(true));
    let both = token::mint(SECRET, &claims.into(), &Map::new());
    assert_eq!(send(&service, "GET", "/v1/kv", &both).status, 403);
    assert_eq!(service.client(id).get("").0, 200);
}

#[test]
fn bad_requests_name_what_is_wrong() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    for (method, path, named) in [
        ("GET", "/v1/automations?limit=0", "limit"),
        ("GET", "/v1/automations?limit=1001", "limit"),
        ("GET", "/v1/automations?limit=x", "limit"),
        ("GET", "/v1/automations?cursor=elsewhere", "cursor"),
        ("GET", "/v1/automations?page=2", "page"),
        ("DELETE", "/v1/automations/me", "id"),
        ("DELETE", "/v1/automations/%ff", "id"),
    ] {
        let response = admin(&service, method, path);
        assert_eq!(response.status, 422, "{path}");
        assert!(response.text().contains(named), "{}", response.text());
    }
    assert_eq!(admin(&service, "POST", "/v1/automations").status, 405);
}

#[test]
fn the_command_line_lists_and_deletes_while_a_service_runs() {
    let folder = service::folder();
    let url = SHARED.database();
    let service = Setup::on(folder.path(), &url).start();
    let id = Uuid::new_v4();
    service.client(id).put("/a", &json!("b"));
    let run = |arguments: &[&str]| {
        let output = command(arguments)
            .env("AUTOMATION_KV_SECRET", SECRET)
            .env("AUTOMATION_DB_URL", &url)
            .output();
        output.expect("the binary runs")
    };
    let listed: Value =
        serde_json::from_str(&printed(&run(&["automations", "list", "--output", "json"]))).expect("JSON");
    assert_eq!(listed["automation_id"], json!(id.to_string()));
    assert_eq!(
        (&listed["version"], &listed["size_bytes"]),
        (&json!(1), &json!(r#"{"a":"b"}"#.len()))
    );
    assert!(printed(&run(&["automations", "list"])).contains(&id.to_string()));
    assert_eq!(
        printed(&run(&["automations", "delete", &id.to_string()])),
        format!("deleted {id}\n")
    );
    assert_eq!(service.client(id).get("/a").0, 410);
    assert_eq!(printed(&run(&["automations", "list", "--output", "json"])), "");
    let wrong = run(&["automations", "delete", "me"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn the_command_line_mints_tokens_for_administrators() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let output = command(&["token", "--admin"])
        .env("AUTOMATION_KV_SECRET", SECRET)
        .output();
    let token = printed(&output.expect("the binary runs"));
    assert_eq!(send(&service, "GET", "/v1/automations", token.trim()).status, 200);
    let both = command(&["token", "--admin", "--automation", &Uuid::new_v4().to_string()]).output();
    assert_eq!(both.expect("the binary runs").status.code(), Some(2));
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn admin(service: &Service, method: &str, path: &str) -> Response {
    let now = token::now();
    let claims = json!({"admin": true, "iat": now, "exp": now + 60});
    send(service, method, path, &token::mint(SECRET, &claims, &Map::new()))
}

fn send(service: &Service, method: &str, path: &str, token: &str) -> Response {
    let request = Request::new(method, path).header("Authorization", format!("Bearer {token}"));
    exchange(service.address(), &request).expect("an answer")
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).expect("JSON")
}

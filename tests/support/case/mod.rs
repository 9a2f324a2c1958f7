//! Recorded cases: requests, and what must come back. `tests/conformance/README.md` describes their format.

mod authorization;
mod expectation;
mod macros;
mod request;
mod variables;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::http;

pub use macros::expand;
pub use variables::Variables;

/// One request of a case and what must come back, as written in the file.
pub type Step = Map<String, Value>;

const CASE_MEMBERS: &[&str] = &["name", "area", "why", "tags", "steps"];
const STEP_MEMBERS: &[&str] = &[
    "method",
    "path",
    "query",
    "token",
    "authorization",
    "jwt",
    "json",
    "raw",
    "raw_hex",
    "content_type",
    "headers",
    "expect",
    "save",
];
const EXPECT_MEMBERS: &[&str] = &["status", "json", "json_subset", "headers"];

/// The service that cases are played against.
pub struct Target {
    pub address: SocketAddr,
    /// What stands before `/v1/kv` in every path.
    pub prefix: String,
    pub secret: String,
}

/// One recorded case.
pub struct Case {
    name: String,
    steps: Vec<Step>,
}

/// Every case of every file in a directory.
pub fn load(directory: &Path) -> Vec<Case> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let paths = entries.map(|entry| entry.expect("a directory that can be read").path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    files.iter().flat_map(|file| load_file(file)).collect()
}

impl Case {
    /// Reads one case. A member that nobody knows is an error: a misspelt expectation would expect nothing.
    pub fn read(case: &Value) -> Result<Self, String> {
        let members = case.as_object().ok_or("a case is an object")?;
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or("?");
        let name = format!("{}/{}", text("area"), text("name"));
        refuse_unknown(members, CASE_MEMBERS).map_err(|problem| format!("{name}: {problem}"))?;
        let steps = members
            .get("steps")
            .and_then(Value::as_array)
            .ok_or_else(|| format!("{name}: no steps"))?;
        let steps: Result<Vec<Step>, String> = steps.iter().map(read_step).collect();
        let steps = steps.map_err(|problem| format!("{name}: {problem}"))?;
        Ok(Self { name, steps })
    }

    /// Area and name.
    pub fn label(&self) -> &str {
        &self.name
    }

    /// Plays every step under two fresh automations, up to the first that goes wrong, and says what that was.
    pub fn play(&self, target: &Target) -> Result<(), String> {
        let mut variables = Variables::fresh(&target.secret);
        for (index, step) in self.steps.iter().enumerate() {
            play_step(step, target, &mut variables).map_err(|problem| format!("step {}: {problem}", index + 1))?;
        }
        Ok(())
    }
}

fn play_step(step: &Step, target: &Target, variables: &mut Variables) -> Result<(), String> {
    let request = request::build(step, target, variables)?;
    let response = http::exchange(target.address, &request);
    response
        .map_err(|error| format!("no answer: {error}"))
        .and_then(|response| expectation::check(step, &response, variables))
        .map_err(|problem| format!("{}: {problem}", request.label()))
}

fn load_file(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let read = |case| Case::read(case).unwrap_or_else(|problem| panic!("{}: {problem}", file.display()));
    cases.iter().map(read).collect()
}

fn read_step(step: &Value) -> Result<Step, String> {
    let step = step.as_object().ok_or("a step is an object")?;
    refuse_unknown(step, STEP_MEMBERS)?;
    if let Some(expect) = step.get("expect") {
        refuse_unknown(
            expect.as_object().ok_or("what a step expects is an object")?,
            EXPECT_MEMBERS,
        )?;
    }
    Ok(step.clone())
}

fn refuse_unknown(members: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("unknown member {name:?}")),
        None => Ok(()),
    }
}

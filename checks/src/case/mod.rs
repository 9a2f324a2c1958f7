//! Recorded cases: requests, and what must come back. `tests/conformance/README.md` describes their format.

mod authorization;
mod expectation;
mod macros;
mod request;
mod variables;

use serde_json::{Map, Value};

use crate::http;
use crate::target::Target;

use macros::expand;
use variables::Variables;

/// One request of a case and what must come back, as written in the file.
type Step = Map<String, Value>;

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
/// The tag of a case about what only this project's service has.
const EXTENSION: &str = "extension";

const EXPECT_MEMBERS: &[&str] = &["status", "json", "json_subset", "headers"];

/// One recorded case.
pub struct Case {
    name: String,
    is_extension: bool,
    steps: Vec<Step>,
}

/// Every case in the text of a file.
pub fn read_all(text: &str) -> Result<Vec<Case>, String> {
    let cases: Vec<Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    cases.iter().map(Case::read).collect()
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
        let tags = members.get("tags").and_then(Value::as_array);
        Ok(Self {
            name,
            is_extension: tags.is_some_and(|tags| tags.iter().any(|tag| tag == EXTENSION)),
            steps,
        })
    }

    /// Area and name.
    pub fn label(&self) -> &str {
        &self.name
    }

    /// Whether it is about what only this project's service has, beyond the contract.
    pub fn is_extension(&self) -> bool {
        self.is_extension
    }

    /// Plays every step, up to the first that goes wrong, and says what that was: under two fresh automations, or the
    /// one of the target's token.
    pub fn play(&self, target: &Target) -> Result<(), String> {
        let mut variables = Variables::of(target)?;
        for (index, step) in self.steps.iter().enumerate() {
            play_step(step, target, &mut variables).map_err(|problem| format!("step {}: {problem}", index + 1))?;
        }
        Ok(())
    }
}

fn play_step(step: &Step, target: &Target, variables: &mut Variables) -> Result<(), String> {
    let request = request::build(step, target, variables)?;
    let response = http::exchange(target.origin.clone(), &request);
    response
        .map_err(|error| format!("no answer: {error}"))
        .and_then(|response| expectation::check(step, &response, variables))
        .map_err(|problem| format!("{}: {problem}", request.label()))
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

//! The members of a JSON object in a body, strictly: each problem is named, and values that are not
//! ours to understand stay text.

mod typed;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::api::error::{ApiError, Problem};
use crate::api::plugins::problems;
use crate::engine::plugin::Misfit;

pub(in crate::api) use typed::{FLAG_EXPECTED, INDEX_EXPECTED, flag_from_text, index_from_text};

/// Where problems with a body are.
const BODY: &str = "body";

/// An object whose members are taken one by one. What is left when it is finished is unknown.
pub(in crate::api) struct Fields<'a> {
    location: Vec<String>,
    members: Vec<(String, &'a str)>,
    problems: Vec<Problem>,
    /// Of objects within it; they are told behind its own.
    inner_problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Reads the object that a body must be.
    pub(in crate::api) fn of_body(body: &'a str) -> Result<Self, ApiError> {
        json_of_body(body)
            .and_then(|json| Self::of_value(json, vec![BODY.to_string()]))
            .map_err(|problem| ApiError::invalid_request(&[problem]))
    }

    /// Reads the object that a JSON text must be.
    pub(in crate::api) fn of_value(json: &'a str, location: Vec<String>) -> Result<Self, Problem> {
        let problem = |message: String, kind| Problem {
            location: location.clone(),
            message,
            kind,
        };
        if !json.starts_with('{') {
            return Err(problem("must be an object".to_string(), "object_type"));
        }
        let mut deserializer = serde_json::Deserializer::from_str(json);
        match deserializer.deserialize_map(Members) {
            Ok(members) => Ok(Self {
                location,
                members,
                problems: Vec::new(),
                inner_problems: Vec::new(),
            }),
            // A member name can still be half of a surrogate pair.
            Err(error) => Err(problem(format!("JSON decode error: {error}"), "json_invalid")),
        }
    }

    /// The JSON text of a member; of duplicate ones the last counts.
    pub(in crate::api) fn take(&mut self, name: &str) -> Option<&'a str> {
        let mut last = None;
        self.members.retain(|(candidate, value)| {
            let is_it = candidate == name;
            if is_it {
                last = Some(*value);
            }
            !is_it
        });
        last
    }

    /// The JSON text of a member that must be there.
    pub(in crate::api) fn required(&mut self, name: &str) -> &'a str {
        self.take(name).unwrap_or_else(|| {
            self.problem(name, "Field required", "missing");
            ""
        })
    }

    /// An object within this one, if it is there; its problems are to be [absorbed](Self::absorb).
    pub(in crate::api) fn object(&mut self, name: &str) -> Option<Fields<'a>> {
        let json = self.take(name)?;
        let mut location = self.location.clone();
        location.push(name.to_string());
        match Fields::of_value(json, location) {
            Ok(fields) => Some(fields),
            Err(problem) => {
                self.inner_problems.push(problem);
                None
            }
        }
    }

    /// The objects of a list of operations that must be there, 1 to `most`.
    pub(in crate::api) fn operations(&mut self, name: &str, most: usize) -> Vec<Fields<'a>> {
        let json = self.required(name);
        if json.is_empty() {
            return Vec::new();
        }
        let mut location = self.location.clone();
        location.push(name.to_string());
        match operations(json, &location, most) {
            Ok((operations, problems)) => {
                self.inner_problems.extend(problems);
                operations
            }
            Err(problem) => {
                self.inner_problems.push(problem);
                Vec::new()
            }
        }
    }

    /// Notes the problems of an object within this one, which is finished with that.
    pub(in crate::api) fn absorb(&mut self, problems: Vec<Problem>) {
        self.inner_problems.extend(problems);
    }

    /// Whether a member is there that was not taken yet.
    pub(in crate::api) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(candidate, _)| candidate == name)
    }

    /// Notes a problem with a member.
    pub(in crate::api) fn problem(&mut self, name: &str, message: &str, kind: &'static str) {
        let mut location = self.location.clone();
        location.push(name.to_string());
        self.problems.push(Problem {
            location,
            message: message.to_string(),
            kind,
        });
    }

    /// Notes what its schema has against the value of a member.
    pub(in crate::api) fn misfits(&mut self, name: &str, misfits: Vec<Misfit>) {
        let location: Vec<&str> = self.location.iter().map(String::as_str).chain([name]).collect();
        self.problems.extend(problems(misfits, &location));
    }

    /// All problems, those of members that nobody took included.
    pub(in crate::api) fn finish(mut self) -> Vec<Problem> {
        for (name, _) in std::mem::take(&mut self.members) {
            self.problem(&name, "unknown field", "extra_forbidden");
        }
        self.finish_leniently()
    }

    /// All problems, but members that nobody took are none.
    pub(in crate::api) fn finish_leniently(mut self) -> Vec<Problem> {
        self.problems.append(&mut self.inner_problems);
        self.problems
    }

    /// Refuses the request if there is any problem.
    pub(in crate::api) fn done(self) -> Result<(), ApiError> {
        let problems = self.finish();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid_request(&problems))
        }
    }
}

fn json_of_body(body: &str) -> Result<&str, Problem> {
    if body.trim().is_empty() {
        return Err(Problem::new([BODY], "a JSON body is required", "missing"));
    }
    serde_json::from_str::<&RawValue>(body)
        .map(RawValue::get)
        .map_err(|error| Problem::new([BODY], format!("JSON decode error: {error}"), "json_invalid"))
}

/// The objects in a list of 1 to `most` that a body must be, and what is wrong with the others.
pub(in crate::api) fn operations_of_body(body: &str, most: usize) -> Result<(Vec<Fields<'_>>, Vec<Problem>), Problem> {
    operations(json_of_body(body)?, &[BODY.to_string()], most)
}

/// The objects in a list of 1 to `most`, and what is wrong with the others.
fn operations<'a>(json: &'a str, location: &[String], most: usize) -> Result<(Vec<Fields<'a>>, Vec<Problem>), Problem> {
    let problem = |message: String, kind| Problem {
        location: location.to_vec(),
        message,
        kind,
    };
    let Ok(list) = serde_json::from_str::<Vec<&'a RawValue>>(json) else {
        return Err(problem("must be a list".to_string(), "list_type"));
    };
    if list.is_empty() {
        return Err(problem("must have at least 1 operation".to_string(), "too_short"));
    }
    if list.len() > most {
        let message = format!("must have at most {most} operations, not {}", list.len());
        return Err(problem(message, "too_long"));
    }
    let (mut operations, mut problems) = (Vec::with_capacity(list.len()), Vec::new());
    for (index, json) in list.iter().enumerate() {
        let mut location = location.to_vec();
        location.push(index.to_string());
        match Fields::of_value(json.get(), location) {
            Ok(fields) => operations.push(fields),
            Err(problem) => problems.push(problem),
        }
    }
    Ok((operations, problems))
}

/// Collects the members of an object without looking into their values.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de str)>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            members.push((name, value.get()));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_missing_and_mistyped_members_are_all_named() {
        let mut fields = Fields::of_body(r#"{"path":1,"other":2,"nx":"maybe"}"#).unwrap();
        fields.required_string("path");
        fields.required("value");
        fields.flag("nx");
        let named: Vec<_> = fields
            .finish()
            .into_iter()
            .map(|problem| (problem.location.join("."), problem.kind))
            .collect();
        let expected = [
            ("body.path", "string_type"),
            ("body.value", "missing"),
            ("body.nx", "bool_parsing"),
            ("body.other", "extra_forbidden"),
        ];
        assert!(named.iter().map(|(at, kind)| (at.as_str(), *kind)).eq(expected));
    }

    #[test]
    fn values_stay_text() {
        let mut fields = Fields::of_body(r#" {"value": [1.0, {"a" : 1e400}] , "value":2} "#).unwrap();
        assert_eq!(fields.take("value"), Some("2"));
        let mut fields = Fields::of_body(r#"{"value":[1.0, 1e400]}"#).unwrap();
        assert_eq!(fields.required("value"), "[1.0, 1e400]");
    }
}

//! The members of a JSON object in a body, strictly: each problem is named, and values that are not
//! ours to understand stay text.

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{ApiError, Problem};

/// What a flag may be.
pub(super) const FLAG_EXPECTED: &str = "must be one of true, false, 1, 0, yes, no, on, off, t, f, y, n";

/// An object whose members are taken one by one. What is left when it is finished is unknown.
pub(super) struct Fields<'a> {
    location: Vec<String>,
    members: Vec<(String, &'a str)>,
    problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Reads the object that a body must be.
    pub(super) fn of_body(body: &'a str) -> Result<Self, ApiError> {
        let location = vec!["body".to_string()];
        if body.trim().is_empty() {
            let problem = Problem::new(["body"], "a JSON body is required", "missing");
            return Err(ApiError::invalid_request(&[problem]));
        }
        let object = serde_json::from_str::<&RawValue>(body).map_err(|error| {
            let problem = Problem::new(["body"], format!("JSON decode error: {error}"), "json_invalid");
            ApiError::invalid_request(&[problem])
        })?;
        Self::of_value(object.get(), location).map_err(|problem| ApiError::invalid_request(&[problem]))
    }

    /// Reads the object that a JSON text must be.
    pub(super) fn of_value(json: &'a str, location: Vec<String>) -> Result<Self, Problem> {
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
            }),
            // A member name can still be half of a surrogate pair.
            Err(error) => Err(problem(format!("JSON decode error: {error}"), "json_invalid")),
        }
    }

    /// The JSON text of a member; of duplicate ones the last counts.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a str> {
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
    pub(super) fn required(&mut self, name: &str) -> &'a str {
        self.take(name).unwrap_or_else(|| {
            self.problem(name, "Field required", "missing");
            ""
        })
    }

    /// A member that must be there and a string.
    pub(super) fn required_string(&mut self, name: &str) -> String {
        let json = self.required(name);
        match serde_json::from_str::<String>(json) {
            Ok(text) => text,
            Err(_) if json.is_empty() => String::new(),
            Err(error) if json.starts_with('"') => {
                self.problem(name, &format!("is not a valid string: {error}"), "string_unicode");
                String::new()
            }
            Err(_) => {
                self.problem(name, "must be a string", "string_type");
                String::new()
            }
        }
    }

    /// A flag; absent is false.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        let flag = match self.take(name) {
            None => Some(false),
            Some(json) if json.starts_with('"') => serde_json::from_str::<String>(json)
                .ok()
                .as_deref()
                .and_then(flag_from_text),
            Some(json) => match json {
                "true" | "1" | "1.0" => Some(true),
                "false" | "0" | "0.0" => Some(false),
                _ => None,
            },
        };
        flag.unwrap_or_else(|| {
            self.problem(name, FLAG_EXPECTED, "bool_parsing");
            false
        })
    }

    /// The version that the state must have; absent and null are none.
    pub(super) fn if_version(&mut self) -> Option<IfVersion> {
        const NAME: &str = "if_version";
        match self.take(NAME) {
            None | Some("null") => None,
            Some(json) => {
                let version = IfVersion::from_json(json);
                if version.is_none() {
                    self.problem(NAME, "must be an integer, or null for none", "int_parsing");
                }
                version
            }
        }
    }

    /// Notes a problem with a member.
    pub(super) fn problem(&mut self, name: &str, message: &str, kind: &'static str) {
        let mut location = self.location.clone();
        location.push(name.to_string());
        self.problems.push(Problem {
            location,
            message: message.to_string(),
            kind,
        });
    }

    /// All problems, those of members that nobody took included.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        for (name, _) in std::mem::take(&mut self.members) {
            self.problem(&name, "unknown field", "extra_forbidden");
        }
        self.problems
    }
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

/// A flag in words, in any case.
pub(super) fn flag_from_text(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}

/// A version that a caller named: any integer, of which only few can ever match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IfVersion {
    /// For the engine; the nearest 64-bit integer, if there is no such version.
    pub(super) number: i64,
    /// As a JSON integer, for the answer.
    pub(super) text: String,
}

impl IfVersion {
    /// From a query: sign, digits, and perhaps a fraction of zeros.
    pub(super) fn from_query(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_whole = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
        is_whole.then(|| Self::from_digits(whole.strip_prefix('+').unwrap_or(whole)))?
    }

    /// From a body: an integer, a float without fraction, or a string of digits.
    fn from_json(json: &str) -> Option<Self> {
        if let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            let digits = inner.strip_prefix('-').unwrap_or(inner);
            let is_plain = digits == "0" || !digits.starts_with('0');
            return is_plain.then(|| Self::from_digits(inner))?;
        }
        if !json.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return None;
        }
        if json.contains(['.', 'e', 'E']) {
            let float: f64 = json.parse().ok()?;
            return (float.is_finite() && float.fract() == 0.0).then(|| Self::from_digits(&format!("{float:.0}")))?;
        }
        Self::from_digits(json)
    }

    /// From an optional minus and digits.
    fn from_digits(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let significant = digits.trim_start_matches('0');
        let text = match significant {
            "" => "0".to_string(),
            digits => format!("{sign}{digits}"),
        };
        let beyond = if sign.is_empty() { i64::MAX } else { i64::MIN };
        Some(Self {
            number: text.parse().unwrap_or(beyond),
            text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_in_a_query_is_an_integer() {
        for (text, number) in [("5", 5), ("-1", -1), ("+3", 3), ("007", 7), ("1.0", 1), ("-0", 0)] {
            assert_eq!(
                IfVersion::from_query(text).map(|version| version.number),
                Some(number),
                "{text}"
            );
        }
        for text in [
            "", "latest", "0.5", "0x0", "true", " 1", "1_0", "1.", ".0", "--1", "1e3",
        ] {
            assert_eq!(IfVersion::from_query(text), None, "{text}");
        }
    }

    #[test]
    fn a_version_in_a_body_may_be_a_whole_float_or_digits() {
        for (json, text) in [
            ("5", "5"),
            ("\"5\"", "5"),
            ("\"-1\"", "-1"),
            ("2.0", "2"),
            ("1e3", "1000"),
            ("-0.0", "0"),
        ] {
            assert_eq!(
                IfVersion::from_json(json).map(|version| version.text).as_deref(),
                Some(text),
                "{json}"
            );
        }
        for json in [
            "true", "\" 1\"", "\"0_1\"", "1.5", "[1]", "\"\"", "\"01\"", "{}", "1e400",
        ] {
            assert_eq!(IfVersion::from_json(json), None, "{json}");
        }
    }

    #[test]
    fn a_version_beyond_64_bits_is_echoed_as_it_was_sent() {
        let version = IfVersion::from_query("99999999999999999999").unwrap();
        assert_eq!(
            (version.number, version.text.as_str()),
            (i64::MAX, "99999999999999999999")
        );
    }

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

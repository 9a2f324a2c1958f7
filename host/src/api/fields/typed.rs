//! Members of a certain kind: strings, flags, numbers, times.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Fields;
use crate::api::expiry;
use crate::api::if_version::IfVersion;
use crate::engine::types::Expiry;
use crate::vault::TimestampMs;

/// What a flag may be.
pub(in crate::api) const FLAG_EXPECTED: &str = "must be one of true, false, 1, 0, yes, no, on, off, t, f, y, n";

/// What an index of an item must be.
pub(in crate::api) const INDEX_EXPECTED: &str = "must be an integer; negative ones count from the end";

impl Fields<'_> {
    /// A member that must be there and a string.
    pub(in crate::api) fn required_string(&mut self, name: &str) -> String {
        let json = self.required(name);
        self.string(name, json)
    }

    /// A member that must be a string if it is there.
    pub(in crate::api) fn optional_string(&mut self, name: &str) -> Option<String> {
        self.take(name).map(|json| self.string(name, json))
    }

    fn string(&mut self, name: &str, json: &str) -> String {
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
    pub(in crate::api) fn flag(&mut self, name: &str) -> bool {
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

    /// An integer of a range, if it is there.
    pub(in crate::api) fn number(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let json = integral(self.take(name)?);
        let number = json.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.problem(name, &expected(&range), "int_parsing");
        }
        number
    }

    /// An integer of a range that must be there.
    pub(in crate::api) fn required_number(&mut self, name: &str, range: RangeInclusive<u64>) -> u64 {
        let least = *range.start();
        if !self.has(name) {
            self.required(name);
        }
        self.number(name, range).unwrap_or(least)
    }

    /// The index of an item, counted from either end, if it is there.
    pub(in crate::api) fn index(&mut self, name: &str) -> Option<i64> {
        let json = integral(self.take(name)?);
        let index = index_from_text(&json);
        if index.is_none() {
            self.problem(name, INDEX_EXPECTED, "int_parsing");
        }
        index
    }

    /// The same, and it must be there.
    pub(in crate::api) fn required_index(&mut self, name: &str) -> i64 {
        if !self.has(name) {
            self.required(name);
        }
        self.index(name).unwrap_or(0)
    }

    /// A number of seconds, fractions allowed, that must be there: in milliseconds.
    pub(in crate::api) fn required_seconds(&mut self, name: &str) -> u64 {
        let json = self.required(name);
        match json.parse::<f64>() {
            Ok(seconds) if seconds >= 0.0 && seconds.is_finite() => milliseconds(seconds),
            _ if json.is_empty() => 0,
            _ => {
                self.problem(name, "must be a number of seconds, at least 0", "float_parsing");
                0
            }
        }
    }

    /// How long a key is to live, by whichever of `ex`, `px` and `exat` is there.
    pub(in crate::api) fn expiry(&mut self, now: TimestampMs) -> Option<Expiry> {
        self.chosen(false, now)
    }

    /// The same, or `keepttl`.
    pub(in crate::api) fn expiry_or_keep(&mut self, now: TimestampMs) -> Option<Expiry> {
        let keep = self.flag(expiry::KEEP);
        self.chosen(keep, now)
    }

    /// The same, and one of the three must be there.
    pub(in crate::api) fn required_expiry(&mut self, now: TimestampMs) -> Expiry {
        if !expiry::NAMES.iter().any(|name| self.has(name)) {
            self.problem("ex", "one of ex, px and exat is required", "missing");
        }
        self.chosen(false, now).unwrap_or(Expiry::Never)
    }

    fn chosen(&mut self, keep: bool, now: TimestampMs) -> Option<Expiry> {
        let given = expiry::NAMES.map(|name| (name, self.take(name).map(integral)));
        let given: Vec<_> = given.iter().map(|(name, json)| (*name, json.as_deref())).collect();
        expiry::choose(&given, keep, now).unwrap_or_else(|faults| {
            for fault in faults {
                self.problem(fault.name, &fault.message, fault.kind);
            }
            None
        })
    }

    /// The version that the state must have; absent and null are none.
    pub(in crate::api) fn if_version(&mut self) -> Option<IfVersion> {
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
}

/// An integer as digits, also one that is written with a fraction of zeros or an exponent, as some encoders do: `60.0`
/// and `6e1` are `60`. Any other JSON is left as it is.
fn integral(json: &str) -> Cow<'_, str> {
    let is_float =
        json.starts_with(|first: char| first == '-' || first.is_ascii_digit()) && json.contains(['.', 'e', 'E']);
    match json.parse::<f64>() {
        // Zero is added for the sign of `-0.0`.
        Ok(float) if is_float && float.is_finite() && float.fract() == 0.0 => format!("{:.0}", float + 0.0).into(),
        _ => json.into(),
    }
}

/// What is longer than any time ago is as long as can be said.
fn milliseconds(seconds: f64) -> u64 {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A flag in words, in any case.
pub(in crate::api) fn flag_from_text(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}

/// The index of an item: decimal digits, perhaps with a minus. What is beyond 64 bits is beyond every list too.
pub(in crate::api) fn index_from_text(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(text.parse().unwrap_or(beyond))
}

fn expected(range: &RangeInclusive<u64>) -> String {
    match (*range.start(), *range.end()) {
        (least, u64::MAX) => format!("must be an integer, at least {least}"),
        (least, most) => format!("must be an integer from {least} to {most}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Fields<'_> {
        Fields::of_body(body).unwrap()
    }

    #[test]
    fn an_integer_may_be_written_as_a_whole_float() {
        let mut fields = fields(r#"{"count":171.0,"start":-1e1,"stop":-0.0,"ex":6e1,"half":1.5,"far":1e400}"#);
        assert_eq!(fields.number("count", 1..=1000), Some(171));
        assert_eq!(fields.index("start"), Some(-10));
        assert_eq!(fields.index("stop"), Some(0));
        assert_eq!(fields.expiry(0), Some(Expiry::After(60_000)));
        assert_eq!(fields.number("half", 1..=1000), None);
        assert_eq!(fields.index("far"), None);
        assert_eq!(fields.finish().len(), 2);
    }

    #[test]
    fn no_age_is_too_old() {
        let mut fields = fields(r#"{"a":0.5,"b":1e300,"c":-1,"d":1e400}"#);
        assert_eq!(fields.required_seconds("a"), 500);
        assert_eq!(fields.required_seconds("b"), u64::MAX);
        fields.required_seconds("c");
        fields.required_seconds("d");
        assert_eq!(fields.finish().len(), 2);
    }
}

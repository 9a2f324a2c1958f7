//! Writing JSON around texts that are JSON already, byte for byte.

use serde::Serialize;

/// The value that stands for none.
pub(super) const NULL: &str = "null";

/// An object under construction.
#[derive(Debug, Clone)]
pub(super) struct Object {
    text: String,
}

impl Object {
    pub(super) fn new() -> Self {
        Self {
            text: String::from("{"),
        }
    }

    /// Room for a large value.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self { text }
    }

    /// Adds a member whose value is JSON text already.
    pub(super) fn raw(mut self, name: &str, json: &str) -> Self {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        self.text.push_str(json);
        self
    }

    /// Adds a member with any name whose value is JSON text already.
    pub(super) fn entry(mut self, name: &str, json: &str) -> Self {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(&string(name));
        self.text.push(':');
        self.text.push_str(json);
        self
    }

    pub(super) fn string(self, name: &str, value: &str) -> Self {
        self.raw(name, &string(value))
    }

    pub(super) fn number(self, name: &str, value: u64) -> Self {
        self.raw(name, &value.to_string())
    }

    pub(super) fn boolean(self, name: &str, value: bool) -> Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// A list of JSON texts.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// A JSON string.
pub(super) fn string(value: &str) -> String {
    to_json(value)
}

/// A time as ISO 8601 in UTC, to the millisecond, with the offset that `datetime.fromisoformat` of every
/// Python takes.
pub(super) fn time(timestamp_ms: u64) -> String {
    let milliseconds = i64::try_from(timestamp_ms).unwrap_or(i64::MAX);
    let timestamp = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX);
    string(&timestamp.strftime("%Y-%m-%dT%H:%M:%S.%3f+00:00").to_string())
}

/// A time, or `null`.
pub(super) fn optional_time(timestamp_ms: Option<u64>) -> String {
    timestamp_ms.map_or_else(|| NULL.to_string(), time)
}

/// A number, or `null`.
pub(super) fn optional_number(number: Option<u64>) -> String {
    number.map_or_else(|| NULL.to_string(), |number| number.to_string())
}

fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    // Strings, which is all that comes here, always serialize.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_and_values_byte_for_byte() {
        let object = Object::new()
            .string("k", "a\"\n")
            .raw("v", "[1.0,1e5]")
            .number("n", 7)
            .boolean("b", false);
        assert_eq!(object.finish(), r#"{"k":"a\"\n","v":[1.0,1e5],"n":7,"b":false}"#);
        assert_eq!(Object::new().finish(), "{}");
    }

    #[test]
    fn times_have_milliseconds_and_an_offset() {
        assert_eq!(time(1_700_000_000_123), "\"2023-11-14T22:13:20.123+00:00\"");
        assert_eq!(time(0), "\"1970-01-01T00:00:00.000+00:00\"");
    }
}

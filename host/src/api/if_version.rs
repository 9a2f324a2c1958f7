//! A version that a caller names, in a query or in a body.

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
    pub(super) fn from_json(json: &str) -> Option<Self> {
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
}

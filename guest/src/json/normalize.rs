//! The one place where JSON text from outside is checked: RFC 8259 syntax, and what a store must
//! add to it (finite numbers, whole surrogate pairs, the last of duplicate members, depth).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::push_escaped;

/// JSON text that is safe to keep, if `problem` is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized {
    /// The compact text: no white space, minimal escapes, numbers as they were sent, of duplicate
    /// members the first one's place and the last one's value.
    pub text: String,
    /// Levels: 1 for a scalar or an empty container, one more for each level of members or items.
    pub depth: usize,
    /// Why the value cannot be kept although its syntax is right.
    pub problem: Option<Problem>,
}

/// What JSON syntax allows, or parsers commonly accept, and a store cannot keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// `NaN`, `Infinity` or a number like `1e999`, at this byte of the input.
    NotFinite(usize),
    /// Half of a surrogate pair, at this byte of the input.
    LoneSurrogate(usize),
}

/// Text that is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntaxError {
    /// The byte of the input where it stops being JSON.
    pub offset: usize,
    /// What was expected there.
    pub message: &'static str,
}

/// Checks and compacts one JSON value. Nesting costs memory, never stack.
pub fn normalize(input: &str) -> Result<Normalized, SyntaxError> {
    let mut normalizer = Normalizer {
        input,
        bytes: input.as_bytes(),
        at: 0,
        out: String::with_capacity(input.len()),
        frames: Vec::new(),
        members: Vec::new(),
        depth: 0,
        problems: Vec::new(),
        discarded: Vec::new(),
    };
    normalizer.document()?;
    Ok(normalizer.finish())
}

/// An object or list that is still open.
struct Frame {
    /// Where it starts in the output.
    start: usize,
    /// For an object: its first entry in `members`. For a list: none.
    members_from: Option<usize>,
}

/// A member of an open object.
#[derive(Clone, Copy)]
struct Member {
    /// Where its name starts in the output.
    name: usize,
    /// Where its value starts in the output.
    value: usize,
    /// Where its value starts in the input.
    input: usize,
}

struct Normalizer<'a> {
    input: &'a str,
    bytes: &'a [u8],
    at: usize,
    out: String,
    frames: Vec<Frame>,
    members: Vec<Member>,
    depth: usize,
    problems: Vec<Problem>,
    /// The values of duplicate members that were dropped, as ranges of the input.
    discarded: Vec<Range<usize>>,
}

impl Normalizer<'_> {
    /// What is kept, judged without what was dropped.
    fn finish(self) -> Normalized {
        let is_kept = |problem: &Problem| {
            let (Problem::NotFinite(at) | Problem::LoneSurrogate(at)) = problem;
            !self.discarded.iter().any(|range| range.contains(at))
        };
        let depth = if self.discarded.is_empty() {
            self.depth
        } else {
            depth_of(&self.out)
        };
        Normalized {
            depth,
            problem: self.problems.iter().copied().find(is_kept),
            text: self.out,
        }
    }

    fn document(&mut self) -> Result<(), SyntaxError> {
        loop {
            let opened = self.value_start()?;
            if !opened && self.after_value()? {
                break;
            }
        }
        self.skip_white_space();
        if self.at < self.bytes.len() {
            return Err(self.error("expected the end of the value"));
        }
        Ok(())
    }

    /// Reads a scalar, or the opening of a container. True if a member or item must follow.
    fn value_start(&mut self) -> Result<bool, SyntaxError> {
        self.skip_white_space();
        self.depth = self.depth.max(self.frames.len() + 1);
        match self.peek() {
            Some(b'{') => return self.open(b'{', b'}'),
            Some(b'[') => return self.open(b'[', b']'),
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal("true")?,
            Some(b'f') => self.literal("false")?,
            Some(b'n') => self.literal("null")?,
            Some(b'N') => self.not_finite("NaN")?,
            Some(b'I') => self.not_finite("Infinity")?,
            Some(_) => return Err(self.error("expected a JSON value")),
            None => return Err(self.error("expected a JSON value, found the end")),
        }
        Ok(false)
    }

    fn open(&mut self, opening: u8, closing: u8) -> Result<bool, SyntaxError> {
        let is_object = opening == b'{';
        self.frames.push(Frame {
            start: self.out.len(),
            members_from: is_object.then_some(self.members.len()),
        });
        self.out.push(char::from(opening));
        self.at += 1;
        self.skip_white_space();
        if self.peek() == Some(closing) {
            self.at += 1;
            self.out.push(char::from(closing));
            self.frames.pop();
            return Ok(false);
        }
        if is_object {
            self.member_name()?;
        }
        Ok(true)
    }

    /// Closes what ends here. True if that was the whole document, false if a value must follow.
    fn after_value(&mut self) -> Result<bool, SyntaxError> {
        while let Some(frame) = self.frames.last() {
            let is_object = frame.members_from.is_some();
            self.skip_white_space();
            match (self.peek(), is_object) {
                (Some(b','), _) => {
                    self.at += 1;
                    self.out.push(',');
                    if is_object {
                        self.skip_white_space();
                        self.member_name()?;
                    }
                    return Ok(false);
                }
                (Some(b'}'), true) => {
                    self.at += 1;
                    self.close_object();
                }
                (Some(b']'), false) => {
                    self.at += 1;
                    self.out.push(']');
                    self.frames.pop();
                }
                (_, true) => return Err(self.error("expected ',' or '}'")),
                (_, false) => return Err(self.error("expected ',' or ']'")),
            }
        }
        Ok(true)
    }

    fn member_name(&mut self) -> Result<(), SyntaxError> {
        if self.peek() != Some(b'"') {
            return Err(self.error("expected a member name in double quotes"));
        }
        let name = self.out.len();
        self.string()?;
        self.skip_white_space();
        if self.peek() != Some(b':') {
            return Err(self.error("expected ':'"));
        }
        self.at += 1;
        self.out.push(':');
        self.members.push(Member {
            name,
            value: self.out.len(),
            input: self.at,
        });
        Ok(())
    }

    /// Ends an object, leaving only the last value of duplicate members, in the first one's place.
    fn close_object(&mut self) {
        let Some(Frame {
            start,
            members_from: Some(from),
        }) = self.frames.pop()
        else {
            return;
        };
        if let Some((text, discarded)) = self.without_duplicates(from) {
            self.discarded.extend(discarded);
            self.out.truncate(start + 1);
            self.out.push_str(&text);
        }
        self.members.truncate(from);
        self.out.push('}');
    }

    /// The members of the innermost object again, if some name comes more than once, and where in the input the values
    /// are that were left out.
    fn without_duplicates(&self, from: usize) -> Option<(String, Vec<Range<usize>>)> {
        const FEW: usize = 8;
        let members = &self.members[from..];
        let name = |member: &Member| &self.out[member.name..member.value];
        let has_duplicates = if members.len() <= FEW {
            (1..members.len()).any(|i| members[..i].iter().any(|other| name(other) == name(&members[i])))
        } else {
            let mut names: Vec<&str> = members.iter().map(name).collect();
            names.sort_unstable();
            names.windows(2).any(|pair| pair[0] == pair[1])
        };
        if !has_duplicates {
            return None;
        }
        let mut by_name: Vec<usize> = (0..members.len()).collect();
        by_name.sort_by_key(|&i| (name(&members[i]), i));
        // For each first place of a name, the place of its last value.
        let mut kept: Vec<(usize, usize)> = by_name
            .chunk_by(|&a, &b| name(&members[a]) == name(&members[b]))
            .filter_map(|same| Some((*same.first()?, *same.last()?)))
            .collect();
        kept.sort_unstable();
        let input_end = |i: usize| members.get(i + 1).map_or(self.at, |next| next.input);
        let discarded = by_name
            .chunk_by(|&a, &b| name(&members[a]) == name(&members[b]))
            .flat_map(|same| &same[..same.len() - 1])
            .map(|&i| members[i].input..input_end(i))
            .collect();
        let value_end = |i: usize| members.get(i + 1).map_or(self.out.len(), |next| next.name - 1);
        let mut text = String::new();
        for (place, (first, last)) in kept.into_iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            text.push_str(name(&members[first]));
            text.push_str(&self.out[members[last].value..value_end(last)]);
        }
        Some((text, discarded))
    }

    fn string(&mut self) -> Result<(), SyntaxError> {
        self.out.push('"');
        self.at += 1;
        let mut copied = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.out.push_str(&self.input[copied..self.at]);
                    self.out.push('"');
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.out.push_str(&self.input[copied..self.at]);
                    self.at += 1;
                    self.escape()?;
                    copied = self.at;
                }
                Some(0..0x20) => return Err(self.error("control characters in strings must be escaped")),
                Some(_) => self.at += 1,
                None => return Err(self.error("the string is not closed")),
            }
        }
    }

    /// Reads an escape after its backslash and writes the character itself, where it may stand.
    fn escape(&mut self) -> Result<(), SyntaxError> {
        let start = self.at - 1;
        let character = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let unit = self.hex4()?;
                let character = self.code_point(unit, start)?;
                self.push_character(character);
                return Ok(());
            }
            _ => return Err(self.error("unknown escape")),
        };
        self.at += 1;
        self.push_character(character);
        Ok(())
    }

    /// The character of one `\u` escape, reading the second one of a pair.
    fn code_point(&mut self, unit: u32, start: usize) -> Result<char, SyntaxError> {
        if let Some(character) = char::from_u32(unit) {
            return Ok(character);
        }
        if (0xd800..0xdc00).contains(&unit) && self.bytes[self.at..].starts_with(b"\\u") {
            let after_first = self.at;
            self.at += 2;
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                let combined = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(combined).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = after_first;
        }
        self.problems.push(Problem::LoneSurrogate(start));
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, SyntaxError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.error("expected four hexadecimal digits"));
            };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn push_character(&mut self, character: char) {
        match u8::try_from(character) {
            Ok(byte) if byte < 0x20 || byte == b'"' || byte == b'\\' => push_escaped(&mut self.out, byte),
            _ => self.out.push(character),
        }
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
        // Every number with fewer characters and no exponent is finite.
        const SURELY_FINITE: usize = 300;
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            Some(b'I') => {
                self.out.push('-');
                return self.not_finite("Infinity");
            }
            _ => return Err(self.error("expected a digit")),
        }
        let mut is_float = false;
        let mut has_exponent = false;
        if self.peek() == Some(b'.') {
            is_float = true;
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_float = true;
            has_exponent = true;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        let text = &self.input[start..self.at];
        let doubtful = is_float && (has_exponent || text.len() > SURELY_FINITE);
        if doubtful && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            self.problems.push(Problem::NotFinite(start));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), SyntaxError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.error("expected a digit"));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &'static str) -> Result<(), SyntaxError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error("expected a JSON value"));
        }
        self.at += word.len();
        self.out.push_str(word);
        Ok(())
    }

    /// The spellings that many writers emit for numbers that JSON cannot express.
    fn not_finite(&mut self, word: &'static str) -> Result<(), SyntaxError> {
        let start = self.at;
        self.literal(word)?;
        self.problems.push(Problem::NotFinite(start));
        Ok(())
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn error(&self, message: &'static str) -> SyntaxError {
        SyntaxError {
            offset: self.at,
            message,
        }
    }
}

/// The levels of a compact value; of several with commas between them, of the deepest.
pub fn depth_of(text: &str) -> usize {
    let mut open = 0_usize;
    let mut deepest = 0;
    let mut in_string = false;
    let mut is_escaped = false;
    let mut last = b' ';
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => open += 1,
            b']' | b'}' => {
                // An empty container is no deeper than a scalar.
                deepest = deepest.max(open + usize::from(!matches!(last, b'[' | b'{')));
                open = open.saturating_sub(1);
            }
            _ => {}
        }
        last = byte;
    }
    deepest.max(1)
}

impl core::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} at byte {}", self.message, self.offset)
    }
}

impl Problem {
    /// The problem in words.
    pub fn message(self) -> String {
        match self {
            Self::NotFinite(at) => {
                format!("Value contains non-JSON-compliant data: the number at byte {at} is not finite")
            }
            Self::LoneSurrogate(at) => {
                format!("Value contains non-JSON-compliant data: the escape at byte {at} is half of a surrogate pair")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn text(input: &str) -> String {
        normalize(input).unwrap().text
    }

    #[test]
    fn white_space_between_tokens_goes_and_inside_strings_stays() {
        assert_eq!(text(" { \"a b\" : [ 1 ,\t2 ] }\r\n"), r#"{"a b":[1,2]}"#);
    }

    #[test]
    fn numbers_keep_every_digit() {
        for number in [
            "1.0",
            "-0",
            "0.10",
            "1e5",
            "1E+05",
            "123456789012345678901234567890",
            "-0.0",
        ] {
            assert_eq!(text(number), number);
        }
    }

    #[test]
    fn escapes_become_characters_where_json_lets_them() {
        assert_eq!(text(r#""\u00e9\/\ud83e\udd80\u0041""#), "\"é/🦀A\"");
        assert_eq!(
            text(r#""\u0022\u005c\u000a\u001f\u007f""#),
            "\"\\\"\\\\\\n\\u001f\u{7f}\""
        );
    }

    #[test]
    fn the_last_of_duplicate_members_counts_in_the_place_of_the_first() {
        assert_eq!(text(r#"{"a":1,"b":2,"a":{"x":1,"x":2}}"#), r#"{"a":{"x":2},"b":2}"#);
        assert_eq!(text(r#"{"a":1,"\u0061":2}"#), r#"{"a":2}"#);
        let many: Vec<String> = (0..40).map(|i| format!("\"k{}\":{i}", i % 20)).collect();
        let kept: Vec<String> = (0..20).map(|i| format!("\"k{i}\":{}", i + 20)).collect();
        assert_eq!(
            text(&format!("{{{}}}", many.join(","))),
            format!("{{{}}}", kept.join(","))
        );
    }

    #[test]
    fn depth_counts_scalars_as_a_level() {
        for (input, depth) in [
            ("1", 1),
            ("[]", 1),
            ("[1]", 2),
            ("[[]]", 2),
            ("{\"a\":[{}]}", 3),
            ("[1,[2],3]", 3),
        ] {
            assert_eq!(normalize(input).unwrap().depth, depth, "{input}");
        }
    }

    #[test]
    fn what_no_json_reader_could_give_back_is_a_problem_not_an_error() {
        for input in ["NaN", "[1,-Infinity]", "1e999", "-1E400", "{\"a\":Infinity}"] {
            assert!(
                matches!(normalize(input).unwrap().problem, Some(Problem::NotFinite(_))),
                "{input}"
            );
        }
        for input in [r#""\ud800""#, r#""\udc00x""#, r#"{"\ud83e\ud83e":1}"#, r#""\ud83e\n""#] {
            assert!(
                matches!(normalize(input).unwrap().problem, Some(Problem::LoneSurrogate(_))),
                "{input}"
            );
        }
        assert_eq!(normalize("1.7976931348623157e308").unwrap().problem, None);
    }

    #[test]
    fn an_error_names_the_byte() {
        let error = normalize("{\"a\":1,}").unwrap_err();
        assert_eq!(error.to_string(), "expected a member name in double quotes at byte 7");
    }

    #[test]
    fn absurd_nesting_is_an_error_or_a_depth_never_a_crash() {
        assert!(normalize(&"[".repeat(1_000_000)).is_err());
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(normalize(&deep).unwrap().depth, 100_000);
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_value_is_what_serde_json_reads(value in value()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let normalized = normalize(&pretty).unwrap();
            prop_assert_eq!(&normalized.text, &value.to_string());
            prop_assert_eq!(normalize(&normalized.text).unwrap().text, normalized.text);
        }

        #[test]
        fn syntax_is_judged_as_serde_json_does(input in r#"[\[\]{}",:0-9eE.+\-tfn\\u "ab]{0,12}"#) {
            let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&input).is_ok();
            prop_assert_eq!(normalize(&input).is_ok(), theirs, "{}", input);
        }
    }
}

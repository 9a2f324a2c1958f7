//! Random requests. Everything random is made from its meaning, so the model never has to read what the engine reads.

use automation_kv_engine::model::{self, Condition, ListEnd};
use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// An operation whose arguments know what they mean.
#[derive(Debug, Clone)]
pub enum Operation {
    ListKeys,
    Get {
        key: String,
        path: Option<Path>,
    },
    Set {
        key: String,
        value: Json,
        condition: Condition,
    },
    Patch {
        key: String,
        path: Path,
        value: Json,
        create: bool,
    },
    Delete {
        key: String,
    },
    Increment {
        key: String,
        by: By,
    },
    Decrement {
        key: String,
        by: By,
    },
    Push {
        key: String,
        value: Json,
        end: ListEnd,
    },
    Pop {
        key: String,
        end: ListEnd,
    },
    Length {
        key: String,
    },
}

/// The text of a value.
#[derive(Debug, Clone)]
pub enum Json {
    Value {
        text: String,
        value: Value,
    },
    /// JSON in form only; `stands_for` is its like for the checks that come before.
    Unkeepable {
        text: String,
        stands_for: Value,
    },
    Malformed(String),
}

/// The text of a counter's step.
#[derive(Debug, Clone)]
pub enum By {
    Integer { text: String, integer: i128 },
    NotAnInteger(String),
    Malformed(String),
}

/// The text of a path.
#[derive(Debug, Clone)]
pub enum Path {
    Steps { text: String, steps: Vec<Step> },
    Malformed(String),
}

/// One segment of a path: a member's name, and the list index that it may stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub name: String,
    pub index: Option<usize>,
}

/// Which version a request asks for, before there is one.
#[derive(Debug, Clone, Copy)]
pub enum Guard {
    None,
    FromCurrent(i64),
    Exactly(i64),
}

/// One thing to do with a session.
#[derive(Debug, Clone)]
pub enum Action {
    Request {
        operations: Vec<Operation>,
        guard: Guard,
        always_bump: bool,
    },
    Savepoint,
    Rollback(u32),
    /// Ends the session, with or without saving, and begins the next one.
    Reopen {
        save: bool,
        limit_bytes: u64,
    },
}

pub fn action() -> impl Strategy<Value = Action> {
    let guard = prop_oneof![
        14 => Just(Guard::None),
        4 => Just(Guard::FromCurrent(0)),
        1 => prop_oneof![Just(-1), Just(1)].prop_map(Guard::FromCurrent),
        1 => prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(i64::MAX)].prop_map(Guard::Exactly),
    ];
    let operations = prop_oneof![
        1 => Just(Vec::new()),
        30 => prop::collection::vec(operation(), 1..5),
    ];
    prop_oneof![
        14 => (operations, guard, prop::bool::weighted(0.2)).prop_map(|(operations, guard, always_bump)| {
            Action::Request { operations, guard, always_bump }
        }),
        2 => Just(Action::Savepoint),
        2 => (0..4_u32).prop_map(Action::Rollback),
        3 => (prop::bool::weighted(0.8), limit_bytes()).prop_map(|(save, limit_bytes)| {
            Action::Reopen { save, limit_bytes }
        }),
    ]
}

/// Mostly none; else small enough to be met.
pub fn limit_bytes() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 1 => 1..30_u64, 2 => 30..300_u64]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        1 => Just(Operation::ListKeys),
        3 => (key("document"), prop::option::of(path())).prop_map(|(key, path)| Operation::Get { key, path }),
        6 => (any_key(), json(), condition()).prop_map(|(key, value, condition)| {
            Operation::Set { key, value, condition }
        }),
        5 => (key("document"), path(), json(), prop::bool::weighted(0.7)).prop_map(|(key, path, value, create)| {
            Operation::Patch { key, path, value, create }
        }),
        2 => any_key().prop_map(|key| Operation::Delete { key }),
        3 => (key("counter"), by()).prop_map(|(key, by)| Operation::Increment { key, by }),
        3 => (key("counter"), by()).prop_map(|(key, by)| Operation::Decrement { key, by }),
        5 => (key("list"), json(), list_end()).prop_map(|(key, value, end)| Operation::Push { key, value, end }),
        3 => (key("list"), list_end()).prop_map(|(key, end)| Operation::Pop { key, end }),
        2 => key("list").prop_map(|key| Operation::Length { key }),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        4 => Just(Condition::Always),
        1 => Just(Condition::IfAbsent),
        1 => Just(Condition::IfPresent),
    ]
}

fn list_end() -> impl Strategy<Value = ListEnd> {
    prop_oneof![Just(ListEnd::Head), Just(ListEnd::Tail)]
}

/// Mostly the key whose value is likely to be of the right type.
fn key(usual: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(usual.to_owned()), 1 => any_key()]
}

fn any_key() -> impl Strategy<Value = String> {
    let odd = [
        "k".to_owned(),
        "é".repeat(255),
        "quote\"back\\slash".to_owned(),
        " a/b\u{85}🦀".to_owned(),
    ];
    let invalid = [
        String::new(),
        " \u{3000}\u{1c}".to_owned(),
        "$version".to_owned(),
        "é".repeat(256),
        "é\nb".to_owned(),
        "a\u{7f}".to_owned(),
    ];
    prop_oneof![
        20 => prop::sample::select(vec!["document", "counter", "list"]).prop_map(str::to_owned),
        5 => prop::sample::select(odd.to_vec()),
        1 => prop::sample::select(invalid.to_vec()),
    ]
}

fn json() -> impl Strategy<Value = Json> {
    let malformed = [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "'x'",
        "\"x",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "-",
        "tru",
        "nulll",
        "1 2",
        "[1 2]",
        "{\"a\" 1}",
        "]",
        "\u{feff}1",
    ];
    prop_oneof![
        40 => (value(), any::<Manner>()).prop_map(|(value, manner)| {
            Json::Value { text: manner.write(&value), value }
        }),
        1 => prop::sample::select(malformed.to_vec()).prop_map(|text| Json::Malformed(text.to_owned())),
        1 => unkeepable(),
    ]
}

/// `NaN` and `Infinity` are never here alone, where a counter could meet it: `rules.rs` has that.
fn unkeepable() -> impl Strategy<Value = Json> {
    let cases = [
        ("1e999", number("1e999")),
        ("[-1E400]", vec![number("-1E400")].into()),
        ("[ NaN]", vec![number("NaN")].into()),
        ("[Infinity ]", vec![number("Infinity")].into()),
        (r#""\ud800""#, "\u{fffd}".into()),
        (r#"["\udc00x"]"#, vec!["\u{fffd}x"].into()),
        (r#"["\ud83e\u0041"]"#, vec!["\u{fffd}A"].into()),
    ];
    prop::sample::select(cases.to_vec()).prop_map(|(text, stands_for)| Json::Unkeepable {
        text: text.to_owned(),
        stands_for,
    })
}

fn value() -> impl Strategy<Value = Value> {
    let numbers = [
        "0",
        "-0",
        "7",
        "-12",
        "1.0",
        "0.10",
        "-0.0",
        "1E+05",
        "1e-7",
        "9223372036854775807",
        "-9223372036854775808",
        "123456789012345678901234567890",
        "3.14159265358979323846264338327950288",
    ];
    let texts = [
        "",
        "x",
        "é🦀",
        "a\"b\\c/d",
        "\u{0}\u{8}\t\n\u{c}\r\u{1f}\u{7f}",
        "],}{[:\"",
    ];
    let scalar = prop_oneof![
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::Bool),
        6 => prop::sample::select(numbers.to_vec()).prop_map(number),
        3 => prop::sample::select(texts.to_vec()).prop_map(Value::from),
    ];
    let nested = scalar.clone().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|members| { Value::Object(members.into_iter().collect()) }),
        ]
    });
    let deep = (28..35_usize, any::<bool>(), any::<bool>()).prop_map(|(levels, in_objects, scalar_inside)| {
        let innermost = if scalar_inside {
            Value::Null
        } else {
            Value::Array(Vec::new())
        };
        (1..levels).fold(innermost, |inside, _| {
            if in_objects {
                Value::Object(Map::from_iter([("a".to_owned(), inside)]))
            } else {
                Value::Array(vec![inside])
            }
        })
    });
    prop_oneof![8 => scalar, 16 => nested, 1 => deep]
}

/// Names of members, which paths use too.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["a", "b", "0", "1"]).prop_map(str::to_owned),
        2 => prop::sample::select(vec!["", "x.y", "é", "back\\slash", "it's", "$a", "01"]).prop_map(str::to_owned),
    ]
}

/// How a value is spelled: everything here must be gone from what comes back.
#[derive(Debug, Clone, Copy)]
struct Manner {
    spaced: bool,
    escaped: bool,
    repeats_members: bool,
}

impl Arbitrary for Manner {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let flag = || prop::bool::weighted(0.3);
        (flag(), flag(), flag())
            .prop_map(|(spaced, escaped, repeats_members)| Self {
                spaced,
                escaped,
                repeats_members,
            })
            .boxed()
    }
}

impl Manner {
    fn write(self, value: &Value) -> String {
        let text = match value {
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.write(item)).collect();
                format!("[{}]", items.join(","))
            }
            Value::Object(members) => self.object(members),
            scalar => scalar.to_string(),
        };
        if self.spaced { format!("\r\n {text}\t") } else { text }
    }

    /// With repeated members, the first ones are in order and the last ones right, but never both. The wrong values
    /// are scalars, since `rules.rs` has the matter of how deep a value reaches that does not count.
    fn object(self, members: &Map<String, Value>) -> String {
        let space = if self.spaced { " " } else { "" };
        let member =
            |(name, value): (&String, &Value)| format!("{space}{}{space}:{}", self.string(name), self.write(value));
        let mut written: Vec<String> = members.iter().map(member).collect();
        if self.repeats_members {
            written.reverse();
            let wrong = members.keys().map(|name| format!("{}:\"]}},\"", self.string(name)));
            written = wrong.chain(written).collect();
        }
        format!("{{{}}}", written.join(","))
    }

    fn string(self, text: &str) -> String {
        if !self.escaped {
            return Value::from(text).to_string();
        }
        let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        format!("\"{}\"", units.concat())
    }
}

fn path() -> impl Strategy<Value = Path> {
    let malformed = [
        "",
        ".",
        "...",
        "[",
        "a[",
        "a[0",
        "[\"x]",
        "['x\"]",
        "name]",
        "[x]y",
        "a[\"x\"y]",
    ];
    prop_oneof![
        20 => prop::collection::vec(segment(), 1..4).prop_map(|segments| join(&segments)),
        1 => (29..35_usize).prop_map(|count| join(&vec![Segment::dotted("a"); count])),
        1 => prop::sample::select(malformed.to_vec()).prop_map(|text| Path::Malformed(text.to_owned())),
    ]
}

#[derive(Debug, Clone)]
struct Segment {
    text: String,
    step: Step,
}

impl Segment {
    fn dotted(name: &str) -> Self {
        Self {
            text: format!(".{name}"),
            step: Step {
                name: name.to_owned(),
                index: None,
            },
        }
    }
}

fn segment() -> impl Strategy<Value = Segment> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "é", "-1", "01"]).prop_map(Segment::dotted),
        2 => (0..3_usize, any::<bool>()).prop_map(|(index, dotted)| Segment {
            text: if dotted { format!(".{index}") } else { format!("[{index}]") },
            step: Step { name: index.to_string(), index: Some(index) },
        }),
        3 => name().prop_map(|name| {
            let quote = if name.contains('\'') { '"' } else { '\'' };
            Segment { text: format!("[{quote}{name}{quote}]"), step: Step { name, index: None } }
        }),
    ]
}

fn join(segments: &[Segment]) -> Path {
    let text: String = segments.iter().map(|segment| segment.text.as_str()).collect();
    Path::Steps {
        // An empty segment in front is skipped, so the first dot may go or stay; an odd length is as good as a coin.
        text: match text.strip_prefix('.') {
            Some(rest) if text.len() % 2 == 1 => rest.to_owned(),
            _ => text,
        },
        steps: segments.iter().map(|segment| segment.step.clone()).collect(),
    }
}

fn by() -> impl Strategy<Value = By> {
    let integer = prop_oneof![
        6 => -20..20_i128,
        2 => any::<i64>().prop_map(i128::from),
        1 => prop_oneof![Just(i128::from(i64::MAX)), Just(i128::from(i64::MIN))],
        // Far beyond 64 bits, and so few digits that no sum in one run leaves the model's 128.
        1 => -10_i128.pow(35)..10_i128.pow(35),
    ];
    let not_an_integer = [
        "1.5",
        "1e-1",
        "1e999",
        "NaN",
        "null",
        "true",
        "\"x\"",
        "\"\"",
        "\"1.0\"",
        "\"+3\"",
        "\" 5\"",
        "\"007\"",
        "[1]",
        "{}",
        r#""\ud800""#,
    ];
    let malformed = ["", "01", "+1", "1.", "--1", "{", "5 5", "1_0"];
    prop_oneof![
        20 => (integer, 0..6_u8).prop_map(|(integer, manner)| By::Integer { text: spell(integer, manner), integer }),
        1 => prop::sample::select(not_an_integer.to_vec()).prop_map(|text| By::NotAnInteger(text.to_owned())),
        1 => prop::sample::select(malformed.to_vec()).prop_map(|text| By::Malformed(text.to_owned())),
    ]
}

fn spell(integer: i128, manner: u8) -> String {
    match manner {
        0 => format!("\"{integer}\""),
        1 => format!("{integer}.00"),
        2 if integer != 0 => format!("{integer}0E-1"),
        3 => format!("{integer}e+0"),
        _ => format!(" {integer}\n"),
    }
}

/// A number with exactly these digits: `serde_json` spells an exponent its own way when it reads one.
fn number(text: &str) -> Value {
    Value::Number(Number::from_string_unchecked(text.to_owned()))
}

impl Operation {
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::ListKeys => None,
            Self::Get { key, .. }
            | Self::Set { key, .. }
            | Self::Patch { key, .. }
            | Self::Delete { key }
            | Self::Increment { key, .. }
            | Self::Decrement { key, .. }
            | Self::Push { key, .. }
            | Self::Pop { key, .. }
            | Self::Length { key } => Some(key),
        }
    }

    /// The operation as the engine gets it.
    pub fn spelled(&self) -> model::Operation {
        match self.clone() {
            Self::ListKeys => model::Operation::ListKeys,
            Self::Get { key, path } => {
                let path = path.map(Path::text);
                model::Operation::Get { key, path }
            }
            Self::Set { key, value, condition } => {
                let value = value.text();
                model::Operation::Set { key, value, condition }
            }
            Self::Patch {
                key,
                path,
                value,
                create,
            } => model::Operation::Patch {
                key,
                path: path.text(),
                value: value.text(),
                create,
            },
            Self::Delete { key } => model::Operation::Delete { key },
            Self::Increment { key, by } => model::Operation::Increment { key, by: by.text() },
            Self::Decrement { key, by } => model::Operation::Decrement { key, by: by.text() },
            Self::Push { key, value, end } => {
                let value = value.text();
                model::Operation::Push { key, value, end }
            }
            Self::Pop { key, end } => model::Operation::Pop { key, end },
            Self::Length { key } => model::Operation::Length { key },
        }
    }
}

impl Json {
    /// What the value is. Malformed text has none and is refused before anyone asks.
    pub fn meaning(&self) -> &Value {
        match self {
            Self::Value { value, .. } => value,
            Self::Unkeepable { stands_for, .. } => stands_for,
            Self::Malformed(text) => unreachable!("{text} was let through"),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Value { text, .. } | Self::Unkeepable { text, .. } | Self::Malformed(text) => text,
        }
    }
}

impl By {
    /// The integer. What is none is refused before anyone asks.
    pub fn meaning(&self) -> i128 {
        match self {
            Self::Integer { integer, .. } => *integer,
            Self::NotAnInteger(text) | Self::Malformed(text) => unreachable!("{text} was let through"),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Integer { text, .. } | Self::NotAnInteger(text) | Self::Malformed(text) => text,
        }
    }
}

impl Path {
    fn text(self) -> String {
        match self {
            Self::Steps { text, .. } | Self::Malformed(text) => text,
        }
    }
}

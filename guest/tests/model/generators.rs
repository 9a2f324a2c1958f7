//! How random requests are made.

use automation_kv_engine::model::{Condition, ListEnd, OperationNames, Scope};
use proptest::prelude::*;
use serde_json::{Map, Number, Value};

use crate::requests::{
    Action, By, Cursor, Expiry, Fence, Filter, Guard, Hop, Json, Operation, Path, Place, Step, Style, Test,
};
use crate::worth::TIMES;

const DAY_MS: i64 = 86_400_000;

pub fn action() -> impl Strategy<Value = Action> {
    let guard = prop_oneof![
        14 => Just(Guard::None),
        4 => Just(Guard::FromCurrent(0)),
        1 => prop_oneof![Just(-1), Just(1)].prop_map(Guard::FromCurrent),
        1 => prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(i64::MAX)].prop_map(Guard::Exactly),
    ]
    .boxed();
    let operations = prop_oneof![
        1 => Just(Vec::new()),
        30 => prop::collection::vec(operation(), 1..5),
    ];
    let name = prop_oneof![
        20 => prop::sample::select(vec!["one", "two", "é"]).prop_map(str::to_owned),
        1 => Just(String::new()),
        1 => Just("k".repeat(256)),
    ];
    let once = prop_oneof![3 => Just(None), 1 => name.prop_map(Some)].boxed();
    let requests = prop::collection::vec(prop::collection::vec(operation(), 0..4), 0..4);
    let transaction = (
        requests,
        guard.clone(),
        prop::bool::weighted(0.3),
        once.clone(),
        scope(),
        prop::bool::weighted(0.8),
    );
    prop_oneof![
        3 => transaction.prop_map(|(requests, guard, always_bump, once, scope, ends_well)| {
            Action::Transaction { requests, guard, always_bump, once, scope, ends_well }
        }),
        16 => (operations, guard, prop::bool::weighted(0.2), once, scope()).prop_map(
            |(operations, guard, always_bump, once, scope)| {
                Action::Request { operations, guard, always_bump, once, scope }
            }
        ),
        2 => (0..3_usize, scope()).prop_map(|(age, scope)| Action::Retry(age, scope)),
        2 => Just(Action::Savepoint),
        2 => (0..4_u32).prop_map(Action::Rollback),
        4 => (prop::bool::weighted(0.8), limit_bytes(), value_limit_bytes(), clock_step()).prop_map(
            |(save, limit_bytes, value_limit_bytes, clock_step_ms)| {
                Action::Reopen { save, limit_bytes, value_limit_bytes, clock_step_ms }
            }
        ),
    ]
}

/// Mostly none, or one that few requests exceed.
fn scope() -> impl Strategy<Value = Option<Scope>> {
    let prefixes = prop::sample::subsequence(vec!["", "d", "document", "documents", "l", "le", "c", "k", "é"], 0..4);
    let prefixes = prefixes.prop_map(|prefixes| prefixes.into_iter().map(str::to_owned).collect());
    let operations = prop_oneof![
        2 => Just(OperationNames::all()),
        1 => (any::<u32>(), any::<u32>()).prop_map(|bits| OperationNames::from_bits_truncate(bits.0 | bits.1)),
    ];
    let scope = (
        prop::bool::weighted(0.8),
        prop::option::weighted(0.4, prefixes),
        operations,
    );
    prop_oneof![
        4 => Just(None),
        1 => scope.prop_map(|(may_write, key_prefixes, operations)| {
            Some(Scope { may_write, key_prefixes, operations })
        }),
    ]
}

/// Mostly none; else small enough to be met.
pub fn limit_bytes() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 1 => 1..30_u64, 2 => 30..300_u64]
}

/// Mostly none; else small enough to be met.
pub fn value_limit_bytes() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(0), 1 => 1..30_u64, 1 => 30..200_u64]
}

/// How far the clock goes, or is set back, between two sessions.
fn clock_step() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0..30_i64,
        2 => -30..0_i64,
        1 => prop::sample::select(vec![DAY_MS - 1, DAY_MS, DAY_MS + 1, 2 * DAY_MS]),
        1 => prop::sample::select(vec![-DAY_MS, -100 * DAY_MS]),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        2 => list_keys(),
        2 => (key("document"), prop::option::of(path())).prop_map(|(key, path)| Operation::Get { key, path }),
        2 => (any_key(), prop::option::weighted(0.3, path()), test()).prop_map(|(key, path, test)| {
            Operation::Check { key, path, test }
        }),
        5 => (any_key(), json(), condition(), expiry()).prop_map(|(key, value, condition, expiry)| {
            Operation::Set { key, value, condition, expiry }
        }),
        2 => (any_key(), expiry()).prop_map(|(key, expiry)| Operation::Expire { key, expiry }),
        8 => (key("document"), prop::collection::vec(step(), 0..7), prop::bool::weighted(0.7)).prop_map(
            |(key, steps, create)| Operation::Edit { key, steps, create }
        ),
        2 => any_key().prop_map(|key| Operation::Delete { key }),
        2 => (key("counter"), by()).prop_map(|(key, by)| Operation::Increment { key, by }),
        2 => (key("counter"), by()).prop_map(|(key, by)| Operation::Decrement { key, by }),
        6 => (key("list"), json(), list_end(), max_length(), expiry()).prop_map(
            |(key, value, end, max_length, expiry)| Operation::Push { key, value, end, max_length, expiry }
        ),
        2 => (key("list"), list_end(), count()).prop_map(|(key, end, count)| Operation::Pop { key, end, count }),
        2 => (key("list"), index(), index()).prop_map(|(key, start, stop)| Operation::Range { key, start, stop }),
        2 => (key("list"), index(), index()).prop_map(|(key, start, stop)| Operation::Trim { key, start, stop }),
        2 => (prop_oneof![key("list"), key("document")], filter()).prop_map(|(key, matching)| {
            Operation::Remove { key, matching }
        }),
        1 => key("list").prop_map(|key| Operation::Length { key }),
        3 => (key("lease"), owner(), lease_time()).prop_map(|(key, owner, milliseconds)| {
            Operation::Claim { key, owner, milliseconds }
        }),
        1 => (key("lease"), owner(), fence(), lease_time()).prop_map(|(key, owner, fence, milliseconds)| {
            Operation::Renew { key, owner, fence, milliseconds }
        }),
        1 => (key("lease"), owner(), fence()).prop_map(|(key, owner, fence)| {
            Operation::Release { key, owner, fence }
        }),
    ]
}

fn list_keys() -> impl Strategy<Value = Operation> {
    let prefix = prop::sample::select(vec!["", "", "l", "k", "document", "é", "missing"]).prop_map(str::to_owned);
    let limit = prop_oneof![3 => Just(None), 20 => (1..4_u32).prop_map(Some), 1 => Just(Some(0))];
    let cursor = prop_oneof![
        8 => Just(Cursor::None),
        8 => (0..3_usize).prop_map(Cursor::Recent),
        1 => prop::sample::select(vec!["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]).prop_map(|text| {
            Cursor::Strange(text.to_owned())
        }),
    ];
    (prefix, limit, cursor, any::<bool>()).prop_map(|(prefix, limit, cursor, values)| Operation::ListKeys {
        prefix,
        limit,
        cursor,
        values,
    })
}

fn expiry() -> impl Strategy<Value = Expiry> {
    prop_oneof![
        6 => Just(Expiry::Keep),
        2 => Just(Expiry::Never),
        4 => (1..60_u64).prop_map(Expiry::After),
        3 => (-20..60_i64).prop_map(Expiry::FromNow),
        1 => prop::sample::select(vec![0, 253_402_300_799_999, u64::MAX]).prop_map(Expiry::At),
        1 => prop::sample::select(vec![0, 1 << 47, u64::MAX]).prop_map(Expiry::After),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        3 => Just(Test::Exists),
        2 => Just(Test::Absent),
        2 => json().prop_map(Test::Equals),
        3 => prop::collection::vec(0..4_u64, 0..4).prop_map(Test::VersionsBelowCurrent),
    ]
}

fn max_length() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![
        20 => Just(None),
        10 => (1..5_u64).prop_map(Some),
        1 => prop::sample::select(vec![0, u64::MAX]).prop_map(Some),
    ]
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![20 => 1..4_u32, 1 => prop::sample::select(vec![0, u32::MAX])]
}

fn index() -> impl Strategy<Value = i64> {
    prop_oneof![20 => -4..5_i64, 1 => prop::sample::select(vec![i64::MIN, i64::MAX])]
}

fn filter() -> impl Strategy<Value = Filter> {
    let age = prop::sample::select(vec![0, 250, 500, 1_000, 10_000, u64::MAX]);
    prop_oneof![
        2 => json().prop_map(Filter::Equals),
        2 => (path(), json()).prop_map(|(field, value)| Filter::FieldEquals { field, value }),
        4 => (prop::option::of(path()), age).prop_map(|(field, milliseconds)| {
            Filter::OlderThan { field, milliseconds }
        }),
    ]
}

fn owner() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => prop::sample::select(vec!["me", "you", "h\"é\n"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec![String::new(), "é".repeat(255), "é".repeat(256)]),
    ]
}

fn fence() -> impl Strategy<Value = Fence> {
    prop_oneof![2 => Just(Fence::Any), 2 => (0..4_u64).prop_map(Fence::BelowCurrent)]
}

fn lease_time() -> impl Strategy<Value = u64> {
    prop_oneof![20 => 1..60_u64, 1 => prop::sample::select(vec![0, 1 << 47, u64::MAX])]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (place(), json()).prop_map(|(at, value)| Step::Set { at, value }),
        4 => (place(), json()).prop_map(|(at, value)| Step::Insert { at, value }),
        2 => (place(), json()).prop_map(|(at, value)| Step::Replace { at, value }),
        3 => (place(), prop::bool::weighted(0.2)).prop_map(|(at, must_exist)| Step::Remove { at, must_exist }),
        4 => (place(), json()).prop_map(|(at, value)| Step::Append { at, value }),
        3 => (place(), by()).prop_map(|(at, by)| Step::Increment { at, by }),
        4 => (place(), json()).prop_map(|(at, value)| Step::Merge { at, value }),
        2 => (place(), place()).prop_map(|(source, destination)| Step::Move { source, destination }),
        2 => (place(), place()).prop_map(|(source, destination)| Step::Copy { source, destination }),
        1 => (place(), json()).prop_map(|(at, value)| Step::Test { at, value }),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        4 => path().prop_map(|path| Place { style: Style::Path, path }),
        2 => path().prop_map(|path| Place { style: Style::Members, path }),
        4 => pointer().prop_map(|path| Place { style: Style::Pointer, path }),
    ]
}

fn pointer() -> impl Strategy<Value = Path> {
    let plain = prop::sample::select(vec!["a", "b", "é", "", "~x/", "01", "-1"]).prop_map(|name| Hop {
        name: name.to_owned(),
        index: None,
        is_behind_last: false,
    });
    let index = (0..4_usize).prop_map(|index| Hop {
        name: index.to_string(),
        index: Some(index),
        is_behind_last: false,
    });
    let behind_last = Just(Hop {
        name: "-".to_owned(),
        index: None,
        is_behind_last: true,
    });
    let hop = prop_oneof![8 => plain, 4 => index, 1 => behind_last];
    prop_oneof![
        20 => prop::collection::vec(hop, 0..4).prop_map(pointer_to),
        1 => (30..34_usize).prop_map(|count| pointer_to(vec![hop_to("a"); count])),
        1 => prop::sample::select(vec!["a", "/~", "/~2", "a/b"]).prop_map(|text| Path::Malformed(text.to_owned())),
    ]
}

fn pointer_to(hops: Vec<Hop>) -> Path {
    let token = |hop: &Hop| format!("/{}", hop.name.replace('~', "~0").replace('/', "~1"));
    Path::Hops {
        text: hops.iter().map(token).collect(),
        hops,
    }
}

fn hop_to(name: &str) -> Hop {
    Hop {
        name: name.to_owned(),
        index: None,
        is_behind_last: false,
    }
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
        20 => prop::sample::select(vec!["document", "counter", "list", "lease"]).prop_map(str::to_owned),
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
    // Near the time of the sessions, with fractions that a double holds exactly.
    let seconds = ["1700000000", "1699999999.75", "1700000000.25", "17e8", "1699999990.5"];
    let scalar = prop_oneof![
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::Bool),
        6 => prop::sample::select(numbers.to_vec()).prop_map(number),
        3 => prop::sample::select(texts.to_vec()).prop_map(Value::from),
        1 => prop::sample::select(TIMES.to_vec()).prop_map(|(text, _)| Value::from(text)),
        1 => prop::sample::select(seconds.to_vec()).prop_map(number),
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
    hop: Hop,
}

impl Segment {
    fn dotted(name: &str) -> Self {
        Self {
            text: format!(".{name}"),
            hop: hop_to(name),
        }
    }
}

fn segment() -> impl Strategy<Value = Segment> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "é", "-1", "01"]).prop_map(Segment::dotted),
        2 => (0..3_usize, any::<bool>()).prop_map(|(index, dotted)| Segment {
            text: if dotted { format!(".{index}") } else { format!("[{index}]") },
            hop: Hop { index: Some(index), ..hop_to(&index.to_string()) },
        }),
        3 => name().prop_map(|name| {
            let quote = if name.contains('\'') { '"' } else { '\'' };
            Segment { text: format!("[{quote}{name}{quote}]"), hop: hop_to(&name) }
        }),
    ]
}

fn join(segments: &[Segment]) -> Path {
    let text: String = segments.iter().map(|segment| segment.text.as_str()).collect();
    Path::Hops {
        // An empty segment in front is skipped, so the first dot may go or stay; an odd length is as good as a coin.
        text: match text.strip_prefix('.') {
            Some(rest) if text.len() % 2 == 1 => rest.to_owned(),
            _ => text,
        },
        hops: segments.iter().map(|segment| segment.hop.clone()).collect(),
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

//! The tools: a call of the API each.
//!
//! What a tool takes is what the operation takes in a batch over HTTP, so the service checks it and words what is wrong.

use std::sync::Arc;

use automation_kv_client::{Call, Method};
use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

/// Whether a tool can change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

/// A tool.
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The name of the operation in a batch; none for what is no operation.
    operation: Option<&'static str>,
    description: &'static str,
    /// Names, schemas, and whether they must be there.
    arguments: &'static [(&'static str, Schema, bool)],
}

/// What an argument may be.
#[derive(Clone, Copy)]
enum Schema {
    Key,
    Path,
    Any(&'static str),
    Flag(&'static str),
    Integer(&'static str),
    Count(&'static str),
    Number(&'static str),
    Text(&'static str),
    List(&'static str),
    Object(&'static str),
}

use Kind::{Read, Write};
use Schema::{Any, Count, Flag, Integer, Key, List, Number, Object, Path, Text};

const EX: (&str, Schema, bool) = ("ex", Count("seconds that the key is to live"), false);
const OWNER: (&str, Schema, bool) = (
    "owner",
    Text("who wants or has it; a text that no two owners share"),
    true,
);
const TTL: (&str, Schema, bool) = ("ttl_ms", Count("for how many milliseconds"), true);
const FENCE: (&str, Schema, bool) = (
    "fence",
    Count("only if the lease is still the one with this fence"),
    false,
);
const WHERE: &str = "{\"field\": path, \"equals\": value} or {\"field\": path, \"older_than\": seconds}";

const fn tool(
    name: &'static str,
    kind: Kind,
    operation: &'static str,
    description: &'static str,
    arguments: &'static [(&'static str, Schema, bool)],
) -> Described {
    Described {
        name,
        kind,
        operation: Some(operation),
        description,
        arguments,
    }
}

/// All tools.
pub(super) const ALL: &[Described] = &[
    Described {
        name: "kv_list",
        kind: Read,
        operation: None,
        description: "Name the keys, oldest first, with their values and sizes if wanted; tells the state's version.",
        arguments: &[
            ("prefix", Text("only keys that start with this"), false),
            ("limit", Count("keys in the answer, 1 to 1000; all unless given"), false),
            ("cursor", Text("the next_cursor of the page before"), false),
            ("values", Flag("the values too"), false),
            ("meta", Flag("sizes, versions, times and the room that is left"), false),
        ],
    },
    tool(
        "kv_get",
        Read,
        "read",
        "Read a value, or a part of it.",
        &[("key", Key, true), ("path", Path, false)],
    ),
    tool(
        "kv_len",
        Read,
        "len",
        "Count the items of a list.",
        &[("key", Key, true)],
    ),
    tool(
        "kv_range",
        Read,
        "range",
        "Read items of a list, from start to stop, both included; -1 is the last one.",
        &[
            ("key", Key, true),
            ("start", Integer("0 unless given"), false),
            ("stop", Integer("-1 unless given"), false),
        ],
    ),
    tool(
        "kv_set",
        Write,
        "set",
        "Store a value, whatever was there. To change a part of a value use kv_patch.",
        &[
            ("key", Key, true),
            ("value", Any("any JSON"), true),
            ("nx", Flag("only if the key does not exist"), false),
            ("xx", Flag("only if the key exists"), false),
            EX,
            (
                "keepttl",
                Flag("let the key live as long as it was to live anyway"),
                false,
            ),
        ],
    ),
    tool(
        "kv_patch",
        Write,
        "patch",
        "Change parts of a value in place: one member (path and value), or steps. Makes a missing key.",
        &[
            ("key", Key, true),
            ("path", Path, false),
            ("value", Any("what to put at the path"), false),
            (
                "operations",
                List(
                    "steps: {\"op\": \"set\"|\"remove\"|\"append\"|\"incr\"|\"merge\", \"path\": …, \"value\" or \"by\": …}",
                ),
                false,
            ),
        ],
    ),
    tool("kv_delete", Write, "delete", "Remove a key.", &[("key", Key, true)]),
    tool(
        "kv_expire",
        Write,
        "expire",
        "Say how long a key is to live.",
        &[("key", Key, true), ("ex", Count("seconds"), true)],
    ),
    tool(
        "kv_persist",
        Write,
        "persist",
        "Let a key live for ever.",
        &[("key", Key, true)],
    ),
    tool(
        "kv_incr",
        Write,
        "incr",
        "Add to an integer; one that does not exist counts from 0.",
        &[
            ("key", Key, true),
            ("by", Integer("1 unless given; may be negative"), false),
        ],
    ),
    tool(
        "kv_decr",
        Write,
        "decr",
        "Take from an integer.",
        &[("key", Key, true), ("by", Integer("1 unless given"), false)],
    ),
    tool(
        "kv_rpush",
        Write,
        "rpush",
        "Add an item at the end of a list; makes a missing list.",
        &[
            ("key", Key, true),
            ("value", Any("the item"), true),
            ("max_len", Count("keep so many, the latest"), false),
            EX,
        ],
    ),
    tool(
        "kv_lpush",
        Write,
        "lpush",
        "Add an item at the front of a list; makes a missing list.",
        &[
            ("key", Key, true),
            ("value", Any("the item"), true),
            ("max_len", Count("keep so many, the latest"), false),
            EX,
        ],
    ),
    tool(
        "kv_lpop",
        Write,
        "lpop",
        "Take items from the front of a list.",
        &[
            ("key", Key, true),
            ("count", Count("how many, as a list; one unless given"), false),
        ],
    ),
    tool(
        "kv_rpop",
        Write,
        "rpop",
        "Take items from the end of a list.",
        &[
            ("key", Key, true),
            ("count", Count("how many, as a list; one unless given"), false),
        ],
    ),
    tool(
        "kv_trim",
        Write,
        "trim",
        "Keep a range of a list and drop the other items.",
        &[
            ("key", Key, true),
            ("start", Integer("the first to keep"), true),
            ("stop", Integer("the last to keep; -1 is the last one"), true),
        ],
    ),
    tool(
        "kv_remove",
        Write,
        "remove",
        "Remove the items of a list or members of an object that match.",
        &[
            ("key", Key, true),
            ("value", Any("what is equal to this"), false),
            ("where", Object(WHERE), false),
        ],
    ),
    tool(
        "kv_prune",
        Write,
        "prune",
        "Remove the items of a list or members of an object with a time that is too long ago.",
        &[
            ("key", Key, true),
            ("older_than", Number("seconds"), true),
            (
                "field",
                Text("path of the time; unless given the item is the time"),
                false,
            ),
        ],
    ),
    tool(
        "kv_claim",
        Write,
        "claim",
        "Ask for a lease, so that one owner at a time does something; refused while another owner has it.",
        &[("key", Key, true), OWNER, TTL],
    ),
    tool(
        "kv_renew",
        Write,
        "renew",
        "Give a lease more time.",
        &[("key", Key, true), OWNER, TTL, FENCE],
    ),
    tool(
        "kv_release",
        Write,
        "release",
        "Give a lease back.",
        &[("key", Key, true), OWNER, FENCE],
    ),
    Described {
        name: "kv_batch",
        kind: Write,
        operation: None,
        description: "Do up to 100 operations, all or none: {\"op\": …, \"key\": …, …} with the names and arguments of the \
                      other tools without kv_ (read for kv_get), and check: {\"op\": \"check\", \"key\": …, and one of \
                      exists: true, absent: true, equals: value, version: key's version}.",
        arguments: &[("operations", List("the operations, in order"), true)],
    },
];

/// The tool of that name.
pub(super) fn find(name: &str) -> Option<&'static Described> {
    ALL.iter().find(|tool| tool.name == name)
}

impl Described {
    /// As a client is shown it.
    pub(super) fn tool(&self) -> Tool {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, schema, must) in self.arguments {
            properties.insert((*name).to_owned(), schema.json());
            required.extend(must.then_some(*name));
        }
        if self.kind == Write {
            let version = Count("only if the state has this version");
            properties.insert("if_version".to_owned(), version.json());
            let dry_run = Flag(
                "change nothing; answer with the difference that it would make to what this token shows (whether the token may write it is not looked at)",
            );
            properties.insert("dry_run".to_owned(), dry_run.json());
        }
        let schema = Map::from_iter([
            ("type".to_owned(), json!("object")),
            ("properties".to_owned(), Value::Object(properties)),
            ("required".to_owned(), json!(required)),
            ("additionalProperties".to_owned(), json!(false)),
        ]);
        let annotations = ToolAnnotations::new()
            .read_only(self.kind == Read)
            .destructive(matches!(
                self.name,
                "kv_set" | "kv_delete" | "kv_trim" | "kv_remove" | "kv_prune" | "kv_batch"
            ))
            .open_world(false);
        Tool::new(self.name, self.description, Arc::new(schema)).with_annotations(annotations)
    }

    /// The call of the API that does it.
    pub(super) fn call(&self, mut arguments: Map<String, Value>) -> Result<Call, String> {
        let Some(operation) = self.operation else {
            return Ok(match self.kind {
                Read => with_query(Call::on_state(Method::GET, ""), arguments),
                Write => Call::on_state(Method::POST, "batch").body(Value::Object(arguments).to_string()),
            });
        };
        let Some(Value::String(key)) = arguments.remove("key") else {
            return Err("key is missing, or no text".to_owned());
        };
        let version = arguments
            .remove("if_version")
            .map(|version| ("if_version".to_owned(), version));
        let conditions = Map::from_iter(version);
        Ok(match operation {
            "read" => with_query(Call::on(&key, Method::GET, ""), arguments),
            "len" | "range" => with_query(Call::on(&key, Method::GET, operation), arguments),
            "set" => {
                let value = arguments.remove("value").ok_or("value is missing")?;
                let call = with_query(Call::on(&key, Method::PUT, "").body(value.to_string()), arguments);
                with_query(call, conditions)
            }
            "patch" => {
                let call = Call::on(&key, Method::PATCH, "").query("create", "true");
                with_query(call.body(Value::Object(arguments).to_string()), conditions)
            }
            "delete" => with_query(with_query(Call::on(&key, Method::DELETE, ""), arguments), conditions),
            operation => {
                let call = Call::on(&key, Method::POST, operation).body(Value::Object(arguments).to_string());
                with_query(call, conditions)
            }
        })
    }

    /// The batch that does the same, for a trial.
    pub(super) fn batch(&self, mut arguments: Map<String, Value>) -> Value {
        let Some(operation) = self.operation else {
            return Value::Object(arguments);
        };
        let if_version = arguments.remove("if_version");
        arguments.insert("op".to_owned(), json!(operation));
        let mut batch = json!({ "operations": [arguments] });
        if let Some(version) = if_version {
            batch["if_version"] = version;
        }
        batch
    }
}

/// Adds parameters; what is no text is spelled as JSON.
fn with_query(call: Call, parameters: Map<String, Value>) -> Call {
    parameters.into_iter().fold(call, |call, (name, value)| match value {
        Value::Null => call,
        Value::String(text) => call.query(name, text),
        other => call.query(name, other.to_string()),
    })
}

impl Schema {
    fn json(self) -> Value {
        match self {
            Key => json!({ "type": "string", "minLength": 1, "maxLength": 255, "description": "the key" }),
            Path => {
                json!({ "type": "string", "description": "a path into the value, as in a.b, a[\"x.y\"], items[0]" })
            }
            Any(description) => json!({ "description": description }),
            Flag(description) => json!({ "type": "boolean", "description": description }),
            Integer(description) => json!({ "type": "integer", "description": description }),
            Count(description) => json!({ "type": "integer", "minimum": 0, "description": description }),
            Number(description) => json!({ "type": "number", "minimum": 0, "description": description }),
            Text(description) => json!({ "type": "string", "description": description }),
            List(description) => json!({ "type": "array", "items": { "type": "object" }, "description": description }),
            Object(description) => json!({ "type": "object", "description": description }),
        }
    }
}

//! The operations of a batch, as they were sent.

use std::sync::Arc;

use crate::api::fields::Fields;
use crate::api::kv::action::{self, Action, Wording};
use crate::api::plugins;
use crate::engine::plugin::Plugin;
use crate::engine::types::Operation;
use crate::plugins::Plugins;
use crate::vault::TimestampMs;

/// The most operations in one batch.
pub(in crate::api::kv) const MAX_OPERATIONS: usize = 100;

/// What calls a plugin.
const CALL: &str = "call";

/// An operation as it was sent, and what is asked for it.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) subject: Subject,
    /// How many of the engine's operations it is, or 1 for a call.
    pub(super) count: usize,
    pub(super) wording: Wording,
    part: Option<Part>,
}

/// What an operation works on.
pub(super) enum Subject {
    Key(String),
    Plugin(String),
}

/// What is asked for an operation.
pub(super) enum Part {
    Operations(Vec<Operation>),
    Call { plugin: Arc<Plugin>, input: String },
}

impl Item {
    /// What is asked; nothing the second time.
    pub(super) fn take_part(&mut self) -> Option<Part> {
        self.part.take()
    }
}

impl Subject {
    /// The member that names it, and its name.
    pub(super) fn member(&self) -> (&'static str, &str) {
        match self {
            Self::Key(key) => ("key", key),
            Self::Plugin(plugin) => ("plugin", plugin),
        }
    }
}

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    pub(super) items: Vec<Item>,
    /// The first call of a plugin that there is not: where, and the plugin's name.
    pub(super) missing: Option<(usize, String)>,
}

/// Reads the member `operations`.
pub(super) fn read(fields: &mut Fields<'_>, now: TimestampMs, plugins: &Plugins) -> Read {
    let Read { mut items, mut missing } = Read::default();
    for (index, mut inner) in fields.operations("operations", MAX_OPERATIONS).into_iter().enumerate() {
        let name = inner.required_string("op");
        if name == CALL {
            match call(name, &mut inner, plugins) {
                Ok(item) => items.push(item),
                Err(plugin) => drop(missing.get_or_insert((index, plugin))),
            }
            fields.absorb(inner.finish());
            continue;
        }
        let key = inner.required_string("key");
        match Action::read(&name, &key, &mut inner, now) {
            Some(action) => {
                items.push(item(name, key, action));
                fields.absorb(inner.finish());
            }
            None => {
                if !name.is_empty() {
                    // The name may be anything, so it is not repeated.
                    inner.problem(
                        "op",
                        &format!("must be one of {}, {CALL}", action::NAMES),
                        "literal_error",
                    );
                }
                // Without a known name, no other member can be judged.
                fields.absorb(inner.finish_leniently());
            }
        }
    }
    Read { items, missing }
}

fn item(name: String, key: String, action: Action) -> Item {
    Item {
        name,
        subject: Subject::Key(key),
        count: action.operations.len(),
        wording: action.wording,
        part: Some(Part::Operations(action.operations)),
    }
}

/// A call of a plugin: `plugin` and `input`. The plugin's name if there is none with it.
fn call(name: String, fields: &mut Fields<'_>, plugins: &Plugins) -> Result<Item, String> {
    let plugin_name = fields.required_string("plugin");
    let input = fields.take("input").unwrap_or(plugins::NO_INPUT);
    let Some(plugin) = plugins.get(&plugin_name) else {
        return Err(plugin_name);
    };
    if let Err(misfits) = plugin.check_input(input) {
        fields.misfits("input", misfits);
    }
    Ok(Item {
        name,
        subject: Subject::Plugin(plugin_name),
        count: 1,
        wording: Wording::Silent,
        part: Some(Part::Call {
            plugin,
            input: input.to_string(),
        }),
    })
}

//! `${name}` in a case, and what it stands for.

use serde_json::{Map, Value};

use crate::target::Target;
use crate::token;

/// The variables of one run of a case.
pub struct Variables {
    values: Map<String, Value>,
}

impl Variables {
    /// What the target has: a token, or the secret and so two new automations with a token for each.
    pub fn of(target: &Target) -> Result<Self, String> {
        let mut variables = Self { values: Map::new() };
        variables.set("key_prefix", target.key_prefix().into());
        if let Some(token) = target.token() {
            variables.set("token", token.into());
            return Ok(variables);
        }
        let secret = target.secret()?;
        let (own, other) = (target.fresh_automation(), target.fresh_automation());
        let (id, other_id) = (own.to_string(), other.to_string());
        variables.set("token", token::valid(secret, &id).into());
        variables.set("other_token", token::valid(secret, &other_id).into());
        variables.set("automation_id_upper", id.to_uppercase().into());
        variables.set("automation_id_simple", own.simple().to_string().into());
        variables.set("automation_id", id.into());
        variables.set("other_id", other_id.into());
        Ok(variables)
    }

    /// Sets one, for the rest of the run.
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// One that holds text; empty if there is none of that name.
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The value with every known variable in its texts replaced. A text that is nothing but a variable becomes what
    /// that holds, of whatever kind; an unknown variable stays as it is written.
    pub fn substitute(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.substitute_text(text),
            Value::Array(items) => items.iter().map(|item| self.substitute(item)).collect(),
            Value::Object(members) => {
                let replaced = members
                    .iter()
                    .map(|(name, value)| (name.clone(), self.substitute(value)));
                Value::Object(replaced.collect())
            }
            scalar => scalar.clone(),
        }
    }

    fn substitute_text(&self, text: &str) -> Value {
        let mut replaced = String::new();
        let mut left = text;
        while let Some(start) = left.find("${") {
            replaced.push_str(&left[..start]);
            left = &left[start..];
            match self.leading(left) {
                Some((length, value)) if length == text.len() => return value.clone(),
                Some((length, value)) => {
                    replaced.push_str(&spelling(value));
                    left = &left[length..];
                }
                None => {
                    replaced.push_str("${");
                    left = &left["${".len()..];
                }
            }
        }
        replaced.push_str(left);
        Value::String(replaced)
    }

    /// The known variable that a text begins with, and how long its mention is.
    fn leading(&self, text: &str) -> Option<(usize, &Value)> {
        let (name, _) = text.strip_prefix("${")?.split_once('}')?;
        let value = self.values.get(name)?;
        Some((name.len() + "${}".len(), value))
    }
}

/// A value as part of a text.
pub(super) fn spelling(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

//! Showing an answer of the service.
//!
//! Values keep the digits and the order that they were stored with, so answers stay text as far as they can.

use std::fmt::Write as _;

use automation_kv_client::Reply;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::CommandError;
use super::super::output::{self, Format};
use super::connection::Shown;

/// The members of an object, in order, each as its text.
pub(super) struct Members(Vec<(String, Box<RawValue>)>);

impl Shown {
    /// Shows an answer whose result is one of its members; all of the answer if it has no such member.
    pub(super) fn show(&self, reply: &Reply, result: &str) -> Result<(), CommandError> {
        let members = Members::of(&reply.body)?;
        let result = members.get(result).filter(|_| !self.meta);
        match (self.output.unwrap_or(Format::Json), result) {
            (Format::Raw, Some(result)) => output::print(line(&bare(result))),
            (Format::Json | Format::Raw, None) => output::print(line(reply.body.trim_end())),
            (Format::Json, Some(result)) => output::print(line(result)),
            (Format::Table, _) => output::print(members.table()),
        }
    }
}

impl Members {
    pub(super) fn of(object: &str) -> Result<Self, CommandError> {
        serde_json::from_str(object)
            .map_err(|error| CommandError::new(format!("the answer is not the service's: {error}")))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(member, _)| member == name);
        found.map(|(_, value)| value.get())
    }

    /// A line for each member.
    pub(super) fn table(&self) -> String {
        let rows = self.0.iter().map(|(name, value)| vec![name.clone(), bare(value.get())]);
        columns(&rows.collect::<Vec<_>>())
    }
}

/// Rows with their columns below each other.
pub(in crate::cli) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut written = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(written, "{cell:width$}  ");
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

/// A JSON value as a shell wants it: a text without its quotes, everything else as it is.
pub(super) fn bare(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

pub(super) fn line(text: &str) -> String {
    format!("{text}\n")
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_digits() {
        let members = Members::of(r#"{"b":1.0,"a":"x"}"#).unwrap();
        assert_eq!(members.get("b"), Some("1.0"));
        assert_eq!(members.table(), "b  1.0\na  x\n");
    }

    #[test]
    fn only_a_text_loses_its_quotes() {
        assert_eq!(bare(r#""a\nb""#), "a\nb");
        assert_eq!(bare(r#"["a"]"#), r#"["a"]"#);
    }
}

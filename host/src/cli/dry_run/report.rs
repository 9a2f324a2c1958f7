//! What a dry run tells when it is over.

use std::fmt::Write as _;

use serde::Serialize;

use super::super::CommandError;
use super::super::output::{self, Format};
use crate::api::Call;
use crate::clear;
use crate::diff::{Difference, Document};

/// What came of a dry run.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    pub(super) exit_code: u8,
    pub(super) difference: &'a Difference,
    #[serde(skip)]
    pub(super) after: &'a Document,
    /// The calls, if they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) calls: Option<Vec<Call>>,
}

impl Report<'_> {
    pub(super) fn print(&self, format: Format) -> Result<(), CommandError> {
        match format {
            Format::Table => output::print(self.text()),
            Format::Json => output::print_json(self),
            Format::Raw => output::print(clear::json(self.after)),
        }
    }

    fn text(&self) -> String {
        let mut text = self.difference.text(output::colour());
        let Some(calls) = &self.calls else {
            return text;
        };
        let count = calls.len();
        // Writing to a string does not fail.
        let _ = writeln!(text, "{count} {}", if count == 1 { "call" } else { "calls" });
        for call in calls {
            let _ = write!(text, "  {:6} {}  {}", call.method, call.path, call.status);
            if let Some(version) = call.version {
                let _ = write!(text, "  version {version}");
            }
            text.push_str(if call.injected { "  injected\n" } else { "\n" });
        }
        text
    }
}

//! Every step of `docs/plugins.md` runs as it is printed, for each language, from nothing to a plugin that is called.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;

use support::sessions;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/plugins.md");

#[test]
fn every_step_of_the_document_prints_what_is_printed() {
    sessions::assert_they_print_what_is_printed(&fs::read_to_string(DOCUMENT).expect("the document"));
}

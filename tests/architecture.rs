//! Each layer's own library is used in that layer and nowhere else.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

#[test]
fn only_storage_knows_sql() {
    assert_only_in("storage", "sqlx");
}

#[test]
fn only_engine_knows_webassembly() {
    assert_only_in("engine", "wasmtime");
}

#[test]
fn only_api_knows_http() {
    assert_only_in("api", "axum");
}

#[test]
fn only_vault_knows_ciphers() {
    assert_only_in("vault", "fernet");
    assert_only_in("vault", "hkdf");
}

#[test]
fn only_the_command_line_knows_the_checks() {
    assert_only_in("cli", "automation_kv_checks");
}

#[test]
fn the_engine_imports_nothing_but_what_its_world_says() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest/src");
    for file in rust_files(&sources) {
        let text = fs::read_to_string(&file).expect("a source file");
        assert!(!text.contains("std::"), "{} uses the standard library", file.display());
    }
}

/// The migrations of all databases have the same names, so that they are one history.
#[test]
fn every_database_has_the_same_migrations() {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut histories = fs::read_dir(migrations).expect("a folder").map(|entry| {
        let folder = entry.expect("an entry").path();
        let mut names: Vec<_> = fs::read_dir(&folder)
            .expect("a folder")
            .map(|file| file.expect("an entry").file_name())
            .collect();
        names.sort();
        names
    });
    let first = histories.next().expect("one database at least");
    assert!(histories.all(|names| names == first));
}

fn assert_only_in(layer: &str, library: &str) {
    let sources = Path::new(SOURCES);
    let mut users = 0;
    for file in rust_files(sources) {
        let text = fs::read_to_string(&file).expect("a source file");
        let is_user = text
            .lines()
            .any(|line| !line.trim_start().starts_with("//") && mentions(line, library));
        if !is_user {
            continue;
        }
        users += 1;
        let inside = file.strip_prefix(sources).expect("a file below the sources");
        let is_of_layer = inside.starts_with(layer) || inside == Path::new(&format!("{layer}.rs"));
        assert!(is_of_layer, "{} uses {library}", file.display());
    }
    assert!(users > 0, "nobody uses {library}");
}

fn mentions(line: &str, library: &str) -> bool {
    line.contains(&format!("{library}::"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files
        .into_iter()
        .filter(|file| file.extension().is_some_and(|end| end == "rs"));
    files
        .chain(folders.iter().flat_map(|folder| rust_files(folder)))
        .collect()
}

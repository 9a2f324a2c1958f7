//! Puts the recorded cases into the library, so that the binary can play them anywhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const CASES: &str = "../tests/conformance/cases";

fn main() {
    println!("cargo::rerun-if-changed={CASES}");
    if let Err(problem) = embed() {
        println!("cargo::error=cannot read the cases in {CASES}: {problem}");
    }
}

/// Writes a list of all case files: the name of each and its text.
fn embed() -> io::Result<()> {
    let folder = fs::canonicalize(CASES)?;
    let entries = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    let mut list = "&[\n".to_owned();
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // The text itself: the path would be that of another checkout where several share what is built.
        let text = fs::read_to_string(file)?;
        // Writing to a string does not fail.
        let _ = writeln!(list, "({name:?}, {text:?}),");
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(Path::new(&out).join("cases.rs"), list)
}

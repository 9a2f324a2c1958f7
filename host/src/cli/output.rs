//! What goes to stdout: results, and nothing else. Messages go to stderr.

use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::{CommandError, Exit};
use crate::diff::Colour;

/// How a result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people; coloured on a terminal.
    Table,
    /// One JSON value.
    Json,
    /// The bare value, for a pipe.
    Raw,
}

/// Whether stdout is to be coloured: it is a terminal that can do it, and nobody set `NO_COLOR` (<https://no-color.org>).
pub(super) fn colour() -> Colour {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    if io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb {
        Colour::Always
    } else {
        Colour::Never
    }
}

/// Whether somebody still reads stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    Reading,
    Gone,
}

/// Writes to stdout. A reader that has had enough (`… | head -1`) is no failure.
pub(super) fn print(bytes: impl AsRef<[u8]>) -> Result<(), CommandError> {
    offer(bytes).map(drop)
}

/// The same, and tells whether it is worth going on.
pub(super) fn offer(bytes: impl AsRef<[u8]>) -> Result<Reader, CommandError> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes.as_ref()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Reading),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(CommandError::new(format!("cannot write to stdout: {error}"))),
    }
}

/// Writes a JSON value to stdout, on one line.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), CommandError> {
    let mut text = serde_json::to_string(value)
        .map_err(|error| CommandError::new(format!("the result cannot be written as JSON: {error}")))?;
    text.push('\n');
    print(text)
}

/// Reads a file, or stdin where it is named `-`.
pub(super) fn read(file: &str) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let read = match file {
        "-" => io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes).map(|_| bytes),
        file => std::fs::read(file),
    };
    read.map_err(|error| {
        let exit = match error.kind() {
            io::ErrorKind::NotFound => Exit::NotFound,
            _ => Exit::Failure,
        };
        CommandError::with(exit, format!("cannot read {file}: {error}"))
    })
}

/// Writes a file that only its owner can read, or stdout where it is named `-`. A file that is there is replaced at once or
/// not at all.
pub(super) fn write(file: &str, bytes: &[u8]) -> Result<(), CommandError> {
    if file == "-" {
        return print(bytes);
    }
    replace(Path::new(file), bytes).map_err(|error| CommandError::new(format!("cannot write {file}: {error}")))
}

fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    const OWNER_ONLY: u32 = 0o600;
    // What is no file, such as /dev/stdout or a pipe, cannot be replaced.
    if std::fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return std::fs::write(file, bytes);
    }
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    let mut options = std::fs::OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(&new)
        .and_then(|mut opened| opened.write_all(bytes).and_then(|()| opened.sync_all()))
        .and_then(|()| std::fs::rename(&new, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written
}

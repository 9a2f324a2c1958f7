//! `automation-kv plugins new`

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::super::{CommandError, Exit, output};

/// The WIT package, as far as a plugin needs it.
const WIT: [(&str, &str); 2] = [
    ("wit/types.wit", include_str!("../../../../wit/types.wit")),
    ("wit/plugin.wit", include_str!("../../../../wit/plugin.wit")),
];

/// What stands for the plugin's name.
const NAME: &str = "{{name}}";

/// The same as Rust spells it.
const RUST_NAME: &str = "{{crate}}";

#[derive(Debug, Args)]
pub(in crate::cli) struct New {
    /// The language.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Language,

    /// The folder in which the project's folder is made.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,

    /// The plugin's name, under which it is called: lower-case letters, digits and hyphens.
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    Rust,
    Js,
    Python,
}

impl New {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let project = self.into.join(&self.name);
        let failed = |error: std::io::Error| CommandError::new(format!("cannot make {}: {error}", project.display()));
        fs::create_dir_all(&self.into).map_err(failed)?;
        fs::create_dir(&project).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => CommandError::with(
                Exit::Conflict,
                format!("{} is there already; nothing was written", project.display()),
            ),
            _ => failed(error),
        })?;
        for (file, text) in self.lang.files().iter().chain(&WIT) {
            let text = text
                .replace(NAME, &self.name)
                .replace(RUST_NAME, &self.name.replace('-', "_"));
            write(&project.join(file), &text).map_err(failed)?;
        }
        output::print(format!(
            "{} is made; its README.md says how to build, test and install it\n",
            project.display()
        ))
    }
}

impl Language {
    /// The files of a project, without the WIT package.
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rust => &[
                ("README.md", include_str!("templates/rust/README.md")),
                (".gitignore", include_str!("templates/rust/gitignore")),
                ("Cargo.toml", include_str!("templates/rust/Cargo.toml.template")),
                ("src/lib.rs", include_str!("templates/rust/lib.rs.template")),
                (
                    "src/runtime.rs",
                    include_str!("../../../../examples/plugins/rate-limiter/src/runtime.rs"),
                ),
                ("cases.json", include_str!("templates/cases.json")),
            ],
            Self::Js => &[
                ("README.md", include_str!("templates/js/README.md")),
                (".gitignore", include_str!("templates/js/gitignore")),
                ("package.json", include_str!("templates/js/package.json")),
                (
                    "build.mjs",
                    include_str!("../../../../examples/plugins/feed-merger/build.mjs"),
                ),
                ("plugin.js", include_str!("templates/js/plugin.js")),
                ("cases.json", include_str!("templates/cases.json")),
            ],
            Self::Python => &[
                ("README.md", include_str!("templates/python/README.md")),
                (".gitignore", include_str!("templates/python/gitignore")),
                (
                    "requirements.txt",
                    include_str!("../../../../examples/plugins/weighted-picker/requirements.txt"),
                ),
                ("plugin.py", include_str!("templates/python/plugin.py")),
                ("cases.json", include_str!("templates/cases.json")),
            ],
        }
    }
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text)
}

fn name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let starts_well = text.starts_with(|first: char| first.is_ascii_lowercase());
    if starts_well && text.len() <= 64 && text.bytes().all(is_plain) && !text.ends_with('-') {
        return Ok(text.to_string());
    }
    Err("must have 1 to 64 lower-case letters, digits and hyphens, a letter first".to_string())
}

//! Differences for people.

use std::fmt::{self, Display, Write as _};

use anstyle::{AnsiColor, Style};
use serde_json::value::RawValue;

use super::{Attributes, BeforeAfter, Change, Difference, Edit, KeyChange, KeyDifference};

/// The most of one value that is shown, in characters.
const MAX_VALUE_CHARACTERS: usize = 200;

/// The most items of a list that are shown.
const MAX_ITEMS: usize = 10;

/// Whether the text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// With escape sequences of a terminal.
    Always,
}

/// Whether values are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    Shown,
    Hidden,
}

impl Difference {
    /// The differences as text, a line or more for each key, each line ended; long values are cut short. `no difference` if
    /// there is none.
    pub fn text(&self, colour: Colour) -> String {
        self.rendered(colour, Values::Shown)
    }

    /// The same without any value: keys, paths and what kinds of changes there are.
    pub fn outline(&self, colour: Colour) -> String {
        self.rendered(colour, Values::Hidden)
    }

    fn rendered(&self, colour: Colour, values: Values) -> String {
        let mut text = String::new();
        let paint = |style: Style| Paint { style, colour };
        // Writing to a string does not fail.
        let _ = self.write(&mut text, &paint, values);
        text
    }

    fn write(&self, out: &mut String, paint: &impl Fn(Style) -> Paint, values: Values) -> fmt::Result {
        let totals: Vec<String> = [
            self.version.as_ref().map(|version| pair("version ", version, "")),
            self.size_bytes.as_ref().map(|size| pair("", size, " bytes")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if self.is_empty() {
            out.push_str("no difference");
        } else {
            let count = self.keys.len();
            write!(
                out,
                "{count} {} differ{}",
                plural(count, "key"),
                if count == 1 { "s" } else { "" }
            )?;
        }
        if !totals.is_empty() {
            write!(out, " ({})", totals.join(", "))?;
        }
        out.push('\n');
        for key in &self.keys {
            key.write(out, paint, values)?;
        }
        Ok(())
    }
}

impl KeyDifference {
    fn write(&self, out: &mut String, paint: &impl Fn(Style) -> Paint, values: Values) -> fmt::Result {
        let (sign, color) = match &self.change {
            KeyChange::Added { .. } => ('+', AnsiColor::Green),
            KeyChange::Removed { .. } => ('-', AnsiColor::Red),
            KeyChange::Changed { .. } => ('~', AnsiColor::Yellow),
        };
        let head = paint(color.on_default());
        write!(out, "{}", head.of(format_args!("{sign} {}", printable(&self.key))))?;
        if let Some(attributes) = &self.attributes {
            let dimmed = paint(Style::new().dimmed());
            write!(out, "  {}", dimmed.of(format_args!("({})", beside(attributes))))?;
        }
        out.push('\n');
        match &self.change {
            KeyChange::Added { .. } | KeyChange::Removed { .. } if values == Values::Hidden => Ok(()),
            KeyChange::Added { value } | KeyChange::Removed { value } => writeln!(out, "    {}", shortened(value)),
            KeyChange::Changed { edits } => edits
                .iter()
                .try_for_each(|edit| writeln!(out, "    {}", Line(edit, values))),
        }
    }
}

/// One edit.
struct Line<'a>(&'a Edit, Values);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Edit { path, change }, values) = self;
        let path = printable(&path.to_string());
        let place = if path.is_empty() {
            String::new()
        } else {
            format!("{path}: ")
        };
        if *values == Values::Hidden {
            return write!(f, "{place}{}", described(change));
        }
        match change {
            Change::Added { value } => write!(f, "{place}added {}", shortened(value)),
            Change::Removed { value } => write!(f, "{place}removed {}", shortened(value)),
            Change::Changed { before, after } => write!(f, "{place}{} -> {}", shortened(before), shortened(after)),
            Change::Appended { items } => write!(f, "{place}appended {}", listed(items)),
            Change::Prepended { items } => write!(f, "{place}prepended {}", listed(items)),
            Change::PoppedFirst { items } => write!(f, "{place}popped from the front {}", listed(items)),
            Change::PoppedLast { items } => write!(f, "{place}popped from the end {}", listed(items)),
        }
    }
}

fn described(change: &Change) -> String {
    let counted =
        |what: &str, items: &[Box<RawValue>]| format!("{what} {} {}", items.len(), plural(items.len(), "item"));
    match change {
        Change::Added { .. } => "added".to_string(),
        Change::Removed { .. } => "removed".to_string(),
        Change::Changed { .. } => "changed".to_string(),
        Change::Appended { items } => counted("appended", items),
        Change::Prepended { items } => counted("prepended", items),
        Change::PoppedFirst { items } => counted("popped from the front", items),
        Change::PoppedLast { items } => counted("popped from the end", items),
    }
}

/// What is known of a key beside its value.
fn beside(BeforeAfter { before, after }: &BeforeAfter<Option<Attributes>>) -> String {
    match (before, after) {
        (Some(before), Some(after)) => both_beside(before, after),
        (Some(one), None) | (None, Some(one)) => one_beside(one),
        (None, None) => String::new(),
    }
}

fn both_beside(before: &Attributes, after: &Attributes) -> String {
    let pair_of = |field: fn(&Attributes) -> u64| BeforeAfter {
        before: field(before),
        after: field(after),
    };
    let mut text = pair("version ", &pair_of(|attributes| attributes.version), "");
    text.push_str(&pair(", ", &pair_of(|attributes| attributes.size_bytes), " bytes"));
    let expires = BeforeAfter {
        before: time(before.expires_at),
        after: time(after.expires_at),
    };
    if before.expires_at.is_some() || after.expires_at.is_some() {
        text.push_str(&pair(", expires ", &expires, ""));
    }
    text
}

fn one_beside(attributes: &Attributes) -> String {
    let mut text = format!("version {}, {} bytes", attributes.version, attributes.size_bytes);
    if attributes.expires_at.is_some() {
        let _ = write!(text, ", expires {}", time(attributes.expires_at));
    }
    text
}

fn pair<T: Display + PartialEq>(label: &str, BeforeAfter { before, after }: &BeforeAfter<T>, unit: &str) -> String {
    if before == after {
        format!("{label}{before}{unit}")
    } else {
        format!("{label}{before} -> {after}{unit}")
    }
}

fn time(timestamp_ms: Option<u64>) -> String {
    let Some(timestamp_ms) = timestamp_ms else {
        return "never".to_string();
    };
    let milliseconds = i64::try_from(timestamp_ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(milliseconds)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

fn listed(items: &[Box<RawValue>]) -> String {
    let count = items.len();
    let shown: Vec<String> = items.iter().take(MAX_ITEMS).map(|item| shortened(item)).collect();
    let mut text = format!("{count} {}: {}", plural(count, "item"), shown.join(", "));
    if count > MAX_ITEMS {
        let _ = write!(text, ", and {} more", count - MAX_ITEMS);
    }
    text
}

/// A value as it stands, or its beginning.
fn shortened(value: &RawValue) -> String {
    let text = value.get();
    let printable_text = printable(text);
    match printable_text.char_indices().nth(MAX_VALUE_CHARACTERS) {
        Some((end, _)) => format!("{}… ({} bytes)", &printable_text[..end], text.len()),
        None => printable_text,
    }
}

/// What a state holds must not steer a terminal.
fn printable(text: &str) -> String {
    let steers = |character: char| {
        character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            printable.extend(character.escape_unicode());
        } else {
            printable.push(character);
        }
    }
    printable
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        noun.to_string()
    } else {
        format!("{noun}s")
    }
}

/// A style, where there are any.
struct Paint {
    style: Style,
    colour: Colour,
}

impl Paint {
    fn of(&self, text: fmt::Arguments<'_>) -> String {
        match self.colour {
            Colour::Never => text.to_string(),
            Colour::Always => format!("{style}{text}{style:#}", style = self.style),
        }
    }
}

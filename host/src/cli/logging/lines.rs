//! Lines of the log, with the id of the request that they are about.

use std::fmt::{self, Write};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::api::request_id;

/// Formats events as `format` does, and puts the id into each line that is written for a request.
pub(super) struct Lines<F> {
    pub(super) format: F,
    pub(super) insert: Insert,
}

/// Puts an id into a line, which ends in a line break.
type Insert = fn(line: &mut String, id: &str);

impl<F, S, N> FormatEvent<S, N> for Lines<F>
where
    F: FormatEvent<S, N>,
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(id) = request_id::current() else {
            return self.format.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        (self.insert)(&mut line, &id);
        writer.write_str(&line)
    }
}

/// Into a line for people, at its end.
pub(super) fn into_text(line: &mut String, id: &str) {
    line.truncate(line.trim_end().len());
    line.push_str(" request_id=");
    line.push_str(id);
    line.push('\n');
}

/// Into an object of JSON, as the span that the request is. An id has no character that JSON would escape.
pub(super) fn into_json(line: &mut String, id: &str) {
    let Some(open) = line.trim_end().strip_suffix('}').map(str::len) else {
        return;
    };
    line.truncate(open);
    let span = format!(r#"{{"id":"{id}","name":"request"}}"#);
    // Writing to a string never fails.
    let _ = writeln!(line, r#","span":{span},"spans":[{span}]}}"#);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_in_the_line_that_it_is_put_into() {
        let mut line = "{\"level\":\"INFO\",\"target\":\"a\"}\n".to_owned();
        into_json(&mut line, "1-a");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["span"]["id"], "1-a");
        assert_eq!(object["spans"][0], object["span"]);
        assert_eq!((object["level"].as_str(), line.ends_with('\n')), (Some("INFO"), true));
        let mut line = "INFO a: told\n".to_owned();
        into_text(&mut line, "1-a");
        assert_eq!(line, "INFO a: told request_id=1-a\n");
    }
}

//! How long a key is to live, as a query or a body says it: `ex`, `px` or `exat`.

use crate::engine::types::Expiry;
use crate::vault::TimestampMs;

/// The options, at most one of which may be given.
pub(super) const NAMES: [&str; 3] = ["ex", "px", "exat"];

/// The option for leaving a key's time as it is, instead of the others.
pub(super) const KEEP: &str = "keepttl";

/// The most milliseconds that a key may be given to live: some 7900 years, so that its end has a year of four digits.
pub(super) const MAX_LIFETIME_MS: u64 = 250_000_000_000_000;

/// 9999-01-01T00:00:00Z, the latest end: every time has four digits for its year.
pub(super) const LATEST_MS: TimestampMs = 253_370_764_800_000;

/// What is wrong with an option.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) message: String,
    pub(super) kind: &'static str,
}

/// What was chosen, if anything was, or what is wrong.
pub(super) type Chosen = Result<Option<Expiry>, Vec<Fault>>;

/// What the options, by name, come to; `keep` is the flag [`KEEP`].
pub(super) fn choose(given: &[(&'static str, Option<&str>)], keep: bool, now: TimestampMs) -> Chosen {
    let mut chosen: Vec<_> = given
        .iter()
        .filter_map(|(name, text)| Some((*name, (*text)?)))
        .collect();
    if keep {
        chosen.push((KEEP, ""));
    }
    match chosen.as_slice() {
        [] => Ok(None),
        [(KEEP, _)] => Ok(Some(Expiry::Keep)),
        [(name, text)] => read(name, text, now).map(Some).map_err(|fault| vec![fault]),
        several => Err(several.iter().map(|(name, _)| not_together(name, several)).collect()),
    }
}

/// The most milliseconds from now that a key may live.
pub(super) fn longest_ms(now: TimestampMs) -> u64 {
    LATEST_MS.saturating_sub(now).min(MAX_LIFETIME_MS)
}

fn read(name: &'static str, text: &str, now: TimestampMs) -> Result<Expiry, Fault> {
    let (most, unit) = match name {
        "ex" => (longest_ms(now) / 1000, "seconds"),
        "px" => (longest_ms(now), "milliseconds"),
        _ => (LATEST_MS / 1000, "seconds since 1970"),
    };
    let number = text.parse::<u64>().ok().filter(|number| (1..=most).contains(number));
    let number = number.ok_or_else(|| Fault {
        name,
        message: format!("must be an integer of {unit} from 1 to {most}"),
        kind: "int_parsing",
    })?;
    Ok(match name {
        "ex" => Expiry::After(number * 1000),
        "px" => Expiry::After(number),
        _ => Expiry::At(number * 1000),
    })
}

fn not_together(name: &'static str, several: &[(&'static str, &str)]) -> Fault {
    let others = several.iter().map(|(other, _)| *other).filter(|other| *other != name);
    Fault {
        name,
        message: format!(
            "cannot be used together with {}",
            others.collect::<Vec<_>>().join(" and ")
        ),
        kind: "value_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: TimestampMs = 1_800_000_000_000;

    fn one(name: &'static str, text: &str) -> Chosen {
        choose(&[(name, Some(text))], false, NOW)
    }

    #[test]
    fn one_option_says_how_long() {
        assert_eq!(one("ex", "60"), Ok(Some(Expiry::After(60_000))));
        assert_eq!(one("px", "1"), Ok(Some(Expiry::After(1))));
        assert_eq!(one("exat", "1"), Ok(Some(Expiry::At(1000))));
        assert_eq!(choose(&[("ex", None)], true, NOW), Ok(Some(Expiry::Keep)));
        assert_eq!(choose(&[("ex", None)], false, NOW), Ok(None));
    }

    #[test]
    fn a_time_that_is_none_or_too_far_is_named() {
        for name in NAMES {
            for text in [
                "",
                "0",
                "-1",
                "1.5",
                "1e3",
                "x",
                "253370764800001",
                "99999999999999999999",
            ] {
                assert!(
                    one(name, text).is_err_and(|faults| faults[0].name == name),
                    "{name} {text}"
                );
            }
        }
        assert!(one("px", &longest_ms(NOW).to_string()).is_ok());
    }

    #[test]
    fn of_several_options_each_is_named() {
        let faults = choose(&[("ex", Some("1")), ("px", Some("x"))], true, NOW).unwrap_err();
        assert_eq!(
            faults.iter().map(|fault| fault.name).collect::<Vec<_>>(),
            ["ex", "px", "keepttl"]
        );
    }
}

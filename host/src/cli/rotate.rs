//! `automation-kv rotate`

use std::fmt::Write as _;
use std::io::IsTerminal;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::knobs::{DatabaseKnobs, SecretKnobs};
use super::operator::{self, Output};
use super::{CommandError, output};
use crate::rotation::{Broken, Census, Progress, Rotated, Rotation, Unopenable};
use crate::storage::RowCounts;
use crate::vault::SealedWith;

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Change nothing; say how many rows each secret still holds.
    #[arg(long)]
    check: bool,

    /// How to show what came of it.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

impl Rotate {
    pub(super) fn run(self) -> Result<(), CommandError> {
        operator::run(async {
            let (storage, vault) = operator::storage(&self.secrets, &self.database).await?;
            let rotation = Rotation::new(storage.clone(), vault);
            let mut report = Report::new(self.check);
            let result = if self.check {
                let census = rotation.census(|progress| report.tell(progress)).await;
                census.map(|census| (Some(census), None))
            } else {
                let rotated = rotation.rotate(|progress| report.tell(progress)).await;
                rotated.map(|rotated| (None, Some(rotated)))
            };
            report.end();
            storage.close().await;
            match result.map_err(|error| operator::failed(&error))? {
                (Some(census), _) => self.print_census(&census),
                (None, Some(rotated)) => self.print_rotated(&rotated),
                (None, None) => Ok(()),
            }
        })
    }

    fn print_census(&self, census: &Census) -> Result<(), CommandError> {
        let lines = self.lines(census);
        let mut text = String::new();
        match self.output {
            Output::Table => {
                let _ = writeln!(text, "{:28}  {:>10}  {:>10}", "SECRET", "STATES", "HISTORY");
                for (name, RowCounts { states, history }) in lines {
                    let _ = writeln!(text, "{name:28}  {states:>10}  {history:>10}");
                }
            }
            Output::Raw => {
                for (name, RowCounts { states, history }) in lines {
                    let _ = writeln!(text, "{name}\t{states}\t{history}");
                }
            }
            Output::Json => {
                for (name, RowCounts { states, history }) in lines {
                    let line = serde_json::json!({"secret": name, "states": states, "history": history});
                    let _ = writeln!(text, "{line}");
                }
            }
        }
        output::print(text)?;
        print_broken(&census.unopenable);
        Ok(())
    }

    /// A line for each secret, in the order in which they are tried.
    fn lines(&self, census: &Census) -> Vec<(String, RowCounts)> {
        let secrets = 0..=self.secrets.previous().len();
        let keys: &[bool] = if self.database.adopt { &[false, true] } else { &[false] };
        let mut lines = Vec::new();
        for is_adopted in keys {
            for secret in secrets.clone() {
                let with = SealedWith {
                    secret,
                    is_adopted: *is_adopted,
                };
                let counts = census.sealed.get(&with).copied().unwrap_or_default();
                lines.push((name(with), counts));
            }
        }
        lines.push(("unreadable".to_string(), census.unopenable.counts));
        lines
    }

    fn print_rotated(&self, rotated: &Rotated) -> Result<(), CommandError> {
        let Rotated {
            resealed,
            passes,
            is_complete,
            unopenable,
        } = rotated;
        let broken = unopenable.counts.states + unopenable.counts.history;
        match self.output {
            Output::Table => {
                let (rows, times) = (plural(*resealed, "row"), plural(u64::from(*passes), "pass"));
                output::print(format!("sealed {rows} anew with the current secret, in {times}\n"))?;
            }
            Output::Raw => output::print(format!("{resealed}\n"))?,
            Output::Json => {
                let line = serde_json::json!({
                    "resealed": resealed,
                    "passes": passes,
                    "complete": is_complete,
                    "unreadable": broken,
                });
                output::print(format!("{line}\n"))?;
            }
        }
        print_broken(unopenable);
        if !is_complete {
            return Err(CommandError::new(
                "rows are still being sealed with a former secret: a service runs with it as its AUTOMATION_KV_SECRET; \
                 start that with the new one, then rotate again",
            ));
        }
        match broken {
            0 => Ok(()),
            broken => Err(CommandError::new(format!(
                "{} could not be opened and left as it was; list the secret that fits in AUTOMATION_KV_SECRET_PREVIOUS",
                plural(broken, "row")
            ))),
        }
    }
}

/// Tells how far it is: a bar on a terminal, else a line for each tenth.
struct Report {
    bar: Option<ProgressBar>,
    /// Whether rows are only looked at.
    is_check: bool,
    /// The pass and the tenth that were told last.
    told: (u32, u64),
}

impl Report {
    fn new(is_check: bool) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = "{bar:40} {pos} of {len} rows, {msg}, {eta} left";
            let bar = ProgressBar::new(0);
            bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self {
            bar,
            is_check,
            told: (0, 0),
        }
    }

    fn tell(&mut self, progress: Progress) {
        let Progress {
            pass,
            seen,
            total,
            resealed,
        } = progress;
        // Rows that are made meanwhile are seen too.
        let total = total.max(seen);
        let done = if self.is_check {
            "looked at".to_string()
        } else {
            format!("pass {pass}, {resealed} sealed anew")
        };
        if let Some(bar) = &self.bar {
            if bar.position() > seen {
                bar.reset();
            }
            bar.set_length(total);
            bar.set_message(done);
            bar.set_position(seen);
            return;
        }
        let tenth = seen.saturating_mul(10).checked_div(total).unwrap_or(10);
        if (pass, tenth) > self.told {
            self.told = (pass, tenth);
            eprintln!("{seen} of {total} rows: {done}");
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn print_broken(unopenable: &Unopenable) {
    let Unopenable { counts, first } = unopenable;
    for Broken { automation, run, error } in first {
        match run {
            None => eprintln!("{automation}: {error}"),
            Some(run) => eprintln!("{automation}, kept before run {run}: {error}"),
        }
    }
    let more = (counts.states + counts.history).saturating_sub(first.len() as u64);
    if more > 0 {
        eprintln!("and {more} more");
    }
}

fn name(with: SealedWith) -> String {
    let secret = match with.secret {
        0 => "current".to_string(),
        number => format!("previous {number}"),
    };
    if with.is_adopted {
        secret + ", Python service"
    } else {
        secret
    }
}

fn plural(count: u64, noun: &str) -> String {
    match (count, noun) {
        (1, _) => format!("1 {noun}"),
        (count, noun) if noun.ends_with('s') => format!("{count} {noun}es"),
        (count, noun) => format!("{count} {noun}s"),
    }
}

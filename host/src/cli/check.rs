//! `automation-kv check`

use std::process::ExitCode;
use std::time::Instant;

use automation_kv_checks::{Check as Test, CleanUp, Finding, ProbeError, Target, quick, run, thorough};
use clap::Args;
use secrecy::SecretString;
use url::Url;

use super::knobs::{self, SecretKnobs};
use super::operator::Output;
use super::output;
use super::{CommandError, Exit};

/// Tests at a time.
const THREADS: usize = 8;

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    extent: Extent,

    /// The service: what stands before /v1/kv.
    #[arg(
        long,
        env = "AUTOMATION_API_URL",
        value_name = "URL",
        value_parser = base_url,
        required_unless_present = "list"
    )]
    base_url: Option<Url>,

    /// The token of an automation, for --quick; without one a new automation is made with the secret.
    #[arg(long, env = "AUTOMATION_KV_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<SecretString>,

    /// Only the tests with this text in their names.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    filter: String,

    /// Only what any service of the contract must do: nothing that this one added.
    #[arg(long)]
    contract_only: bool,

    /// Name the tests, and run none.
    #[arg(long)]
    list: bool,

    /// Leave the states there that the tests made.
    #[arg(long)]
    keep: bool,

    /// How to show what is found: a line for each test, or a JSON object.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,

    #[command(flatten)]
    secrets: SecretKnobs,
}

/// How much is tested.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Extent {
    /// A handful of tests, in an automation's own state, under keys that are removed again. A token is enough.
    #[arg(long)]
    quick: bool,

    /// Every call under /v1, its edges and errors, many clients at once, automations side by side. Needs the secret.
    #[arg(long)]
    thorough: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode, CommandError> {
        let tests = if self.extent.quick { quick() } else { thorough() }.map_err(CommandError::new)?;
        let tests = self.chosen(&tests)?;
        if self.list {
            let names: Vec<_> = tests.iter().map(|test| test.label()).collect();
            output::print(names.join("\n") + "\n")?;
            return Ok(ExitCode::SUCCESS);
        }
        let target = self.target()?;
        target.probe().map_err(|error| cannot(&error))?;
        let have_all_passed = self.examine(&tests, &target)?;
        self.clean_up(&target)?;
        Ok(if have_all_passed {
            ExitCode::SUCCESS
        } else {
            Exit::Failure.into()
        })
    }

    fn chosen<'a>(&self, tests: &'a [Test]) -> Result<Vec<&'a Test>, CommandError> {
        let is_chosen =
            |test: &&Test| test.label().contains(&self.filter) && !(self.contract_only && test.is_extension());
        let chosen: Vec<_> = tests.iter().filter(is_chosen).collect();
        if chosen.is_empty() {
            let message = format!("no test has {:?} in its name; --list names them", self.filter);
            return Err(CommandError::with(Exit::Usage, message));
        }
        Ok(chosen)
    }

    fn target(&self) -> Result<Target, CommandError> {
        let missing = |what: &str| CommandError::with(Exit::Unauthorized, what);
        let url = self
            .base_url
            .as_ref()
            .ok_or_else(|| CommandError::with(Exit::Usage, "there is no --base-url"))?;
        let secret = self.secrets.current()?;
        let find = || Target::find(url).map_err(|error| cannot(&error));
        match (&self.token, secret) {
            (Some(token), _) if self.extent.quick => {
                let (origin, prefix) = find()?;
                Ok(Target::with_token(origin, &prefix, token.clone()))
            }
            (_, Some(secret)) => {
                let (origin, prefix) = find()?;
                Ok(Target::with_secret(origin, &prefix, secret))
            }
            (_, None) if self.extent.quick => Err(missing(
                "neither AUTOMATION_KV_TOKEN nor AUTOMATION_KV_SECRET is set; the tests need the one or the other",
            )),
            (_, None) => Err(missing(
                "AUTOMATION_KV_SECRET is not set; --thorough makes good and bad tokens with the secret of the service",
            )),
        }
    }

    /// Runs the tests and shows what they find. True if nothing was wrong.
    fn examine(&self, tests: &[&Test], target: &Target) -> Result<bool, CommandError> {
        let begun = Instant::now();
        let mut shown = Ok(());
        let passed = run(tests, target, THREADS, |finding| {
            if shown.is_ok() {
                shown = self.show(finding);
            }
        });
        shown?;
        let (total, seconds) = (tests.len(), begun.elapsed().as_secs_f64());
        match self.output {
            Output::Raw => {}
            Output::Table => output::print(format!("{passed} of {total} passed in {seconds:.1} s\n"))?,
            Output::Json => output::print_json(&serde_json::json!({
                "passed": passed,
                "total": total,
                "seconds": seconds,
            }))?,
        }
        Ok(passed == total)
    }

    fn show(&self, finding: &Finding) -> Result<(), CommandError> {
        let Finding { label, took, problem } = finding;
        match (self.output, problem) {
            // The names of those that failed.
            (Output::Raw, None) => Ok(()),
            (Output::Raw, Some(_)) => output::print(format!("{label}\n")),
            (Output::Table, None) => output::print(format!("ok      {label}  ({} ms)\n", took.as_millis())),
            (Output::Table, Some(problem)) => output::print(format!("FAILED  {label}\n        {problem}\n")),
            (Output::Json, problem) => output::print_json(&serde_json::json!({
                "test": label,
                "ok": problem.is_none(),
                "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "problem": problem,
            })),
        }
    }

    /// Removes what the tests left, and says on stderr what became of it.
    fn clean_up(&self, target: &Target) -> Result<(), CommandError> {
        let said = if self.keep {
            "the states that the tests made stay".to_owned()
        } else {
            match CleanUp::of(target).map_err(CommandError::new)? {
                CleanUp::Automations(count) => format!("deleted the {count} automations that the tests made"),
                CleanUp::Left(count) => {
                    format!("up to {count} automations that the tests made stay: this service cannot delete any")
                }
                CleanUp::Keys(count) => format!(
                    "worked under keys that begin with {}, and removed the {count} that were left",
                    target.key_prefix()
                ),
            }
        };
        eprintln!("automation-kv: {said}");
        Ok(())
    }
}

/// Why there is nothing to test.
fn cannot(error: &ProbeError) -> CommandError {
    let exit = match error {
        ProbeError::Unauthorized(_) => Exit::Unauthorized,
        ProbeError::Unreachable { .. } | ProbeError::Foreign { .. } => Exit::Failure,
    };
    CommandError::with(exit, error.to_string())
}

/// Reads the URL of a service, without `/v1/kv`.
fn base_url(text: &str) -> Result<Url, String> {
    let url = knobs::api_url(text)?;
    let url = Url::parse(&url).map_err(|error| error.to_string())?;
    match (url.query(), url.fragment(), url.username()) {
        (None, None, "") => Ok(url),
        _ => Err("must have no query, no fragment and no user".to_owned()),
    }
}

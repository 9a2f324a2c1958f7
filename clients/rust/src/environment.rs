//! Where the service is and who calls, from what a dispatcher puts into the environment of a run.

use reqwest::Url;
use secrecy::SecretString;

use crate::Error;

/// Holds the token of the run.
pub const TOKEN_VARIABLE: &str = "AUTOMATION_KV_TOKEN";

/// Holds the base URL of the service: what stands before `/v1/kv`.
pub const URL_VARIABLE: &str = "AUTOMATION_API_URL";

/// The name that the platform's cloud has for the same.
const CLOUD_URL_VARIABLE: &str = "OPENHANDS_CLOUD_API_URL";

/// Where a run reports to: on the same origin as the service.
const CALLBACK_VARIABLE: &str = "AUTOMATION_CALLBACK_URL";

/// The path of the service on that origin.
const CALLBACK_BASE_PATH: &str = "api/automation";

/// What it takes to call the service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What stands before `/v1/kv`.
    pub url: String,
    /// The token of an automation.
    pub token: SecretString,
}

impl Settings {
    /// Reads `AUTOMATION_KV_TOKEN`, and the URL from `AUTOMATION_API_URL`, else `OPENHANDS_CLOUD_API_URL`, else the
    /// origin of `AUTOMATION_CALLBACK_URL` followed by `/api/automation`. Empty is as good as not set.
    pub fn from_environment() -> Result<Self, Error> {
        Self::with(None, None)
    }

    /// The same for what is not given.
    pub fn with(url: Option<String>, token: Option<SecretString>) -> Result<Self, Error> {
        Self::from_variables(url, token, |name| std::env::var(name).ok())
    }

    fn from_variables(
        url: Option<String>,
        token: Option<SecretString>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let set = |name| variable(name).filter(|value| !value.trim().is_empty());
        let token = token.or_else(|| set(TOKEN_VARIABLE).map(SecretString::from));
        let token = token.ok_or_else(|| missing(TOKEN_VARIABLE, "the token of a run"))?;
        let url = url.or_else(|| set(URL_VARIABLE)).or_else(|| set(CLOUD_URL_VARIABLE));
        let url = match (url, set(CALLBACK_VARIABLE)) {
            (Some(url), _) => url,
            (None, Some(callback)) => beside(&callback)?,
            (None, None) => return Err(missing(URL_VARIABLE, "the base URL of the service")),
        };
        Ok(Self { url, token })
    }
}

fn beside(callback: &str) -> Result<String, Error> {
    let parsed = Url::parse(callback).ok().filter(Url::has_host);
    let mut url = parsed.ok_or_else(|| Error::configuration(format!("{CALLBACK_VARIABLE} is no URL: {callback:?}")))?;
    url.set_path(CALLBACK_BASE_PATH);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url.into())
}

fn missing(variable: &str, what: &str) -> Error {
    Error::configuration(format!(
        "{variable} is not set: it holds {what}; a dispatcher sets it, and so does `automation-kv run`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_of(variables: &[(&str, &str)]) -> Result<String, Error> {
        let settings = Settings::from_variables(None, None, |name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })?;
        Ok(settings.url)
    }

    #[test]
    fn the_first_variable_that_is_set_names_the_service() {
        let token = (TOKEN_VARIABLE, "t");
        let callback = (CALLBACK_VARIABLE, "https://app.example/api/runs/7/complete?x=1");
        let cloud = (CLOUD_URL_VARIABLE, "https://cloud.example");
        let api = (URL_VARIABLE, "http://127.0.0.1:8420");
        assert_eq!(
            url_of(&[token, callback]).unwrap(),
            "https://app.example/api/automation"
        );
        assert_eq!(url_of(&[token, callback, cloud]).unwrap(), "https://cloud.example");
        assert_eq!(url_of(&[token, callback, cloud, api]).unwrap(), "http://127.0.0.1:8420");
        assert_eq!(
            url_of(&[token, (URL_VARIABLE, " "), cloud]).unwrap(),
            "https://cloud.example"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |variables: &[_]| url_of(variables).unwrap_err().to_string();
        assert!(message(&[(URL_VARIABLE, "http://h")]).contains(TOKEN_VARIABLE));
        assert!(message(&[(TOKEN_VARIABLE, "t")]).contains(URL_VARIABLE));
        assert!(message(&[(TOKEN_VARIABLE, "t"), (CALLBACK_VARIABLE, "nonsense")]).contains("nonsense"));
    }
}

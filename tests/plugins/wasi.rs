//! With `--allow-wasi`: a WASI in which there is nothing.

use std::sync::Arc;
use std::time::Instant;

use automation_kv::engine::plugin::{PluginEngine, PluginOptions};
use automation_kv::service::ServiceOptions;

use crate::support::{DEADLINE, Setup, call_error, fault, options, output};

const NOW: u64 = 1_800_000_000_123;

fn setup() -> Setup {
    let options = PluginOptions {
        allows_wasi: true,
        ..options()
    };
    let plugin = PluginEngine::new(options)
        .unwrap()
        .load(automation_kv_test_wasi_plugin::COMPONENT);
    let service_options = ServiceOptions {
        fixed_now: Some(NOW),
        ..ServiceOptions::default()
    };
    Setup::with_options(Arc::new(plugin.unwrap()), service_options)
}

async fn assert_found(what: &str, expected: &str) {
    assert_eq!(output(setup().call(what).await), format!("\"{expected}\""), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_variables_and_no_arguments() {
    assert_found("variables", "0").await;
    assert_found("arguments", "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_files() {
    for what in ["folders", "files", "writing files"] {
        assert_found(what, "impossible").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_network() {
    for what in ["connecting", "listening", "datagrams", "names"] {
        match setup().call(what).await {
            Ok(carried) => assert_eq!(output(Ok(carried)), "\"impossible\"", "{what}"),
            // Whoever waits for the network is stopped.
            refused => assert_eq!(fault(refused), "trap", "{what}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_threads() {
    assert_found("threads", "impossible").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_stand_still_at_the_time_of_the_request() {
    assert_found("time", &NOW.to_string()).await;
    assert_found("passing time", "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sleeps_is_stopped_at_once() {
    let begun = Instant::now();
    let error = call_error(setup().call("sleeping").await);
    assert!(error.to_string().contains("cannot wait"), "{error}");
    assert!(begun.elapsed() < DEADLINE * 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_goes_nowhere() {
    assert_found("printing", "printed").await;
}

//! What a call is to the state: one version at most, within the caller's scope, at the request's time.

use std::fmt::Write as _;
use std::time::Instant;

use automation_kv::automation::{AutomationId, RunId, Writer};
use automation_kv::engine::plugin::CallError;
use automation_kv::engine::types::{Expiry, Forbidden, Once, OperationNames, Reason, Scope};
use automation_kv::engine::{Done, Refusal, Step, Transaction};
use automation_kv::service::ServiceOptions;
use automation_kv_test_plugin::{Deed, Kind};

use sha2::{Digest, Sha256};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_call_does_is_one_version() {
    let setup = Setup::new();
    setup.write(set("a", "7")).await;
    let carried = setup.call(Deed::THREE_OPERATIONS).await.unwrap();
    assert_eq!(carried.reply.version, 2);
    assert_eq!(setup.value("b").await.as_deref(), Some("7"));
    assert_eq!(setup.version().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_and_calls_together_are_one_version() {
    let setup = Setup::new();
    let steps = vec![
        Step::Operations(vec![increment("n"), set("x", "1")]),
        setup.step(Deed::COUNT),
        setup.step(Deed::COUNT),
        Step::Operations(vec![increment("n")]),
    ];
    let carried = setup.transact(transaction(steps)).await.unwrap();
    assert_eq!((carried.reply.version, carried.done.len()), (1, 5));
    assert_eq!(carried.done[3], Done::Output("3".to_owned()));
    assert_eq!(setup.value("n").await.as_deref(), Some("4"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_changes_nothing_makes_no_version() {
    let setup = Setup::new();
    setup.write(set("n", "7")).await;
    let before = setup.stored().await;
    assert_eq!(output(setup.call(Deed::READ).await), "7");
    assert_eq!(setup.stored().await, before);
    let bumping = Transaction {
        always_bump: true,
        ..transaction(vec![setup.step(Deed::READ)])
    };
    assert_eq!(setup.transact(bumping).await.unwrap().reply.version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_operation_leaves_the_plugin_free_to_go_on() {
    let setup = Setup::new();
    output(setup.call(Deed::GO_ON).await);
    assert_eq!(setup.value("after").await.as_deref(), Some("true"));
    assert_eq!(setup.value("not kept").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_a_plugin_claims_has_the_version_that_comes_out() {
    let setup = Setup::new();
    let carried = setup.call(Deed::CLAIM).await.unwrap();
    assert_eq!(carried.done, [Done::Output(carried.reply.version.to_string())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_sees_no_expired_key_and_the_time_of_the_request() {
    const NOW: u64 = 1_800_000_000_000;
    let options = ServiceOptions {
        fixed_now: Some(NOW),
        ..ServiceOptions::default()
    };
    let setup = Setup::with_options(load(Kind::Writing), options);
    setup.write(set_until("gone", "1", Expiry::At(NOW))).await;
    setup.write(set_until("there", "1", Expiry::At(NOW + 1))).await;
    assert_eq!(output(setup.call(Deed::LIST).await), "1");
    assert_eq!(output(setup.call(Deed::NOW).await), NOW.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_scope_holds_for_a_plugin() {
    let setup = Setup::new();
    setup.write(set("n", "1")).await;
    setup.write(set("other", "1")).await;
    let everything = Scope {
        may_write: true,
        key_prefixes: None,
        operations: OperationNames::all(),
    };
    let scopes = [
        (
            Scope {
                may_write: false,
                ..everything.clone()
            },
            Forbidden::Write,
        ),
        (
            Scope {
                operations: OperationNames::GET | OperationNames::LIST,
                ..everything.clone()
            },
            Forbidden::Operation(OperationNames::INCR),
        ),
        (
            Scope {
                key_prefixes: Some(vec!["o".to_owned()]),
                ..everything.clone()
            },
            Forbidden::Key("n".to_owned()),
        ),
    ];
    for (scope, expected) in scopes {
        let within = |deed| Transaction {
            scope: Some(scope.clone()),
            ..transaction(vec![setup.step(deed)])
        };
        match call_error(setup.transact(within(Deed::COUNT)).await) {
            CallError::Rejected(rejection) => assert_eq!(rejection.reason, Reason::Forbidden(expected)),
            other => panic!("{other:?}"),
        }
        let seen = if scope.key_prefixes.is_some() { "1" } else { "2" };
        assert_eq!(output(setup.transact(within(Deed::LIST)).await), seen);
    }
    assert_eq!(setup.version().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_says_it_does_not_write_is_refused_when_it_tries() {
    let setup = Setup::with(load(Kind::Reading));
    setup.write(set("n", "1")).await;
    assert_eq!(output(setup.call(Deed::READ).await), "1");
    match call_error(setup.call(Deed::COUNT).await) {
        CallError::Rejected(rejection) => assert_eq!(rejection.reason, Reason::Forbidden(Forbidden::Write)),
        other => panic!("{other:?}"),
    }
    assert_eq!(setup.version().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_gets_the_first_answer_and_runs_nothing() {
    let setup = Setup::new();
    let once = |fingerprint: &str, steps| Transaction {
        once: Some(Once {
            key: "key".to_owned(),
            fingerprint: fingerprint.to_owned(),
        }),
        ..transaction(steps)
    };
    let steps = || {
        vec![
            setup.step(Deed::COUNT),
            Step::Operations(vec![set("x", "1"), get("x"), increment("n")]),
        ]
    };
    let first = setup.transact(once("a", steps())).await.unwrap();
    setup.write(increment("n")).await;
    let second = setup.transact(once("a", steps())).await.unwrap();
    assert_eq!(second.done, first.done);
    assert_eq!((second.reply.version, second.reply.is_replay), (1, true));
    assert_eq!(setup.value("n").await.as_deref(), Some("3"));
    let other = setup.transact(once("b", steps())).await;
    assert!(matches!(&other, Err(Refusal::Rejected(rejection)) if rejection.reason == Reason::OnceMismatch));
}

/// The state remembers it, and must not grow without bounds.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_output_is_given_and_not_remembered() {
    let setup = Setup::new();
    assert_eq!(output(setup.call(Deed::MEDIUM_OUTPUT).await).len(), 100_002);
    let once = Transaction {
        once: Some(Once {
            key: "key".to_owned(),
            fingerprint: String::new(),
        }),
        ..transaction(vec![
            Step::Operations(vec![set("x", "1")]),
            setup.step(Deed::MEDIUM_OUTPUT),
        ])
    };
    assert_eq!(fault(setup.transact(once).await), "output_size");
    assert_eq!(setup.value("n").await.as_deref(), Some("1"));
    assert_eq!(setup.value("x").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_on_another_version_does_not_run() {
    let setup = Setup::new();
    let stale = Transaction {
        if_version: Some(3),
        ..transaction(vec![setup.step(Deed::TRAP)])
    };
    let answer = setup.transact(stale).await;
    assert!(matches!(&answer, Err(Refusal::Rejected(rejection))
        if matches!(rejection.reason, Reason::VersionMismatch(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_before_a_runs_first_call_is_kept() {
    let setup = Setup::new();
    setup.write(set("n", "5")).await;
    let writer = Writer {
        automation: setup.id,
        run: Some(RunId::parse("run-1").unwrap()),
    };
    for _ in 0..2 {
        let call = transaction(vec![setup.step(Deed::COUNT)]);
        output(
            setup
                .service
                .transact(writer.clone(), call, Instant::now())
                .await
                .unwrap(),
        );
    }
    let history = setup.service.history(setup.id, Instant::now()).await.unwrap();
    let kept: Vec<_> = history.iter().map(|kept| (kept.run.as_str(), kept.version)).collect();
    assert_eq!(kept, [("run-1", 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_many_clients_make_versions_without_gaps() {
    let setup = Setup::new();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (service, id) = (setup.service.clone(), setup.id);
        let steps: Vec<_> = (0..10).map(|_| setup.step(Deed::COUNT)).collect();
        tasks.spawn(async move {
            let mut seen = Vec::new();
            for step in steps {
                let answer = service.transact(id, transaction(vec![step]), Instant::now()).await;
                let carried = answer.unwrap().unwrap();
                let Done::Output(count) = &carried.done[0] else {
                    panic!("{carried:?}")
                };
                assert_eq!(*count, carried.reply.version.to_string());
                seen.push(carried.reply.version);
            }
            seen
        });
    }
    let mut versions: Vec<u64> = tasks.join_all().await.into_iter().flatten().collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=320).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_touches_the_state_of_its_caller_and_no_other() {
    let setup = Setup::new();
    let other: AutomationId = uuid::Uuid::new_v4().into();
    let request = automation_kv::engine::types::Request::of(vec![set("n", "41"), set("secret", "1")]);
    setup
        .service
        .write(other, request, Instant::now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(output(setup.call(Deed::LIST).await), "0");
    assert_eq!(output(setup.call(Deed::COUNT).await), "1");
}

/// Components of the world `plugin` are to run for ever, so nothing of what they see may change.
#[test]
fn the_world_of_plugins_is_frozen() {
    const DIGEST: &str = "24c7cc92726263504791c96314ea3443e1a1077d169e1ffd1a8117497fd77a43";
    let words = |text: &str| -> Vec<String> {
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        code.flat_map(str::split_whitespace).map(str::to_owned).collect()
    };
    let files = [
        include_str!("../../wit/types.wit"),
        include_str!("../../wit/plugin.wit"),
    ];
    let words: Vec<String> = files.into_iter().flat_map(words).collect();
    let mut digest = String::new();
    for byte in Sha256::digest(words.join(" ")) {
        let _ = write!(digest, "{byte:02x}");
    }
    assert_eq!(
        digest, DIGEST,
        "automation:kv@1.0.0 is frozen for plugins: put what is new into a package 1.1.0 beside it, and keep linking 1.0.0"
    );
}

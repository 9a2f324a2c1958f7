//! What a plugin does wrong is stopped within its limit, and leaves nothing behind.

use std::time::Instant;

use automation_kv::engine::plugin::{CallError, PluginOptions};
use automation_kv::engine::types::Reason;
use automation_kv::engine::{Refusal, Step};
use automation_kv_test_plugin::{Deed, Kind};

use crate::support::*;

/// A plugin with time until another limit stops it, also where the other tests leave little over.
fn patient() -> Setup {
    let options = PluginOptions {
        deadline: DEADLINE * 20,
        ..options()
    };
    Setup::with(load_with(Kind::Writing, options))
}

/// Asks for something that must fail, and looks whether all is as before and works.
async fn assert_undone(deed: &str, check: impl FnOnce(CallError)) {
    assert_undone_in(&patient(), deed, check).await;
}

async fn assert_undone_in(setup: &Setup, deed: &str, check: impl FnOnce(CallError)) {
    setup.write(set("a", "1")).await;
    let before = setup.stored().await;
    check(call_error(setup.call(deed).await));
    assert_eq!(setup.stored().await, before, "{deed}: what is stored has changed");
    assert_eq!(
        output(setup.call(Deed::COUNT).await),
        "1",
        "{deed}: the next call fails"
    );
    assert_eq!(setup.write(increment("n")).await, 3, "{deed}: the next request fails");
}

async fn assert_fault(deed: &str, name: &str) {
    assert_undone(deed, |error| match error {
        CallError::Fault(fault) => assert_eq!(fault.name(), name, "{deed}: {fault}"),
        other => panic!("{deed}: {other:?} is no fault"),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_after_writing_leaves_nothing() {
    assert_fault(Deed::TRAP, "trap").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_is_stopped() {
    let begun = Instant::now();
    assert_undone_in(&Setup::new(), Deed::LOOP, |error| {
        let CallError::Fault(fault) = error else {
            panic!("{error:?}")
        };
        assert!(["deadline", "fuel"].contains(&fault.name()), "{fault}");
    })
    .await;
    assert!(begun.elapsed() < DEADLINE * 20, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_bomb_is_stopped() {
    assert_fault(Deed::MEMORY, "memory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_recursion_is_stopped() {
    // Its frames fill one of two stacks: that of calls, or that in its memory.
    assert_undone(Deed::RECURSION, |error| {
        let CallError::Fault(fault) = error else {
            panic!("{error:?}")
        };
        assert!(["stack", "trap"].contains(&fault.name()), "{fault}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_operations_one_by_one_are_stopped() {
    assert_fault(Deed::CALLS, "operations").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_operations_at_once_are_stopped() {
    assert_undone(Deed::OPERATIONS, |error| {
        let CallError::Fault(fault) = error else {
            panic!("{error:?}")
        };
        // What they take is more than may be handed over, or than the plugin may have.
        assert!(["operations", "data", "memory"].contains(&fault.name()), "{fault}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_of_log_are_stopped() {
    assert_fault(Deed::LOG, "log").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_in_one_line_of_log_are_stopped() {
    assert_fault(Deed::LONG_LINE, "data").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_is_no_json_undoes_the_call() {
    assert_fault(Deed::NO_JSON, "output").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_its_schema_does_not_allow_undoes_the_call() {
    assert_fault(Deed::MISFIT, "output").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_is_too_large_undoes_the_call() {
    assert_fault(Deed::LARGE_OUTPUT, "output_size").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_undoes_the_call_and_its_text_goes_to_the_caller() {
    assert_undone(Deed::FAILED, |error| {
        assert!(matches!(error, CallError::Failed(text) if text == "gave up"));
    })
    .await;
    assert_undone(Deed::CONFLICT, |error| {
        assert!(matches!(error, CallError::Conflict(text) if text == "not now"));
    })
    .await;
    assert_undone("there is no such deed", |error| {
        assert!(matches!(error, CallError::InvalidInput(_)));
    })
    .await;
    assert_undone(Deed::LONG_ERROR, |error| {
        assert!(matches!(error, CallError::Failed(text) if text.chars().count() < 2_000));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_is_passed_on_undoes_the_call() {
    assert_undone(Deed::REJECTED, |error| {
        assert!(matches!(error, CallError::Rejected(rejection) if rejection.reason == Reason::KeyNotFound));
    })
    .await;
    assert_undone(Deed::TOO_LARGE, |error| {
        assert!(matches!(error, CallError::Rejected(rejection) if matches!(rejection.reason, Reason::TooLarge(_))));
    })
    .await;
}

/// What is undone has to be kept until the end.
#[tokio::test(flavor = "multi_thread")]
async fn as_many_large_writes_as_are_allowed_are_no_more_than_one() {
    let setup = patient();
    output(setup.call(Deed::HEAVY).await);
    assert_eq!(setup.version().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_the_same_group_are_answered_as_always() {
    let setup = Setup::new();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..60_u32 {
        let (service, id) = (setup.service.clone(), setup.id);
        let step = setup.step([Deed::TRAP, Deed::REJECTED, Deed::COUNT][number as usize % 3]);
        tasks.spawn(async move {
            let now = Instant::now();
            if number % 2 == 0 {
                let request = automation_kv::engine::types::Request::of(vec![increment("plain")]);
                service.write(id, request, now).await.unwrap().unwrap();
                return;
            }
            let is_good = number % 3 == 2;
            let answer = service.transact(id, transaction(vec![step]), now).await.unwrap();
            assert_eq!(answer.is_ok(), is_good, "{answer:?}");
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert_eq!(setup.value("plain").await.as_deref(), Some("30"));
    assert_eq!(setup.value("n").await.as_deref(), Some("10"));
    assert_eq!(setup.version().await, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_undoes_the_operations_before_it() {
    let setup = Setup::new();
    let steps = vec![Step::Operations(vec![set("x", "1")]), setup.step(Deed::TRAP)];
    let answer = setup.transact(transaction(steps)).await;
    assert!(matches!(answer, Err(Refusal::Call { index: 1, .. })), "{answer:?}");
    assert_eq!(setup.value("x").await, None);
    let steps = vec![
        setup.step(Deed::COUNT),
        Step::Operations(vec![set("x", "1"), get("there is no such key")]),
    ];
    let answer = setup.transact(transaction(steps)).await;
    match answer {
        Err(Refusal::Rejected(rejection)) => assert_eq!(rejection.operation, Some(2)),
        other => panic!("{other:?}"),
    }
    assert_eq!(setup.version().await, 0);
}

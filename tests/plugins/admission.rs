//! Which components are admitted, and what a plugin cannot have.

use automation_kv::engine::plugin::{Inadmissible, PluginEngine, PluginFault, PluginOptions};
use automation_kv_test_plugin::{Kind, component};

use crate::support::{load, options};

fn refusal(component: &[u8]) -> Inadmissible {
    refusal_of(component, options())
}

fn refusal_of(component: &[u8], options: PluginOptions) -> Inadmissible {
    let engine = PluginEngine::new(options).unwrap();
    engine
        .load(component)
        .expect_err("a component that must not be admitted")
}

/// A component that imports an empty interface of this name.
fn importing(interface: &str) -> Vec<u8> {
    let text = format!("(component (import \"{interface}\" (instance)))");
    wat::parse_str(text).unwrap()
}

#[test]
fn the_plugin_of_the_tests_is_admitted_and_says_what_it_is() {
    let plugin = load(Kind::Writing);
    let description = plugin.description();
    assert_eq!((&*description.name, &*description.version), ("test", "1.0.0"));
    assert_eq!(plugin.sha256().len(), 64);
    assert_eq!(
        plugin.imports(),
        [
            "automation:kv/types@1.0.0",
            "automation:kv/kv@1.0.0",
            "automation:kv/log@1.0.0"
        ]
    );
    assert!(plugin.check_input("\"count\"").is_ok());
    assert!(plugin.check_input("{}").is_err());
}

#[test]
fn what_is_no_component_is_refused_with_what_to_do() {
    assert!(matches!(refusal(b""), Inadmissible::NotWebAssembly));
    assert!(matches!(refusal(b"#!/bin/sh"), Inadmissible::NotWebAssembly));
    let module = wat::parse_str("(module)").unwrap();
    let refused = refusal(&module);
    assert!(matches!(refused, Inadmissible::CoreModule));
    assert!(refused.to_string().contains("wasm32-wasip2"), "{refused}");
    let mut broken = component(Kind::Writing);
    broken.truncate(broken.len() / 2);
    assert!(matches!(refusal(&broken), Inadmissible::Invalid(_)));
}

#[test]
fn a_component_of_another_world_is_refused() {
    let nothing = wat::parse_str("(component)").unwrap();
    assert!(matches!(refusal(&nothing), Inadmissible::World(_)));
    let engine = automation_kv::engine::BUILT_IN_COMPONENT;
    assert!(matches!(refusal(engine), Inadmissible::Imports(_)));
    // The right name with another type.
    let refused = refusal(&importing("automation:kv/kv@1.0.0"));
    assert!(matches!(refused, Inadmissible::World(_)), "{refused:?}");
}

#[test]
fn a_plugin_that_cannot_say_what_it_is_is_refused() {
    assert!(matches!(
        refusal(&component(Kind::Using)),
        Inadmissible::Describe(PluginFault::NoState)
    ));
    let refused = refusal(&component(Kind::Misnamed));
    assert!(
        matches!(refused, Inadmissible::Description { field: "name", .. }),
        "{refused}"
    );
    let refused = refusal(&component(Kind::WithoutSchema));
    assert!(
        matches!(
            refused,
            Inadmissible::Description {
                field: "input-schema",
                ..
            }
        ),
        "{refused}"
    );
    let refused = refusal(&component(Kind::Endless));
    assert!(
        matches!(
            refused,
            Inadmissible::Describe(PluginFault::Deadline | PluginFault::Fuel)
        ),
        "{refused}"
    );
}

/// Whoever wants it gets it neither with nor without WASI.
fn assert_absent(interface: &str) {
    for allows_wasi in [false, true] {
        let options = PluginOptions {
            allows_wasi,
            ..options()
        };
        let refused = refusal_of(&importing(interface), options);
        match refused {
            Inadmissible::Imports(names) => assert_eq!(names, [interface]),
            other => panic!("{interface}: {other:?}"),
        }
    }
}

#[test]
fn a_plugin_cannot_have_the_vault() {
    assert_absent("automation:kv/vault@1.0.0");
}

#[test]
fn a_plugin_cannot_have_the_storage() {
    assert_absent("automation:kv/storage@1.0.0");
}

#[test]
fn a_plugin_cannot_have_an_engine_of_its_own() {
    assert_absent("automation:kv/engine@1.0.0");
}

#[test]
fn a_plugin_cannot_have_another_plugin() {
    assert_absent("automation:kv/operation-plugin@1.0.0");
}

#[test]
fn a_plugin_cannot_have_an_interface_of_a_later_version() {
    assert_absent("automation:kv/kv@2.0.0");
}

#[test]
fn a_plugin_cannot_have_anything_else() {
    for interface in ["other:clocks/clock@1.0.0", "env", "host"] {
        assert_absent(interface);
    }
}

/// What WASI would have, and a plugin has not unless an operator says so.
#[test]
fn a_plugin_has_no_wasi() {
    for interface in [
        "wasi:filesystem/types@0.2.0",
        "wasi:filesystem/preopens@0.2.0",
        "wasi:sockets/tcp@0.2.0",
        "wasi:sockets/udp@0.2.0",
        "wasi:sockets/ip-name-lookup@0.2.0",
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:cli/environment@0.2.0",
        "wasi:cli/stdin@0.2.0",
        "wasi:cli/stdout@0.2.0",
        "wasi:cli/stderr@0.2.0",
        "wasi:clocks/wall-clock@0.2.0",
        "wasi:clocks/monotonic-clock@0.2.0",
        "wasi:random/random@0.2.0",
        "wasi:random/insecure@0.2.0",
        "wasi:io/poll@0.2.0",
        "wasi:io/streams@0.2.0",
        "wasi:keyvalue/store@0.2.0",
    ] {
        match refusal(&importing(interface)) {
            Inadmissible::Wasi(names) => assert_eq!(names, [interface]),
            other => panic!("{interface}: {other:?}"),
        }
    }
    let refused = refusal(automation_kv_test_wasi_plugin::COMPONENT);
    for hint in ["--stub-wasi", "disableFeatures", "no_std", "--allow-wasi"] {
        assert!(refused.to_string().contains(hint), "{refused}");
    }
}

#[test]
fn threads_and_shared_memory_are_no_part_of_a_plugin() {
    let text = "(component (core module (memory 1 2 shared)))";
    assert!(matches!(
        refusal(&wat::parse_str(text).unwrap()),
        Inadmissible::Invalid(_)
    ));
}

//! What is counted and timed, for Prometheus. No label's values grow with the number of automations.

use std::time::{Duration, Instant};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::mailbox::Worked;
use super::{Answer, ServiceError};
use crate::engine::plugin::CallReport;
use crate::engine::types::{Expiry, Filter, ListEnd, Operation, Reason, Rejection, Request};
use crate::engine::{EngineError, Refusal};
use crate::plugins::Plugins;
use crate::storage::Connections;

/// The media type of the metrics as text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const OPERATION_SECONDS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];
const WAIT_SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
const SESSION_SECONDS: [f64; 10] = [0.00002, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1, 1.0];
const STATE_BYTES: [f64; 10] = [
    100.0, 500.0, 1000.0, 2000.0, 8000.0, 16000.0, 32000.0, 64000.0, 128_000.0, 256_000.0,
];
const GROUP_REQUESTS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// All metrics of a service.
pub(super) struct Metrics {
    registry: Registry,
    operation_seconds: Family<OperationLabel, Histogram>,
    pub(super) wait_seconds: Histogram,
    conflicts: Family<ReasonLabel, Counter>,
    pub(super) state_bytes: Histogram,
    pub(super) group_requests: Histogram,
    pub(super) session_seconds: Histogram,
    plugins: Family<PluginInfoLabels, Gauge>,
    call_seconds: Family<PluginLabel, Histogram>,
    faults: Family<FaultLabels, Counter>,
    traps: Counter,
    decrypt_failures: Counter,
    storage_failures: Counter,
    swept: Counter,
    neighbours: Family<NeighbourLabels, Counter>,
    waiting: Gauge,
    open_connections: Gauge,
    busy_connections: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: &'static str,
}

/// A plugin's name; there are as many as an operator installs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginLabel {
    plugin: String,
}

/// Which bytes run under a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginInfoLabels {
    plugin: String,
    version: String,
    sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabels {
    plugin: String,
    fault: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NeighbourLabels {
    direction: &'static str,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            operation_seconds: Family::new_with_constructor(|| Histogram::new(OPERATION_SECONDS)),
            wait_seconds: Histogram::new(WAIT_SECONDS),
            conflicts: Family::default(),
            state_bytes: Histogram::new(STATE_BYTES),
            group_requests: Histogram::new(GROUP_REQUESTS),
            session_seconds: Histogram::new(SESSION_SECONDS),
            plugins: Family::default(),
            call_seconds: Family::new_with_constructor(|| Histogram::new(OPERATION_SECONDS)),
            faults: Family::default(),
            traps: Counter::default(),
            decrypt_failures: Counter::default(),
            storage_failures: Counter::default(),
            swept: Counter::default(),
            neighbours: Family::default(),
            waiting: Gauge::default(),
            open_connections: Gauge::default(),
            busy_connections: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register_with_unit(
            "kv_operation_duration",
            "Time from a request's arrival to its answer, waiting included",
            Unit::Seconds,
            self.operation_seconds.clone(),
        );
        registry.register_with_unit(
            "kv_lock_wait_duration",
            "Time that a write waited for the writes before it",
            Unit::Seconds,
            self.wait_seconds.clone(),
        );
        registry.register(
            "kv_conflict",
            "Requests that met another's work: refused with 409, or (lost_race) carried out once more",
            self.conflicts.clone(),
        );
        registry.register_with_unit(
            "kv_state_size",
            "Size of the sealed states that were saved",
            Unit::Bytes,
            self.state_bytes.clone(),
        );
        registry.register(
            "kv_commit_requests",
            "Requests that shared one session and one commit",
            self.group_requests.clone(),
        );
        registry.register_with_unit(
            "kv_engine_session",
            "Time of a session of the op engine, decryption and encryption included",
            Unit::Seconds,
            self.session_seconds.clone(),
        );
        registry.register(
            "kv_plugin_info",
            "The plugins that can be called, always 1",
            self.plugins.clone(),
        );
        registry.register_with_unit(
            "kv_plugin_call",
            "Time that a plugin ran, its operations included",
            Unit::Seconds,
            self.call_seconds.clone(),
        );
        registry.register(
            "kv_plugin_faults",
            "Calls of a plugin that were stopped because it crashed or went over a limit",
            self.faults.clone(),
        );
        registry.register(
            "kv_engine_traps",
            "Sessions that crashed or ran too long",
            self.traps.clone(),
        );
        registry.register(
            "kv_decrypt_failures",
            "Requests on a state that does not open",
            self.decrypt_failures.clone(),
        );
        registry.register(
            "kv_storage_failures",
            "Requests that the database kept from being answered",
            self.storage_failures.clone(),
        );
        registry.register(
            "kv_swept",
            "States that were saved without their expired keys because nobody else had touched them",
            self.swept.clone(),
        );
        registry.register(
            "kv_neighbour_requests",
            "Requests that were handed to another service of this machine on this database (to), or carried out for one (from)",
            self.neighbours.clone(),
        );
        registry.register(
            "kv_mailbox_waiting",
            "Writes that wait for their turn, of all automations",
            self.waiting.clone(),
        );
        registry.register(
            "kv_database_connections_open",
            "Connections to the database server",
            self.open_connections.clone(),
        );
        registry.register(
            "kv_database_connections_busy",
            "Connections that wait for the database server's answer",
            self.busy_connections.clone(),
        );
    }

    /// Everything in the text format of `OpenMetrics`.
    pub(super) fn text(&self, waiting: usize, connections: Connections, plugins: &Plugins) -> String {
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.open_connections.set(connections.open.into());
        self.busy_connections.set(connections.busy.into());
        self.plugins.clear();
        for plugin in plugins.all() {
            let description = plugin.description();
            let labels = PluginInfoLabels {
                plugin: description.name.clone(),
                version: description.version.clone(),
                sha256: plugin.sha256().to_string(),
            };
            self.plugins.get_or_create(&labels).set(1);
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// Notes how a request ended.
    pub(super) fn finished(&self, operation: &'static str, arrival: Instant, answer: &Result<Answer, ServiceError>) {
        let label = OperationLabel { operation };
        self.operation_seconds
            .get_or_create(&label)
            .observe(arrival.elapsed().as_secs_f64());
        match answer {
            Ok(Err(rejection)) => self.rejected(rejection),
            Ok(Ok(_)) => {}
            Err(error) => self.failed(error),
        }
    }

    /// Notes how a transaction ended.
    pub(super) fn transacted(&self, name: &'static str, arrival: Instant, worked: &Result<Worked, ServiceError>) {
        let label = OperationLabel { operation: name };
        self.operation_seconds
            .get_or_create(&label)
            .observe(arrival.elapsed().as_secs_f64());
        match worked {
            Ok(Worked::Transaction(Err(Refusal::Rejected(rejection)))) => self.rejected(rejection),
            Ok(_) => {}
            Err(error) => self.failed(error),
        }
    }

    /// Notes a call of a plugin.
    pub(super) fn called(&self, plugin: &str, report: &CallReport) {
        let label = PluginLabel {
            plugin: plugin.to_string(),
        };
        let call_seconds = self.call_seconds.get_or_create(&label);
        call_seconds.observe(report.duration.as_secs_f64());
        if let Some((fault, _)) = &report.fault {
            let labels = FaultLabels {
                plugin: label.plugin,
                fault,
            };
            self.faults.get_or_create(&labels).inc();
        }
    }

    fn rejected(&self, rejection: &Rejection) {
        match rejection.reason {
            Reason::VersionMismatch(_) => self.conflict("version_mismatch"),
            Reason::KeyExists => self.conflict("key_exists"),
            Reason::KeyAbsent => self.conflict("key_not_exists"),
            Reason::CheckFailed(_) => self.conflict("check_failed"),
            Reason::Held(_) => self.conflict("held"),
            Reason::NotHeld => self.conflict("not_held"),
            _ => {}
        }
    }

    fn failed(&self, error: &ServiceError) {
        match error {
            ServiceError::Busy => self.conflict("lock_timeout"),
            ServiceError::TimedOut | ServiceError::Storage(_) => drop(self.storage_failures.inc()),
            ServiceError::Engine(error) => match **error {
                EngineError::Undecryptable(_) => drop(self.decrypt_failures.inc()),
                EngineError::Trap { .. } | EngineError::Deadline { .. } => drop(self.traps.inc()),
                _ => {}
            },
            _ => {}
        }
    }

    /// Notes a save that came too late.
    pub(super) fn lost_race(&self) {
        self.conflict("lost_race");
    }

    /// Notes a state that the sweep has found expired keys in.
    pub(super) fn swept(&self) {
        self.swept.inc();
    }

    /// Notes a request that a neighbour is asked for.
    pub(super) fn handed_on(&self, is_read: bool) {
        self.neighbour("to", is_read);
    }

    /// Notes a request that a neighbour has asked for.
    pub(super) fn carried_out_for_neighbour(&self, is_read: bool) {
        self.neighbour("from", is_read);
    }

    fn neighbour(&self, direction: &'static str, is_read: bool) {
        let kind = if is_read { "read" } else { "write" };
        self.neighbours
            .get_or_create(&NeighbourLabels { direction, kind })
            .inc();
    }

    fn conflict(&self, reason: &'static str) {
        self.conflicts.get_or_create(&ReasonLabel { reason }).inc();
    }
}

/// For a histogram of sizes and counts.
pub(super) fn amount(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// For a histogram of times.
pub(super) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// What a request is called in the metrics: as over HTTP. A single call is called by what follows its checks.
pub(super) fn operation_name(request: &Request) -> &'static str {
    if request.always_bump {
        return "batch";
    }
    let is_check = |operation: &&Operation| matches!(operation, Operation::Check(_));
    match request.operations.iter().find(|operation| !is_check(operation)) {
        Some(Operation::ListKeys(_)) => "list",
        Some(Operation::Get(_)) => "get",
        None | Some(Operation::Check(_)) => "check",
        Some(Operation::Set(_)) => "set",
        Some(Operation::Expire(expire)) if expire.expiry == Expiry::Never => "persist",
        Some(Operation::Expire(_)) => "expire",
        Some(Operation::Edit(_)) => "patch",
        Some(Operation::Delete(_)) => "delete",
        Some(Operation::Increment(_)) => "incr",
        Some(Operation::Decrement(_)) => "decr",
        Some(Operation::Push(push)) if push.end == ListEnd::Head => "lpush",
        Some(Operation::Push(_)) => "rpush",
        Some(Operation::Pop(pop)) if pop.end == ListEnd::Head => "lpop",
        Some(Operation::Pop(_)) => "rpop",
        Some(Operation::Range(_)) => "range",
        Some(Operation::Trim(_)) => "trim",
        Some(Operation::Remove(remove)) if matches!(remove.matching, Filter::OlderThan(_)) => "prune",
        Some(Operation::Remove(_)) => "remove",
        Some(Operation::Length(_)) => "len",
        Some(Operation::Claim(_)) => "claim",
        Some(Operation::Renew(_)) => "renew",
        Some(Operation::Release(_)) => "release",
    }
}

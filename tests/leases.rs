//! Many racers for one lease, over real HTTP: whatever they do with it, fencing numbers tell their holders apart.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use support::client::Client;
use support::knob;
use support::service::{self, Setup};
use support::token;

const RACERS: usize = 16;
const ROUNDS: usize = 200;
const PATIENCE: Duration = Duration::from_mins(2);

/// What a racer was granted: the lease, or more time for it.
#[derive(Debug, Clone)]
struct Grant {
    owner: String,
    fence: u64,
    /// When it was asked for, and when the answer was there, since the start.
    asked: Duration,
    answered: Duration,
    /// By the service's clock, in milliseconds.
    from: i64,
    until: i64,
}

/// All grants, and the fences that were given back before their time.
#[derive(Default)]
struct Log {
    grants: Vec<Grant>,
    released: Vec<u64>,
}

#[test]
fn no_two_holders_share_a_fence_and_no_fence_goes_back() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let id = Uuid::new_v4();
    let seed = knob("SEED", token::now().unsigned_abs());
    println!("AUTOMATION_KV_TEST_SEED={seed}");
    let log = Mutex::new(Log::default());
    let start = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..RACERS {
            let (log, service) = (&log, &service);
            scope.spawn(move || {
                let mut racer = Racer {
                    client: service.client(id),
                    owner: format!("racer-{number}"),
                    random: fastrand::Rng::with_seed(seed.wrapping_add(number as u64)),
                    start,
                    log,
                };
                while racer.rounds() < ROUNDS {
                    assert!(start.elapsed() < PATIENCE, "only {} rounds", racer.rounds());
                    racer.race();
                }
            });
        }
    });
    let log = log.into_inner().expect("no racer panicked");
    check(&log);
    assert!(!service.log().contains("ERROR"), "{}", service.log());
}

struct Racer<'a> {
    client: Client,
    owner: String,
    random: fastrand::Rng,
    start: Instant,
    log: &'a Mutex<Log>,
}

impl Racer<'_> {
    /// How many times the lease was granted anew.
    fn rounds(&self) -> usize {
        let log = self.log.lock().expect("no racer panicked");
        let fences: std::collections::BTreeSet<u64> = log.grants.iter().map(|grant| grant.fence).collect();
        fences.len()
    }

    /// Asks for the lease, and does something with it.
    fn race(&mut self) {
        let Some(fence) = self.ask("claim", None) else {
            std::thread::sleep(Duration::from_millis(self.random.u64(1..4)));
            return;
        };
        match self.random.u8(..4) {
            // Forgets it.
            0 => std::thread::sleep(Duration::from_millis(self.random.u64(1..80))),
            1 => self.release(fence),
            // Keeps it, as long as it is let.
            2 => {
                for _ in 0..3 {
                    std::thread::sleep(Duration::from_millis(self.random.u64(1..20)));
                    assert!(self.ask("renew", Some(fence)).is_none_or(|renewed| renewed == fence));
                }
                self.release(fence);
            }
            // Asks again for what it has, perhaps no longer.
            _ => {
                std::thread::sleep(Duration::from_millis(self.random.u64(1..50)));
                self.ask("claim", None);
            }
        }
    }

    fn ask(&mut self, call: &str, fence: Option<u64>) -> Option<u64> {
        let ttl_ms = self.random.i64(20..60);
        let mut body = json!({"owner": self.owner, "ttl_ms": ttl_ms});
        if let Some(fence) = fence {
            body["fence"] = fence.into();
        }
        let asked = self.start.elapsed();
        let (status, answer) = self.client.post(&format!("/lease/{call}"), &body);
        let answered = self.start.elapsed();
        if status == 409 {
            let refused = if call == "claim" { "held" } else { "not_held" };
            assert_eq!(answer["error"], refused, "{answer}");
            return None;
        }
        assert_eq!(status, 200, "{answer}");
        let until = milliseconds(&answer["expires_at"]);
        let grant = Grant {
            owner: answer["owner"].as_str().expect("a name").to_owned(),
            fence: answer["fence"].as_u64().expect("a number"),
            asked,
            answered,
            from: until - ttl_ms,
            until,
        };
        assert_eq!(grant.owner, self.owner);
        let fence = grant.fence;
        self.log.lock().expect("no racer panicked").grants.push(grant);
        Some(fence)
    }

    fn release(&mut self, fence: u64) {
        let body = json!({"owner": self.owner, "fence": fence});
        let (status, answer) = self.client.post("/lease/release", &body);
        match status {
            200 => self.log.lock().expect("no racer panicked").released.push(fence),
            409 => assert_eq!(answer["error"], "not_held", "{answer}"),
            _ => panic!("{status} {answer}"),
        }
    }
}

fn check(log: &Log) {
    let mut holders: BTreeMap<u64, Vec<&Grant>> = BTreeMap::new();
    for grant in &log.grants {
        holders.entry(grant.fence).or_default().push(grant);
    }
    assert!(holders.len() >= ROUNDS);
    for grants in holders.values() {
        let owner = &grants[0].owner;
        assert!(
            grants.iter().all(|grant| grant.owner == *owner),
            "a fence with two holders: {grants:?}"
        );
    }
    // Who asked after another's answer was there never has a lower fence.
    let mut by_answer: Vec<&Grant> = log.grants.iter().collect();
    by_answer.sort_by_key(|grant| grant.answered);
    for later in &log.grants {
        let before = by_answer.iter().take_while(|grant| grant.answered < later.asked);
        let highest = before.map(|grant| grant.fence).max().unwrap_or(0);
        assert!(later.fence >= highest, "{later:?} after {highest}");
    }
    // By the service's clock, nobody has it before the last holder's time was over, unless that one gave it back. A
    // holder who asked again, and for less, has given up the rest.
    for ((fence, grants), (_, next)) in holders.iter().zip(holders.iter().skip(1)) {
        let until = grants.last().map_or(0, |grant| grant.until);
        let from = next.first().map_or(0, |grant| grant.from);
        let was_released = log.released.contains(fence);
        assert!(until <= from || was_released, "{grants:?} and {next:?} overlap");
    }
    assert!(
        !log.released.is_empty() && log.grants.len() > holders.len(),
        "too little happened"
    );
}

fn milliseconds(time: &Value) -> i64 {
    let time: jiff::Timestamp = time.as_str().and_then(|text| text.parse().ok()).expect("a time");
    time.as_millisecond()
}

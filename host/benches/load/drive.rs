//! Clients that send prepared requests over kept connections as fast as they are answered.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// The scheduling policy of clients, for `chrt`: see `SCHED_BATCH` in sched(7).
const BATCH: &str = "--batch";

/// Gives the bytes of the `turn`th request of a client.
pub type Requests = Arc<dyn Fn(usize, usize) -> Arc<[u8]> + Send + Sync>;

/// When the clients stop.
#[derive(Clone, Copy)]
pub enum Until {
    /// After this time.
    Time(Duration),
    /// When each has sent so many.
    Each(usize),
}

/// What the clients saw.
#[derive(Default)]
pub struct Report {
    /// How long it took.
    pub elapsed: Duration,
    /// Time from request to answer, in microseconds, sorted.
    pub micros: Vec<u32>,
    /// Answers that were not 2xx, by status; 0 stands for no answer.
    pub failures: BTreeMap<u16, u64>,
}

impl Report {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.micros.len()).unwrap_or(u32::MAX)) / self.elapsed.as_secs_f64()
    }

    /// The time that this share of the answers took at most, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let last = self.micros.len().saturating_sub(1);
        let micros = self.micros.get(last * percent / 100).copied().unwrap_or(0);
        f64::from(micros) / 1000.0
    }

    /// How many answers were 2xx.
    pub fn succeeded(&self) -> u64 {
        self.micros.len() as u64 - self.failed()
    }

    /// How many answers were not 2xx.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

/// A runtime for clients whose threads interrupt nobody ([`behind`]).
pub fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .enable_all()
        .on_thread_start(|| {
            // `<process>/task/<thread>`
            let thread = std::fs::read_link("/proc/thread-self").expect("a thread");
            let thread = thread.file_name().expect("a number");
            let told = Command::new("chrt")
                .arg(BATCH)
                .arg("--pid")
                .arg("0")
                .arg(thread)
                .status();
            assert!(told.is_ok_and(|status| status.success()), "chrt does not work");
        })
        .build()
        .expect("a runtime")
}

/// A program that drives others and interrupts nobody: a client that is woken by an answer would else take the processor
/// from the server that is about to give the next one, which it could not do from another machine.
pub fn behind(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("chrt");
    command.arg(BATCH).arg("0").arg(program);
    command
}

/// The bytes of a request.
pub fn request(method: &str, path: &str, token: &str, body: &str) -> Arc<[u8]> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: load\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
    .into()
}

/// The status and the body of an answer to one request.
pub async fn ask(address: SocketAddr, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let mut connection = Connection::open(address).await?;
    connection.stream.write_all(request).await?;
    let (status, head) = connection.response().await?;
    Ok((status, connection.buffer.split_off(head)))
}

/// Runs as many clients at once, spread over the addresses, and waits for all.
pub async fn drive(addresses: &[SocketAddr], clients: usize, until: Until, requests: &Requests) -> Report {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|number| {
            let address = addresses[number % addresses.len()];
            tokio::spawn(client(address, number, until, Arc::clone(requests), begun))
        })
        .collect();
    let mut report = Report::default();
    for task in tasks {
        let (micros, failures) = task.await.unwrap_or_default();
        report.micros.extend(micros);
        for (status, count) in failures {
            *report.failures.entry(status).or_default() += count;
        }
    }
    report.elapsed = begun.elapsed();
    report.micros.sort_unstable();
    report
}

type Seen = (Vec<u32>, BTreeMap<u16, u64>);

async fn client(address: SocketAddr, number: usize, until: Until, requests: Requests, begun: Instant) -> Seen {
    let (mut micros, mut failures) = Seen::default();
    let mut connection = None;
    let mut turn = 0;
    while match until {
        Until::Time(time) => begun.elapsed() < time,
        Until::Each(count) => turn < count,
    } {
        let sent = Instant::now();
        let status = exchange(&mut connection, address, &requests(number, turn))
            .await
            .unwrap_or(0);
        micros.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        if !(200..300).contains(&status) {
            *failures.entry(status).or_default() += 1;
        }
        turn += 1;
    }
    (micros, failures)
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

async fn exchange(slot: &mut Option<Connection>, address: SocketAddr, request: &[u8]) -> io::Result<u16> {
    let mut connection = match slot.take() {
        Some(connection) => connection,
        None => Connection::open(address).await?,
    };
    connection.stream.write_all(request).await?;
    let (status, _) = connection.response().await?;
    *slot = Some(connection);
    Ok(status)
}

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Reads one response with a length, and gives its status and where its body begins.
    async fn response(&mut self) -> io::Result<(u16, usize)> {
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut response = httparse::Response::new(&mut headers);
            let parsed = response.parse(&self.buffer).map_err(io::Error::other)?;
            let httparse::Status::Complete(head) = parsed else {
                continue;
            };
            let status = response.code.unwrap_or(0);
            let length = response
                .headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case("content-length"));
            let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
            let end = head + length.unwrap_or(0);
            while self.buffer.len() < end {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            return Ok((status, head));
        }
    }
}

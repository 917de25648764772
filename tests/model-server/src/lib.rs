//! A small model behind the SageMaker container protocol: `GET /ping` and `POST /invocations`, with CSV, JSON
//! Lines and JSON. The same server answers the few control-plane calls that a shadow endpoint needs and
//! `POST /endpoints/NAME/invocations`, and reads of objects as S3 does, so that `AWS_ENDPOINT_URL` can point at
//! it. Signatures are not checked; who signed is remembered.
//!
//! It can be slow, throttle, fail above a number of records and more, for tests of those who call it.

mod answer;
mod control;
mod faults;
mod http;
mod rows;
mod s3;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use faults::{ControlFault, Faults, Instead, Script};
pub use plumbline_generator::credit::{self, Cell};

use control::Plane;
use http::{Connection, Reply, Request};

/// A model: the cells of a row give one or more outputs. One output is a probability.
pub type Model = Arc<dyn Fn(&[Cell]) -> Vec<f64> + Send + Sync>;

/// Whether a model takes a row. If not, it refuses the whole request with the status 400.
pub type Takes = Arc<dyn Fn(&[Cell]) -> bool + Send + Sync>;

/// What a server does.
#[derive(Clone)]
pub struct Options {
    /// Port 0 takes any free port.
    pub address: SocketAddr,
    pub model: Model,
    pub takes: Takes,
    /// Leave the label out of answers.
    pub score_only: bool,
    /// Write `1.0` for 1, as Python writes its floats.
    pub decimals: bool,
    /// Read `Infinity` and `NaN` in JSON, as Python does; the standard has no such words.
    pub python_json: bool,
    /// Time that every invocation takes on top.
    pub latency: Duration,
    pub faults: Faults,
    /// Endpoints that are there from the start, and the status of those that are not in service.
    pub endpoints: Vec<String>,
    pub statuses: BTreeMap<String, &'static str>,
    /// So many looks (`DescribeEndpoint` and refused deletions) find a new endpoint still being created, and for
    /// so long they do. Until then it cannot be deleted, as in AWS.
    pub creating_polls: u32,
    pub creating: Duration,
    /// So long an endpoint that is deleted is still there, and refuses to be deleted again.
    pub deleting: Duration,
    /// Names that `DescribeModel` does not know; it knows all others.
    pub missing_models: Vec<String>,
    /// Tags of every processing job.
    pub job_tags: Vec<(String, String)>,
    /// Processing jobs with their status.
    pub jobs: BTreeMap<String, &'static str>,
    /// Endpoints, each with a configuration, that bear the tag of an earlier processing job: endpoint and job.
    pub leftovers: Vec<(String, String)>,
    /// Bodies and headers of invocations are remembered, for `seen`.
    pub remember: bool,
    /// What S3 holds: bytes by `bucket/key`.
    pub objects: BTreeMap<String, Vec<u8>>,
}

impl Default for Options {
    /// The linear credit model on a free port of the loopback, at once and without faults.
    fn default() -> Options {
        Options {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            model: Arc::new(|row| vec![credit::linear(row)]),
            takes: Arc::new(|_| true),
            score_only: false,
            decimals: false,
            python_json: false,
            latency: Duration::ZERO,
            faults: Faults::default(),
            endpoints: vec![plumbline_generator::traffic::ENDPOINT.into()],
            statuses: BTreeMap::new(),
            creating_polls: 0,
            creating: Duration::ZERO,
            deleting: Duration::ZERO,
            missing_models: Vec::new(),
            job_tags: Vec::new(),
            jobs: BTreeMap::new(),
            leftovers: Vec::new(),
            remember: false,
            objects: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Options")
            .field("address", &self.address)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// What a server was asked so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Invocations, failed ones included.
    pub requests: u64,
    /// Rows of the invocations that the model answered.
    pub records: u64,
    /// Time during which at least one invocation was in work.
    pub busy: Duration,
}

/// The invocations that a server remembers.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Headers of each invocation, names in lower case.
    pub headers: Vec<BTreeMap<String, String>>,
    /// Rows and body of each that the model answered.
    pub rows: Vec<usize>,
    pub bodies: Vec<String>,
    /// Most invocations in work at once.
    pub most_running: u32,
}

/// A running server; dropping it ends it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    plane: Mutex<Plane>,
    /// Open connections, to be closed at the end.
    connections: Mutex<BTreeMap<u64, TcpStream>>,
    stopping: AtomicBool,
    /// Requests of every kind.
    arrived: AtomicU64,
    /// Invocations.
    requests: AtomicU64,
    records: AtomicU64,
    work: Mutex<Work>,
    signers: Mutex<BTreeSet<String>>,
    seen: Mutex<Seen>,
    published: Mutex<Vec<serde_json::Value>>,
}

/// Invocations in work, and how long there were any.
#[derive(Debug, Default)]
struct Work {
    running: u32,
    since: Option<Instant>,
    busy: Duration,
}

/// Starts a server in threads of its own.
///
/// # Errors
/// The address cannot be listened on.
pub fn start(options: Options) -> io::Result<Server> {
    let listener = TcpListener::bind(options.address)?;
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared {
        plane: Mutex::new(Plane::new(&options)),
        options,
        connections: Mutex::default(),
        stopping: AtomicBool::new(false),
        arrived: AtomicU64::new(0),
        requests: AtomicU64::new(0),
        records: AtomicU64::new(0),
        work: Mutex::default(),
        signers: Mutex::default(),
        seen: Mutex::default(),
        published: Mutex::default(),
    });
    let accepting = thread::spawn({
        let shared = Arc::clone(&shared);
        move || accept(&listener, &shared)
    });
    Ok(Server { address, shared, accepting: Some(accepting) })
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For `model_url` and for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Requests of every kind that came so far.
    pub fn arrived(&self) -> u64 {
        self.shared.arrived.load(Ordering::SeqCst)
    }

    /// Control-plane calls in the order they came.
    pub fn control_calls(&self) -> Vec<String> {
        lock(&self.shared.plane).calls.iter().map(|(action, _)| action.clone()).collect()
    }

    /// What the first control-plane call of this name asked for; null when there was none.
    pub fn control_request(&self, action: &str) -> serde_json::Value {
        let plane = lock(&self.shared.plane);
        let call = plane.calls.iter().find(|(known, _)| known == action);
        call.map_or(serde_json::Value::Null, |(_, request)| request.clone())
    }

    /// Endpoints and endpoint configurations that stand in the account.
    pub fn standing(&self) -> Vec<String> {
        lock(&self.shared.plane).standing()
    }

    /// Bodies of the calls of `PutMetricData`.
    pub fn published(&self) -> Vec<serde_json::Value> {
        lock(&self.shared.published).clone()
    }

    /// The invocations so far; empty unless the server remembers.
    pub fn seen(&self) -> Seen {
        lock(&self.shared.seen).clone()
    }

    /// Who signed requests, each once: `access key/region/service`.
    pub fn signers(&self) -> Vec<String> {
        lock(&self.shared.signers).iter().cloned().collect()
    }

    /// Endpoints and endpoint configurations that were made and not deleted.
    pub fn left_behind(&self) -> Vec<String> {
        lock(&self.shared.plane).left_behind()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // A connection of its own wakes the accepting thread; a closed listener needs none.
        let _ = TcpStream::connect_timeout(&reachable(self.address), Duration::from_secs(1));
        for connection in lock(&self.shared.connections).values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// Where a server that listens on every address can be reached from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for (number, stream) in (0u64..).zip(listener.incoming()) {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let open = Open::new(number, &stream, shared);
        // Where the system has no thread more, the connection ends: nobody waits for an answer that never comes, and the next
        // one may find a thread.
        let _ = thread::Builder::new().spawn(move || serve(stream, &open.shared));
    }
}

/// A connection that is closed at the end of the server, until this is dropped, be it in a panic of the model.
struct Open {
    number: u64,
    shared: Arc<Shared>,
}

impl Open {
    fn new(number: u64, stream: &TcpStream, shared: &Arc<Shared>) -> Open {
        if let Ok(copy) = stream.try_clone() {
            lock(&shared.connections).insert(number, copy);
        }
        Open { number, shared: Arc::clone(shared) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        lock(&self.shared.connections).remove(&self.number);
    }
}

/// Answers the requests of one connection, one after the other.
fn serve(stream: TcpStream, shared: &Shared) {
    let Ok(mut connection) = Connection::new(stream) else { return };
    while let Ok(Some(request)) = connection.read() {
        let number = shared.arrived.fetch_add(1, Ordering::SeqCst) + 1;
        let Some(reply) = shared.reply(&request) else {
            connection.reset();
            return;
        };
        if shared.options.faults.hang == Some(number) {
            while !shared.stopping.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(20));
            }
            return;
        }
        if connection.write(&reply, request.method == "HEAD").is_err() || request.last {
            return;
        }
    }
}

impl Shared {
    fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
            busy: lock(&self.work).busy,
        }
    }

    /// An invocation is in work until what this gives is dropped.
    fn begin(&self) -> Running<'_> {
        let mut work = lock(&self.work);
        work.running += 1;
        work.since.get_or_insert_with(Instant::now);
        let mut seen = lock(&self.seen);
        seen.most_running = seen.most_running.max(work.running);
        Running(self)
    }

    fn end(&self) {
        let mut work = lock(&self.work);
        work.running -= 1;
        if work.running == 0
            && let Some(since) = work.since.take()
        {
            work.busy += since.elapsed();
        }
    }

    /// `None`: the connection breaks.
    fn reply(&self, request: &Request) -> Option<Reply> {
        let path = request.path.split('?').next().unwrap_or_default();
        lock(&self.signers).extend(signer(request));
        if let Some(action) =
            request.header("x-amz-target").and_then(|target| target.strip_prefix("SageMaker."))
        {
            return lock(&self.plane).call(action, &request.body);
        }
        if request.header("x-amz-target") == Some("GraniteServiceVersion20100801.PutMetricData") {
            let body = serde_json::from_slice(&request.body).unwrap_or_default();
            lock(&self.published).push(body);
            return Some(Reply::ok("application/x-amz-json-1.0", b"{}".to_vec()));
        }
        let endpoint = path.strip_prefix("/endpoints/").and_then(|rest| rest.strip_suffix("/invocations"));
        match (request.method.as_str(), path, endpoint) {
            ("GET", "/ping", _) => Some(Reply::ok("text/plain", b"\n".to_vec())),
            ("POST", "/invocations", _) => self.invoke(request, None),
            ("POST", _, Some(name)) => {
                // Not in the head of a `match`, where the lock would be held until there is an answer.
                let refused = lock(&self.plane).refuse_invocation(name);
                refused.or_else(|| self.invoke(request, Some(name)))
            }
            ("GET" | "HEAD", _, _) if !self.options.objects.is_empty() => {
                Some(s3::answer(&self.options.objects, request))
            }
            _ => Some(Reply::error(404, "NotFound", &format!("{} {path} is not served", request.method))),
        }
    }

    fn invoke(&self, request: &Request, endpoint: Option<&str>) -> Option<Reply> {
        let _running = self.begin();
        self.answer(request, endpoint)
    }

    /// `endpoint`: asked through SageMaker, which wraps the errors of the model.
    fn answer(&self, request: &Request, endpoint: Option<&str>) -> Option<Reply> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.options.latency.is_zero() {
            thread::sleep(self.options.latency);
        }
        if self.options.remember {
            lock(&self.seen).headers.push(request.headers());
        }
        let faults = &self.options.faults;
        if faults::hits(faults.reset_every, number) {
            return None;
        }
        if let Some(refused) = faults.refuse(number, request.body.len(), endpoint.is_some()) {
            return Some(refused);
        }
        let is_csv = request.content_type() == "text/csv";
        let strict = (self.options.python_json && !is_csv).then(|| rows::strict(&request.body));
        let parsed = rows::parse(strict.as_deref().unwrap_or(&request.body), request.content_type());
        let n_rows = parsed.as_ref().map_or(0, rows::Rows::count);
        let instead = faults.script.invocation(number, n_rows);
        match &instead {
            Some(Instead::Reset) => return None,
            Some(Instead::Refuse(status, kind, message)) => {
                return Some(Reply::error(*status, kind, message));
            }
            Some(Instead::Fail(status, message)) => {
                return Some(faults::model_error(*status, message, endpoint.is_some()));
            }
            Some(Instead::Short) | None => {}
        }
        let answered = parsed.and_then(|rows| {
            if faults.above_records.is_some_and(|most| rows.count() > most) {
                return Err(format!("too many records: {}", rows.count()));
            }
            let accept = request.accept().unwrap_or_else(|| request.content_type());
            answer::write(&rows, accept, &self.options).map(|body| (rows.count(), accept, body))
        });
        Some(match answered {
            Ok((records, accept, mut body)) => {
                if instead == Some(Instead::Short) {
                    body.pop();
                    body.truncate(body.iter().rposition(|byte| *byte == b'\n').unwrap_or(0));
                }
                if self.options.remember {
                    let mut seen = lock(&self.seen);
                    seen.rows.push(records);
                    seen.bodies.push(String::from_utf8_lossy(&request.body).into_owned());
                }
                self.records.fetch_add(records as u64, Ordering::Relaxed);
                Reply::ok(accept, body)
            }
            Err(message) => faults::model_error(400, &message, endpoint.is_some()),
        })
    }
}

/// An invocation in work.
struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// From `AWS4-HMAC-SHA256 Credential=KEY/DAY/REGION/SERVICE/aws4_request, ...`.
fn signer(request: &Request) -> Option<String> {
    let scope = request.header("authorization")?.split("Credential=").nth(1)?.split(',').next()?;
    match scope.split('/').collect::<Vec<_>>()[..] {
        [key, _, region, service, _] => Some(format!("{key}/{region}/{service}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

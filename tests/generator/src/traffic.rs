//! Captured requests and their ground truth, laid out as SageMaker's data capture and label upload do.
//!
//! ```text
//! FOLDER/captures/credit-endpoint/AllTraffic/2024/05/01/13/31-46-585-UUID.jsonl
//! FOLDER/ground-truth/2024/05/01/15/labels-of-2024050113.jsonl
//! ```
//!
//! Each hour of requests is written by itself, its labels in a file of its own in each hour folder they
//! reach, so hours can be written side by side and the bytes do not depend on the number of threads.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{Timestamp, ToSpan, tz::TimeZone};

use crate::credit::{Applicant, LABEL, PREDICTED, SCORE};
use crate::random::{Random, Stream};
use crate::text;

pub const ENDPOINT: &str = "credit-endpoint";
pub const VARIANT: &str = "AllTraffic";
pub const CAPTURES: &str = "captures";
pub const GROUND_TRUTH: &str = "ground-truth";

/// Traffic has other applicants than the training data of the same seed.
const FIRST_ROW: u64 = 1 << 40;
const MOST_ROWS_PER_REQUEST: u64 = 8;
const BUFFER_BYTES: usize = 1 << 20;

/// How payloads look, requests and responses alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Payload {
    /// A row per line; responses `label,score`
    Csv,
    /// `{"features": [...]}` per line; responses `{"approved": 1, "score": 0.7}` per line
    #[value(name = "jsonlines")]
    JsonLines,
    /// `{"instances": [{"features": [...]}]}`; responses `{"predictions": [...]}`
    Json,
    /// As `json`, with numbers of any length and a newline at the end, as services write it
    Service,
    /// CSV, stored in base64 as for content types that the capture does not know
    Base64,
    /// The four others in turn, for tests of the merge
    Mixed,
}

/// What to write. Shares are from 0 to 1.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Applicants; a request holds one or more of them.
    pub rows: u64,
    pub seed: u64,
    /// 0: as in training, 1: fully drifted; see `credit`.
    pub drift: f64,
    pub payload: Payload,
    /// First hour of requests.
    pub start: Timestamp,
    pub hours: u32,
    pub rows_per_file: u64,
    /// Share of requests that hold 2 to 8 rows.
    pub several: f64,
    /// Share of requests that carry an inference id, which their labels then refer to.
    pub inference_ids: f64,
    /// Labels come up to so many hours after their request.
    pub late_hours: u32,
    /// Share of requests whose labels never come.
    pub missing: f64,
    /// Labels of requests that were not captured, per request.
    pub orphaned: f64,
    /// Share of labels that are delivered twice.
    pub repeated: f64,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    pub rows: u64,
    pub captures: u64,
    pub capture_bytes: u64,
    /// Label records, those without a capture and second deliveries included.
    pub labels: u64,
    pub label_bytes: u64,
    pub captures_without_labels: u64,
    pub labels_without_capture: u64,
    pub labels_repeated: u64,
}

impl Account {
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "rows": self.rows,
            "captures": self.captures,
            "capture_bytes": self.capture_bytes,
            "labels": self.labels,
            "label_bytes": self.label_bytes,
            "captures_without_labels": self.captures_without_labels,
            "labels_without_capture": self.labels_without_capture,
            "labels_repeated": self.labels_repeated,
        })
    }

    fn add(&mut self, other: &Account) {
        self.rows += other.rows;
        self.captures += other.captures;
        self.capture_bytes += other.capture_bytes;
        self.labels += other.labels;
        self.label_bytes += other.label_bytes;
        self.captures_without_labels += other.captures_without_labels;
        self.labels_without_capture += other.labels_without_capture;
        self.labels_repeated += other.labels_repeated;
    }
}

/// Writes `captures` and `ground-truth` below a folder, several hours at a time.
///
/// # Errors
/// A file cannot be written.
pub fn write(traffic: &Traffic, folder: &Path) -> Result<Account> {
    let next = AtomicU32::new(0);
    let work = || -> Result<Account> {
        let mut account = Account::default();
        loop {
            let hour = next.fetch_add(1, Ordering::Relaxed);
            if hour >= traffic.hours {
                return Ok(account);
            }
            account.add(&write_hour(traffic, hour, folder)?);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let accounts = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Result<Vec<_>>>()
    })?;
    let mut account = Account::default();
    accounts.iter().for_each(|one| account.add(one));
    Ok(account)
}

/// How many rows fill so many bytes of captures, to about one per cent.
pub fn rows_for(traffic: &Traffic, capture_bytes: u64) -> u64 {
    let mut capture = Vec::new();
    let mut row = 0;
    while row < 2_000 {
        let request = Request::draw(traffic, row, 2_000);
        request.write_capture(&mut capture, "2024-05-01T13:", 0);
        row += request.applicants.len() as u64;
    }
    (capture_bytes as f64 / capture.len() as f64 * row as f64) as u64
}

fn write_hour(traffic: &Traffic, hour: u32, folder: &Path) -> Result<Account> {
    let bound = |hour: u32| traffic.rows * u64::from(hour) / u64::from(traffic.hours);
    let (first, end) = (bound(hour), bound(hour + 1));
    let captures =
        folder.join(CAPTURES).join(ENDPOINT).join(VARIANT).join(hour_of(traffic, hour, "%Y/%m/%d/%H"));
    let stamp = hour_of(traffic, hour, "%Y-%m-%dT%H:");
    let labels_name = hour_of(traffic, hour, "labels-of-%Y%m%d%H.jsonl");
    // The last place takes the second deliveries of the latest labels.
    let mut labels: Vec<Lines> = (0..=traffic.late_hours + 1)
        .map(|late| {
            let hour = hour_of(traffic, hour + late, "%Y/%m/%d/%H");
            Lines::new(folder.join(GROUND_TRUTH).join(hour).join(&labels_name))
        })
        .collect();
    let mut account = Account { rows: end - first, ..Account::default() };
    let mut capture: Option<Lines> = None;
    let mut file_end = first;
    let mut row = first;
    while row < end {
        let second = (3600 * (row - first) / (end - first)) as u32;
        if row >= file_end {
            if let Some(full) = capture.take() {
                account.capture_bytes += full.close()?;
            }
            capture = Some(Lines::new(captures.join(file_name(traffic.seed, row, second))));
            file_end = row + traffic.rows_per_file;
        }
        let request = Request::draw(traffic, row, end);
        if let Some(lines) = &mut capture {
            request.write_capture(&mut lines.buffer, &stamp, second);
            lines.flush_when_full()?;
        }
        account.captures += 1;
        let fate = Fate::draw(traffic, row);
        if fate.missing {
            account.captures_without_labels += 1;
        } else {
            request.write_labels(&mut labels[fate.late].buffer, None);
            account.labels += 1;
            if fate.repeated {
                request.write_labels(&mut labels[fate.late + 1].buffer, None);
                account.labels += 1;
                account.labels_repeated += 1;
            }
        }
        if let Some(id) = fate.orphan {
            request.write_labels(&mut labels[fate.late].buffer, Some(id));
            account.labels += 1;
            account.labels_without_capture += 1;
        }
        for lines in &mut labels {
            lines.flush_when_full()?;
        }
        row += request.applicants.len() as u64;
    }
    if let Some(lines) = capture {
        account.capture_bytes += lines.close()?;
    }
    for lines in labels {
        account.label_bytes += lines.close()?;
    }
    Ok(account)
}

/// A moment of the given hour of the traffic, in `strftime` notation.
fn hour_of(traffic: &Traffic, hour: u32, format: &str) -> String {
    (traffic.start + i64::from(hour).hours()).to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// The capture's own pattern: minute, second, millisecond, UUID.
fn file_name(seed: u64, row: u64, second: u32) -> String {
    let mut random = Random::at(!seed, Stream::Requests, row);
    let mut name = Vec::new();
    write_minutes(&mut name, second, b'-');
    name.push(b'-');
    text::padded(&mut name, (random.next() % 1000) as u32, 3);
    name.push(b'-');
    text::uuid(&mut name, random.next(), random.next());
    name.extend_from_slice(b".jsonl");
    String::from_utf8_lossy(&name).into_owned()
}

fn write_minutes(out: &mut Vec<u8>, second: u32, between: u8) {
    text::padded(out, second / 60, 2);
    out.push(between);
    text::padded(out, second % 60, 2);
}

/// One call of the endpoint.
struct Request {
    applicants: Vec<Applicant>,
    event_id: (u64, u64),
    inference_id: Option<u64>,
    /// Never `Mixed`.
    payload: Payload,
}

impl Request {
    /// The request that begins with this row; it holds no row from `end` on.
    fn draw(traffic: &Traffic, row: u64, end: u64) -> Request {
        let mut random = Random::at(traffic.seed, Stream::Requests, row);
        let several = random.share() < traffic.several;
        let with_id = random.share() < traffic.inference_ids;
        let kind = random.next();
        let rows = if several { 2 + kind % (MOST_ROWS_PER_REQUEST - 1) } else { 1 };
        let draw = |row| Applicant::draw(traffic.seed, FIRST_ROW + row, traffic.drift);
        Request {
            applicants: (row..end.min(row + rows)).map(draw).collect(),
            event_id: (random.next(), random.next()),
            inference_id: with_id.then_some(row),
            payload: match traffic.payload {
                Payload::Mixed => [Payload::Csv, Payload::JsonLines, Payload::Json, Payload::Base64]
                    [(kind >> 32) as usize % 4],
                one => one,
            },
        }
    }

    fn write_capture(&self, out: &mut Vec<u8>, stamp: &str, second: u32) {
        out.extend_from_slice(b"{\"captureData\":{\"endpointInput\":");
        self.write_side(out, "INPUT", Request::write_input);
        out.extend_from_slice(b",\"endpointOutput\":");
        self.write_side(out, "OUTPUT", Request::write_output);
        out.extend_from_slice(b"},\"eventMetadata\":{\"eventId\":\"");
        text::uuid(out, self.event_id.0, self.event_id.1);
        if let Some(id) = self.inference_id {
            out.extend_from_slice(b"\",\"inferenceId\":\"");
            write_inference_id(out, id);
        }
        out.extend_from_slice(b"\",\"inferenceTime\":\"");
        out.extend_from_slice(stamp.as_bytes());
        write_minutes(out, second, b':');
        out.extend_from_slice(b"Z\"},\"eventVersion\":\"0\"}\n");
    }

    fn write_side(&self, out: &mut Vec<u8>, mode: &str, write: fn(&Request, &mut Vec<u8>, &Marks)) {
        let (content_type, encoding) = match self.payload {
            Payload::Csv | Payload::Mixed => ("text/csv", "CSV"),
            Payload::JsonLines => ("application/jsonlines", "JSON"),
            Payload::Json | Payload::Service => ("application/json", "JSON"),
            Payload::Base64 => ("text/csv; charset=utf-8", "BASE64"),
        };
        for part in ["{\"observedContentType\":\"", content_type, "\",\"mode\":\"", mode, "\",\"data\":\""] {
            out.extend_from_slice(part.as_bytes());
        }
        if self.payload == Payload::Base64 {
            let mut plain = Vec::new();
            write(self, &mut plain, &Marks::PLAIN);
            out.extend_from_slice(STANDARD.encode(plain).as_bytes());
        } else {
            write(self, out, &Marks::IN_JSON);
        }
        for part in ["\",\"encoding\":\"", encoding, "\"}"] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    /// Requests and answers are one JSON document each.
    fn is_document(&self) -> bool {
        matches!(self.payload, Payload::Json | Payload::Service)
    }

    /// Inputs have no newline at the end, outputs have one, as seen in real captures.
    fn write_input(&self, out: &mut Vec<u8>, marks: &Marks) {
        if self.is_document() {
            marks.write_keys(out, &["{", "instances", ":["]);
        }
        for (place, applicant) in self.applicants.iter().enumerate() {
            if place > 0 {
                out.extend_from_slice(if self.is_document() { b"," } else { marks.newline });
            }
            match self.payload {
                Payload::Json | Payload::JsonLines | Payload::Service => {
                    marks.write_keys(out, &["{", "features", ":["]);
                    applicant.write_features(out, marks.quote);
                    if self.payload == Payload::Service {
                        marks.write_keys(out, &["],", "signals", ":["]);
                        self.write_signals(out, place as u64);
                    }
                    out.extend_from_slice(b"]}");
                }
                Payload::Csv | Payload::Base64 | Payload::Mixed => applicant.write_features(out, b""),
            }
        }
        if self.is_document() {
            out.extend_from_slice(b"]}");
        }
        if self.payload == Payload::Service {
            out.extend_from_slice(marks.newline);
        }
    }

    /// Numbers of one to twenty characters.
    fn write_signals(&self, out: &mut Vec<u8>, place: u64) {
        let mut random = Random::at(self.event_id.0, Stream::Requests, place);
        for number in 0..6 {
            if number > 0 {
                out.push(b',');
            }
            let bits = random.next();
            let whole = bits >> (12 + bits % 52);
            if bits & 64 == 0 {
                text::whole(out, whole);
            } else {
                // Writing to a Vec cannot fail.
                let _ = write!(out, "{}", random.share() * whole as f64);
            }
        }
    }

    fn write_output(&self, out: &mut Vec<u8>, marks: &Marks) {
        if self.is_document() {
            marks.write_keys(out, &["{", "predictions", ":["]);
        }
        for (place, applicant) in self.applicants.iter().enumerate() {
            let label = if applicant.approved() { b"1" } else { b"0" };
            match self.payload {
                Payload::Json | Payload::JsonLines | Payload::Service => {
                    if place > 0 && self.is_document() {
                        out.push(b',');
                    }
                    marks.write_keys(out, &["{", PREDICTED, ":"]);
                    out.extend_from_slice(label);
                    marks.write_keys(out, &[",", SCORE, ":"]);
                    applicant.write_score(out);
                    out.push(b'}');
                }
                Payload::Csv | Payload::Base64 | Payload::Mixed => {
                    out.extend_from_slice(label);
                    out.push(b',');
                    applicant.write_score(out);
                }
            }
            if !self.is_document() {
                out.extend_from_slice(marks.newline);
            }
        }
        if self.is_document() {
            out.extend_from_slice(b"]}");
        }
        if self.payload == Payload::Service {
            out.extend_from_slice(marks.newline);
        }
    }

    /// A label record for this request, or with its labels for a request that nobody captured.
    fn write_labels(&self, out: &mut Vec<u8>, orphan: Option<(u64, u64)>) {
        let marks = Marks::IN_JSON;
        let json = matches!(self.payload, Payload::Json | Payload::JsonLines | Payload::Service);
        out.extend_from_slice(b"{\"groundTruthData\":{\"data\":\"");
        if self.is_document() {
            marks.write_keys(out, &["{", "instances", ":["]);
        }
        for (place, applicant) in self.applicants.iter().enumerate() {
            if place > 0 {
                out.extend_from_slice(if self.is_document() { b"," } else { marks.newline });
            }
            if json {
                marks.write_keys(out, &["{", LABEL, ":"]);
            }
            out.push(if applicant.repaid { b'1' } else { b'0' });
            if json {
                out.push(b'}');
            }
        }
        if self.is_document() {
            out.extend_from_slice(b"]}");
        }
        out.extend_from_slice(b"\",\"encoding\":\"");
        out.extend_from_slice(if json { b"JSON" } else { b"CSV" });
        out.extend_from_slice(b"\"},\"eventMetadata\":{\"eventId\":\"");
        match (orphan, self.inference_id) {
            (Some((high, low)), _) => text::uuid(out, high, low),
            (None, Some(id)) => write_inference_id(out, id),
            (None, None) => text::uuid(out, self.event_id.0, self.event_id.1),
        }
        out.extend_from_slice(b"\"},\"eventVersion\":\"0\"}\n");
    }
}

/// A counter, as many callers use it.
fn write_inference_id(out: &mut Vec<u8>, id: u64) {
    text::whole(out, 1_000_000 + id);
}

/// How quotes and line ends are written: as they are, or escaped within a JSON string.
struct Marks {
    quote: &'static [u8],
    newline: &'static [u8],
}

impl Marks {
    const PLAIN: Marks = Marks { quote: b"\"", newline: b"\n" };
    const IN_JSON: Marks = Marks { quote: b"\\\"", newline: b"\\n" };

    /// Text, a quoted name, text.
    fn write_keys(&self, out: &mut Vec<u8>, [before, name, after]: &[&str; 3]) {
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(self.quote);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(self.quote);
        out.extend_from_slice(after.as_bytes());
    }
}

/// What becomes of a request's labels.
struct Fate {
    missing: bool,
    repeated: bool,
    /// Whole hours.
    late: usize,
    orphan: Option<(u64, u64)>,
}

impl Fate {
    fn draw(traffic: &Traffic, row: u64) -> Fate {
        let mut random = Random::at(traffic.seed, Stream::Labels, row);
        Fate {
            missing: random.share() < traffic.missing,
            repeated: random.share() < traffic.repeated,
            late: (random.next() % u64::from(traffic.late_hours + 1)) as usize,
            orphan: (random.share() < traffic.orphaned).then(|| (random.next(), random.next())),
        }
    }
}

/// A file of lines that is only created once there is a line for it.
struct Lines {
    path: PathBuf,
    file: Option<File>,
    buffer: Vec<u8>,
    bytes: u64,
}

impl Lines {
    fn new(path: PathBuf) -> Lines {
        Lines { path, file: None, buffer: Vec::new(), bytes: 0 }
    }

    fn flush_when_full(&mut self) -> Result<()> {
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let context = || format!("cannot write {}", self.path.display());
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                fs::create_dir_all(self.path.parent().unwrap_or(Path::new(""))).with_context(context)?;
                none.insert(File::create(&self.path).with_context(context)?)
            }
        };
        file.write_all(&self.buffer).with_context(context)?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Returns the size of the file.
    fn close(mut self) -> Result<u64> {
        if !self.buffer.is_empty() {
            self.flush()?;
        }
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests;

//! Captured records that were cut and parsed once, for several to read.

use std::borrow::Cow;
use std::ops::Range;

use jiff::Timestamp;
use plumbline_common::Result;
use plumbline_common::input::InputFile;
use plumbline_common::record::{CaptureData, Encoding, EventMetadata, Payload, Record, Text};

use crate::read::captured::{Met, Take};

/// Records and what else was met, in order.
#[derive(Default)]
pub(crate) struct Batch {
    /// Everything that the spans point into.
    text: String,
    events: Vec<Event>,
    records: Vec<Kept>,
}

/// Something that was met.
struct Event {
    /// Number of the file.
    file: usize,
    line: u64,
    what: What,
}

/// As `Met`.
enum What {
    /// The next one of the records.
    Record,
    Damage(String),
    File(String),
    Bytes(u64),
}

type Span = Range<usize>;

/// A record; its texts stand in the batch.
struct Kept {
    text: Span,
    hour: Option<Timestamp>,
    /// Input, output and output of a batch transform.
    capture: Option<[Option<KeptPayload>; 3]>,
    truth: Option<KeptPayload>,
    /// Event id, inference id and inference time.
    metadata: Option<[Option<Span>; 3]>,
}

struct KeptPayload {
    data: Option<Span>,
    encoding: Option<Encoding>,
    content_type: Option<Span>,
}

impl Batch {
    /// A batch is handed on when it has so many bytes of text, or so many events.
    const BYTES: usize = 1 << 20;
    const EVENTS: usize = 1 << 12;

    pub(crate) fn is_full(&self) -> bool {
        self.text.len() >= Batch::BYTES || self.events.len() >= Batch::EVENTS
    }

    /// Empties it; its memory stays, unless a record was much longer than others.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(2 * Batch::BYTES);
        self.events.clear();
        self.records.clear();
    }

    /// `file`: its number among those that are read.
    pub(crate) fn push(&mut self, file: usize, line: u64, met: Met<'_>) {
        let what = match met {
            Met::Record { record, text, hour } => {
                let kept = self.keep_record(record, text, hour);
                self.records.push(kept);
                What::Record
            }
            Met::Damage(reason) => What::Damage(reason),
            Met::File(reason) => What::File(reason),
            Met::Bytes(bytes) => What::Bytes(bytes),
        };
        self.events.push(Event { file, line, what });
    }

    /// Gives everything to `take`, as it was met, until it says false; false then.
    ///
    /// # Errors
    /// Whatever `take` fails with.
    pub(crate) fn each(&self, files: &[InputFile], take: Take<'_>) -> Result<bool> {
        let mut records = self.records.iter();
        for Event { file, line, what } in &self.events {
            let name = files[*file].relative.as_path();
            let more = match what {
                What::Record => match records.next() {
                    Some(kept) => {
                        let text = &self.text[kept.text.clone()];
                        take(name, *line, Met::Record { record: &self.record(kept), text, hour: kept.hour })
                    }
                    None => Ok(true),
                },
                What::Damage(reason) => take(name, *line, Met::Damage(reason.clone())),
                What::File(reason) => take(name, *line, Met::File(reason.clone())),
                What::Bytes(bytes) => take(name, *line, Met::Bytes(*bytes)),
            };
            if !more? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn keep_record(&mut self, record: &Record<'_>, text: &str, hour: Option<Timestamp>) -> Kept {
        Kept {
            text: self.keep(text),
            hour,
            capture: record.capture_data.as_ref().map(|capture| {
                [&capture.endpoint_input, &capture.endpoint_output, &capture.batch_transform_output]
                    .map(|payload| self.keep_payload(payload.as_ref()))
            }),
            truth: self.keep_payload(record.ground_truth_data.as_ref()),
            metadata: record.event_metadata.as_ref().map(|metadata| {
                let [event, inference] =
                    [&metadata.event_id, &metadata.inference_id].map(|id| self.keep_text(id.as_ref()));
                [event, inference, metadata.inference_time.as_ref().map(|time| self.keep(time))]
            }),
        }
    }

    fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn keep_text(&mut self, text: Option<&Text<'_>>) -> Option<Span> {
        text.map(|text| self.keep(&text.as_text()))
    }

    fn keep_payload(&mut self, payload: Option<&Payload<'_>>) -> Option<KeptPayload> {
        payload.map(|payload| KeptPayload {
            data: self.keep_text(payload.data.as_ref()),
            encoding: payload.encoding,
            content_type: payload.observed_content_type.as_ref().map(|text| self.keep(text)),
        })
    }

    fn record(&self, kept: &Kept) -> Record<'_> {
        Record {
            capture_data: kept.capture.as_ref().map(|payloads| {
                let [input, output, batch] =
                    payloads.each_ref().map(|payload| self.payload(payload.as_ref()));
                CaptureData { endpoint_input: input, endpoint_output: output, batch_transform_output: batch }
            }),
            ground_truth_data: self.payload(kept.truth.as_ref()),
            event_metadata: kept.metadata.as_ref().map(|[event, inference, time]| EventMetadata {
                event_id: self.text(event.as_ref()),
                inference_id: self.text(inference.as_ref()),
                inference_time: time.clone().map(|time| Cow::Borrowed(&self.text[time])),
            }),
        }
    }

    fn text(&self, span: Option<&Span>) -> Option<Text<'_>> {
        span.map(|span| Text::Borrowed(&self.text[span.clone()]))
    }

    fn payload(&self, payload: Option<&KeptPayload>) -> Option<Payload<'_>> {
        payload.map(|payload| Payload {
            data: self.text(payload.data.as_ref()),
            encoding: payload.encoding,
            observed_content_type: payload
                .content_type
                .clone()
                .map(|content_type| Cow::Borrowed(&self.text[content_type])),
        })
    }
}

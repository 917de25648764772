//! The captured records of files for several monitors of one run: read, cut and parsed once.

use std::sync::Arc;

use plumbline_common::input::InputFile;
use plumbline_common::{Problem, Result, codes};

use crate::read::batch::Batch;
use crate::read::captured::{self, Take};
use crate::read::fan_out::{self, FanOut};

/// What is read: the files, and whether one that cannot be read on ends the reading.
#[derive(PartialEq)]
pub(crate) struct Wanted {
    files: Vec<InputFile>,
    strict: bool,
}

/// What the reading hands on.
pub(crate) enum Piece {
    Records(Batch),
    /// Everything was read.
    End,
    /// Reading failed.
    Failed(Problem),
}

pub(crate) type RecordsSeat = fan_out::Seat<Wanted, Piece>;

/// The records for the monitors that have its seats.
pub(crate) type Records = FanOut<Wanted, Piece>;

/// Calls `take` as `captured::each` does. With a `seat` the records come from the reading that the seat belongs to, unless
/// that reads other files, or the seat has been used.
///
/// # Errors
/// As `captured::each`.
pub(crate) fn each(
    files: &[InputFile],
    strict: bool,
    seat: Option<&RecordsSeat>,
    take: Take<'_>,
) -> Result<()> {
    let pieces = seat.and_then(|seat| seat.take(Wanted { files: files.to_vec(), strict }));
    let Some(pieces) = pieces else { return captured::each(files, strict, take) };
    for piece in pieces {
        match &*piece {
            Piece::Records(batch) => {
                if !batch.each(files, take)? {
                    return Ok(());
                }
            }
            Piece::End => return Ok(()),
            Piece::Failed(problem) => return Err(problem.again()),
        }
    }
    Err(Problem::new(&codes::INTERNAL, "the reading of several monitors ended early"))
}

/// Reads for everybody who has taken a seat.
pub(crate) fn run(records: &Records) {
    records.run(|Wanted { files, strict }, hand_on| {
        let mut batches = Batches::default();
        let mut file = 0;
        let read = captured::each(&files, strict, &mut |name, line, met| {
            while files.get(file).is_some_and(|file| file.relative.as_os_str() != name.as_os_str()) {
                file += 1;
            }
            batches.at_hand.push(file, line, met);
            Ok(!batches.at_hand.is_full() || hand_on(&batches.next()))
        });
        // Who has enough does not listen any more; the others want to know how it ended.
        hand_on(&batches.next());
        hand_on(&Arc::new(match read {
            Ok(()) => Piece::End,
            Err(problem) => Piece::Failed(problem),
        }));
    });
}

/// The batch that is filled, and those that were handed on: once nobody reads one any more, its memory serves again.
#[derive(Default)]
struct Batches {
    at_hand: Batch,
    handed_on: Vec<Arc<Piece>>,
}

impl Batches {
    /// The batch at hand, to be handed on; another one takes its place.
    fn next(&mut self) -> Arc<Piece> {
        let free = self.handed_on.iter_mut().position(|piece| Arc::get_mut(piece).is_some());
        let mut next = match free.map(|at| Arc::try_unwrap(self.handed_on.swap_remove(at))) {
            Some(Ok(Piece::Records(batch))) => batch,
            _ => Batch::default(),
        };
        next.clear();
        let full = Arc::new(Piece::Records(std::mem::replace(&mut self.at_hand, next)));
        self.handed_on.push(full.clone());
        full
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::thread;
    use std::{fs, io::Write as _};

    use plumbline_common::input;
    use proptest::prelude::*;

    use super::*;
    use crate::read::captured::Met;

    /// Everything that is told of what is met.
    fn told(name: &Path, line: u64, met: &Met<'_>) -> String {
        let what = match met {
            Met::Record { record, text, hour } => {
                let payload = |payload: Option<&plumbline_common::record::Payload<'_>>| {
                    payload.map(|payload| {
                        let data = payload.data.as_ref().map(|data| data.as_text().into_owned());
                        (data, payload.encoding, payload.observed_content_type.as_deref().map(String::from))
                    })
                };
                let capture = record.capture_data.as_ref().map(|capture| {
                    [&capture.endpoint_input, &capture.endpoint_output, &capture.batch_transform_output]
                        .map(|part| payload(part.as_ref()))
                });
                let metadata = record.event_metadata.as_ref().map(|metadata| {
                    let ids = [&metadata.event_id, &metadata.inference_id];
                    let ids = ids.map(|id| id.as_ref().map(|id| id.as_text().into_owned()));
                    (ids, metadata.inference_time.as_deref().map(String::from))
                });
                format!(
                    "{capture:?} {:?} {metadata:?} {text} {hour:?}",
                    payload(record.ground_truth_data.as_ref())
                )
            }
            Met::Damage(reason) => format!("damage: {reason}"),
            Met::File(reason) => format!("file: {reason}"),
            Met::Bytes(bytes) => format!("{bytes} bytes"),
        };
        format!("{}:{line}: {what}", name.display())
    }

    /// What a reader met who has enough after so many things, and how it ended.
    fn met(
        files: &[InputFile],
        strict: bool,
        seat: Option<&RecordsSeat>,
        enough: usize,
    ) -> (Vec<String>, String) {
        let mut all = Vec::new();
        let read = each(files, strict, seat, &mut |name, line, met| {
            all.push(told(name, line, &met));
            Ok(all.len() < enough)
        });
        (all, read.err().map(|problem| problem.to_string()).unwrap_or_default())
    }

    /// Three readers of one reading, of whom one has enough early, meet what each would meet alone.
    fn assert_same(files: &[InputFile], strict: bool, enough: usize) {
        let records = Records::new();
        let seats = records.seats(3);
        let wanted = [usize::MAX, enough, usize::MAX];
        let together: Vec<_> = thread::scope(|scope| {
            scope.spawn(|| run(&records));
            let readers: Vec<_> = seats
                .into_iter()
                .zip(wanted)
                .map(|(seat, enough)| scope.spawn(move || met(files, strict, Some(&seat), enough)))
                .collect();
            readers.into_iter().map(|reader| reader.join().unwrap()).collect()
        });
        for (found, enough) in together.into_iter().zip(wanted) {
            assert_eq!(found, met(files, strict, None, enough));
        }
    }

    fn record(number: usize) -> String {
        let data = ["1,2", "a \\\"b\\\" \\u00e9", "", "{\\\"x\\\": [1]}"][number % 4];
        let truth =
            ["", r#","groundTruthData":{"data":1.50,"encoding":"CSV"}"#, r#","groundTruthData":null"#]
                [number % 3];
        let output = ["endpointOutput", "batchTransformOutput"][number % 2];
        format!(
            r#"{{"captureData":{{"endpointInput":{{"data":"{data}","encoding":"CSV"}},"{output}":{{"data":"{number}","observedContentType":"text/csv","encoding":"BASE64"}}}}{truth},"eventMetadata":{{"eventId":"e\t{number}","inferenceTime":"2024-05-01T00:00:00Z"}}}}"#
        )
    }

    fn files(texts: &[Vec<u8>]) -> (tempfile::TempDir, Vec<InputFile>) {
        let root = tempfile::tempdir().unwrap();
        for (at, text) in texts.iter().enumerate() {
            let folder = root.path().join("2024/05/01/00");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(format!("{at}.jsonl")), text).unwrap();
        }
        let files = input::files(root.path()).unwrap();
        (root, files)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Records, damage, lists and blank lines, in plain and packed files, also cut ones.
        #[test]
        fn readers_of_one_reading_meet_what_each_meets_alone(
            lines in proptest::collection::vec(0_usize..12, 0..40),
            cut in 0_usize..4,
            packed: bool,
            strict: bool,
            enough in 1_usize..20,
        ) {
            let line = |&kind: &usize| match kind {
                8 => "oops".into(),
                9 => format!("[{},\n{}]", record(1), record(2)),
                10 => String::new(),
                11 => record(3)[..40].into(),
                number => record(number),
            };
            let text = lines.iter().map(line).collect::<Vec<_>>().join("\n").into_bytes();
            let mut second = if packed {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&text).unwrap();
                encoder.finish().unwrap()
            } else {
                text.clone()
            };
            second.truncate(second.len().saturating_sub(cut * 5));
            let (_root, files) = files(&[text, second, record(7).into_bytes()]);
            assert_same(&files, strict, enough);
        }
    }

    /// More than the batches that wait for a reader, and a record that is longer than one.
    #[test]
    fn long_files_and_long_records_pass_through_batches() {
        let mut text: Vec<String> = (0..20_000).map(record).collect();
        text.insert(
            7,
            record(1).replace("1,2", &"7,".repeat(2_000_000)).replace("a \\\"b", &"é".repeat(1_500_000)),
        );
        let (_root, files) = files(&[text.join("\n").into_bytes(), record(0).into_bytes()]);
        for enough in [1, 1_024, 1_025, 5_000, 20_010] {
            assert_same(&files, false, enough);
        }
    }

    #[test]
    fn who_reads_other_files_reads_by_itself() {
        let (_root, files) = files(&[record(0).into_bytes(), record(1).into_bytes()]);
        let records = Records::new();
        let seats = records.seats(2);
        let (all, first) = thread::scope(|scope| {
            scope.spawn(|| run(&records));
            let [one, two] = &seats[..] else { panic!() };
            let one = scope.spawn(|| met(&files, false, Some(one), usize::MAX));
            let two = scope.spawn(|| met(&files[..1], false, Some(two), usize::MAX));
            (one.join().unwrap(), two.join().unwrap())
        });
        assert_eq!(all, met(&files, false, None, usize::MAX));
        assert_eq!(first, met(&files[..1], false, None, usize::MAX));
    }
}

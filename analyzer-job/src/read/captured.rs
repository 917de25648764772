//! The captured records of files, for every monitor: which records there are, which of them lie in the window, and
//! what they are called. What their payloads mean is the caller's.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use plumbline_common::input::InputFile;
use plumbline_common::record::{EventMetadata, Record};
use plumbline_common::{Problem, Result, codes};

use crate::read::blocks::{BLOCK_BYTES, Block};
use crate::read::line_blocks::{Behind, LineBlocks, Lines};
use crate::read::parser::Parser;
use crate::read::records::{Piece, Records, Taken};
use crate::values::path::Paths;

/// What reading comes upon.
pub(crate) enum Met<'a> {
    /// A record, its text, and the hour that the folder of its file names.
    Record { record: &'a Record<'a>, text: &'a str, hour: Option<Timestamp> },
    /// A place that is no record, and why.
    Damage(String),
    /// A file that cannot be read on, such as a cut off gzip file, and why. What was read of it counts.
    File(String),
    /// So many bytes more are done. Comes often enough to notice a stop.
    Bytes(u64),
}

/// Takes what was met, with file and line; false when no more is wanted.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&Path, u64, Met<'_>) -> Result<bool>;

/// A key that each record has and nothing inside of one.
const KEY: &str = "captureData";

/// Gives everything to `take` until it says false. `strict`: a file that cannot be read on ends the reading.
///
/// # Errors
/// With `strict` a file that cannot be read; whatever `take` fails with.
pub(crate) fn each(files: &[InputFile], strict: bool, take: Take<'_>) -> Result<()> {
    let mut blocks = LineBlocks::new(files, BLOCK_BYTES, None);
    let (mut records, mut parser) = (records(), Parser::default());
    let mut spent = None;
    while let Some(block) = blocks.next(spent.take()) {
        if !each_of(&block, files, strict, &mut records, &mut parser, take)? {
            break;
        }
        spent = Some(block);
    }
    Ok(())
}

/// Captured records before the first line of a file.
pub(crate) fn records() -> Records<'static> {
    Records::new(Some(KEY))
}

/// As `each`, of one block; false when no more is wanted. `records`: as the lines before have left it.
///
/// # Errors
/// As `each`.
fn each_of(
    block: &Block<Lines>,
    files: &[InputFile],
    strict: bool,
    records: &mut Records<'_>,
    parser: &mut Parser,
    take: Take<'_>,
) -> Result<bool> {
    let reading = Reading::of(block, files, strict);
    for (line, text) in block.records.iter() {
        if !reading.line(line, text, records, parser, take)? {
            return Ok(false);
        }
    }
    reading.end(records, parser, take)
}

/// Reads the lines of a block.
pub(super) struct Reading<'a> {
    block: &'a Block<Lines>,
    pub(super) name: &'a Path,
    /// The hour that the folder of the file names.
    pub(super) hour: Option<Timestamp>,
    strict: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn of(block: &'a Block<Lines>, files: &'a [InputFile], strict: bool) -> Reading<'a> {
        let file = &files[block.file];
        Reading { block, name: file.relative.as_path(), hour: folder_hour(file.folder()), strict }
    }

    fn piece(&self, line: u64, piece: Piece<'_>, parser: &mut Parser, take: Take<'_>) -> Result<Taken> {
        let (name, hour) = (self.name, self.hour);
        let (text, may_be_none) = match piece {
            Piece::Line(text) => (text, true),
            Piece::Object(text) => (text, false),
            Piece::Bad(what) => return enough_unless(take(name, line, Met::Damage(what.into()))?),
        };
        match parser.parse(text) {
            Ok((record, text)) => match take(name, line, Met::Record { record: &record, text, hour })? {
                true => Ok(Taken::Record),
                false => Ok(Taken::Enough),
            },
            Err(_) if may_be_none => Ok(Taken::NoRecord),
            Err(reason) => enough_unless(take(name, line, Met::Damage(reason))?),
        }
    }

    /// Reads a line; false when no more is wanted.
    ///
    /// # Errors
    /// What `take` fails with.
    pub(super) fn line(
        &self,
        line: u64,
        text: &[u8],
        records: &mut Records<'_>,
        parser: &mut Parser,
        take: Take<'_>,
    ) -> Result<bool> {
        let taken = records.line(line, text, &mut |line, piece| self.piece(line, piece, parser, take))?;
        Ok(taken != Taken::Enough)
    }

    /// Reads what is behind the lines; false when no more is wanted.
    ///
    /// # Errors
    /// As `each`.
    pub(super) fn end(&self, records: &mut Records<'_>, parser: &mut Parser, take: Take<'_>) -> Result<bool> {
        let mut of_piece = |line, piece: Piece<'_>| self.piece(line, piece, parser, take);
        let taken = match &self.block.records.behind {
            Behind::Lines => Taken::Record,
            Behind::TooLong(line) => records.too_long(*line, &mut of_piece)?,
            Behind::End => records.end(&mut of_piece)?,
            Behind::Fault(problem) => {
                if self.strict || !std::ptr::eq(problem.code(), &codes::FILE_OPERATION_FAILED) {
                    return Err(problem.again());
                }
                *records = self::records();
                let reason = problem.found_text().unwrap_or("cannot be read").to_string();
                let line = problem.place().line.unwrap_or(1);
                enough_unless(take(self.name, line, Met::File(reason))?)?
            }
        };
        Ok(taken != Taken::Enough && take(self.name, 1, Met::Bytes(self.block.bytes))?)
    }
}

fn enough_unless(more: bool) -> Result<Taken> {
    Ok(if more { Taken::NoRecord } else { Taken::Enough })
}

/// A reason with the id of the event it belongs to, when there is one.
pub(crate) fn named(metadata: Option<&EventMetadata<'_>>, reason: String) -> String {
    match metadata.and_then(|metadata| metadata.event_id.as_ref()) {
        Some(id) => format!("event {}: {reason}", id.as_text()),
        None => reason,
    }
}

/// Whether a record's inference time, else the hour of its folder, lies in the window (start inclusive, end exclusive). A
/// record that tells no time does.
///
/// # Errors
/// The time is none.
pub(crate) fn in_window(
    record: &Record<'_>,
    hour: Option<Timestamp>,
    window: Option<(Timestamp, Timestamp)>,
) -> std::result::Result<bool, String> {
    let time = record.event_metadata.as_ref().and_then(|metadata| metadata.inference_time.as_deref());
    is_within(time, hour, window)
}

/// As `in_window`, of the inference time.
///
/// # Errors
/// As `in_window`.
pub(super) fn is_within(
    time: Option<&str>,
    hour: Option<Timestamp>,
    window: Option<(Timestamp, Timestamp)>,
) -> std::result::Result<bool, String> {
    let Some((start, end)) = window else { return Ok(true) };
    match time {
        Some(text) => {
            let time = text.parse::<Timestamp>().ok().or_else(|| {
                let utc = text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?;
                Some(utc.timestamp())
            });
            let time = time.ok_or_else(|| format!("`inferenceTime` is not a time: `{text}`"))?;
            Ok(start <= time && time < end)
        }
        // Batch transform records have no time; their folder has the hour of the transform's start.
        None => Ok(hour.is_none_or(|hour| {
            hour < end && hour.checked_add(jiff::SignedDuration::from_hours(1)).is_ok_and(|next| next > start)
        })),
    }
}

/// The hour that a folder's last four parts name: `.../2024/01/19/20`.
fn folder_hour(folder: &Path) -> Option<Timestamp> {
    let parts: Vec<&str> = folder.iter().filter_map(|part| part.to_str()).collect();
    let [year, month, day, hour] = *parts.last_chunk::<4>()?;
    let time = civil::DateTime::new(
        year.parse().ok()?,
        month.parse().ok()?,
        day.parse().ok()?,
        hour.parse().ok()?,
        0,
        0,
        0,
    );
    Some(time.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A problem of one record without its code and hint, which are those of the whole run.
pub(crate) fn brief(problem: &Problem) -> String {
    let mut text = problem.what().to_string();
    if let Some(field) = &problem.place().field {
        text.push_str(&format!(" (`{field}`)"));
    }
    match (problem.found_text(), problem.expected_text()) {
        (Some(found), Some(expected)) => text.push_str(&format!(": found {found}, expected {expected}")),
        (Some(found), None) => text.push_str(&format!(": {found}")),
        (None, Some(expected)) => text.push_str(&format!(": expected {expected}")),
        (None, None) => {}
    }
    text
}

/// A place of JSON requests or ground truth, or why there is none: what is no path may fit other records, which are
/// CSV.
pub(crate) fn place(setting: &str, text: &str) -> std::result::Result<Paths, String> {
    Paths::compile(&[(setting, text)]).map_err(|problem| match text.trim().parse::<usize>() {
        Ok(_) => format!("a position cannot tell where something stands in JSON (`{setting}`: {text})"),
        Err(_) => brief(&problem),
    })
}

//! The captured records of files, for every monitor: which records there are, which of them lie in the window, and
//! what they are called. What their payloads mean is the caller's.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use plumbline_common::input::{InputFile, Lines};
use plumbline_common::record::{EventMetadata, Record};
use plumbline_common::{Problem, Result, codes};

use crate::read::records::{self, Piece, Taken};
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

/// Lines between two reports of the bytes that are done.
const LINES_BETWEEN: u32 = 1 << 10;

/// Gives everything to `take` until it says false. `strict`: a file that cannot be read on ends the reading.
///
/// # Errors
/// With `strict` a file that cannot be read; whatever `take` fails with.
pub(crate) fn each(files: &[InputFile], strict: bool, take: Take<'_>) -> Result<()> {
    for file in files {
        let name = file.relative.as_path();
        let hour = folder_hour(file.folder());
        let (mut bytes, mut told, mut since) = (0, 0, 0);
        let read = Lines::open(&file.path).and_then(|mut lines| {
            records::read(&mut lines, Some("captureData"), &mut |line, piece| {
                let (text, may_be_none) = match piece {
                    Piece::Line(text) => (text, true),
                    Piece::Object(text) => (text, false),
                    Piece::Bad(what) => return enough_unless(take(name, line, Met::Damage(what.into()))?),
                };
                bytes += text.len() as u64 + 1;
                since += 1;
                if since == LINES_BETWEEN {
                    since = 0;
                    // A packed file is longer when it is read.
                    let done = bytes.min(file.bytes);
                    if !take(name, line, Met::Bytes(done - told))? {
                        return Ok(Taken::Enough);
                    }
                    told = done;
                }
                match parse(text) {
                    Ok((record, text)) => {
                        match take(name, line, Met::Record { record: &record, text, hour })? {
                            true => Ok(Taken::Record),
                            false => Ok(Taken::Enough),
                        }
                    }
                    Err(_) if may_be_none => Ok(Taken::NoRecord),
                    Err(reason) => enough_unless(take(name, line, Met::Damage(reason))?),
                }
            })
        });
        match read {
            Ok(Taken::Enough) => return Ok(()),
            Ok(_) => {}
            Err(problem) if std::ptr::eq(problem.code(), &codes::FILE_OPERATION_FAILED) && !strict => {
                let line = problem.place().line.unwrap_or(1);
                let reason = problem.found_text().unwrap_or("cannot be read").to_string();
                if !take(name, line, Met::File(reason))? {
                    return Ok(());
                }
            }
            Err(problem) => return Err(problem),
        }
        if !take(name, 1, Met::Bytes(file.bytes - told))? {
            return Ok(());
        }
    }
    Ok(())
}

fn enough_unless(more: bool) -> Result<Taken> {
    Ok(if more { Taken::NoRecord } else { Taken::Enough })
}

fn parse(text: &[u8]) -> std::result::Result<(Record<'_>, &str), String> {
    let text = std::str::from_utf8(text).map_err(|_| "not UTF-8 text".to_string())?;
    let record = serde_json::from_str(text);
    let record = record.map_err(|error| format!("not a captured record: {}", column_only(&error)))?;
    Ok((record, text))
}

/// An error of the JSON of one line, whose own line counts from the file's: only the column is told.
pub(crate) fn column_only(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) if error.line() == 1 => format!("{} at column {}", &text[..end], error.column()),
        Some(end) => text[..end].to_string(),
        None => text,
    }
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
    let Some((start, end)) = window else { return Ok(true) };
    let time = record.event_metadata.as_ref().and_then(|metadata| metadata.inference_time.as_deref());
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

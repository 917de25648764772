//! How wide the rows of a file are. That is a fact of the file, told by its beginning alone, so it does not depend on how the
//! file is read.

use crate::record;
use crate::rows::{self, Row, RowAt};

/// So much of a file tells how wide its rows are.
pub const SURVEYED_BYTES: usize = 64 << 10;
/// So many rows are enough.
const ROWS: usize = 64;

/// Cells of most of the first rows of a file, id and time among them; none when no width is that of more than half of them.
/// Only a row counts that stands directly behind another one, or at the start of the file: what stands behind anything else
/// may be the rest of a damaged row. `text`: the file's beginning, at least `SURVEYED_BYTES` of it unless it `ended`.
pub fn width_of_rows(text: &[u8], ended: bool) -> Option<usize> {
    let head = text.get(..SURVEYED_BYTES).unwrap_or(text);
    let ended = ended && head.len() == text.len();
    let mut at = if head.starts_with(super::BYTE_ORDER_MARK) { super::BYTE_ORDER_MARK.len() } else { 0 };
    let mut widths = Vec::new();
    let mut is_behind_row = true;
    while widths.len() < ROWS {
        let rest = head.get(at..).unwrap_or_default();
        let Some(length) =
            memchr::memchr2(b'\n', b'\r', rest).or((ended && !rest.is_empty()).then_some(rest.len()))
        else {
            break;
        };
        let line = rest[..length].trim_ascii();
        at += match line.first() {
            None => length + 1,
            // Rather a record of JSON than anything of a row.
            Some(b'{') if line.ends_with(b"}") => {
                is_behind_row = false;
                length + 1
            }
            Some(_) => match rows::measured_row(head, at, ended) {
                RowAt::Row(row @ Row { is_torn: false, .. }) if record::id_and_time(head, &row).is_some() => {
                    if is_behind_row {
                        widths.push(row.cells);
                    }
                    is_behind_row = true;
                    row.span.end - at + 1
                }
                _ => {
                    is_behind_row = rows::ends_with_id_and_time(line);
                    length + 1
                }
            },
        };
    }
    let number_of = |width: usize| widths.iter().filter(|other| **other == width).count();
    widths.iter().copied().find(|width| 2 * number_of(*width) > widths.len())
}

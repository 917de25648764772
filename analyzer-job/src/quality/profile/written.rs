//! A profile on its way into a file. Each column is brought in order only while it is written, so that no copy of all of them is
//! held.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Serialize, Serializer};

use super::VERSION;
use crate::monitor::rows::Account;
use crate::quality::segments::Segment;
use crate::state::profile::Column;

/// What the file says.
#[derive(Serialize)]
pub struct Written<'a> {
    version: u32,
    /// Name and version of this program.
    program: String,
    records: u64,
    rows: u64,
    named: bool,
    columns: Vec<Named<'a>>,
    /// The profiles that it is the sum of.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    made_of: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    segments: Vec<OfSegment<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    #[serde(flatten)]
    profile: InOrder<'a>,
}

/// A segment with its columns in the order of the whole's.
#[derive(Serialize)]
pub struct OfSegment<'a> {
    column: &'a str,
    value: &'a str,
    rows: u64,
    columns: Vec<InOrder<'a>>,
}

struct InOrder<'a>(&'a Column);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.in_order().serialize(serializer)
    }
}

impl<'a> OfSegment<'a> {
    /// `column`: the name that its column has in the results. `columns`: under the names of the results, their places in the
    /// segment.
    pub fn new(segment: &'a Segment, column: &'a str, columns: &[(String, usize)]) -> OfSegment<'a> {
        OfSegment {
            column,
            value: &segment.value,
            rows: segment.rows,
            columns: columns.iter().map(|(_, at)| InOrder(&segment.columns[*at])).collect(),
        }
    }
}

impl<'a> Written<'a> {
    /// `columns`: under their names, in order.
    pub fn new(
        columns: impl Iterator<Item = (&'a str, &'a Column)>,
        segments: Vec<OfSegment<'a>>,
        account: &Account,
        named: bool,
    ) -> Written<'a> {
        Written {
            version: VERSION,
            program: format!("analyzer-job {}", env!("CARGO_PKG_VERSION")),
            records: account.records,
            rows: account.rows,
            named,
            columns: columns.map(|(name, column)| Named { name, profile: InOrder(column) }).collect(),
            made_of: &[],
            segments,
        }
    }

    /// As the sum of these profiles. What was made of one is that one.
    #[must_use]
    pub fn made_of(self, profiles: &'a [String]) -> Written<'a> {
        Written { made_of: if profiles.len() > 1 { profiles } else { &[] }, ..self }
    }

    /// Writes the bytes of the file: gzip over JSON. Equal profiles give equal bytes.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn write(&self, to: impl Write) -> std::io::Result<()> {
        let mut packed = GzEncoder::new(to, Compression::default());
        serde_json::to_writer(&mut packed, self)?;
        packed.write_all(b"\n")?;
        packed.finish().map(drop)
    }
}

#[cfg(test)]
impl<'a> From<&'a Segment> for OfSegment<'a> {
    fn from(segment: &'a Segment) -> OfSegment<'a> {
        let columns = segment.columns.iter().map(InOrder).collect();
        OfSegment { column: &segment.column, value: &segment.value, rows: segment.rows, columns }
    }
}

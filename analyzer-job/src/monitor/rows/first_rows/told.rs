//! What is said of first rows: the same of one run and of the parts of the data together.

use plumbline_common::words::counted;

use super::{FirstRow, FirstRows};
use crate::state::order::by_text;

/// Rows that are taken as data and named; of others only the files are counted.
const NAMED: usize = 10;

impl FirstRows {
    /// The header rows of which nothing but themselves tells that they are, and the rows that are taken as data, in words.
    pub(crate) fn told(&self) -> Vec<String> {
        let Ok(judged) = self.judge() else { return Vec::new() };
        let header = in_order(judged.doubtful()).into_iter().map(as_header);
        let by = judged.header.first().map_or(String::new(), |main| {
            format!(", and the columns are by position those of {}", main.file.display())
        });
        let data = in_order(self.rows.iter().chain(&self.data).filter(|row| !judged.is_header(row)));
        let (named, more) = data.split_at(data.len().min(NAMED));
        let named = named.iter().map(|row| {
            let of = "if it names columns, set `dataset_format` to {\"csv\": {\"header\": true}}";
            format!("{}: the first row ({}) is taken as data{by}; {of}", row.named(), row.shown())
        });
        let others = more.first().map(|first| {
            let files = more.iter().fold(0_u64, |sum, row| sum.saturating_add(row.files));
            let files = counted(files, "file");
            format!("{}: the first row is taken as data too, so in {files}", first.file.display())
        });
        header.chain(named).chain(others).collect()
    }
}

fn in_order<'a>(rows: impl Iterator<Item = &'a FirstRow>) -> Vec<&'a FirstRow> {
    let mut rows: Vec<&FirstRow> = rows.collect();
    rows.sort_by(|one, two| by_text(&one.file, &two.file));
    rows
}

fn as_header(row: &FirstRow) -> String {
    let what = match row.is_declared {
        true => "looks like data; if no file has a header row, set",
        false => "is taken as the names of the columns; if it is data, set",
    };
    format!(
        "{}: the first row ({}) {what} `dataset_format` to {{\"csv\": {{\"header\": false}}}}",
        row.named(),
        row.shown()
    )
}

impl FirstRow {
    /// The first file that begins with it, and how many more there are.
    fn named(&self) -> String {
        let first = self.file.display();
        match self.files {
            0 | 1 => first.to_string(),
            n => format!("{first} and {}", counted(n - 1, "more file")),
        }
    }
}

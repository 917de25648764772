//! That the parts of the data were read as one run reads all of them.

use std::path::Path;

use plumbline_common::{Problem, Result, codes};

use super::FirstRows;

const HINT: &str = "the first row of a CSV file may be data, and a part sees its own ones only: give `dataset_format` to every \
                    `fold`, {\"csv\": {\"header\": true}} if each file has a header row and {\"csv\": {\"header\": false}} if \
                    none has; where only some have one, fold all of them as one part; give the baseline to every `fold` too";

/// That each part took the first rows of its CSV files for what one run, which sees those of all parts, takes them for. Each has
/// the path of its state. `known`: the names of the baseline's columns.
///
/// # Errors
/// `HEADERS_DO_NOT_FIT`: as of one run. `STATES_DO_NOT_FIT`: a part was read otherwise.
pub(crate) fn check<'a>(
    parts: impl Iterator<Item = (&'a Path, &'a FirstRows)> + Clone,
    known: &[String],
) -> Result<()> {
    let mut all = FirstRows::default();
    parts.clone().for_each(|(_, own)| all.merge(own.clone()));
    all.know(known);
    let all = all.judge()?;
    for (path, own) in parts {
        let own = own.judge()?;
        let Some(row) = own.otherwise(&all) else { continue };
        let (found, expected) = match (own.is_header(row), all.is_header(row)) {
            (true, _) => ("as names of columns", "data, as the first rows of all parts say".into()),
            (_, true) => {
                ("as data", "names of columns, as the first rows of all parts or the baseline say".into())
            }
            // It has rows of the table only, and another part has the names.
            _ => {
                let found = match own.header.is_empty() {
                    true => "as data in columns without names",
                    false => "as data in columns of another header row",
                };
                let names = all.header.first().map_or(String::new(), |main| main.place());
                (found, format!("data in the columns of the header row {names}"))
            }
        };
        return Err(Problem::new(
            &codes::STATES_DO_NOT_FIT,
            "a part of the data was read otherwise than one run over all of it would read it",
        )
        .file(path)
        .found(format!("the first row {} {found}", row.place()))
        .expected(expected)
        .hint(HINT));
    }
    Ok(())
}

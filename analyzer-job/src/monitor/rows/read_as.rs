//! That all parts of the data were read as one format, where each part went by its own first lines.

use std::path::Path;

use plumbline_common::{Problem, Result, codes};

use crate::monitor::format::Family;

/// Each part has the path of its state, and what its records were read as, where it has any.
///
/// # Errors
/// `STATES_DO_NOT_FIT`: two of them differ.
pub(crate) fn check<'a>(parts: impl Iterator<Item = (&'a Path, Option<Family>)>) -> Result<()> {
    let mut first: Option<(&Path, Family)> = None;
    for (path, family) in parts {
        let Some(family) = family else { continue };
        let (known_path, known) = *first.get_or_insert((path, family));
        if family != known {
            return Err(Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the data were read as different formats")
                .file(path)
                .found(family.name())
                .expected(format!("{}, as in {}", known.name(), known_path.display()))
                .hint("without a format each part goes by its own first lines: give `dataset_format` to every `fold`"));
        }
    }
    Ok(())
}

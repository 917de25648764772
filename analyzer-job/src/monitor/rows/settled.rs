//! The first row decides nothing for the others: where most rows are of another kind or width, the data are read again.

use plumbline_common::{Problem, Result, codes};

use super::Source;
use super::account::Account;

/// Reads with `once`, and again where the first row turns out to be another than most. `account`: what `once` tells of the rows.
///
/// # Errors
/// Those of `once`.
pub fn settled<T>(
    source: &Source<'_>,
    mut once: impl FnMut(&Source<'_>) -> Result<T>,
    account: impl Fn(&T) -> &Account,
) -> Result<T> {
    let found = once(source)?;
    let again = match account(&found) {
        Account { better_kinds: kinds @ Some(_), .. } => Source { kinds: *kinds, ..source.clone() },
        Account { better_width: width @ Some(_), .. } => Source { width: *width, ..source.clone() },
        _ => return Ok(found),
    };
    once(&again)
}

/// Whether a problem is one of names and numbers of columns, which a first row that is another than most may cause.
pub(super) fn is_of_columns(problem: &Problem) -> bool {
    let codes = [&codes::SETTING_INVALID, &codes::HEADERS_DO_NOT_FIT, &codes::COLUMN_NOT_FOUND];
    codes.contains(&problem.code())
}

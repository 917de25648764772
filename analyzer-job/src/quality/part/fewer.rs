//! Parts of the data whose rows are of another kind than most: one run leaves such rows out, and so do parts that are put together.

use std::path::PathBuf;

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::Part;
use crate::monitor::rows::Met;

/// Leaves out the rows of the parts that are of another kind than most records of all parts.
///
/// # Errors
/// `STATES_DO_NOT_FIT`: such a part had records like most, and left them out.
pub(super) fn leave_out(parts: &mut [(PathBuf, Part)]) -> Result<()> {
    let with_rows =
        || parts.iter().map(|(_, part)| &part.profiled.account).filter(|account| account.rows > 0);
    let csv = with_rows().filter(|account| account.is_csv).count();
    // Formats whose rows are of one kind tell none. Parts of several formats are no table, whatever most rows are.
    if with_rows().any(|account| account.met.is_empty()) || csv > 0 && csv < with_rows().count() {
        return Ok(());
    }
    let mut all = Met::default();
    parts.iter().for_each(|(_, part)| all.merge(&part.profiled.account.met));
    let Some(most) = all.most() else { return Ok(()) };
    for (path, part) in parts {
        let profiled = &part.profiled;
        let own = &profiled.columns.kinds;
        let Some(reason) = own.misfit(&most).filter(|_| profiled.account.rows > 0) else { continue };
        let lost = profiled.account.met.like(&most);
        if lost == 0 && part.leave_out(&reason) {
            continue;
        }
        let mut found = format!("rows that most records are not like: {reason}");
        if lost > 0 {
            found.push_str(&format!("; the part left out {} like most", counted(lost, "record")));
        }
        return Err(Problem::new(&codes::STATES_DO_NOT_FIT, "a part of the data has other rows than most parts")
            .file(path)
            .found(found)
            .expected("parts in which most records are of one kind")
            .hint(
                "one run goes by the kind that most records of all files have: fold the files of this part together with others, or \
                 take the records of the other kind out of the data",
            ));
    }
    Ok(())
}

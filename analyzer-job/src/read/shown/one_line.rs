//! One line of CSV for several rows.
//!
//! Some models answer all rows of a request on one line, a value for each: `1,0,1`. Others give each row a line of its own with
//! several values: `1,0.47`. Such a line is the answer of two rows in the first case, and half of an answer in the second. The
//! other captured records tell which case it is: where as many of them have several values on the line of a row, no line stands
//! for several rows. So no record decides by being the first one, and a record in doubt is left out.

use std::path::Path;

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

/// How the rows of a text stand on its lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LineForm {
    /// A line for each row with one value; or no CSV. It goes with either case.
    #[default]
    Plain,
    /// One line with a value for each of several rows.
    OneLine,
    /// Some line has several values of a row.
    Wide,
}

/// So many texts of each form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineForms {
    one_line: u64,
    wide: u64,
}

impl LineForms {
    pub(crate) fn add(&mut self, form: LineForm) {
        match form {
            LineForm::Plain => {}
            LineForm::OneLine => self.one_line += 1,
            LineForm::Wide => self.wide += 1,
        }
    }

    pub(super) fn append(&mut self, other: LineForms) {
        self.one_line = self.one_line.saturating_add(other.one_line);
        self.wide = self.wide.saturating_add(other.wide);
    }

    /// Whether other texts may tell that these are read otherwise.
    pub(super) fn is_open(self) -> bool {
        self.one_line > 0
    }

    /// Whether one line may stand for several rows.
    pub(super) fn allow(self) -> bool {
        self.wide == 0 || self.one_line > self.wide
    }

    /// Whether these were read as all records are, of which `all` are the forms.
    fn fit(self, all: LineForms) -> bool {
        self.one_line == 0 || self.allow() == all.allow()
    }
}

/// That each part was read as one run over all of them would read it. Each part has the path of its state, for messages;
/// `what` the texts are.
///
/// # Errors
/// `STATES_DO_NOT_FIT`.
pub(super) fn check(parts: &[(&Path, LineForms)], what: &str) -> Result<()> {
    let mut all = LineForms::default();
    parts.iter().for_each(|(_, own)| all.append(*own));
    match parts.iter().find(|(_, own)| !own.fit(all)) {
        None => Ok(()),
        Some((path, own)) => Err(differ(path, what, *own, all)),
    }
}

fn differ(path: &Path, what: &str, own: LineForms, all: LineForms) -> Problem {
    let records = |forms: LineForms| {
        format!(
            "{} of one line for several rows, and {} of several values for a row",
            counted(forms.one_line, "record"),
            forms.wide
        )
    };
    Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the data read one line for several rows differently")
        .file(path)
        .found(format!("{what}: {}", records(own)))
        .expected(format!("as in all parts, {}", records(all)))
        .hint(
            "a line such as `1,0` is one value for each of two rows, unless as many records have several values on the line of a row: \
             run over all files at once, or let every row have a line of its own",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(one_line: u64, wide: u64) -> LineForms {
        LineForms { one_line, wide }
    }

    #[test]
    fn one_line_is_for_several_rows_unless_as_many_lines_have_several_values() {
        for (one_line, wide, allowed) in
            [(0, 0, true), (5, 0, true), (0, 1, false), (1, 1, false), (2, 1, true), (1, 9, false)]
        {
            assert_eq!(forms(one_line, wide).allow(), allowed, "{one_line} {wide}");
        }
    }

    #[test]
    fn parts_fit_if_one_run_would_read_each_of_them_alike() {
        let told = |parts: &[(u64, u64)]| {
            let names: Vec<String> = (0..parts.len()).map(|at| format!("{at}.state")).collect();
            let forms = parts.iter().map(|&(one_line, wide)| forms(one_line, wide));
            let parts: Vec<_> = names.iter().map(Path::new).zip(forms).collect();
            check(&parts, "answer").map_err(|problem| problem.to_string())
        };
        for fitting in [
            &[(1, 0), (2, 0)][..],
            &[(0, 3), (1, 4)],
            &[(0, 0), (1, 0)],
            &[(3, 1), (0, 1)],
            &[(0, 2), (0, 1)],
            &[],
        ] {
            assert_eq!(told(fitting), Ok(()), "{fitting:?}");
        }
        for (other, at) in [(&[(0, 3), (1, 0)][..], 1), (&[(1, 0), (0, 1)], 0), (&[(1, 1), (5, 0)], 0)] {
            let told = told(other).unwrap_err();
            assert!(told.starts_with("PL0909") && told.contains(&format!("{at}.state")), "{told}");
        }
    }
}

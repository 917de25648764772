//! Which settings named the files of a baseline, for messages: a user looks for the setting that was given.

use plumbline_common::{Problem, Result};

/// The settings that took the place of `baseline_constraints` and `baseline_statistics`; none where these were given themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct BaselineNames {
    pub constraints: Option<&'static str>,
    pub statistics: Option<&'static str>,
}

impl BaselineNames {
    /// A problem with a file of the baseline, of the setting that named it.
    pub fn of(&self, problem: Problem) -> Problem {
        let given = match problem.place().field.as_deref() {
            Some("baseline_constraints") => self.constraints,
            Some("baseline_statistics") => self.statistics,
            _ => None,
        };
        match given {
            Some(given) => problem.field(given),
            None => problem,
        }
    }

    /// As `of`, where there is one.
    ///
    /// # Errors
    /// That of `result`.
    pub fn told<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|problem| self.of(problem))
    }
}

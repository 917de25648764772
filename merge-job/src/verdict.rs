//! Whether a merge succeeded: one function of its account and rules, for the whole input, the part of one host, and the
//! sample of a dry run.

use std::path::Path;

use plumbline_common::{Problem, Result, codes};

use crate::evidence::{Evidence, Side};
use crate::looks::Kind;
use crate::settings::OnNoMatch;
use crate::task::MergeTask;

/// Judges an account.
///
/// # Errors
/// There are no captures, too many records are bad, or nothing matches.
pub(crate) fn verdict(task: &MergeTask, evidence: &Evidence) -> Result<()> {
    // A host that sees a part of the captures cannot know what the others find.
    let must_match = task.on_no_match == OnNoMatch::Fail && task.has_all_captures;
    judge(evidence, must_match, task.max_bad_fraction, &task.captures)
}

/// Judges evidence. `must_match`: a capture at least must have found its label; `captures`: where they come from, for messages.
///
/// # Errors
/// As `verdict`.
pub fn judge(evidence: &Evidence, must_match: bool, max_bad_fraction: f64, captures: &Path) -> Result<()> {
    if evidence.captures.read == 0 && must_match {
        let found = evidence.captures.unreadable.clone();
        let found = found.unwrap_or_else(|| format!("no captures in {}", captures.display()));
        return Err(Problem::new(&codes::NO_DATA, "there are no captures to merge")
            .field("dataset_source")
            .found(found)
            .hint("mount the capture folders of the endpoint there, or set `dataset_source`"));
    }
    for (kind, side) in [(Kind::Capture, &evidence.captures), (Kind::Label, &evidence.labels)] {
        if side.read > 0 && side.bad as f64 > max_bad_fraction * side.read as f64 {
            return Err(too_many_bad(kind, side));
        }
    }
    if evidence.merged == 0 && must_match {
        return Err(evidence.nothing_matches());
    }
    Ok(())
}

/// Tells the most frequent reason of the side, and what to do about it. A file of another format is told by what it looks
/// like.
fn too_many_bad(kind: Kind, side: &Side) -> Problem {
    let Side { bad, read, .. } = side;
    let problem = Problem::new(
        &codes::TOO_MANY_BAD_RECORDS,
        format!("{bad} of {read} {} cannot be used, more than `max_bad_fraction` allows", kind.name()),
    );
    let Some(reason) = side.most_frequent() else { return problem };
    let why = format!("most frequent ({} of {bad}): {}", reason.count, reason.first);
    let problem = problem.found(side.looks.iter().cloned().chain([why]).collect::<Vec<_>>().join("; "));
    match reason.hint.as_ref().or(side.hint_of_file.as_ref()) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Summary;

    #[track_caller]
    fn check(change: impl Fn(&mut MergeTask, &mut Summary), expected: Option<&str>) {
        let here = Path::new(".");
        let mut task = MergeTask::new(here, here, here, here);
        let mut summary =
            Summary { captures_read: 10, merged: 5, labels_read: 10, labels_merged: 5, ..Summary::default() };
        change(&mut task, &mut summary);
        let code = verdict(&task, &summary.evidence()).err().map(|problem| problem.code().to_string());
        assert_eq!(code.as_deref(), expected);
    }

    #[test]
    fn each_rule_has_its_code_and_its_limit() {
        check(|_, _| {}, None);
        check(|_, summary| summary.captures_bad = 5, None);
        check(|_, summary| summary.captures_bad = 6, Some("PL0402"));
        check(|_, summary| summary.labels_bad = 6, Some("PL0402"));
        check(|task, summary| (task.max_bad_fraction, summary.labels_bad) = (0.0, 1), Some("PL0402"));
        check(|_, summary| summary.merged = 0, Some("PL0401"));
        check(|_, summary| *summary = Summary::default(), Some("PL0302"));
    }

    #[test]
    fn a_run_without_a_match_succeeds_where_that_is_wanted_or_others_may_have_one() {
        for merged_of in [0, 10] {
            let nothing = |summary: &mut Summary| (summary.merged, summary.captures_read) = (0, merged_of);
            check(|task, summary| (task.on_no_match, ()) = (OnNoMatch::Succeed, nothing(summary)), None);
            check(|task, summary| (task.has_all_captures, ()) = (false, nothing(summary)), None);
        }
        check(
            |task, summary| {
                task.on_no_match = OnNoMatch::Succeed;
                summary.captures_bad = 6;
            },
            Some("PL0402"),
        );
    }
}

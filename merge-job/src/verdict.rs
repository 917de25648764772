//! Whether a merge succeeded: one function of its account and rules, for the whole input, the part of one host, and the
//! sample of a dry run.

use plumbline_common::{Problem, Result, codes};

use crate::looks::Kind;
use crate::reasons;
use crate::settings::OnNoMatch;
use crate::summary::Summary;
use crate::task::MergeTask;

/// Judges an account.
///
/// # Errors
/// There are no captures, too many records are bad, or nothing matches.
pub(crate) fn verdict(task: &MergeTask, summary: &Summary) -> Result<()> {
    // A host that sees a part of the captures cannot know what the others find.
    let must_match = task.on_no_match == OnNoMatch::Fail && task.has_all_captures;
    if summary.captures_read == 0 && must_match {
        let found = summary.of_side(Kind::Capture).unreadable.clone();
        let found = found.unwrap_or_else(|| format!("no captures in {}", task.captures.display()));
        return Err(Problem::new(&codes::NO_DATA, "there are no captures to merge")
            .field("dataset_source")
            .found(found)
            .hint("mount the capture folders of the endpoint there, or set `dataset_source`"));
    }
    let sides = [
        (Kind::Capture, summary.captures_bad, summary.captures_read),
        (Kind::Label, summary.labels_bad, summary.labels_read),
    ];
    for (kind, bad, read) in sides {
        if read > 0 && bad as f64 > task.max_bad_fraction * read as f64 {
            return Err(too_many_bad(summary, kind, bad, read));
        }
    }
    if summary.merged == 0 && must_match {
        return Err(summary.nothing_matches());
    }
    Ok(())
}

/// Tells the most frequent reason of the side, and what to do about it. A file of another format is told by what it looks
/// like.
fn too_many_bad(summary: &Summary, kind: Kind, bad: u64, read: u64) -> Problem {
    let problem = Problem::new(
        &codes::TOO_MANY_BAD_RECORDS,
        format!("{bad} of {read} {} cannot be used, more than `max_bad_fraction` allows", kind.name()),
    );
    let side = summary.of_side(kind);
    let Some(reason) = side.reasons.most_frequent() else { return problem };
    let file = summary.files_without_records.iter().find(|file| file.side == kind.name());
    let looks =
        file.map(|file| format!("{} looks like {} and begins `{}`", file.file, file.looks_like, file.begins));
    let why = format!("most frequent ({} of {bad}): {}", reason.count, reason.first);
    let problem = problem.found(looks.into_iter().chain([why]).collect::<Vec<_>>().join("; "));
    match reasons::hint(kind, reason.bad).or(side.hint_of_file) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[track_caller]
    fn check(change: impl Fn(&mut MergeTask, &mut Summary), expected: Option<&str>) {
        let here = Path::new(".");
        let mut task = MergeTask::new(here, here, here, here);
        let mut summary =
            Summary { captures_read: 10, merged: 5, labels_read: 10, labels_merged: 5, ..Summary::default() };
        change(&mut task, &mut summary);
        let code = verdict(&task, &summary).err().map(|problem| problem.code().to_string());
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

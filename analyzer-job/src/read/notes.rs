//! What is to be said of reading, kept apart from its words until all of it is known: parts of the data are read by
//! several processes, and what they have to say adds up.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use plumbline_common::words::counted;

use crate::results::details::Skipped;
use crate::state::order::Before;

/// Why rows of a dataset without a partner in another are left out.
pub(crate) const UNMATCHED: &str = "without a row of this identifier in the facet or prediction dataset";

/// Records left out for one reason; the first five are named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Skips {
    pub(crate) skipped: Skipped,
    /// File and line of each named one.
    places: Vec<(PathBuf, u64)>,
}

impl Default for Skips {
    fn default() -> Skips {
        Skips::new("that cannot be used")
    }
}

impl Skips {
    /// So many are named.
    pub(crate) const NAMED: usize = 5;

    pub(crate) fn new(reason: &str) -> Skips {
        let skipped = Skipped { reason: reason.into(), records: 0, examples: Vec::new() };
        Skips { skipped, places: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.skipped.records == 0
    }

    pub(crate) fn add(&mut self, file: &Path, line: u64, more: &str) {
        self.add_lines(file, line, 1, more);
    }

    /// Counts so many lines from this one on, of which the first is named.
    pub(crate) fn add_lines(&mut self, file: &Path, line: u64, lines: u64, more: &str) {
        self.skipped.records += lines;
        let sep = if more.is_empty() { "" } else { ": " };
        self.name(file, line, || format!("{}, line {line}{sep}{more}", file.display()));
    }

    /// Names one as long as it is among the first. Files come in their order; what is wrong with a line may be known behind the next.
    fn name(&mut self, file: &Path, line: u64, example: impl FnOnce() -> String) {
        let is_behind = |(own, at): &&(PathBuf, u64)| *at > line && own == file;
        let at = self.places.len() - self.places.iter().rev().take_while(is_behind).count();
        if at < Skips::NAMED {
            self.places.insert(at, (file.into(), line));
            self.places.truncate(Skips::NAMED);
            self.skipped.examples.insert(at, example());
            self.skipped.examples.truncate(Skips::NAMED);
        }
    }

    /// Counts a whole file.
    pub(crate) fn add_file(&mut self, file: &Path, why: &str) {
        self.skipped.records += 1;
        self.name(file, 0, || format!("{}: {why}", file.display()));
    }

    /// Takes in those that were left out next.
    pub(crate) fn append(&mut self, next: Skips) {
        self.skipped.records += next.skipped.records;
        for ((file, line), example) in next.places.into_iter().zip(next.skipped.examples) {
            self.name(&file, line, || example);
        }
    }

    /// Takes in those of another part; named are the first in the order of the files.
    pub(crate) fn merge(&mut self, other: Skips, before: Before) {
        self.skipped.records = self.skipped.records.saturating_add(other.skipped.records);
        let mine =
            std::mem::take(&mut self.places).into_iter().zip(std::mem::take(&mut self.skipped.examples));
        let mut named: Vec<((PathBuf, u64), String)> =
            mine.chain(other.places.into_iter().zip(other.skipped.examples)).collect();
        named.sort_by(|(one, _), (two, _)| before(&one.0, &two.0).then(one.1.cmp(&two.1)));
        named.truncate(Skips::NAMED);
        (self.places, self.skipped.examples) = named.into_iter().unzip();
    }

    /// Takes out those that another part says too.
    pub(crate) fn forget(&mut self, again: &Skips) {
        self.skipped.records = self.skipped.records.saturating_sub(again.skipped.records);
        for (place, example) in again.places.iter().zip(&again.skipped.examples) {
            let mut named = self.places.iter().zip(&self.skipped.examples);
            if let Some(at) = named.position(|(own, text)| own == place && text == example) {
                self.places.remove(at);
                self.skipped.examples.remove(at);
            }
        }
    }
}

/// Something to be said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Note {
    /// Records left out, which is a warning.
    LeftOut(Skips),
    /// Records that are none of this run.
    Outside(Skips),
    /// Files that cannot be read.
    Unreadable(Skips),
    /// The same of several files.
    Files { files: Vec<PathBuf>, what: String },
    /// Of the first file of all only.
    First { file: PathBuf, what: String },
}

/// Everything to be said, in an order that depends on the format of the data alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Notes(Vec<Note>);

impl Notes {
    /// Also a note that says nothing: another part may have something to say.
    pub(crate) fn push(&mut self, note: Note) {
        self.0.push(note);
    }

    /// What was left out, by reason.
    pub(crate) fn skipped(&self) -> Vec<Skipped> {
        let of = |note: &Note| match note {
            Note::LeftOut(skips) | Note::Outside(skips) | Note::Unreadable(skips) => {
                Some(skips.skipped.clone())
            }
            Note::Files { .. } | Note::First { .. } => None,
        };
        self.0.iter().filter_map(of).filter(|skipped| skipped.records > 0).collect()
    }

    /// Of captured records: those that cannot be used, and those outside of the window.
    pub(crate) fn of_captures(&self) -> (Option<&Skipped>, Option<&Skipped>) {
        let (mut bad, mut outside) = (None, None);
        for note in &self.0 {
            match note {
                Note::LeftOut(skips) => bad = Some(&skips.skipped),
                Note::Outside(skips) => outside = Some(&skips.skipped),
                _ => {}
            }
        }
        (bad, outside)
    }

    /// Takes out bad captured records that another part says too.
    pub(crate) fn forget(&mut self, again: &Skips) {
        for note in &mut self.0 {
            if let Note::LeftOut(skips) = note {
                skips.forget(again);
            }
        }
    }

    /// Takes out captured records outside of the window that were counted again.
    pub(crate) fn forget_outside(&mut self, records: u64) {
        for note in &mut self.0 {
            if let Note::Outside(skips) = note {
                skips.skipped.records = skips.skipped.records.saturating_sub(records);
            }
        }
    }

    /// Whether the last warning is of files that cannot be read.
    pub(crate) fn last_of_files(&self) -> bool {
        self.0.last().is_some_and(|note| matches!(note, Note::Unreadable(skips) if skips.skipped.records > 0))
    }

    /// The warnings in words.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.0.iter().filter_map(Note::warning).collect()
    }

    /// Takes in those of a part of the same format.
    ///
    /// # Errors
    /// The part was read in another way.
    pub(crate) fn merge(&mut self, other: Notes, before: Before) -> Result<(), String> {
        if self.0.len() != other.0.len() {
            return Err("the parts have another format".into());
        }
        self.0.iter_mut().zip(other.0).try_for_each(|(mine, theirs)| mine.merge(theirs, before))
    }
}

/// The same of several files in words; none where there are none.
pub(crate) fn of_files(files: &[PathBuf], what: &str) -> Option<String> {
    let (first, rest) = files.split_first()?;
    let more = match rest.len() {
        0 => String::new(),
        more => format!(" and {}", counted(more, "more file")),
    };
    Some(format!("{}{more}: {what}", first.display()))
}

impl Note {
    fn warning(&self) -> Option<String> {
        match self {
            Note::LeftOut(skips) if skips.skipped.records > 0 => {
                let skipped = &skips.skipped;
                let plural = if skipped.records == 1 { "" } else { "s" };
                let mut text = format!("left out {} record{plural} {}", skipped.records, skipped.reason);
                if !skipped.examples.is_empty() {
                    text.push_str(&format!(": {}", skipped.examples.join("; ")));
                }
                Some(text)
            }
            Note::Unreadable(skips) if skips.skipped.records > 0 => Some(format!(
                "left out {}: {}",
                counted(skips.skipped.records, "unreadable file"),
                skips.skipped.examples.join("; ")
            )),
            Note::Files { files, what } => of_files(files, what),
            Note::First { file, what } if !what.is_empty() => Some(format!("{}: {what}", file.display())),
            _ => None,
        }
    }

    fn merge(&mut self, other: Note, before: Before) -> Result<(), String> {
        match (self, other) {
            (Note::LeftOut(mine), Note::LeftOut(theirs))
            | (Note::Outside(mine), Note::Outside(theirs))
            | (Note::Unreadable(mine), Note::Unreadable(theirs))
                if mine.skipped.reason == theirs.skipped.reason =>
            {
                mine.merge(theirs, before);
            }
            (Note::Files { files, what }, Note::Files { files: more, what: same }) if *what == same => {
                files.extend(more);
                files.sort_by(|one, two| before(one, two));
                // Windows may read the same file.
                files.dedup();
            }
            (mine @ Note::First { .. }, theirs @ Note::First { .. }) => {
                let (Note::First { file, .. }, Note::First { file: other, .. }) = (&*mine, &theirs) else {
                    return Ok(());
                };
                if before(other, file).is_lt() {
                    *mine = theirs;
                }
            }
            _ => return Err("the parts have another format".into()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::order::by_folder;

    #[test]
    fn the_first_five_of_all_parts_are_named_in_the_order_of_the_files() {
        let mut whole = Skips::new("bad");
        let mut parts = [Skips::new("bad"), Skips::new("bad")];
        for (number, file) in ["c", "a/1", "a/2", "b/1", "b/2"].into_iter().enumerate() {
            for line in 1..3 {
                whole.add(Path::new(file), line, "x");
                parts[number % 2].add(Path::new(file), line, "x");
            }
        }
        let [mut one, two] = parts;
        one.merge(two, by_folder);
        assert_eq!(one, whole);
    }

    #[test]
    fn lines_of_a_file_are_named_in_their_order_whenever_they_are_known() {
        let of = |lines: &[u64]| {
            let mut skips = Skips::new("bad");
            skips.add(Path::new("a"), 9, "x");
            lines.iter().for_each(|&line| skips.add(Path::new("b"), line, "x"));
            skips
        };
        let sorted = of(&[1, 2, 3, 4, 5, 6]);
        for lines in [[2, 1, 4, 3, 6, 5], [6, 5, 4, 3, 2, 1], [3, 4, 5, 6, 1, 2]] {
            assert_eq!(of(&lines), sorted, "{lines:?}");
            let [mut one, mut two] = [&lines[..2], &lines[2..]].map(of);
            two.places.remove(0);
            two.skipped.examples.remove(0);
            two.skipped.records -= 1;
            one.append(two);
            assert_eq!(one, sorted, "{lines:?}");
        }
        assert_eq!(sorted.places.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [9, 1, 2, 3, 4]);
    }

    #[test]
    fn a_whole_file_is_named_before_its_lines() {
        let mut skips = Skips::new("bad");
        skips.add(Path::new("a"), 1, "x");
        skips.add(Path::new("b"), 1, "x");
        skips.add_file(Path::new("b"), "cannot be read on");
        assert_eq!(skips.skipped.records, 3);
        let named: Vec<(&str, u64)> =
            skips.places.iter().map(|(file, line)| (file.to_str().unwrap(), *line)).collect();
        assert_eq!(named, [("a", 1), ("b", 0), ("b", 1)]);
        assert_eq!(skips.skipped.examples[1], "b: cannot be read on");
    }
}

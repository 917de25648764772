//! Files of one dataset that have different columns, or have them in another order. What each column is missing from is told,
//! since all of its values are missing there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use plumbline_common::words::counted;
use serde::{Deserialize, Serialize};

use crate::state::order::by_text;

/// The columns that files of a dataset have, in their order. Parts of the data add up, so that a column that only another part
/// has is told too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schemas(Vec<Schema>);

/// The columns of some files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Schema {
    columns: Vec<String>,
    /// Number of files that have these columns in this order, and no others.
    files: u64,
    /// The first of them.
    first: PathBuf,
}

impl Schemas {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A file has these columns.
    pub(super) fn add(&mut self, columns: impl IntoIterator<Item = String>, file: &Path) {
        self.put(Schema { columns: columns.into_iter().collect(), files: 1, first: file.into() });
    }

    /// Adds those of another part of the data.
    pub(crate) fn merge(&mut self, other: Schemas) {
        other.0.into_iter().for_each(|schema| self.put(schema));
    }

    /// A column has another name in the whole.
    pub(super) fn rename(&mut self, old: &str, new: &str) {
        for mut schema in std::mem::take(&mut self.0) {
            schema.columns.iter_mut().filter(|name| *name == old).for_each(|name| *name = new.into());
            self.put(schema);
        }
    }

    fn put(&mut self, schema: Schema) {
        let Some(known) = self.0.iter_mut().find(|known| known.columns == schema.columns) else {
            return self.0.push(schema);
        };
        known.files = known.files.saturating_add(schema.files);
        if by_text(&schema.first, &known.first).is_lt() {
            known.first = schema.first;
        }
    }

    /// What is to be said of files that do not have all columns, or have them in another order than the first file with the same
    /// ones.
    pub(crate) fn told(&self) -> Vec<String> {
        let mut sets: IndexMap<BTreeSet<&str>, Vec<&Schema>> = IndexMap::new();
        for schema in &self.0 {
            let columns = schema.columns.iter().map(String::as_str).collect();
            sets.entry(columns).or_default().push(schema);
        }
        let mut out = orders(sets.values());
        out.extend(lacking(&sets));
        out
    }
}

/// The files with the same columns as an earlier one in another order, in words. `alike`: those with the same columns.
fn orders<'a>(alike: impl Iterator<Item = &'a Vec<&'a Schema>>) -> Vec<String> {
    let mut out: Vec<(&Path, String)> = alike
        .filter_map(|schemas| {
            let like = schemas.iter().min_by(|one, two| by_text(&one.first, &two.first))?;
            let others: Vec<&Schema> = schemas.iter().copied().filter(|one| one != like).collect();
            let first = first(&others)?;
            let what = format!(
                "{}: the columns stand in another order than in {}; their names say which is which",
                files(&others),
                like.first.display()
            );
            Some((first, what))
        })
        .collect();
    out.sort_by(|one, two| by_text(one.0, two.0));
    out.into_iter().map(|(_, what)| what).collect()
}

/// The columns that not all files have, in words: those of the same files together.
fn lacking(sets: &IndexMap<BTreeSet<&str>, Vec<&Schema>>) -> Vec<String> {
    const TOLD: usize = 5;
    let mut met: IndexMap<&str, Vec<usize>> = IndexMap::new();
    for (at, columns) in sets.keys().enumerate() {
        columns.iter().for_each(|name| met.entry(name).or_default().push(at));
    }
    met.sort_keys();
    let mut alike: IndexMap<Vec<usize>, Vec<&str>> = IndexMap::new();
    let partial = met.into_iter().filter(|(_, at)| at.len() < sets.len());
    partial.for_each(|(name, at)| alike.entry(at).or_default().push(name));
    let mut out: Vec<String> =
        alike.iter().take(TOLD).map(|(having, names)| lacking_of(sets, having, names)).collect();
    if alike.len() > TOLD {
        let more: usize = alike.values().skip(TOLD).map(Vec::len).sum();
        out.push(format!("{} more are missing in some files", counted(more, "column")));
    }
    out
}

/// `having`: the places of the sets with these columns.
fn lacking_of(sets: &IndexMap<BTreeSet<&str>, Vec<&Schema>>, having: &[usize], names: &[&str]) -> String {
    const NAMED: usize = 5;
    let of = |has: bool| {
        let some = sets.values().enumerate().filter(|(at, _)| having.contains(at) == has);
        some.flat_map(|(_, schemas)| schemas.iter().copied()).collect::<Vec<_>>()
    };
    let quoted: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(NAMED);
    let and = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (verb, whose) = if names.len() == 1 { ("is", "its") } else { ("are", "their") };
    format!(
        "files have different columns: {}{and} {verb} in {}, and not in {}, where {whose} values are missing",
        quoted.join(", "),
        files(&of(true)),
        files(&of(false))
    )
}

fn first<'a>(schemas: &[&'a Schema]) -> Option<&'a Path> {
    schemas.iter().map(|schema| schema.first.as_path()).min_by(|one, two| by_text(one, two))
}

/// The first file of some schemas, and how many more there are.
fn files(schemas: &[&Schema]) -> String {
    let first = first(schemas).map(|file| file.display().to_string()).unwrap_or_default();
    match schemas.iter().fold(0_u64, |sum, schema| sum.saturating_add(schema.files)) {
        0 | 1 => first,
        n => format!("{first} and {}", counted(n - 1, "more file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &[&str])]) -> Schemas {
        let mut schemas = Schemas::default();
        for (file, names) in files {
            schemas.add(names.iter().map(|name| name.to_string()), Path::new(file));
        }
        schemas
    }

    #[test]
    fn what_some_files_lack_is_told_once_whatever_their_order_and_parts() {
        let files: [(&str, &[&str]); 5] = [
            ("a", &["x", "y", "z"]),
            ("b", &["y", "x"]),
            ("c", &["x", "y"]),
            ("d", &["z", "w", "x", "y"]),
            ("e", &["x", "z", "y"]),
        ];
        let expected = [
            "c: the columns stand in another order than in b; their names say which is which",
            "e: the columns stand in another order than in a; their names say which is which",
            "files have different columns: `w` is in d, and not in a and 3 more files, where its values are missing",
            "files have different columns: `z` is in a and 2 more files, and not in b and 1 more file, where its values are \
             missing",
        ];
        assert_eq!(of(&files).told(), expected);
        for cut in 0..files.len() {
            let (mut one, two) = (of(&files[cut..]), of(&files[..cut]));
            one.merge(two);
            assert_eq!(one.told(), expected, "{cut}");
        }
        assert_eq!(of(&files[1..3]).told(), expected[..1]);
        assert!(of(&files[1..2]).told().is_empty() && of(&[]).is_empty());
        let more = of(&[("2", &["x", "y"]), ("4", &["y", "x"]), ("3", &["y", "x"]), ("1", &["x", "y"])]);
        let several =
            "3 and 1 more file: the columns stand in another order than in 1; their names say which is which";
        assert_eq!(more.told(), [several]);
        let many: Vec<String> = (0..7).map(|n| format!("n{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(of(&[("a", &many), ("b", &[])]).told()[0].contains("`n4` and 2 more are in a, and not in b"));
        let each: Vec<(&str, Vec<&str>)> = many.iter().map(|name| (*name, vec![*name])).collect();
        let each: Vec<(&str, &[&str])> = each.iter().map(|(file, names)| (*file, names.as_slice())).collect();
        assert_eq!(of(&each).told().len(), 6);
    }
}

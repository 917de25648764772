//! The files of several parts in the order in which one run reads them. What depends on order (which value came
//! first, which bad records are named) is decided by it, so it does not matter which part had a file.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

/// Which of two files a run reads first.
pub type Before = fn(&Path, &Path) -> Ordering;

/// By folder, then name.
pub fn by_folder(one: &Path, two: &Path) -> Ordering {
    (one.parent(), one.file_name()).cmp(&(two.parent(), two.file_name()))
}

/// By the whole path as text.
pub fn by_text(one: &Path, two: &Path) -> Ordering {
    one.as_os_str().cmp(two.as_os_str())
}

/// For each part and each of its files the place among the files of all parts. Files of the same name stand in the order
/// of their parts.
pub fn ranks(parts: &[&[PathBuf]], before: Before) -> Vec<Vec<u32>> {
    let mut all: Vec<(&Path, usize, usize)> = Vec::new();
    for (part, files) in parts.iter().enumerate() {
        all.extend(files.iter().enumerate().map(|(at, file)| (file.as_path(), part, at)));
    }
    all.sort_by(|one, two| before(one.0, two.0).then(one.1.cmp(&two.1)).then(one.2.cmp(&two.2)));
    let mut ranks: Vec<Vec<u32>> = parts.iter().map(|files| vec![0; files.len()]).collect();
    for (rank, (_, part, at)) in (0..).zip(all) {
        ranks[part][at] = rank;
    }
    ranks
}

/// The columns of all parts in the order in which one run meets them. Of each part the places of its files among those of all,
/// and its columns, each with the number of the file in which it came first.
pub fn met<'a, N: IntoIterator<Item = (&'a str, u32)>>(
    parts: impl IntoIterator<Item = (&'a [u32], N)>,
) -> Vec<&'a str> {
    let mut met: IndexMap<&str, (u32, usize)> = IndexMap::new();
    for (ranks, columns) in parts {
        for (place, (name, file)) in columns.into_iter().enumerate() {
            let here = (ranks.get(file as usize).copied().unwrap_or(u32::MAX), place);
            let known = met.entry(name).or_insert(here);
            *known = (*known).min(here);
        }
    }
    let mut names: Vec<(&str, (u32, usize))> = met.into_iter().collect();
    names.sort_by_key(|(_, met)| *met);
    names.into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_as_one_run_meets_them() {
        let one = [("a", 0), ("b", 1)];
        let two = [("c", 0), ("b", 0)];
        assert_eq!(met([(&[0_u32, 2][..], one), (&[1], two)]), ["a", "c", "b"]);
        assert_eq!(met([(&[0_u32, 1][..], one), (&[2], two)]), ["a", "b", "c"]);
    }

    #[test]
    fn files_of_all_parts_stand_as_one_run_reads_them() {
        let parts = [vec!["b/2", "a/9"], vec!["a/10", "b.csv"], vec![]]
            .map(|names| names.into_iter().map(PathBuf::from).collect::<Vec<_>>());
        let parts: Vec<&[PathBuf]> = parts.iter().map(Vec::as_slice).collect();
        // "" before "a" before "b".
        assert_eq!(ranks(&parts, by_folder), [vec![3, 2], vec![1, 0], vec![]]);
        // "a/10", "a/9", "b.csv", "b/2".
        assert_eq!(ranks(&parts, by_text), [vec![3, 1], vec![0, 2], vec![]]);
    }
}

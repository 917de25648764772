//! Lists of files that batch transform leaves as its capture: `[{"prefix": "s3://..."}, "name", ...]`.
//!
//! The files must be reachable without a network: as local paths, or below an input of the job whose
//! `S3Uri` is a prefix of theirs.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use plumbline_common::contract::Mount;
use plumbline_common::input;
use serde::Deserialize;

/// S3 address and local folder of the job's inputs.
pub type Mounts = Vec<(String, PathBuf)>;

/// The inputs of a job as `Mounts`.
pub fn mounts(inputs: &[Mount]) -> Mounts {
    inputs.iter().filter_map(|mount| Some((mount.s3_uri.clone()?, mount.path.clone()))).collect()
}

/// A list of files: what their addresses begin with, and how each goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    prefix: String,
    names: Vec<String>,
}

/// Whether a text begins as a list of files does.
pub(crate) fn begins(text: &[u8]) -> bool {
    let after = |text: &'_ [u8], byte: u8| text.trim_ascii_start().strip_prefix(&[byte]).map(<[u8]>::to_vec);
    let text = text.get(..text.len().min(256)).unwrap_or_default();
    after(text, b'[')
        .and_then(|rest| after(&rest, b'{'))
        .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\"prefix\""))
}

/// Reads a list of files; none when it is none after all, or cannot be read to its end.
pub(crate) fn read(path: &Path) -> Option<Manifest> {
    let mut text = Vec::new();
    input::open(path).ok()?.read_to_end(&mut text).ok()?;
    parse(&text)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Prefix { prefix: String },
    Name(String),
}

fn parse(text: &[u8]) -> Option<Manifest> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut entries = serde_json::from_slice::<Vec<Entry>>(text).ok()?.into_iter();
    let Some(Entry::Prefix { prefix }) = entries.next() else { return None };
    let names = entries.map(|entry| match entry {
        Entry::Name(name) => Some(name),
        Entry::Prefix { .. } => None,
    });
    Some(Manifest { prefix, names: names.collect::<Option<_>>()? })
}

impl Manifest {
    /// The files with their sizes, empty ones left out, each in its place; `Err` is the address of one that is not
    /// there.
    pub(crate) fn files(&self, mounts: &Mounts) -> Vec<Result<(PathBuf, u64), String>> {
        let file = |name: &String| {
            let address = format!("{}{name}", self.prefix);
            let metadata = local(&address, mounts)
                .and_then(|path| Some((fs::metadata(&path).ok().filter(fs::Metadata::is_file)?.len(), path)));
            match metadata {
                Some((0, _)) => None,
                Some((bytes, path)) => Some(Ok((path, bytes))),
                None => Some(Err(address)),
            }
        };
        self.names.iter().filter_map(file).collect()
    }
}

fn local(address: &str, mounts: &Mounts) -> Option<PathBuf> {
    if !address.starts_with("s3://") {
        return Some(PathBuf::from(address.strip_prefix("file://").unwrap_or(address)));
    }
    // The longest address is the nearest.
    let mut below: Vec<_> = mounts.iter().filter(|(uri, _)| address.starts_with(uri.as_str())).collect();
    below.sort_by_key(|(uri, _)| std::cmp::Reverse(uri.len()));
    below
        .iter()
        .map(|(uri, folder)| folder.join(address[uri.len()..].trim_start_matches('/')))
        .find(|path| path.is_file())
}

/// Batch capture keeps lists of the transform's inputs beside those of its outputs:
/// `{destination}/input/yyyy/mm/dd/hh`. Only outputs carry ids.
pub(crate) fn is_of_inputs(folder: &Path) -> bool {
    let parts: Vec<&str> = folder.iter().map(|part| part.to_str().unwrap_or_default()).collect();
    let numbers = |parts: &[&str]| parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    parts.windows(5).any(|window| window[0] == "input" && numbers(&window[1..]))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[test]
    fn list_of_files_is_known_by_its_beginning() {
        assert!(begins(b" [\n {\"prefix\": \"s3://b/\"}, \"x\"]"));
        assert!(!begins(b"[{\"captureData\": {}}]"));
        let manifest = parse(br#"[{"prefix": "s3://b/k/"}, "a.out", ""]"#).unwrap();
        assert_eq!(manifest.names, ["a.out", ""]);
        assert_eq!(parse(br#"["a", {"prefix": "x"}]"#), None);
    }

    #[test]
    fn files_are_looked_for_below_the_inputs_of_the_job() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.out"), "x").unwrap();
        let mounts = vec![("s3://b/k".to_string(), root.path().to_path_buf())];
        let list = |text: &str| parse(text.as_bytes()).unwrap().files(&mounts);
        let found = Ok((root.path().join("a.out"), 1));
        let missing = |address: &str| Err(address.to_string());
        assert_eq!(list(r#"[{"prefix": "s3://b/k/"}, "a.out"]"#), slice::from_ref(&found));
        assert_eq!(list(r#"[{"prefix": "s3://b/k/a.out"}, ""]"#), slice::from_ref(&found));
        let prefix = root.path().display();
        assert_eq!(list(&format!(r#"[{{"prefix": "{prefix}/"}}, "a.out"]"#)), slice::from_ref(&found));
        assert_eq!(list(r#"[{"prefix": "s3://other/k/"}, "a.out"]"#), [missing("s3://other/k/a.out")]);
        let mixed = list(r#"[{"prefix": "s3://b/k/"}, "gone", "a.out"]"#);
        assert_eq!(mixed, [missing("s3://b/k/gone"), found]);
    }

    #[test]
    fn lists_of_the_inputs_of_a_transform_are_known_by_their_folder() {
        assert!(is_of_inputs(Path::new("x/input/2024/01/19/19")));
        assert!(!is_of_inputs(Path::new("x/output/2024/01/19/19")));
        assert!(!is_of_inputs(Path::new("input/endpoint")));
    }
}

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

use crate::json::Cursor;

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
    elements: Vec<Element>,
}

/// An element of a list behind the prefix.
#[derive(Debug, PartialEq, Eq)]
enum Element {
    Name(String),
    /// What stands in place of a name.
    Bad(String),
}

/// What a list says of one of its files.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    File {
        path: PathBuf,
        bytes: u64,
    },
    /// The address of a file that is not there.
    Missing(String),
    /// Why an element names no file.
    Bad(String),
}

/// Whether a text begins as a list of files does.
pub(crate) fn begins(text: &[u8]) -> bool {
    let after = |text: &'_ [u8], byte: u8| text.trim_ascii_start().strip_prefix(&[byte]).map(<[u8]>::to_vec);
    let text = text.get(..text.len().min(256)).unwrap_or_default();
    after(text, b'[')
        .and_then(|rest| after(&rest, b'{'))
        .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\"prefix\""))
}

/// Reads a list of files; none when it has no prefix after all.
pub(crate) fn read(path: &Path) -> Option<Manifest> {
    let mut text = Vec::new();
    // Of a file that cannot be read to its end, the names before count; its list lacks the closing bracket.
    let _ = input::open(path).ok()?.read_to_end(&mut text);
    parse(&text)
}

#[derive(Deserialize)]
struct Prefix {
    prefix: String,
}

fn parse(text: &[u8]) -> Option<Manifest> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut open = Vec::new();
    let mut cursor = Cursor::new(text, 0, &mut open);
    cursor.blank();
    cursor.expect(b'[').ok()?;
    let first = cursor.value().ok()?;
    let Prefix { prefix } = serde_json::from_slice(first.of(text)).ok()?;
    let mut elements = Vec::new();
    let mut at = cursor.at();
    loop {
        let mut cursor = Cursor::new(text, at, &mut open);
        while matches!(cursor.peek(), b',' | b' ' | b'\t' | b'\r' | b'\n') && cursor.at() < text.len() {
            at = cursor.at() + 1;
            cursor = Cursor::new(text, at, &mut open);
        }
        if cursor.peek() == b']' {
            let behind = text.get(at + 1..).unwrap_or_default().trim_ascii();
            if !behind.is_empty() {
                elements.push(bad("other text behind the list", behind));
            }
            break;
        }
        if at >= text.len() {
            elements.push(Element::Bad("the list ends without its closing bracket".into()));
            break;
        }
        let value = cursor.value();
        cursor.blank();
        match value {
            Ok(span) if matches!(cursor.peek(), b',' | b']') || cursor.at() == text.len() => {
                elements.push(match serde_json::from_slice(span.of(text)) {
                    Ok(name) => Element::Name(name),
                    Err(_) => bad("no name of a file", span.of(text)),
                });
                at = cursor.at();
            }
            _ => {
                let next = next_name(text, if text[at] == b'"' { at + 1 } else { cursor.at() });
                let end = next.unwrap_or(text.len());
                elements.push(bad("no name of a file", text.get(at..end).unwrap_or_default()));
                at = end;
                if next.is_none() {
                    break;
                }
            }
        }
    }
    Some(Manifest { prefix, elements })
}

fn bad(what: &str, text: &[u8]) -> Element {
    const CHARACTERS: usize = 40;
    let text = String::from_utf8_lossy(text);
    let (text, more) = match text.trim().char_indices().nth(CHARACTERS) {
        Some((end, _)) => (&text.trim()[..end], "..."),
        None => (text.trim(), ""),
    };
    Element::Bad(format!("{what}: `{text}{more}`"))
}

/// Where the next name begins behind damage: behind a comma or at the start of a line.
fn next_name(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr2(b',', b'\n', text.get(at..)?)? + 1;
        let behind = text.get(at..)?;
        let blank = behind.len() - behind.trim_ascii_start().len();
        if behind.get(blank) == Some(&b'"') {
            return Some(at + blank);
        }
    }
}

impl Manifest {
    /// The files, empty ones left out, each in its place.
    pub(crate) fn files(&self, mounts: &Mounts) -> Vec<Target> {
        let target = |(place, element): (usize, &Element)| {
            let name = match element {
                Element::Name(name) => name,
                // People count from 1, and the prefix is the first.
                Element::Bad(what) => return Some(Target::Bad(format!("element {}, {what}", place + 2))),
            };
            let address = format!("{}{name}", self.prefix);
            let metadata = local(&address, mounts)
                .and_then(|path| Some((fs::metadata(&path).ok().filter(fs::Metadata::is_file)?.len(), path)));
            match metadata {
                Some((0, _)) => None,
                Some((bytes, path)) => Some(Target::File { path, bytes }),
                None => Some(Target::Missing(address)),
            }
        };
        self.elements.iter().enumerate().filter_map(target).collect()
    }
}

fn local(address: &str, mounts: &Mounts) -> Option<PathBuf> {
    // Such a name would lead out of the inputs.
    if address.split('/').any(|part| part == "..") {
        return None;
    }
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
    use super::*;

    #[test]
    fn list_of_files_is_known_by_its_beginning() {
        assert!(begins(b" [\n {\"prefix\": \"s3://b/\"}, \"x\"]"));
        assert!(!begins(b"[{\"captureData\": {}}]"));
        let manifest = parse(br#"[{"prefix": "s3://b/k/"}, "a.out", ""]"#).unwrap();
        assert_eq!(manifest.elements, ["a.out", ""].map(|name| Element::Name(name.into())));
        assert_eq!(parse(br#"["a", {"prefix": "x"}]"#), None);
        assert_eq!(parse(br#"[{"prefix": 5}, "a"]"#), None);
    }

    #[test]
    fn a_name_that_leads_out_of_the_inputs_is_no_file() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        fs::write(root.path().join("outside"), "x").unwrap();
        fs::write(root.path().join("in/a..b"), "x").unwrap();
        let mounts = vec![("s3://b/k".to_string(), root.path().join("in"))];
        for prefix in ["s3://b/k/".to_string(), format!("{}/in/", root.path().display())] {
            let text = format!("[{{\"prefix\": \"{prefix}\"}}, \"../outside\", \"a..b\"]");
            let files = parse(text.as_bytes()).unwrap().files(&mounts);
            assert!(matches!(files[..], [Target::Missing(_), Target::File { .. }]), "{files:?}");
        }
    }

    /// Names of the list, with `!` in place of what is bad.
    fn elements(text: &str) -> Vec<String> {
        let name = |element| match element {
            Element::Name(name) => name,
            Element::Bad(_) => "!".into(),
        };
        parse(text.as_bytes()).unwrap().elements.into_iter().map(name).collect()
    }

    #[test]
    fn a_bad_element_costs_itself_wherever_it_stands() {
        let bad = [
            "null",
            "5",
            "{\"prefix\": \"s3://c/\"}",
            "[\"x\"]",
            "x",
            "\"x",
            "{\"x\": ",
            "\"\\x\"",
            "\"\\ud800\"",
            "'x'",
        ];
        for bad in bad {
            for place in 0..4 {
                for (comma, end) in [(",", "]"), (", ", "]\n"), (",\n  ", "\n]")] {
                    let mut list = vec!["\"a\"", "\"b\"", "\"c\""];
                    list.insert(place, bad);
                    let text = format!("[{{\"prefix\": \"p/\"}}{comma}{}{end}", list.join(comma));
                    let mut expected = vec!["a", "b", "c"];
                    expected.insert(place, "!");
                    assert_eq!(elements(&text), expected, "{text}");
                }
            }
        }
    }

    #[test]
    fn a_list_that_is_cut_or_goes_on_behind_its_end_is_told() {
        let whole = r#"[{"prefix": "p/"}, "a", "b"]"#;
        assert_eq!(elements(whole), ["a", "b"]);
        assert_eq!(elements(&whole[..whole.len() - 1]), ["a", "b", "!"]);
        assert_eq!(elements(&whole[..whole.len() - 3]), ["a", "!"]);
        assert_eq!(elements(&format!("{whole}[\"c\"]")), ["a", "b", "!"]);
        assert_eq!(elements(r#"[{"prefix": "p/"}, "a", ]"#), ["a"]);
    }

    #[test]
    fn files_are_looked_for_below_the_inputs_of_the_job() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.out"), "x").unwrap();
        let mounts = vec![("s3://b/k".to_string(), root.path().to_path_buf())];
        let list = |text: &str| parse(text.as_bytes()).unwrap().files(&mounts);
        let found = || Target::File { path: root.path().join("a.out"), bytes: 1 };
        let missing = |address: &str| Target::Missing(address.to_string());
        assert_eq!(list(r#"[{"prefix": "s3://b/k/"}, "a.out"]"#), [found()]);
        assert_eq!(list(r#"[{"prefix": "s3://b/k/a.out"}, ""]"#), [found()]);
        let prefix = root.path().display();
        assert_eq!(list(&format!(r#"[{{"prefix": "{prefix}/"}}, "a.out"]"#)), [found()]);
        assert_eq!(list(r#"[{"prefix": "s3://other/k/"}, "a.out"]"#), [missing("s3://other/k/a.out")]);
        let mixed = list(r#"[{"prefix": "s3://b/k/"}, "gone", null, "a.out"]"#);
        let bad = Target::Bad("element 3, no name of a file: `null`".into());
        assert_eq!(mixed, [missing("s3://b/k/gone"), bad, found()]);
    }

    #[test]
    fn lists_of_the_inputs_of_a_transform_are_known_by_their_folder() {
        assert!(is_of_inputs(Path::new("x/input/2024/01/19/19")));
        assert!(!is_of_inputs(Path::new("x/output/2024/01/19/19")));
        assert!(!is_of_inputs(Path::new("input/endpoint")));
    }
}

//! A state as a file: what one part of the data left, with everything that tells whether it fits others.
//!
//! Gzip over three lines: the head, the body (JSON), and the SHA-256 of both. JSON and gzip are in the program
//! already, a person can look into a file with `zcat`, and numbers keep every digit. A cut, damaged or lengthened file
//! fails at the checksum.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use indexmap::IndexMap;
use plumbline_common::output::OutputFile;
use plumbline_common::{Problem, Result, codes, input};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// Raised whenever something in a state gets another meaning. States of another program version with the same format
/// are read.
pub const FORMAT: u32 = 8;

/// How the names of state files end.
pub const ENDING: &str = "state";

/// Text of a state that is read at most, so that a hostile file cannot fill the memory.
const MOST_BYTES: u64 = 8 << 30;

/// What a state is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub format: u32,
    /// Name and version of the program that wrote it.
    pub program: String,
    /// Which analysis gathered it.
    pub kind: String,
    /// Everything that bears on what was gathered, the configuration as its digest.
    pub settings: IndexMap<String, String>,
    pub part: String,
    /// Names of all parts, where they were known.
    pub parts: Option<Vec<String>>,
    /// Start (inclusive) and end (exclusive) of the window, where one was given.
    pub window: Option<[String; 2]>,
    /// Its records have times: those outside of the window were passed over.
    pub timed: bool,
    pub rows: u64,
    /// The files that it was folded from.
    pub files: Vec<SourceFile>,
}

/// A file of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Relative to the folder of the data.
    pub name: PathBuf,
    pub sha256: String,
}

/// The body of a state of several monitors: the state of each, by the folder of its results.
pub type Several = IndexMap<String, OfMonitor>;

/// The state of one monitor within a state of several.
#[derive(Debug, Serialize, Deserialize)]
pub struct OfMonitor {
    pub head: Head,
    pub body: Box<RawValue>,
}

/// A state that was read and not looked into yet.
#[derive(Debug)]
pub struct Stored {
    pub path: PathBuf,
    pub head: Head,
    body: String,
}

impl Stored {
    /// # Errors
    /// `STATE_UNUSABLE`: the body is not that of this kind.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.body).map_err(|error| unusable(&self.path, error.to_string()))
    }

    /// The state of a monitor, of a state of several; `folder`: that of its results.
    ///
    /// # Errors
    /// `STATE_UNUSABLE`: this is no state of several. `STATES_DO_NOT_FIT`: it has none of this monitor.
    pub fn of_monitor(&self, folder: &str) -> Result<Stored> {
        let mut all: Several = self.body()?;
        match all.shift_remove(folder) {
            Some(OfMonitor { head, body }) => {
                Ok(Stored { path: self.path.clone(), head, body: Box::<str>::from(body).into() })
            }
            None => {
                let there: Vec<&str> = all.keys().map(String::as_str).collect();
                Err(Problem::new(&codes::STATES_DO_NOT_FIT, "a state is of other monitors")
                    .file(&self.path)
                    .found(there.join(", "))
                    .expected(folder)
                    .hint("fold and combine with the same `analysis_type`"))
            }
        }
    }
}

/// Whether a name is that of a state.
pub fn is_named(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == ENDING)
}

/// Whether a file begins as a state does, whatever its name, and however often it is packed.
pub fn begins_as_state(path: &Path) -> bool {
    const START: &str = "{\"format\":";
    const PROGRAM: &str = "\"program\":\"analyzer-job ";
    let mut start = Vec::new();
    let is_read = input::open(path).is_ok_and(|file| file.take(64).read_to_end(&mut start).is_ok());
    let text = String::from_utf8_lossy(&start);
    is_read && text.starts_with(START) && text.contains(PROGRAM)
}

/// Whether states stand at a place: a state file, or a folder of them that is no folder of results.
pub fn are_at(place: &Path) -> bool {
    let is_state = |path: &Path| is_named(path) || begins_as_state(path);
    if !place.is_dir() {
        return is_state(place);
    }
    let files = input::files(place).unwrap_or_default();
    let is_result = |path: &Path| {
        path.extension().is_some_and(|ending| ending == "json" || ending == "gz") && !begins_as_state(path)
    };
    files.iter().any(|file| is_state(&file.path))
        && !files.iter().any(|file| file.relative.components().count() == 1 && is_result(&file.path))
}

/// The bytes of a state file. Equal states give equal bytes.
///
/// # Errors
/// `INTERNAL`: something in it is no JSON.
pub fn encode(head: &Head, body: &impl Serialize) -> Result<Vec<u8>> {
    let failed = |error: String| Problem::new(&codes::INTERNAL, "a state cannot be written").found(error);
    let mut text = serde_json::to_string(head).map_err(|error| failed(error.to_string()))?;
    text.push('\n');
    text.push_str(&serde_json::to_string(body).map_err(|error| failed(error.to_string()))?);
    text.push('\n');
    let sum = checksum(&text);
    text.push_str(&sum);
    text.push('\n');
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed
        .write_all(text.as_bytes())
        .and_then(|()| packed.finish())
        .map_err(|error| failed(error.to_string()))
}

/// Writes a state, whole or not at all. `scratch`: a folder for what is being written.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, head: &Head, body: &impl Serialize, scratch: &Path) -> Result<()> {
    let mut file = OutputFile::create(path, scratch)?;
    file.write_all(&encode(head, body)?).map_err(|error| Problem::io("write the state", path, error))?;
    file.commit()
}

/// Reads a state.
///
/// # Errors
/// `STATE_UNUSABLE`: it cannot be read, is damaged, or has another format.
pub fn read(path: &Path) -> Result<Stored> {
    let bytes = input::read(path).map_err(|error| Problem::io("read the state", path, error))?;
    decode(path, &bytes)
}

/// The state of a file's bytes.
///
/// # Errors
/// As `read`.
pub fn decode(path: &Path, bytes: &[u8]) -> Result<Stored> {
    let mut text = String::new();
    let mut unpacked = GzDecoder::new(bytes);
    unpacked
        .by_ref()
        .take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| unusable(path, format!("no state, or a damaged one: {error}")))?;
    if !unpacked.into_inner().is_empty() {
        return Err(unusable(path, "something stands behind its end"));
    }
    let lines = text.strip_suffix('\n').and_then(|text| text.rsplit_once('\n'));
    let whole = lines.filter(|(content, sum)| checksum_of(content) == *sum);
    let Some((content, _)) = whole else {
        return Err(unusable(path, "its checksum does not fit its content"));
    };
    let (head, body) = content.split_once('\n').unwrap_or((content, ""));
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let format = serde_json::from_str::<Format>(head).map(|found| found.format);
    match format {
        Ok(FORMAT) => {}
        Ok(other) => {
            return Err(Problem::new(&codes::STATE_UNUSABLE, "a state has another format")
                .file(path)
                .found(format!("format {other}"))
                .expected(format!("format {FORMAT}"))
                .hint("fold and combine with the same version of the program"));
        }
        Err(error) => return Err(unusable(path, error.to_string())),
    }
    let head = serde_json::from_str(head).map_err(|error| unusable(path, error.to_string()))?;
    Ok(Stored { path: path.into(), head, body: body.into() })
}

/// A file that is no state.
pub fn unusable(path: &Path, found: impl Into<String>) -> Problem {
    Problem::new(&codes::STATE_UNUSABLE, "a state file cannot be used")
        .file(path)
        .found(found)
        .expected("a file that `analyzer-job fold` wrote")
        .hint("fold this part of the data again, or copy its file again")
}

fn checksum_of(content: &str) -> String {
    checksum(&format!("{content}\n"))
}

/// SHA-256 in hexadecimal.
pub fn checksum(text: &str) -> String {
    let mut out = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            format: FORMAT,
            program: "analyzer-job 0".into(),
            kind: "bias".into(),
            settings: IndexMap::from([("on_bad_record".into(), "skip".into())]),
            part: "algo-1".into(),
            parts: Some(vec!["algo-1".into(), "algo-2".into()]),
            window: None,
            timed: false,
            rows: 3,
            files: Vec::new(),
        }
    }

    #[test]
    fn a_state_comes_back_and_equal_states_are_equal_files() {
        let numbers = vec![0.1, f64::MIN_POSITIVE, -1e300];
        let bytes = encode(&head(), &numbers).unwrap();
        assert_eq!(bytes, encode(&head(), &numbers).unwrap());
        let stored = decode(Path::new("a.state"), &bytes).unwrap();
        assert_eq!(stored.head, head());
        assert_eq!(stored.body::<Vec<f64>>().unwrap(), numbers);
        let error = stored.body::<Vec<String>>().unwrap_err().to_string();
        assert!(error.contains("a.state"), "{error}");
    }

    /// Cut at every byte, changed at every byte, lengthened, doubled: never a state, always the file's name.
    #[test]
    fn damage_at_every_place_is_noticed() {
        let bytes = encode(&head(), &vec![1, 2, 3]).unwrap();
        let check = |bytes: &[u8], what: &str| {
            let error = decode(Path::new("part.state"), bytes).map(|_| ()).expect_err(what).to_string();
            assert!(error.contains("part.state"), "{error}");
        };
        for cut in 0..bytes.len() {
            check(&bytes[..cut], "cut");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            // The time in the head of gzip, and bits behind the last one of the content, bear on nothing.
            if let Ok(stored) = decode(Path::new("part.state"), &damaged) {
                assert_eq!((stored.head, stored.body.as_str()), (head(), "[1,2,3]"));
            }
        }
        check(&[bytes.as_slice(), b"\n"].concat(), "lengthened");
        check(&[bytes.as_slice(), bytes.as_slice()].concat(), "doubled");
        check(b"not gzip", "foreign");
    }

    #[test]
    fn another_format_says_so() {
        let old = encode(&Head { format: FORMAT + 1, ..head() }, &()).unwrap();
        let error = decode(Path::new("a.state"), &old).unwrap_err().to_string();
        let found = format!("format {}", FORMAT + 1);
        assert!(error.contains(&found) && error.contains("a.state"), "{error}");
    }
}

//! SHA-256 of the input files, so that a report says which bytes it is about.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use plumbline_common::input::InputFile;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result};
use sha2::{Digest, Sha256};

use crate::results::details::InputDigest;

/// The digests of files that several monitors of a run read, by path.
#[derive(Debug, Default)]
pub(crate) struct Digests(Mutex<HashMap<PathBuf, InputDigest>>);

impl Digests {
    /// Digests of all files, in their order; `files` has the role of each list. Each file is read once: who wants one that
    /// is being read waits.
    pub(crate) fn of(&self, files: &[(&str, Vec<InputFile>)], stop: &Stop) -> Result<Vec<InputDigest>> {
        let mut buffer = vec![0; 1 << 18];
        let mut digests = Vec::new();
        for (role, files) in files {
            for file in files {
                // After a panic the map is as it was: a digest is added when it is complete.
                let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let found = match known.get(&file.path) {
                    Some(found) => found.clone(),
                    None => {
                        let found = of_file(role, &file.relative, &file.path, &mut buffer, stop)?;
                        known.insert(file.path.clone(), found.clone());
                        found
                    }
                };
                digests.push(InputDigest {
                    role: (*role).into(),
                    name: file.relative.display().to_string(),
                    ..found
                });
            }
        }
        Ok(digests)
    }
}

/// The digest of one file. `name`: as the user knows it; `buffer`: room for a piece of it.
pub(crate) fn of_file(
    role: &str,
    name: &Path,
    path: &Path,
    buffer: &mut [u8],
    stop: &Stop,
) -> Result<InputDigest> {
    let failed = |error| Problem::io("read the input", path, error);
    let mut reader = File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    loop {
        stop.check()?;
        let n = reader.read(buffer).map_err(failed)?;
        if n == 0 {
            break;
        }
        bytes += n as u64;
        hasher.update(&buffer[..n]);
    }
    let mut sha256 = String::with_capacity(64);
    for byte in hasher.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(InputDigest { role: role.into(), name: name.display().to_string(), bytes, sha256 })
}

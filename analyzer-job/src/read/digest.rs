//! SHA-256 of the input files, so that a report says which bytes it is about.
//!
//! Who reads a file from its first byte to its last computes its digest on the way. A file that is read in another way is read
//! once more for it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use plumbline_common::input::{self, AsListed, InputFile};
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result};
use sha2::{Digest, Sha256};

use crate::results::details::InputDigest;

/// The digests of files that several monitors of a run read, by path.
#[derive(Debug)]
pub(crate) struct Digests {
    /// None for a file that is being read.
    known: Mutex<HashMap<PathBuf, Option<Content>>>,
    settled: Condvar,
    /// Files from so many bytes on are hashed by a thread beside the one that reads.
    beside_from: u64,
}

impl Default for Digests {
    fn default() -> Digests {
        Digests { known: Mutex::default(), settled: Condvar::default(), beside_from: 4 << 20 }
    }
}

/// What a digest tells of a file.
#[derive(Debug, Clone)]
struct Content {
    bytes: u64,
    sha256: String,
}

impl Digests {
    /// Digests of all files, in their order; `files` has the role of each list. Each file is read once: who wants one that
    /// is being read waits.
    pub(crate) fn of(
        self: &Arc<Self>,
        files: &[(&str, Vec<InputFile>)],
        stop: &Stop,
    ) -> Result<Vec<InputDigest>> {
        let mut digests = Vec::new();
        for (role, files) in files {
            for file in files {
                digests.push(self.content(file, stop)?.told(role, &file.relative));
            }
        }
        Ok(digests)
    }

    /// The SHA-256 of one file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn of_one(self: &Arc<Self>, file: &InputFile, stop: &Stop) -> Result<String> {
        self.content(file, stop).map(|content| content.sha256)
    }

    fn content(self: &Arc<Self>, file: &InputFile, stop: &Stop) -> Result<Content> {
        match self.known_or_claimed(&file.path) {
            Ok(content) => Ok(content),
            Err(claim) => {
                let content = content(file.as_listed()?, &file.path, &mut vec![0; 1 << 18], stop)?;
                claim.settle(content.clone());
                Ok(content)
            }
        }
    }

    /// Opens a file as `InputFile::open`. Its digest is known when all of it was read, unless others have it or read for it.
    ///
    /// # Errors
    /// As `InputFile::open`.
    pub(crate) fn open(self: &Arc<Self>, file: &InputFile) -> Result<Box<dyn Read + Send>> {
        let mut known = self.known();
        if known.contains_key(&file.path) {
            drop(known);
            return file.open();
        }
        let claim = self.claim(&mut known, &file.path);
        drop(known);
        let is_large = file.bytes >= self.beside_from;
        let hashing = if is_large { Hashing::beside(claim) } else { Hashing::Here(Hash::default(), claim) };
        input::unpacked(Digested { file: file.as_listed()?, open: Some(hashing) })
            .map_err(|error| Problem::io("open the input", &file.path, error))
    }

    /// What is known of a file, or the right to read it for that. Waits for one that is being read.
    fn known_or_claimed(self: &Arc<Self>, path: &Path) -> std::result::Result<Content, Claim> {
        let mut known = self.known();
        loop {
            match known.get(path) {
                Some(Some(content)) => return Ok(content.clone()),
                Some(None) => known = self.settled.wait(known).unwrap_or_else(PoisonError::into_inner),
                None => return Err(self.claim(&mut known, path)),
            }
        }
    }

    fn claim(self: &Arc<Self>, known: &mut HashMap<PathBuf, Option<Content>>, path: &Path) -> Claim {
        known.insert(path.into(), None);
        Claim { digests: self.clone(), path: path.into() }
    }

    /// After a panic the map is as it was: each change is one statement.
    fn known(&self) -> MutexGuard<'_, HashMap<PathBuf, Option<Content>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to read a file for its digest; given up when it is dropped.
struct Claim {
    digests: Arc<Digests>,
    path: PathBuf,
}

impl Claim {
    fn settle(self, content: Content) {
        self.digests.known().insert(self.path.clone(), Some(content));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut known = self.digests.known();
        if known.get(&self.path).is_some_and(Option::is_none) {
            known.remove(&self.path);
        }
        drop(known);
        self.digests.settled.notify_all();
    }
}

/// A file whose digest becomes known at its end.
struct Digested {
    file: AsListed,
    /// None behind the end.
    open: Option<Hashing>,
}

impl Read for Digested {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        match &mut self.open {
            Some(hashing) if n > 0 => hashing.update(&buffer[..n]),
            // Nothing is read into no room.
            Some(_) if !buffer.is_empty() => {
                if let Some(hashing) = self.open.take() {
                    hashing.finish();
                }
            }
            _ => {}
        }
        Ok(n)
    }
}

/// Who computes a digest while a file is read.
enum Hashing {
    /// Who reads it.
    Here(Hash, Claim),
    /// A thread of its own: who reads for many others is not to keep them waiting. It gets copies of the bytes.
    Beside { full: SyncSender<Vec<u8>>, spent: Receiver<Vec<u8>>, piece: Vec<u8> },
}

/// Bytes of a copy, and copies that may wait for the thread.
const PIECE_BYTES: usize = 1 << 18;
const WAITING: usize = 8;

impl Hashing {
    fn beside(claim: Claim) -> Hashing {
        let (full, pieces) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let (back, spent) = mpsc::channel();
        // Where there can be no thread, the claim is given up.
        let _ = thread::Builder::new().spawn(move || {
            let mut hash = Hash::default();
            for mut piece in pieces {
                // The end; without it the file was not read to its end.
                if piece.is_empty() {
                    return claim.settle(hash.finish());
                }
                hash.update(&piece);
                piece.clear();
                // Nobody takes it behind the end.
                let _ = back.send(piece);
            }
        });
        Hashing::Beside { full, spent, piece: Vec::new() }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hashing::Here(hash, _) => hash.update(bytes),
            Hashing::Beside { full, spent, piece } => {
                piece.extend_from_slice(bytes);
                if piece.len() >= PIECE_BYTES {
                    let next = spent.try_recv().unwrap_or_default();
                    // The thread takes all, if there is one.
                    let _ = full.send(std::mem::replace(piece, next));
                }
            }
        }
    }

    fn finish(self) {
        match self {
            Hashing::Here(hash, claim) => claim.settle(hash.finish()),
            Hashing::Beside { full, piece, .. } => {
                let last = [piece, Vec::new()];
                last.into_iter().for_each(|piece| {
                    let _ = full.send(piece);
                });
            }
        }
    }
}

/// A digest that is being computed.
#[derive(Default)]
struct Hash {
    hasher: Sha256,
    bytes: u64,
}

impl Hash {
    fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hasher.update(bytes);
    }

    fn finish(self) -> Content {
        let mut sha256 = String::with_capacity(64);
        for byte in self.hasher.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        Content { bytes: self.bytes, sha256 }
    }
}

impl Content {
    fn told(self, role: &str, name: &Path) -> InputDigest {
        InputDigest {
            role: role.into(),
            name: name.display().to_string(),
            bytes: self.bytes,
            sha256: self.sha256,
        }
    }
}

/// Reads a whole file, with the digest of the very bytes that were read.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read(role: &str, path: &Path) -> io::Result<(Vec<u8>, InputDigest)> {
    let bytes = input::read(path)?;
    let mut hash = Hash::default();
    hash.update(&bytes);
    let name = Path::new(path.file_name().unwrap_or_default());
    let told = hash.finish().told(role, name);
    Ok((bytes, told))
}

/// What `reader` gives, that reads the file at `path`.
fn content(mut reader: impl Read, path: &Path, buffer: &mut [u8], stop: &Stop) -> Result<Content> {
    let mut hash = Hash::default();
    loop {
        stop.check()?;
        match reader.read(buffer).map_err(|error| Problem::io("read the input", path, error))? {
            0 => return Ok(hash.finish()),
            n => hash.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
#[path = "tests/digest.rs"]
mod tests;

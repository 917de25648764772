//! Which profiles a sum is made of, so that the same rows are not counted twice without a word: a profile that lies there twice, or a
//! sum beside its parts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::state::file::checksum;

/// Digits of the checksum that stand for a profile: as good as never equal for two of some thousands that differ.
const DIGITS: usize = 16;

/// What stands for a profile of this content.
pub fn identity(content: &impl Serialize) -> Option<String> {
    let text = serde_json::to_string(content).ok()?;
    checksum(&text).get(..DIGITS).map(Into::into)
}

/// The profiles that were added up so far.
#[derive(Debug, Default)]
pub struct Summed {
    all: Vec<String>,
    /// Where each was met first.
    first: HashMap<String, PathBuf>,
}

impl Summed {
    /// Takes in what a file is made of. Gives what is to be said of it if some of it was there before.
    pub fn add(&mut self, made_of: &[String], file: &Path) -> Option<String> {
        let known = made_of.iter().find_map(|one| self.first.get(one)).cloned();
        for one in made_of {
            self.all.push(one.clone());
            self.first.entry(one.clone()).or_insert_with(|| file.into());
        }
        Some(format!(
            "it has the same rows as {}, so they count twice, unless two profiles are equal on purpose; leave out one \
             that is a copy, or a sum beside its parts",
            known?.display()
        ))
    }

    /// All of them, in an order that does not depend on how they were added up.
    pub fn into_all(mut self) -> Vec<String> {
        self.all.sort_unstable();
        self.all
    }
}

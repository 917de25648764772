//! What was read of texts, by the tokens of them that decide.

use crate::values::raw::{Dictionary, Raw};

/// Tokens that are kept: of scores nearly every one is new.
const MOST: usize = 1 << 10;

/// The cells that were made of texts.
#[derive(Debug, Default)]
pub(super) struct Memo {
    tokens: Dictionary,
    /// For each of the tokens the number of its cell.
    made: Vec<u32>,
    cells: Dictionary,
}

impl Memo {
    pub(super) fn get(&self, tokens: &str) -> Option<Raw<'_>> {
        let number = self.tokens.find(Raw::Text(tokens))?;
        Some(self.cells.get(self.made[number as usize]))
    }

    pub(super) fn put(&mut self, tokens: &str, cell: Raw<'_>) {
        if self.made.len() < MOST && self.tokens.intern(Raw::Text(tokens)) as usize == self.made.len() {
            self.made.push(self.cells.intern(cell));
        }
    }
}

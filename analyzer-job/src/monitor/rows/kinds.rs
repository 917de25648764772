//! Whether rows are objects, whose values have names, or values without. What most of them are decides, so that no row is
//! judged by the one that happens to be the first.

use crate::monitor::columns::Part;

/// For each part of a captured record whether its values have names; none where no record tells. The rows of documents are
/// the first part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds([Option<bool>; 3]);

/// The kinds that a reading goes by, and what it meets.
#[derive(Debug)]
pub(super) struct Counted {
    /// As given, else as in the first row.
    kinds: Kinds,
    is_given: bool,
    /// Rows or payloads without and with names, of each part.
    met: [[u64; 2]; 3],
}

impl Counted {
    /// `given`: those of most rows, as an earlier reading met them.
    pub(super) fn new(given: Option<Kinds>) -> Counted {
        Counted { kinds: given.unwrap_or_default(), is_given: given.is_some(), met: Default::default() }
    }

    /// Whether a row or payload is of the kind that counts. `named`: whether its values have names; none of a null, which tells
    /// nothing, and is a missing value where others have no names.
    pub(super) fn fits(&mut self, part: Part, named: Option<bool>) -> bool {
        if let Some(named) = named {
            self.met[part as usize][usize::from(named)] += 1;
        }
        let named = named.unwrap_or(false);
        *self.kinds.0[part as usize].get_or_insert(named) == named
    }

    /// The kinds of most rows, if this reading went by others; of as many of either kind, those with names.
    pub(super) fn better(&self) -> Option<Kinds> {
        let mut most = self.kinds;
        for (kind, [without, with]) in most.0.iter_mut().zip(self.met) {
            if without + with > 0 {
                *kind = Some(with >= without);
            }
        }
        (!self.is_given && most != self.kinds).then_some(most)
    }
}

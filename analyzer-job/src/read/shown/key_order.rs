//! Labels and scores of which one or both are the values of an object.
//!
//! Those of a list are in the order of the text, those of an object in that of the first object. Both are the same as long as no
//! object has its keys in another order, or both objects of a record have. Where only one has, nothing tells which label belongs
//! to which score in any of the records, the ones before it included. Labels that are the keys of their object go by key, and are
//! not in doubt.

use std::path::Path;

use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

/// What records show of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyOrder {
    /// Labels had only their order to go by.
    pub(crate) by_order: bool,
    /// Only one of both had its keys in another order in some record.
    pub(crate) moved: bool,
}

impl KeyOrder {
    pub(super) fn append(&mut self, other: KeyOrder) {
        self.by_order |= other.by_order;
        self.moved |= other.moved;
    }

    /// Whether other records may tell that these are in doubt.
    pub(super) fn is_open(self) -> bool {
        self.by_order && !self.moved
    }

    /// Whether labels may go by their order.
    pub(super) fn allow(self) -> bool {
        !(self.by_order && self.moved)
    }
}

/// That each part was read as one run over all of them would read it. Each part has the path of its state, for messages.
///
/// # Errors
/// `STATES_DO_NOT_FIT`.
pub(super) fn check(parts: &[(&Path, KeyOrder)]) -> Result<()> {
    let mut all = KeyOrder::default();
    parts.iter().for_each(|(_, own)| all.append(*own));
    match parts.iter().find(|(_, own)| own.by_order && own.allow() != all.allow()) {
        None => Ok(()),
        Some((path, _)) => {
            Err(Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the data read labels beside an object of scores differently")
                .file(*path)
                .found("labels that go by their order")
                .expected("labels that are the keys of the object, as another part has objects whose keys change their order")
                .hint("run over all files at once, which leaves such records out, or write the scores in a list"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fit_unless_one_went_by_an_order_that_changes_in_another() {
        let [by_order, moved] =
            [(true, false), (false, true)].map(|(by_order, moved)| KeyOrder { by_order, moved });
        let both = KeyOrder { by_order: true, moved: true };
        let none = KeyOrder::default();
        let names = ["0.state", "1.state"].map(Path::new);
        for (parts, fit) in [
            ([by_order, none], true),
            ([by_order, by_order], true),
            ([moved, moved], true),
            ([both, both], true),
            ([both, moved], true),
            ([both, none], true),
            ([by_order, moved], false),
            ([both, by_order], false),
        ] {
            for parts in [parts, [parts[1], parts[0]]] {
                let named: Vec<_> = names.into_iter().zip(parts).collect();
                let told = check(&named).map_err(|problem| problem.to_string());
                assert_eq!(told.is_ok(), fit, "{parts:?}: {told:?}");
                let at = if parts[0] == by_order { "0.state" } else { "1.state" };
                assert!(told.map_or_else(|told| told.contains(at), |()| true), "{parts:?}");
            }
        }
    }
}

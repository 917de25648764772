//! What a check against a baseline leaves out, in warnings: of a facet with thousands of values one for all that is alike.

use std::collections::HashMap;

/// What is not checked, in the order in which it was met.
#[derive(Debug, Default)]
pub(super) struct Unchecked {
    notes: Vec<Note>,
}

#[derive(Debug)]
struct Note {
    text: String,
    of: Option<Of>,
}

/// What a note of a value of a facet is about.
#[derive(Debug)]
struct Of {
    facet: String,
    value: String,
    /// As it is said of many values.
    what: String,
}

/// So many values of a facet have a warning each.
const MOST_TOLD: usize = 12;
/// Values that a warning about more of them names.
const NAMED: usize = 3;

impl Unchecked {
    /// A note that is not about a value of a facet.
    pub(super) fn section(&mut self, text: String) {
        self.notes.push(Note { text, of: None });
    }

    /// `what`: the note as it is said of many values.
    pub(super) fn value(&mut self, facet: &str, value: &str, text: String, what: String) {
        self.notes.push(Note { text, of: Some(Of { facet: facet.into(), value: value.into(), what }) });
    }

    /// For the log. What is said of many values stands where it was met first.
    pub(super) fn warnings(self) -> Vec<String> {
        let mut alike: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        for (place, note) in self.notes.iter().enumerate() {
            if let Some(of) = &note.of {
                alike.entry((&of.facet, &of.what)).or_default().push(place);
            }
        }
        let value = |place: &usize| self.notes[*place].of.as_ref().map(|of| format!("`{}`", of.value));
        let warning = |(place, note): (usize, &Note)| {
            let Some(of) = &note.of else { return Some(note.text.clone()) };
            let places = alike.get(&(of.facet.as_str(), of.what.as_str())).map_or(&[][..], Vec::as_slice);
            if places.len() <= MOST_TOLD {
                return Some(note.text.clone());
            }
            (places.first() == Some(&place)).then(|| {
                let named: Vec<String> = places.iter().take(NAMED).filter_map(value).collect();
                let (many, more, named) = (places.len(), places.len() - NAMED, named.join(", "));
                format!("{many} values of facet `{}` ({named} and {more} more): {}", of.facet, of.what)
            })
        };
        self.notes.iter().enumerate().filter_map(warning).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_of_many_values_is_one_warning() {
        let warnings = |count: usize| {
            let mut unchecked = Unchecked::default();
            unchecked.section("no section".into());
            for value in 0..count {
                unchecked.value(
                    "city",
                    &value.to_string(),
                    format!("city {value}: nothing"),
                    "nothing".into(),
                );
                unchecked.value(
                    "city",
                    &value.to_string(),
                    format!("city {value}: AD"),
                    format!("AD {}", value % 2),
                );
            }
            unchecked.value("age", "0", "age 0: nothing".into(), "nothing".into());
            unchecked.warnings()
        };
        let few = warnings(MOST_TOLD);
        assert_eq!(few.len(), 2 + 2 * MOST_TOLD);
        assert_eq!(few[..3], ["no section", "city 0: nothing", "city 0: AD"]);
        let many = warnings(2 * MOST_TOLD + 2);
        assert_eq!(
            many,
            [
                "no section",
                "26 values of facet `city` (`0`, `1`, `2` and 23 more): nothing",
                "13 values of facet `city` (`0`, `2`, `4` and 10 more): AD 0",
                "13 values of facet `city` (`1`, `3`, `5` and 10 more): AD 1",
                "age 0: nothing",
            ]
        );
    }
}

//! JSON that is the text of a string of JSON, as captured payloads are, and where its values stand in the outer text.

use std::ops::Range;

use crate::values::alike::Sample;
use crate::values::scan;

/// A text, and where its bytes stand in the string that it was taken out of.
#[derive(Debug)]
pub(crate) struct Nested {
    text: String,
    /// For each byte the place of it or of its escape; the closing quote comes last.
    places: Vec<usize>,
}

impl Nested {
    /// The text of the string at a span of a valid text; none when it has an escape by number.
    pub(crate) fn of(json: &str, string: &Range<usize>) -> Option<Nested> {
        let outer = &json.as_bytes()[..string.end - 1];
        let (mut text, mut places) = (Vec::new(), Vec::new());
        let mut at = string.start + 1;
        while let Some(&letter) = outer.get(at) {
            places.push(at);
            if letter == b'\\' {
                text.push(scan::escape_of(*outer.get(at + 1)?)?);
                at += 2;
            } else {
                text.push(letter);
                at += 1;
            }
        }
        places.push(at);
        Some(Nested { text: String::from_utf8(text).ok()?, places })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where a number or a string of the text stands in the outer one. None for a string with an escape or a quote of its own.
    pub(crate) fn place(&self, value: &Range<usize>) -> Option<Range<usize>> {
        let place = self.places[value.start]..self.places[value.end];
        let quotes = if self.text[value.clone()].starts_with('"') { 2 } else { 0 };
        (place.len() == value.len() + quotes).then_some(place)
    }

    /// The numbers and strings of the text, which is valid, but for keys.
    pub(crate) fn values(&self) -> Vec<Range<usize>> {
        Sample::of(&self.text, |_| false).values().to_vec()
    }
}

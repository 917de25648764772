//! JSON texts that are alike but for their numbers and strings.
//!
//! The records of a file are written by one program: between their values the same bytes stand in each. A text that has the bytes of
//! an earlier one, and a number or a string wherever that one has its numbers and strings, is JSON as that one is, and its parts stand
//! in the same order. So what was found in the earlier text is found in this one at the places that have moved, and the text need not be
//! walked. `true`, `null`, `NaN` and the like belong to the bytes between the values, as do keys and brackets.
//!
//! This changes nothing that is found: property tests hold it to the walk over whole sequences of texts.

use std::iter;
use std::ops::Range;

use crate::values::scan::Scanner;

/// Earlier texts that are kept at a time: requests of so many sizes, say. What they begin with alike is compared once.
const MOST_KNOWN: usize = 16;
/// Bytes of them.
const MOST_BYTES: usize = 1 << 18;
/// Longer texts are walked.
const LONGEST: usize = 1 << 16;
/// Texts that may be learned from in advance; each text that is known again pays for another.
const TRUST: u32 = 64;
/// Where learning did not pay, one in so many texts is learned from.
const SELDOM: u32 = 256;

/// Earlier texts, each with what is known of it.
#[derive(Debug)]
pub(crate) struct Alike<T> {
    earlier: Vec<Earlier<T>>,
    /// The one that was like the text at hand.
    last: usize,
    trust: u32,
    /// Texts that were not learned from since one was.
    passed_over: u32,
    values: Moved,
}

#[derive(Debug)]
struct Earlier<T> {
    sample: Sample,
    known: T,
    /// For each one before it: how many values stand behind the same bytes in both, from the first one on.
    shared: Vec<usize>,
}

impl<T> Default for Alike<T> {
    fn default() -> Alike<T> {
        Alike { earlier: Vec::new(), last: 0, trust: TRUST, passed_over: 0, values: Moved(Vec::new()) }
    }
}

impl<T> Alike<T> {
    /// What is known of an earlier text that the text is like, and where its values stand. Nothing is said of a text that is like none.
    pub(crate) fn find(&mut self, json: &str) -> Option<(&T, &Moved)> {
        let Alike { earlier, values, .. } = self;
        values.begin();
        let mut tried: Option<usize> = None;
        let at = (self.last..earlier.len()).chain(0..self.last).find(|&at| {
            // What was passed with another one need not be passed again; one that begins in another way does not begin as the text.
            let shared = |tried: usize| earlier[tried.max(at)].shared[tried.min(at)];
            if tried.is_some_and(|tried| shared(tried) < values.values().len()) {
                return false;
            }
            tried = Some(at);
            earlier[at].sample.goes_on(json, values)
        })?;
        self.last = at;
        self.trust = (self.trust + 1).min(TRUST);
        Some((&self.earlier[at].known, &self.values))
    }

    /// What `find` found last, to add to what is known of it.
    pub(crate) fn found_mut(&mut self) -> Option<(&mut T, &Moved)> {
        self.earlier.get_mut(self.last).map(|earlier| (&mut earlier.known, &self.values))
    }

    /// What `find` found last.
    pub(crate) fn found(&self) -> Option<(&T, &Moved)> {
        self.earlier.get(self.last).map(|earlier| (&earlier.known, &self.values))
    }

    /// Whether it may pay to learn from a text that is like none which is known. Who is told so does.
    pub(crate) fn may_learn(&mut self, json: &str) -> bool {
        if json.len() > LONGEST {
            return false;
        }
        if self.trust == 0 && self.passed_over < SELDOM {
            self.passed_over += 1;
            return false;
        }
        self.trust = self.trust.saturating_sub(1);
        self.passed_over = 0;
        true
    }

    #[cfg(test)]
    pub(crate) fn n_known(&self) -> usize {
        self.earlier.len()
    }

    /// Learns from an earlier text what is known of it.
    pub(crate) fn learn(&mut self, sample: Sample, known: T) {
        let mut bytes = self.earlier.iter().map(|earlier| earlier.sample.text.len()).sum::<usize>();
        bytes += sample.text.len();
        while self.earlier.len() == MOST_KNOWN || (bytes > MOST_BYTES && !self.earlier.is_empty()) {
            // The oldest but for the one that was found last.
            let oldest = usize::from(self.last == 0 && self.earlier.len() > 1);
            bytes -= self.earlier.remove(oldest).sample.text.len();
            for later in &mut self.earlier[oldest..] {
                later.shared.remove(oldest);
            }
            self.last -= usize::from(self.last > oldest);
        }
        let shared = self.earlier.iter().map(|earlier| earlier.sample.shared(&sample)).collect();
        self.earlier.push(Earlier { sample, known, shared });
        self.last = self.earlier.len() - 1;
    }
}

/// An earlier text.
#[derive(Debug)]
pub(crate) struct Sample {
    text: String,
    /// Its numbers and strings that may differ, in their order.
    values: Vec<Range<usize>>,
    /// Whether each of them stands in the JSON text of a string, where quotes are escaped; nothing where none does.
    are_inside: Vec<bool>,
}

/// Where the values of a text stand that is like a sample; nothing at the beginning of the text comes first.
#[derive(Debug)]
pub(crate) struct Moved(Vec<Range<usize>>);

/// Spans of a sample, as they are found again in texts that are like it.
#[derive(Debug)]
pub(crate) enum Spans {
    /// Values that follow each other, by their numbers.
    Values(Range<usize>),
    Places(Vec<(Place, Place)>),
}

impl Spans {
    pub(crate) fn len(&self) -> usize {
        match self {
            Spans::Values(values) => values.len(),
            Spans::Places(places) => places.len(),
        }
    }

    /// Where one of them, by its number, stands in a text.
    pub(crate) fn at(&self, moved: &Moved, number: usize) -> Range<usize> {
        match self {
            Spans::Values(values) => moved.values()[values.start + number].clone(),
            Spans::Places(places) => moved.at(places[number].0)..moved.at(places[number].1),
        }
    }

    /// Puts down where they stand in a text.
    pub(crate) fn put(&self, moved: &Moved, spans: &mut Vec<Range<usize>>) {
        spans.clear();
        match self {
            Spans::Values(values) => spans.extend_from_slice(&moved.values()[values.clone()]),
            Spans::Places(places) => {
                spans.extend(places.iter().map(|(start, end)| moved.at(*start)..moved.at(*end)));
            }
        }
    }
}

/// A place in a sample and in all texts that are like it: so many bytes behind the end of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    value: usize,
    behind: usize,
}

impl Sample {
    /// `json` is valid. `is_fixed`: whether texts that are alike have the same number or string at this place.
    pub(crate) fn of(json: &str, is_fixed: impl Fn(&Range<usize>) -> bool) -> Sample {
        let bytes = json.as_bytes();
        let mut values = Vec::new();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let mut scanner = Scanner::from(json, at);
            at = match (byte, scanner.number_or_string()) {
                (_, Some(end)) => {
                    let is_key = matches!(bytes[end..].trim_ascii_start(), [b':', ..]);
                    if !is_key && !is_fixed(&(at..end)) {
                        values.push(at..end);
                    }
                    end
                }
                // A minus sign before a word, or what belongs to none of them.
                _ => at + 1,
            };
        }
        Sample { text: json.into(), values, are_inside: Vec::new() }
    }

    /// As `of`, of a text in which some strings are JSON texts too. `inner`: the numbers and strings of these texts that may differ;
    /// such strings have no escapes. `is_fixed`: of the outer text.
    pub(crate) fn around(
        json: &str,
        inner: &[Range<usize>],
        is_fixed: impl Fn(&Range<usize>) -> bool,
    ) -> Sample {
        let mut sample = Sample::of(json, is_fixed);
        let outer = sample.values.into_iter().map(|value| (value, false));
        let mut values: Vec<_> = outer.chain(inner.iter().map(|value| (value.clone(), true))).collect();
        values.sort_by_key(|(value, _)| value.start);
        (sample.values, sample.are_inside) = values.into_iter().unzip();
        sample
    }

    /// Its numbers and strings that may differ, in their order.
    pub(crate) fn values(&self) -> &[Range<usize>] {
        &self.values
    }

    /// The number of a value of the sample by its span.
    pub(crate) fn value(&self, span: &Range<usize>) -> Option<usize> {
        self.values
            .binary_search_by_key(&span.start, |value| value.start)
            .ok()
            .filter(|&at| self.values[at] == *span)
    }

    /// Spans that begin and end in no value.
    pub(crate) fn spans(&self, spans: &[Range<usize>]) -> Spans {
        let first = spans.first().and_then(|first| self.value(first));
        let values = first.and_then(|first| Some((first, self.values.get(first..first + spans.len())?)));
        match values {
            Some((first, values)) if values == spans => Spans::Values(first..first + spans.len()),
            _ => Spans::Places(
                spans.iter().map(|span| (self.place(span.start), self.place(span.end))).collect(),
            ),
        }
    }

    /// The place at a byte of the sample that lies in no value.
    fn place(&self, at: usize) -> Place {
        let value = self.values.partition_point(|value| value.end <= at);
        Place { value, behind: at - value.checked_sub(1).map_or(0, |last| self.values[last].end) }
    }

    /// The bytes before each value, behind the one before it.
    fn between(&self) -> impl Iterator<Item = &[u8]> {
        let ends = iter::once(0).chain(self.values.iter().map(|value| value.end));
        ends.zip(&self.values).map(|(end, value)| &self.text.as_bytes()[end..value.start])
    }

    /// How many values stand behind the same bytes in both, from the first one on.
    fn shared(&self, other: &Sample) -> usize {
        self.between().zip(other.between()).take_while(|(one, other)| one == other).count()
    }

    /// Whether a text is like this one, as it is up to the values that were put down; puts down where the others stand, up to a
    /// difference.
    fn goes_on(&self, json: &str, moved: &mut Moved) -> bool {
        let (text, sample) = (json.as_bytes(), self.text.as_bytes());
        let (passed, values) = self.values.split_at(moved.values().len());
        let (mut at, mut from) = (moved.end(), passed.last().map_or(0, |value| value.end));
        for value in values {
            let between = &sample[from..value.start];
            let is_same = match between {
                [one] => text.get(at) == Some(one),
                _ => text[at..].starts_with(between),
            };
            if !is_same {
                return false;
            }
            let start = at + between.len();
            let mut scanner = Scanner::from(json, start);
            let is_inside = self.are_inside.get(moved.0.len() - 1) == Some(&true);
            let end = if is_inside { scanner.inner_value() } else { scanner.number_or_string() };
            let Some(end) = end else { return false };
            moved.0.push(start..end);
            (at, from) = (end, value.end);
        }
        text[at..] == sample[from..]
    }
}

impl Moved {
    /// Before the first value.
    fn begin(&mut self) {
        self.0.clear();
        self.0.push(0..0);
    }

    /// Where the last value ends.
    fn end(&self) -> usize {
        self.0.last().map_or(0, |last| last.end)
    }

    fn at(&self, place: Place) -> usize {
        self.0[place.value].end + place.behind
    }

    /// The values, in their order.
    pub(crate) fn values(&self) -> &[Range<usize>] {
        &self.0[1..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::values::path::tests::documents;
    use crate::values::path::{Finds, Found, Paths};

    /// All that can be asked of what was found.
    fn told(json: &str, found: &[Found]) -> Vec<(bool, Option<String>, Option<Vec<String>>)> {
        let of = |found: &Found| {
            let source = found.source(json);
            let mut spans = Vec::new();
            let elements = found.elements(json, &mut spans);
            let elements = elements.then(|| spans.into_iter().map(|span| source[span].to_string()).collect());
            (found.is_nothing(json), found.value().map(|span| source[span].to_string()), elements)
        };
        found.iter().map(of).collect()
    }

    fn expression() -> impl Strategy<Value = String> {
        let step = prop_oneof![
            3 => "[a-c]".prop_map(|name| format!(".{name}")),
            1 => (0..3).prop_map(|index| format!("[{index}]")),
            1 => Just("[*]".to_string()),
            1 => Just("[]".to_string()),
        ];
        prop_oneof![
            8 => prop::collection::vec(step, 1..4).prop_map(|steps| steps.concat().trim_start_matches('.').to_string()),
            1 => Just("@".to_string()),
        ]
    }

    /// Changes of a text: a value in place of another, a key twice, damage.
    fn changed(text: &str, (at, kind, put): &(Index, u8, String)) -> String {
        let at = (0..=at.index(text.len().max(1)).min(text.len()))
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or(0);
        let from = |what: char| text[at..].find(what).map(|found| at + found);
        let digit = || text[at..].find(|c: char| c.is_ascii_digit()).map(|found| at + found);
        let instead = |place: Option<usize>, length: usize, with: &str| match place {
            Some(place) => format!("{}{with}{}", &text[..place], &text[place + length..]),
            None => text.to_string(),
        };
        match kind {
            0 => instead(digit(), 1, "73"),
            1 => instead(digit(), 1, "\"x\\\"y\""),
            2 => instead(digit(), 1, "null"),
            3 => instead(digit(), 1, "NaN"),
            4 => instead(digit(), 1, "-Infinity"),
            5 => instead(digit(), 1, "[1,2]"),
            6 => instead(text[at..].find("null").map(|found| at + found), 4, "5"),
            7 => instead(from('{'), 1, "{\"a\":1,"),
            8 => instead(from('{'), 1, "{\"\\u0061\":[1,2], "),
            9 => instead(from(','), 1, ", "),
            10 => instead(Some(at), 0, put),
            11 => text[..at].to_string(),
            12 => instead(digit(), 1, "1.5e+3"),
            _ => text.to_string(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn texts_that_are_alike_are_walked_in_effect(
            documents in prop::collection::vec(documents(), 1..4),
            order in prop::collection::vec(
                (any::<Index>(), prop::collection::vec((any::<Index>(), 0..16_u8, "[\\[\\]{}\":,\\\\ 0a-]{0,2}"), 0..3)),
                1..12,
            ),
            paths in prop::collection::vec(expression(), 1..4),
            others in prop::collection::vec(expression(), 1..3),
            change_at in 0..24_usize,
        ) {
            let texts: Vec<String> = documents.iter().map(ToString::to_string).collect();
            let compiled = [paths, others].map(|paths| {
                Paths::compile(&paths.iter().map(|path| ("p", path.as_str())).collect::<Vec<_>>()).unwrap()
            });
            let mut finds = Finds::default();
            for (number, (text, changes)) in order.iter().enumerate() {
                let text = changes.iter().fold(text.get(&texts).clone(), |text, change| changed(&text, change));
                let paths = &compiled[usize::from(number >= change_at)];
                let mut found = Vec::new();
                let walked = paths.find(&text, &mut found);
                prop_assert_eq!(finds.find(paths, &text), walked, "{}", text);
                if walked.is_ok() {
                    prop_assert_eq!(told(&text, &finds), told(&text, &found), "{}", text);
                }
            }
        }
    }

    /// Texts of one program that have more or fewer rows.
    #[test]
    fn texts_of_several_sizes_are_known_after_the_first_of_each() {
        let text = |rows: usize, at: usize| {
            let rows: Vec<String> = (0..rows).map(|row| format!("[{},\"x\",{at}]", row * at)).collect();
            format!("{{\"id\":{at},\"rows\":[{}],\"end\":null}}", rows.join(","))
        };
        let mut alike = Alike::default();
        for at in 0..200 {
            let rows = at * 7919 % MOST_KNOWN;
            let json = text(rows, at);
            let found = alike.find(&json).map(|(known, moved)| {
                (
                    *known,
                    moved.values().iter().map(|value| json[value.clone()].to_string()).collect::<Vec<_>>(),
                )
            });
            let sample = Sample::of(&json, |_| false);
            let values = sample.values.iter().map(|value| json[value.clone()].to_string()).collect();
            assert_eq!(found, (at >= MOST_KNOWN).then_some((rows, values)), "{json}");
            if found.is_none() {
                alike.learn(sample, rows);
            }
        }
        assert_eq!(alike.n_known(), MOST_KNOWN);
        // What is kept is bounded, by number and by bytes.
        for at in 1..100 {
            let json = text(at * 200, at);
            alike.learn(Sample::of(&json, |_| false), at);
            let bytes = alike.earlier.iter().map(|earlier| earlier.sample.text.len());
            assert!(alike.n_known() == 1 || bytes.sum::<usize>() <= MOST_BYTES);
            assert!(alike.earlier.iter().enumerate().all(|(at, earlier)| earlier.shared.len() == at));
            assert!(alike.find(&json).is_some_and(|(known, _)| *known == at));
        }
    }
}

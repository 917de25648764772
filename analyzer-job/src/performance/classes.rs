//! What a class is: labels and predictions that mean the same, however they are spelled.

use std::cmp::Ordering;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// What makes two spellings one class: blanks around a text do not count, numbers are equal by value, and
/// `true` and `false` in any case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Whole(i128),
    /// Bits of a double that is no whole number.
    Fraction(u64),
    Truth(bool),
    Text(String),
}

impl Key {
    fn of(text: &str) -> Key {
        let text = text.trim();
        if let Ok(whole) = text.parse() {
            return Key::Whole(whole);
        }
        // `inf` and `NaN` are names here.
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        match number {
            Some(number) if number.trunc() == number && number.abs() < 1e38 => Key::Whole(number as i128),
            Some(number) => Key::Fraction(number.to_bits()),
            None if text.eq_ignore_ascii_case("true") => Key::Truth(true),
            None if text.eq_ignore_ascii_case("false") => Key::Truth(false),
            None => Key::Text(text.into()),
        }
    }

    fn number(&self) -> Option<f64> {
        match *self {
            Key::Whole(whole) => Some(whole as f64),
            Key::Fraction(bits) => Some(f64::from_bits(bits)),
            Key::Truth(_) | Key::Text(_) => None,
        }
    }
}

/// One class and how it was written where it came first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Class {
    as_label: Option<Spelled>,
    as_prediction: Option<Spelled>,
    /// The first row that has it and a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<Place>,
}

/// Number of a file, and of a line in it from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub file: u32,
    pub line: u64,
}

/// A spelling, and the number of the file in which it came first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Spelled {
    text: String,
    file: u32,
}

impl Spelled {
    /// Takes the spelling of the earlier file; of the same file, the one that is there.
    fn meet(place: &mut Option<Spelled>, text: &str, file: u32) {
        match place {
            Some(known) if known.file <= file => {}
            _ => *place = Some(Spelled { text: text.trim().into(), file }),
        }
    }
}

impl Class {
    fn name(&self) -> &str {
        self.as_label.as_ref().or(self.as_prediction.as_ref()).map_or("", |spelled| spelled.text.as_str())
    }
}

/// The classes seen, numbered in the order in which they came.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Class>", into = "Vec<Class>")]
pub struct Classes {
    known: Vec<Class>,
    /// Every spelling seen, with the number of its class.
    spellings: HashMap<String, u32>,
    keys: HashMap<Key, u32>,
}

/// More spellings than this are not remembered, only looked up anew.
const SPELLINGS: usize = 10_000;

impl Classes {
    pub fn label(&mut self, text: &str, file: u32) -> u32 {
        let number = self.number(text);
        Spelled::meet(&mut self.known[number as usize].as_label, text, file);
        number
    }

    pub fn prediction(&mut self, text: &str, file: u32) -> u32 {
        let number = self.number(text);
        Spelled::meet(&mut self.known[number as usize].as_prediction, text, file);
        number
    }

    /// A row with this class and a label stands there.
    pub fn meet(&mut self, number: u32, place: Place) {
        if let Some(class) = self.known.get_mut(number as usize) {
            class.first = Some(class.first.map_or(place, |first| first.min(place)));
        }
    }

    /// The first row that has this class and a label.
    pub fn first(&self, number: u32) -> Option<Place> {
        self.known.get(number as usize)?.first
    }

    /// Number of the class of this spelling, when there is one.
    pub fn find(&self, text: &str) -> Option<u32> {
        self.keys.get(&Key::of(text)).copied()
    }

    /// How the class is called: the first spelling among the labels, else among the predictions.
    pub fn name(&self, number: u32) -> &str {
        self.known.get(number as usize).map_or("", Class::name)
    }

    /// Whether some label is of this class.
    pub fn is_label(&self, number: u32) -> bool {
        self.known.get(number as usize).is_some_and(|class| class.as_label.is_some())
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Numbers of all classes, sorted: numbers by value, then texts by code point.
    pub fn sorted(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..self.known.len() as u32).collect();
        numbers.sort_by(|&a, &b| order(self.name(a), self.name(b)));
        numbers
    }

    /// Takes over another part's classes, which came later; their new numbers by their old ones.
    pub fn merge(&mut self, other: &Classes) -> Vec<u32> {
        let take = |class: &Class| {
            if let Some(spelled) = &class.as_label {
                self.label(&spelled.text, spelled.file);
            }
            if let Some(spelled) = &class.as_prediction {
                self.prediction(&spelled.text, spelled.file);
            }
            let number = self.number(class.name());
            if let Some(first) = class.first {
                self.meet(number, first);
            }
            number
        };
        other.known.iter().map(take).collect()
    }

    /// Gives the files other numbers.
    pub fn renumber(&mut self, file: impl Fn(u32) -> u32) {
        for class in &mut self.known {
            for spelled in [&mut class.as_label, &mut class.as_prediction].into_iter().flatten() {
                spelled.file = file(spelled.file);
            }
            if let Some(first) = &mut class.first {
                first.file = file(first.file);
            }
        }
    }

    /// Whether classes that were read from a file differ from each other and have names.
    pub fn are_whole(&self) -> bool {
        (0..).zip(&self.known).all(|(number, class)| self.find(class.name()) == Some(number))
    }

    fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.spellings.get(text) {
            return number;
        }
        let next = self.known.len() as u32;
        let number = *self.keys.entry(Key::of(text)).or_insert(next);
        if number == next {
            self.known.push(Class { as_label: None, as_prediction: None, first: None });
        }
        if self.spellings.len() < SPELLINGS {
            self.spellings.insert(text.into(), number);
        }
        number
    }
}

impl From<Vec<Class>> for Classes {
    fn from(known: Vec<Class>) -> Classes {
        let mut classes = Classes::default();
        for class in &known {
            classes.number(class.name());
        }
        classes.known = known;
        classes
    }
}

impl From<Classes> for Vec<Class> {
    fn from(classes: Classes) -> Vec<Class> {
        classes.known
    }
}

/// Numbers by value, then texts by code point.
pub fn order(a: &str, b: &str) -> Ordering {
    let (a_key, b_key) = (Key::of(a), Key::of(b));
    if let (Key::Whole(a), Key::Whole(b)) = (&a_key, &b_key) {
        return a.cmp(b);
    }
    match (a_key.number(), b_key.number()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.trim().cmp(b.trim()),
    }
}

/// Whether two spellings are one class.
pub fn same(a: &str, b: &str) -> bool {
    Key::of(a) == Key::of(b)
}

/// Whether two names differ in no more than what spellings differ in: case, blanks, marks, `true` for 1.
pub fn alike(a: &str, b: &str) -> bool {
    let of = |text: &str| {
        let is_part = |letter: char| letter.is_alphanumeric() || ['+', '-', '.'].contains(&letter);
        match Key::of(text.trim_matches(|letter| !is_part(letter))) {
            Key::Truth(truth) => Key::Whole(i128::from(truth)),
            Key::Text(_) => {
                let letters = text.chars().filter(|letter| letter.is_alphanumeric());
                let letters: String = letters.flat_map(char::to_lowercase).collect();
                Key::Text(if letters.is_empty() { text.trim().into() } else { letters })
            }
            number => number,
        }
    };
    of(a) == of(b)
}

/// The two classes of a binary problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides {
    /// Names in sorted order.
    pub names: [String; 2],
    /// Position of the positive one among them.
    pub positive: usize,
}

impl Sides {
    /// Decides which class is positive: the one named, else `1`, else `true`, else the last in sorted order. A class
    /// that is alone gets the one that belongs beside it. `names`: sorted, without repetition.
    ///
    /// # Errors
    /// All names, when they are more than two together with the one named.
    pub fn of(names: &[&str], positive_label: Option<&str>) -> Result<Sides, Vec<String>> {
        let mut all: Vec<String> = names.iter().map(ToString::to_string).collect();
        let is = |text: &str, all: &[String]| all.iter().position(|name| same(name, text));
        if let Some(label) = positive_label
            && is(label, &all).is_none()
        {
            all.push(label.trim().into());
        }
        if let [only] = all.as_slice() {
            let beside = match only.as_str() {
                only if same(only, "0") => "1".into(),
                only if same(only, "1") => "0".into(),
                only if same(only, "false") => other_case(only, "true"),
                only if same(only, "true") => other_case(only, "false"),
                only => format!("not {only}"),
            };
            let named = positive_label.is_some() || beside.starts_with("not ");
            let positive = if named { Some(only.clone()) } else { None };
            all.push(beside);
            return Sides::sorted(all, positive.as_deref());
        }
        Sides::sorted(all, positive_label)
    }

    fn sorted(mut all: Vec<String>, positive_label: Option<&str>) -> Result<Sides, Vec<String>> {
        all.sort_by(|a, b| order(a, b));
        let names = <[String; 2]>::try_from(all)?;
        let at = |text: &str| names.iter().position(|name| same(name, text));
        let positive = match positive_label {
            Some(label) => at(label),
            None => at("1").or_else(|| at("true")),
        };
        Ok(Sides { positive: positive.unwrap_or(1), names })
    }
}

/// `True` beside `False`, `TRUE` beside `FALSE`.
fn other_case(spelling: &str, word: &str) -> String {
    let mut letters = spelling.chars();
    let first_upper = letters.next().is_some_and(char::is_uppercase);
    match (first_upper, letters.next().is_some_and(char::is_uppercase)) {
        (true, true) => word.to_uppercase(),
        (true, false) => word[..1].to_uppercase() + &word[1..],
        _ => word.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_are_one_class_named_as_the_first_label() {
        let mut classes = Classes::default();
        let one = classes.prediction("1.0", 0);
        assert_eq!(classes.label(" 1 ", 0), one);
        assert_eq!(classes.label("1e0", 0), one);
        assert_eq!(classes.name(one), "1");
        assert_eq!(classes.label("True", 0), classes.prediction("true", 0));
        assert_eq!(classes.label(" dog", 0), classes.label("dog ", 0));
        for (a, b) in
            [("9007199254740993", "9007199254740992"), ("a", "A"), ("inf", "1e999"), ("", "0"), ("1", "true")]
        {
            assert!(!same(a, b), "{a} {b}");
        }
        assert!(same("-0", "0.0") && same("0.10", ".1") && same("+5", "5"));
    }

    #[test]
    fn numbers_stand_before_texts() {
        let mut classes = Classes::default();
        for name in ["Œuf", "10", "cat", "9", "a \"b\"", "-1.5", "1"] {
            classes.label(name, 0);
        }
        let names: Vec<&str> = classes.sorted().into_iter().map(|number| classes.name(number)).collect();
        assert_eq!(names, ["-1.5", "1", "9", "10", "a \"b\"", "cat", "Œuf"]);
    }

    #[test]
    fn classes_of_two_parts_are_those_of_the_whole() {
        let mut first = Classes::default();
        first.prediction("b", 0);
        first.label("2", 0);
        let mut second = Classes::default();
        second.label("2.0", 0);
        second.label("c", 0);
        second.label(" b", 0);
        assert_eq!(first.merge(&second), [1, 2, 0]);
        assert_eq!([0, 1, 2].map(|number| first.name(number).to_string()), ["b", "2", "c"]);
        assert!(first.is_label(0));
        let text = serde_json::to_string(&first).unwrap();
        let read: Classes = serde_json::from_str(&text).unwrap();
        assert_eq!(read.find("2.00"), Some(1));
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn the_positive_class_is_named_or_one_or_true_or_last() {
        let check = |names: &[&str], label: Option<&str>, expected: [&str; 2], positive: usize| {
            let sides = Sides::of(names, label).unwrap();
            assert_eq!((sides.names.each_ref().map(String::as_str), sides.positive), (expected, positive));
        };
        check(&["0", "1"], None, ["0", "1"], 1);
        check(&["1", "2"], None, ["1", "2"], 0);
        check(&["no", "yes"], None, ["no", "yes"], 1);
        check(&["no", "yes"], Some("no"), ["no", "yes"], 0);
        check(&["TRUE", "x"], None, ["TRUE", "x"], 0);
        check(&["0", "1"], Some("1.0"), ["0", "1"], 1);
        check(&["0"], None, ["0", "1"], 1);
        check(&["0.0"], None, ["0.0", "1"], 1);
        check(&["1"], None, ["0", "1"], 1);
        check(&["False"], None, ["False", "True"], 1);
        check(&["yes"], None, ["not yes", "yes"], 1);
        check(&["yes"], Some("yes"), ["not yes", "yes"], 1);
        check(&["no"], Some("yes"), ["no", "yes"], 1);
        assert_eq!(Sides::of(&["a", "b", "c"], None).unwrap_err(), ["a", "b", "c"]);
        assert_eq!(Sides::of(&["a", "b"], Some("z")).unwrap_err(), ["a", "b", "z"]);
    }
}

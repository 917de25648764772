//! What one pass leaves of a column: counts by spelling, moments, the sketch, distinct values, categories.
//! Mergeable and serialisable; everything but the sketch is the same for rows taken in any split.

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use plumbline_common::words::counted;

use super::hll::{self, Hll};
use super::kll::Kll;

/// A text column with more distinct values (by the estimate) has no categories.
/// Source: the default of the hosted service's open library.
pub const MOST_CATEGORIES: f64 = 120.0;
/// Rows that a profile in a file may stand for; counts of more could overflow when they are added.
pub const MOST_ROWS: u64 = 1 << 53;

/// How a value is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spelling {
    /// `^(-|\+)? ?\d+$`
    Integral,
    /// `^(-|\+)? ?\d+((\.\d+)|((?:\.\d+)?[Ee][-+]?\d+))$`
    Fractional,
    /// `true` or `false`
    Boolean,
    /// Anything else, and numbers beyond the range of doubles.
    Text,
}

/// The spelling of a value, and its number when it has one. Digits are ASCII; one blank may precede a number.
pub fn spelling(text: &str) -> (Spelling, f64) {
    let bytes = text.as_bytes();
    let signed = match bytes.first() {
        Some(b'-' | b'+') => 1,
        _ => 0,
    };
    let start = signed + usize::from(bytes.get(signed) == Some(&b' '));
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(start);
    if whole == 0 {
        let boolean = matches!(bytes, b"true" | b"false");
        return (if boolean { Spelling::Boolean } else { Spelling::Text }, 0.0);
    }
    let mut end = start + whole;
    let mut kind = Spelling::Integral;
    if bytes.get(end) == Some(&b'.') {
        let places = digits(end + 1);
        if places == 0 {
            return (Spelling::Text, 0.0);
        }
        kind = Spelling::Fractional;
        end += 1 + places;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let places = digits(end + 1 + sign);
        if places == 0 {
            return (Spelling::Text, 0.0);
        }
        kind = Spelling::Fractional;
        end += 1 + sign + places;
    }
    if end != bytes.len() {
        return (Spelling::Text, 0.0);
    }
    let number = if whole < 16 && kind == Spelling::Integral {
        bytes[start..end].iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0')) as f64
    } else {
        // The blank and the sign stand before what is parsed here.
        text[start..].parse().unwrap_or(f64::INFINITY)
    };
    if number.is_infinite() {
        return (Spelling::Text, 0.0);
    }
    (kind, if bytes[0] == b'-' { -number } else { number })
}

/// How often each spelling stands in a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spellings {
    pub integral: u64,
    pub fractional: u64,
    pub boolean: u64,
    pub text: u64,
    /// Of the fractional ones, those whose value is a whole number, such as `1.0`.
    pub whole: u64,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Integral,
    Fractional,
    /// Texts, truth values, or a mixture.
    String,
    /// No value at all.
    Unknown,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Integral => "Integral",
            Kind::Fractional => "Fractional",
            Kind::String => "String",
            Kind::Unknown => "Unknown",
        }
    }

    pub fn is_numeric(self) -> bool {
        matches!(self, Kind::Integral | Kind::Fractional)
    }
}

impl Spellings {
    pub fn present(&self) -> u64 {
        self.integral + self.fractional + self.boolean + self.text
    }

    /// Any text, or truth values beside numbers, make a column text; any fraction makes it fractional. `by_value`:
    /// `1.0` counts as the whole number it is.
    pub fn kind(&self, by_value: bool) -> Kind {
        let fractions = if by_value { self.fractional - self.whole } else { self.fractional };
        match self {
            _ if self.present() == 0 => Kind::Unknown,
            _ if self.text > 0 || self.boolean > 0 => Kind::String,
            _ if fractions > 0 => Kind::Fractional,
            _ => Kind::Integral,
        }
    }
}

/// Sum, mean and squared deviations of numbers, in row order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    pub n: u64,
    /// Added from the first row to the last.
    #[serde(with = "beyond")]
    pub sum: f64,
    #[serde(with = "beyond")]
    average: f64,
    #[serde(with = "beyond")]
    squares: f64,
    /// 0 without rows, as is `max`.
    pub min: f64,
    pub max: f64,
}

/// Sums may leave the range of doubles; JSON has no number for that.
mod beyond {
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number<'a> {
        Finite(f64),
        Beyond(&'a str),
        Owned(String),
    }

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.collect_str(value) }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = match Number::deserialize(deserializer)? {
            Number::Finite(value) => return Ok(value),
            Number::Beyond(text) => text.parse(),
            Number::Owned(text) => text.parse(),
        };
        text.map_err(serde::de::Error::custom)
    }
}

impl Moments {
    pub fn update(&mut self, value: f64) {
        self.n += 1;
        self.sum += value;
        // In these operations and no others: the textbook's `delta * (value - average)` differs in the last digit.
        let delta = value - self.average;
        let step = delta / self.n as f64;
        self.average += step;
        self.squares += delta * (delta - step);
        if self.n == 1 {
            (self.min, self.max) = (value, value);
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// The moments of both, equal up to rounding for any split.
    pub fn merge(&mut self, other: &Moments) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *other;
            return;
        }
        let (n, m) = (self.n as f64, other.n as f64);
        let delta = other.average - self.average;
        // Chan, Golub, LeVeque (1979).
        self.squares += other.squares + delta * delta * n * m / (n + m);
        self.average += delta * m / (n + m);
        self.sum += other.sum;
        self.n += other.n;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Of the population, not of a sample.
    pub fn standard_deviation(&self) -> f64 {
        (self.squares / self.n as f64).sqrt()
    }

    pub fn mean(&self) -> f64 {
        self.sum / self.n as f64
    }
}

/// What a category is counted by, and what its text was found to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Category {
    text: String,
    count: u64,
    #[serde(skip)]
    hash: u64,
    #[serde(skip)]
    spelling: Option<(Spelling, f64)>,
}

/// The accumulator of one column.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Column {
    pub rows: u64,
    pub spellings: Spellings,
    pub moments: Moments,
    pub sketch: Kll,
    distinct: Hll,
    /// Exact counts in order of first appearance, as long as there are few. `None` once there were too many.
    categories: Option<Vec<Category>>,
    #[serde(skip)]
    places: HashTable<u32>,
}

impl Column {
    pub fn new() -> Column {
        Column { categories: Some(Vec::new()), ..Column::default() }
    }

    /// Takes the cells of a column from top to bottom.
    pub fn update<'a>(&mut self, cells: impl Iterator<Item = Option<&'a str>>) {
        for cell in cells {
            self.rows += 1;
            if let Some(text) = cell {
                self.value(text);
            }
        }
    }

    fn value(&mut self, text: &str) {
        let hash = hll::hash(text.as_bytes());
        let known = self.categories.as_mut().and_then(|categories| {
            let place = *self.places.find(hash, |&at| categories[at as usize].text == text)?;
            Some(&mut categories[place as usize])
        });
        let (spelling, number) = match known {
            Some(category) => {
                category.count += 1;
                *category.spelling.get_or_insert_with(|| spelling(text))
            }
            None => {
                let found = spelling(text);
                self.distinct.update(hash);
                self.add_category(text, hash, 1, Some(found));
                found
            }
        };
        match spelling {
            Spelling::Integral => self.spellings.integral += 1,
            Spelling::Fractional => {
                self.spellings.fractional += 1;
                self.spellings.whole += u64::from(number.fract() == 0.0);
            }
            Spelling::Boolean => {
                self.spellings.boolean += 1;
                return;
            }
            Spelling::Text => {
                self.spellings.text += 1;
                return;
            }
        }
        // Numbers of a column that holds texts are asked for by nobody.
        if self.spellings.text == 0 && self.spellings.boolean == 0 {
            self.moments.update(number);
            self.sketch.update(number);
        }
    }

    /// A text that is no category yet. More distinct values than categories may be: there are none any more, and
    /// as the estimate never falls, there will be none.
    fn add_category(&mut self, text: &str, hash: u64, count: u64, spelling: Option<(Spelling, f64)>) {
        let Some(categories) = &mut self.categories else { return };
        if categories.len() as f64 >= MOST_CATEGORIES * 0.5 && self.distinct.estimate() > MOST_CATEGORIES {
            self.categories = None;
            self.places = HashTable::new();
            return;
        }
        let place = categories.len() as u32;
        categories.push(Category { text: text.into(), count, hash, spelling });
        self.places.insert_unique(hash, place, |&at| categories[at as usize].hash);
    }

    /// No more rows come for now: gives back the room for them.
    pub fn shrink(&mut self) {
        self.sketch.shrink();
    }

    /// Takes the rows of another part, which come after these.
    pub fn merge(&mut self, other: &Column) {
        self.rows += other.rows;
        let (mine, more) = (&mut self.spellings, &other.spellings);
        mine.integral += more.integral;
        mine.fractional += more.fractional;
        mine.boolean += more.boolean;
        mine.text += more.text;
        mine.whole += more.whole;
        self.moments.merge(&other.moments);
        self.sketch.merge(&other.sketch);
        self.distinct.merge(&other.distinct);
        let Some(more) = &other.categories else {
            self.categories = None;
            self.places = HashTable::new();
            return;
        };
        if self.categories.is_some() && self.distinct.estimate() > MOST_CATEGORIES {
            self.categories = None;
            self.places = HashTable::new();
        }
        self.index();
        for category in more {
            let hash = hll::hash(category.text.as_bytes());
            let Some(categories) = &mut self.categories else { return };
            match self.places.find(hash, |&at| categories[at as usize].text == category.text) {
                Some(&place) => categories[place as usize].count += category.count,
                None => self.add_category(&category.text, hash, category.count, None),
            }
        }
    }

    /// Finds categories again after the profile was read from a file.
    fn index(&mut self) {
        let Some(categories) = &mut self.categories else { return };
        if self.places.len() == categories.len() {
            return;
        }
        self.places.clear();
        for category in categories.iter_mut() {
            category.hash = hll::hash(category.text.as_bytes());
        }
        for (place, category) in (0..).zip(categories.iter()) {
            self.places.insert_unique(category.hash, place, |&at| categories[at as usize].hash);
        }
    }

    /// The same for a file: equal for equal statistics, and without what nobody asks for.
    pub fn in_order(&self) -> Column {
        let mut out = Column {
            rows: self.rows,
            spellings: self.spellings,
            distinct: self.distinct.clone(),
            categories: self.categories.clone(),
            ..Column::default()
        };
        if self.spellings.text == 0 && self.spellings.boolean == 0 {
            (out.moments, out.sketch) = (self.moments, self.sketch.in_order());
        }
        if let Some(categories) = &mut out.categories {
            categories.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
        }
        out
    }

    /// Whether a profile that was read from a file is one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let Spellings { integral, fractional, boolean, text, whole } = self.spellings;
        let present = [fractional, boolean, text].into_iter().try_fold(integral, u64::checked_add);
        let present = present.filter(|present| *present <= self.rows).ok_or("more values than rows")?;
        if self.rows > MOST_ROWS {
            return Err(counted(self.rows, "row"));
        }
        if whole > fractional {
            return Err("counts that do not fit each other".into());
        }
        let numbers = if text + boolean == 0 { present } else { self.moments.n };
        if self.moments.n != numbers || self.moments.n > present {
            return Err(format!("moments of {} values, expected {numbers}", self.moments.n));
        }
        if !(self.moments.min.is_finite() && self.moments.max.is_finite()) {
            return Err("extremes that are not numbers".into());
        }
        self.sketch.check(numbers)?;
        self.distinct.check()?;
        if let Some(categories) = &self.categories {
            let counted = categories.iter().try_fold(0u64, |sum, category| sum.checked_add(category.count));
            let distinct: std::collections::HashSet<&str> =
                categories.iter().map(|category| category.text.as_str()).collect();
            if counted != Some(present) || distinct.len() != categories.len() {
                return Err("categories that do not add up to the values".into());
            }
        }
        Ok(())
    }

    pub fn present(&self) -> u64 {
        self.spellings.present()
    }

    /// Estimated number of distinct values.
    pub fn distinct(&self) -> f64 {
        self.distinct.estimate()
    }

    /// The distinct values with their counts: most frequent first, then by text. `None` when there are too many.
    pub fn categories(&self) -> Option<Vec<(&str, u64)>> {
        let categories = self.categories.as_ref()?;
        let mut out: Vec<(&str, u64)> =
            categories.iter().map(|category| (category.text.as_str(), category.count)).collect();
        out.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_are_those_of_the_rule() {
        use Spelling::*;
        for (text, kind, number) in [
            ("1", Integral, 1.0),
            ("-2", Integral, -2.0),
            ("+3", Integral, 3.0),
            ("007", Integral, 7.0),
            (" 3", Integral, 3.0),
            ("- 3", Integral, -3.0),
            ("12345678901234567890", Integral, 12_345_678_901_234_567_890.0),
            ("1.0", Fractional, 1.0),
            ("-3.25", Fractional, -3.25),
            ("1E5", Fractional, 1e5),
            ("2e-3", Fractional, 2e-3),
            ("3.0e+2", Fractional, 300.0),
            ("0.1", Fractional, 0.1),
            ("1e-400", Fractional, 0.0),
            ("true", Boolean, 0.0),
            ("false", Boolean, 0.0),
        ] {
            assert_eq!(spelling(text), (kind, number), "{text}");
        }
        for text in [
            "", " ", ".5", "1.", "NaN", "inf", "3 ", "  3", "True", "1e", "1e+", "1.e5", "--1", "1e400",
            "0x10", "1,5", "٣", "1\n", "-", "true ",
        ] {
            assert_eq!(spelling(text).0, Text, "{text:?}");
        }
        assert_eq!(spelling(&"9".repeat(400)).0, Text);
    }

    fn of<'a>(cells: impl IntoIterator<Item = &'a str>) -> Column {
        let mut column = Column::new();
        column.update(cells.into_iter().map(|cell| (!cell.is_empty()).then_some(cell)));
        column
    }

    #[test]
    fn the_type_of_a_column_is_that_of_its_least_numeric_value() {
        for (cells, kind, by_value) in [
            (&["1", "2", ""][..], Kind::Integral, Kind::Integral),
            (&["1", "2.0"], Kind::Fractional, Kind::Integral),
            (&["1", "2.5"], Kind::Fractional, Kind::Fractional),
            (&["true", "false"], Kind::String, Kind::String),
            (&["true", "1"], Kind::String, Kind::String),
            (&["1", "n/a"], Kind::String, Kind::String),
            (&["", ""], Kind::Unknown, Kind::Unknown),
            (&[], Kind::Unknown, Kind::Unknown),
        ] {
            let column = of(cells.iter().copied());
            assert_eq!(
                (column.spellings.kind(false), column.spellings.kind(true)),
                (kind, by_value),
                "{cells:?}"
            );
        }
    }

    /// The bound that the page on fold and combine states, in neighbours and in any split.
    #[test]
    fn the_deviation_of_parts_is_that_of_one_run_within_the_stated_bound() {
        let of = |values: &mut dyn Iterator<Item = f64>| {
            let mut moments = Moments::default();
            values.for_each(|value| moments.update(value));
            moments
        };
        for mean in [0.0, 1.0, 1e3, 1e6, 1e9, 1e12] {
            for n in [100_u32, 10_000] {
                let values: Vec<f64> =
                    (0..n).map(|row| mean + f64::from(row.wrapping_mul(2_654_435_761) >> 12) / 1e6).collect();
                let whole = of(&mut values.iter().copied());
                let deviation = whole.standard_deviation();
                for n_parts in [2, 5, 24] {
                    for neighbours in [false, true] {
                        let mut all = Moments::default();
                        for part in 0..n_parts {
                            let is_of = |at: usize| {
                                part == if neighbours { at * n_parts / values.len() } else { at % n_parts }
                            };
                            all.merge(&of(&mut (0..values.len())
                                .filter(|&at| is_of(at))
                                .map(|at| values[at])));
                        }
                        let off = (all.standard_deviation() - deviation).abs() / deviation;
                        let bound = f64::max(1e-12, 1.1e-16 * mean / deviation);
                        assert!(
                            off <= bound,
                            "mean {mean}, {n} values, {n_parts} parts: {off:e} > {bound:e}"
                        );
                        let off = (all.sum - whole.sum).abs() / whole.sum;
                        assert!(off <= 1e-12, "mean {mean}, {n} values, {n_parts} parts: {off:e}");
                    }
                }
            }
        }
    }

    #[test]
    fn moments_by_hand() {
        let column = of(["34", "28", "41", "", "34", "52"]);
        assert_eq!((column.rows, column.present()), (6, 5));
        assert_eq!((column.moments.sum, column.moments.mean()), (189.0, 37.8));
        assert_eq!((column.moments.min, column.moments.max), (28.0, 52.0));
        // Squared deviations: 14.44 + 96.04 + 10.24 + 14.44 + 201.64 = 336.8.
        assert!((column.moments.standard_deviation() - (336.8f64 / 5.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn categories_are_exact_up_to_the_limit_and_gone_beyond_it() {
        let texts: Vec<String> = (0..100).flat_map(|i| vec![format!("city-{i}"); i % 3 + 1]).collect();
        let column = of(texts.iter().map(String::as_str));
        let categories = column.categories().unwrap();
        assert_eq!(categories.len(), 100);
        assert_eq!(categories.iter().map(|category| category.1).sum::<u64>(), texts.len() as u64);
        assert_eq!(categories[0], ("city-11", 3));
        assert!(categories.windows(2).all(|pair| pair[0].1 > pair[1].1 || pair[0].0 < pair[1].0));
        let many: Vec<String> = (0..300).map(|i| i.to_string()).collect();
        assert!(of(many.iter().map(String::as_str)).categories().is_none());
    }

    proptest! {
        #[test]
        fn rows_in_any_split_give_the_same_profile(
            cells in proptest::collection::vec("[0-9]{1,2}|[0-9]\\.[05]|[a-c]|", 0..400),
            cut in 0..400usize,
            texts: bool,
        ) {
            let cells: Vec<&str> =
                cells.iter().map(String::as_str).filter(|cell| texts || !cell.starts_with(['a', 'b', 'c'])).collect();
            let cut = cut.min(cells.len());
            let whole = of(cells.iter().copied());
            let mut parts = of(cells[..cut].iter().copied());
            // As a profile that was read from a file.
            let second: Column =
                serde_json::from_str(&serde_json::to_string(&of(cells[cut..].iter().copied())).unwrap()).unwrap();
            parts = serde_json::from_str(&serde_json::to_string(&parts).unwrap()).unwrap();
            let second = second.in_order();
            prop_assert_eq!(parts.check(), Ok(()));
            prop_assert_eq!(second.check(), Ok(()));
            parts.merge(&second);
            prop_assert_eq!(parts.rows, whole.rows);
            prop_assert_eq!(parts.spellings, whole.spellings);
            prop_assert_eq!(parts.distinct(), whole.distinct());
            prop_assert_eq!(parts.categories(), whole.categories());
            if whole.spellings.kind(false).is_numeric() {
                prop_assert_eq!((parts.moments.min, parts.moments.max), (whole.moments.min, whole.moments.max));
                prop_assert!((parts.moments.sum - whole.moments.sum).abs() <= 1e-9);
                let (a, b) = (parts.moments.standard_deviation(), whole.moments.standard_deviation());
                prop_assert!((a - b).abs() <= 1e-9 * (1.0 + b));
                prop_assert_eq!(parts.sketch.weights(), whole.sketch.weights());
            }
            // Every row twice: the same shares.
            let mut twice = of(cells.iter().copied());
            twice.merge(&whole);
            prop_assert_eq!(twice.present(), 2 * whole.present());
            prop_assert_eq!(twice.distinct(), whole.distinct());
        }
    }
}

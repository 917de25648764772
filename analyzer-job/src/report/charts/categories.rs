//! Shares of categories, each with its name.

use super::{LINE, MARGIN, MOVED, QUIET, WIDTH};
use crate::paper;
use crate::paper::drawing::{Anchor, Drawing};
use crate::report::letters::{isolate, picture, visible};

/// Room for names, and where bars begin.
const NAMES: f64 = 116.0;
const BARS: f64 = 122.0;
/// Height of a category and of each of its two bars.
const HEIGHT: f64 = 16.0;
const BAR: f64 = 5.5;

/// Shares then and now one below the other, a pair of bars with the name of the category in front; the longest fills the
/// width.
pub(in crate::report) fn categories<'a>(
    shares: impl ExactSizeIterator<Item = (&'a str, f64, f64)> + Clone,
) -> Drawing {
    let most = shares.clone().map(|(_, then, now)| then.max(now)).fold(f64::MIN_POSITIVE, f64::max);
    let mut chart = Drawing::new(WIDTH, HEIGHT * shares.len().max(1) as f64);
    for (at, (name, then, now)) in shares.enumerate() {
        let top = HEIGHT * at as f64 + 1.5;
        chart.text([NAMES, top + 10.0], Anchor::End, QUIET, label(name));
        for (side, share, fill) in [(0.0, then, LINE), (1.0, now, MOVED)] {
            let long = share / most * (WIDTH - MARGIN - BARS);
            if long > 0.0 {
                chart.rectangle([BARS, top + side * (BAR + 1.0)], [long.max(0.8), BAR], fill);
            }
        }
    }
    chart
}

/// A name that fits: of longer ones the middle is left out, since names often differ at their ends.
fn label(name: &str) -> String {
    let shown = |letter: char| if letter.is_whitespace() { ' ' } else { picture(letter) };
    let letters: Vec<char> = visible(name).chars().map(shown).collect();
    if letters.iter().all(|letter| *letter == ' ') {
        return "(blank)".into();
    }
    let whole: f64 = letters.iter().copied().map(width).sum();
    if whole <= NAMES {
        return isolate(&letters.iter().collect::<String>());
    }
    let half = (NAMES - width('…')) / 2.0;
    let fitting = |letters: &mut dyn Iterator<Item = &char>| {
        let mut room = half;
        letters
            .take_while(|letter| {
                room -= width(**letter);
                room >= 0.0
            })
            .count()
    };
    let (head, tail) = (fitting(&mut letters.iter()), fitting(&mut letters.iter().rev()));
    let cut: String = letters[..head].iter().chain(&['…']).chain(&letters[letters.len() - tail..]).collect();
    isolate(&cut)
}

/// About how wide a letter is in a drawing, rather more than less. What the fonts of documents lack is written by its number
/// there.
fn width(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 'f' | 't' | 'r' | 'I' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '('
        | ')' | '[' | ']' => 4.2,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 10.5,
        'A'..='Z' => 8.0,
        ' '..='~' => 7.0,
        '…' => 9.0,
        _ if !paper::draws(letter) => 60.0,
        '\u{c0}'..='\u{8ff}' => 8.0,
        _ => 11.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_their_middle_and_keep_both_ends() {
        for (name, expected) in [
            ("blue", "blue"),
            ("", "(blank)"),
            (" \n", "(blank)"),
            ("/shop/checkout/step-1/a", "/shop/c…step-1/a"),
            ("/shop/checkout/step-1/b", "/shop/c…step-1/b"),
            ("illiill illiill illiill", "illiill illiill illiill"),
            ("WWWWWWWWWWWWWWWWWWWW", "WWWWW…WWWWW"),
            ("a\u{1b}[2J\tb", "a␛[2J b"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("אב", "\u{2068}אב\u{2069}"),
            ("年齢層年齢層年齢層年齢層", "年齢層年…層年齢層"),
        ] {
            assert_eq!(label(name), expected);
        }
        // Emoji take the room of their numbers.
        assert!(label(&"👩🚀".repeat(20)).chars().count() < 6);
    }

    #[test]
    fn every_category_has_its_bars_and_its_name() {
        let shares = [("a<b", 0.5, 0.0), ("&", 0.3, 0.4), ("c", 0.2, 0.6)];
        let body = crate::report::svg::body(&categories(shares.into_iter()));
        for (part, times) in [(">a&lt;b</text>", 1), (">&amp;</text>", 1), ("<rect", 5), ("width=\"184\"", 1)]
        {
            assert_eq!(body.matches(part).count(), times, "{part} in {body}");
        }
        assert!(!crate::report::svg::body(&categories(std::iter::empty())).contains("NaN"));
    }
}

//! Letters of the data in a report: those that turn the direction of text, and those that no page has a place for.

use std::borrow::Cow;

use plumbline_common::problem::turns_text;

/// Characters that turn the direction of text as JSON and Python spell them inside of strings.
pub(super) fn spelled(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    for character in code.chars() {
        match turns_text(character) {
            true => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => out.push(character),
        }
    }
    out
}

/// A text with such characters as `\u{202e}`. The pair that `isolate` puts around a name that runs from right to left stays:
/// it keeps the order of what stands around.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(turns_text) {
        return Cow::Borrowed(text);
    }
    let [open, close] = ISOLATE;
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find(turns_text) {
        out.push_str(&rest[..at]);
        let from = &rest[at..];
        let inside = from.strip_prefix(open).and_then(|inside| {
            let end = inside.find(turns_text).filter(|&end| inside[end..].starts_with(close))?;
            has_right_to_left(&inside[..end]).then_some(&inside[..end])
        });
        let taken = match inside {
            Some(inside) => {
                let taken = open.len_utf8() + inside.len() + close.len_utf8();
                out.push_str(&from[..taken]);
                taken
            }
            None => {
                let character = from.chars().next().unwrap_or_default();
                out.extend(character.escape_unicode());
                character.len_utf8()
            }
        };
        rest = &from[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What `isolate` puts in front of a text and behind it.
const ISOLATE: [char; 2] = ['\u{2068}', '\u{2069}'];

/// Keeps text that runs from right to left from turning the sentence around it.
pub(super) fn isolate(text: &str) -> String {
    let text = visible(text);
    let [open, close] = ISOLATE;
    if has_right_to_left(&text) { format!("{open}{text}{close}") } else { text.into_owned() }
}

fn has_right_to_left(text: &str) -> bool {
    text.contains(|c| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'))
}

/// A control character as its picture (`␛`): pages and drawings have no place for it, and a terminal that shows them would
/// obey it. Line ends and tabs stay.
pub(super) fn picture(character: char) -> char {
    match u32::from(character) {
        _ if matches!(character, '\n' | '\r' | '\t') => character,
        0x7f => '␡',
        code if code < 0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x80..0xa0 | 0xfffe | 0xffff => '\u{fffd}',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pair_around_a_name_from_right_to_left_stays() {
        for (text, expected) in [
            ("plain é 漢", "plain é 漢"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("\u{61c}\u{200e}\u{200f}", "\\u{61c}\\u{200e}\\u{200f}"),
            ("\u{2068}ab\u{2069}", "\\u{2068}ab\\u{2069}"),
            ("x \u{2068}\u{5d0}\u{2069} y", "x \u{2068}\u{5d0}\u{2069} y"),
            ("\u{2068}\u{5d0}\u{202e}\u{2069}", "\\u{2068}\u{5d0}\\u{202e}\\u{2069}"),
            ("\u{2068}\u{5d0}", "\\u{2068}\u{5d0}"),
            ("\u{2068}\u{2068}\u{5d0}\u{2069}\u{2069}", "\\u{2068}\u{2068}\u{5d0}\u{2069}\\u{2069}"),
        ] {
            assert_eq!(visible(text), expected);
            assert_eq!(visible(&visible(text)), expected, "twice");
        }
        // What a name holds cannot end the pair around it.
        assert_eq!(visible(&isolate("\u{5d0}\u{2069}b")), "\u{2068}\u{5d0}\\u{2069}b\u{2069}");
        assert_eq!(spelled("f(\"a\u{202e}\")"), "f(\"a\\u202e\")");
    }
}

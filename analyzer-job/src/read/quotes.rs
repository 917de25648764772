//! Quotes in CSV: where a quoted field ends, and quotes that do not work out. A lost quote, or one too many, shifts cells or
//! takes the rows behind it into a value, and what comes out may be as wide as a row.

use std::fmt;

use memchr::{memchr, memchr_iter, memchr2};

/// The place behind the closing quote of a field whose opening quote stands before `at`; none where nothing closes it. Two
/// quotes stand for one.
pub(crate) fn closing(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr(b'"', text.get(at..)?)? + 1;
        if text.get(at) != Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

/// The place behind the blanks that follow a closing quote; they belong to the field.
pub(crate) fn behind_blanks(text: &[u8], closed: usize) -> usize {
    text[closed..].iter().position(|byte| !matches!(byte, b' ' | b'\t')).map_or(text.len(), |at| closed + at)
}

/// The first quoted field that does not work out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Place of the quote that opens the field, in bytes.
    pub(crate) at: u64,
    pub(crate) what: What,
}

/// How a quoted field does not work out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// The field goes on behind its closing quote, and not with blanks alone.
    GoesOn,
    Open,
    /// The field goes over a comma, and a field without quotes behind it ends with one; or over a line end, and such a field
    /// has one anywhere.
    Stray,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::GoesOn => "text behind the closing quote of a field",
            What::Open => "a quoted field without a closing quote",
            What::Stray => {
                "a quoted field over commas or line ends and a quote behind it in a field without quotes"
            }
        })
    }
}

/// The first fault in text of whole records. Takes a fraction of the time of cutting it: of most quotes only their neighbours
/// are looked at.
pub(crate) fn fault(text: &[u8]) -> Option<Fault> {
    let is_end = |at| matches!(text.get(at), None | Some(b',' | b'\n' | b'\r'));
    let fault = |at, what| Some(Fault { at: at as u64, what });
    let mut opened = None;
    // Place of the second one of two quotes that stand for one.
    let mut second = usize::MAX;
    let mut over = Over::default();
    for quote in memchr_iter(b'"', text) {
        match opened {
            None if quote == 0 || matches!(text[quote - 1], b',' | b'\n' | b'\r') => opened = Some(quote),
            None => {
                over.advance(text, quote);
                if let Some(over) = over.lines.or(over.commas.filter(|_| is_end(quote + 1))) {
                    return fault(over, What::Stray);
                }
            }
            Some(_) if quote == second => {}
            Some(_) if text.get(quote + 1) == Some(&b'"') => second = quote + 1,
            Some(_) if is_end(quote + 1) || is_end(behind_blanks(text, quote + 1)) => opened = None,
            Some(opened) => return fault(opened, What::GoesOn),
        }
    }
    opened.and_then(|opened| fault(opened, What::Open))
}

/// The quoted fields of a record that go over commas, and over line ends.
#[derive(Default)]
struct Over {
    /// What lies before was looked at.
    at: usize,
    commas: Option<usize>,
    lines: Option<usize>,
}

impl Over {
    /// Looks at the fields up to a quote that stands in a field without quotes, of which it is the first behind `self.at`.
    fn advance(&mut self, text: &[u8], to: usize) {
        let ends_line = |text| memchr2(b'\n', b'\r', text).is_some();
        while let Some(quote) = memchr(b'"', &text[self.at..to]).map(|next| self.at + next) {
            if ends_line(&text[self.at..quote]) {
                (self.commas, self.lines) = (None, None);
            }
            let closed = closing(text, quote + 1).unwrap_or(text.len());
            let field = &text[quote..closed];
            self.commas = self.commas.or(memchr(b',', field).map(|_| quote));
            self.lines = self.lines.or(ends_line(field).then_some(quote));
            self.at = closed;
        }
        if ends_line(&text[self.at..to]) {
            (self.commas, self.lines) = (None, None);
        }
        self.at = to + 1;
    }
}

/// That the quotes of a payload work out. Where it is one row, its last field may lack its closing quote.
///
/// # Errors
/// Why it is no CSV.
pub(crate) fn check(payload: &str) -> Result<(), String> {
    let has_lines = memchr2(b'\n', b'\r', payload.trim_ascii_end().as_bytes()).is_some();
    match fault(payload.as_bytes()) {
        Some(fault) if has_lines || fault.what != What::Open => Err(format!("not CSV: {}", fault.what)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_one_row_may_lack_a_quote_at_its_end() {
        for text in ["1,\"great", "1,\"great\n", "1,\"x\ny\"\n2,3", "\"x\" ,\"y\"\t\r\n"] {
            assert_eq!(check(text), Ok(()));
        }
        for text in ["1,\"2\n3,4", "1,\"2\n3,\"x\"\n", "\"2,\"x, y\",3.0", "\"x\"y", "\"x\" \"y\""] {
            assert!(check(text).is_err_and(|fault| fault.starts_with("not CSV: ")), "{text}");
        }
    }

    #[test]
    fn a_quote_that_does_not_work_out_is_found() {
        use What::*;
        for (text, found) in [
            ("a,b\n1,\"x\ny\"\n2,\"\"\n", None),
            ("1,\"x \"\"y\"\"\nz\"\r\n5\" pipe,\"q\" \t\n", None),
            ("\"\",\"\"\"\n\"\"\",3\n\"a\nb\"", None),
            ("5\" pipe,5\"\n", None),
            ("5\" pipe,\"q\"tail\n", Some((8, GoesOn))),
            ("1,1,1\n\"2,\"x, y\",3.0\n", Some((6, GoesOn))),
            ("\"q\" \"r\"\n", Some((0, GoesOn))),
            ("1,\"x\ny\",3\"\n", Some((2, Stray))),
            ("1,\"x\ny\",3\" z\n", Some((2, Stray))),
            ("\"40,\", 41\"\n", Some((0, Stray))),
            ("\"4,0\",5\" pipe,\"5,0\"\n3\",2\n", None),
            ("1,\"x\ny\",3\n4,5\",6\n", None),
            ("2,\"2\n3,3\n5,\"x\"\n", Some((2, GoesOn))),
            ("2,2\n\"3,3\r4,\"\"\n5,\"x\"\n", Some((4, GoesOn))),
            ("1,2\n3,\"4\n", Some((6, Open))),
            ("1,2\n3,\"4", Some((6, Open))),
        ] {
            assert_eq!(fault(text.as_bytes()).map(|fault| (fault.at, fault.what)), found, "{text}");
        }
    }
}

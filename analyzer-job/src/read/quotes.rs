//! Quotes in CSV that do not work out over line ends: a lost one takes the rows behind it into a value, and what comes out may
//! be as wide as a row.

use memchr::{memchr, memchr2};

/// Looks over text in pieces of any size, from the beginning of a record.
pub(crate) struct Quotes {
    state: State,
    /// Bytes before the piece at hand.
    passed: u64,
    /// The byte before, outside of quotes.
    last: u8,
    /// Place of the last quote that opened a field.
    opened: u64,
    /// The field that it opened goes over a line end.
    is_over: bool,
    /// Such a field of the record at hand, which has ended.
    over: Option<u64>,
    found: Option<Fault>,
}

/// The first quote that does not work out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Place of the quote that opens the field, in bytes.
    pub(crate) at: u64,
    pub(crate) what: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Inside,
    /// Behind a quote that closes a field, unless another one follows.
    Closing,
}

impl Default for Quotes {
    fn default() -> Quotes {
        Quotes {
            state: State::Outside,
            passed: 0,
            last: b'\n',
            opened: 0,
            is_over: false,
            over: None,
            found: None,
        }
    }
}

impl Quotes {
    pub(crate) fn pass(&mut self, text: &[u8]) {
        let mut at = 0;
        while at < text.len() {
            let quote = memchr(b'"', &text[at..]).map(|next| at + next);
            let before = &text[at..quote.unwrap_or(text.len())];
            let ends_line = |text| memchr2(b'\n', b'\r', text).is_some();
            match (self.state, quote) {
                (State::Outside, _) => {
                    if ends_line(before) {
                        self.over = None;
                    }
                    self.last = *before.last().unwrap_or(&self.last);
                    if let Some(quote) = quote {
                        if matches!(self.last, b',' | b'\n' | b'\r') {
                            self.state = State::Inside;
                            (self.opened, self.is_over) = (self.passed + quote as u64, false);
                        } else if let Some(over) = self.over {
                            self.fault(over, "a quote behind it in a field without quotes");
                        }
                        self.last = b'"';
                    }
                }
                (State::Inside, _) => {
                    self.is_over |= ends_line(before);
                    if quote.is_some() {
                        self.state = State::Closing;
                    }
                }
                (State::Closing, _) if text[at] == b'"' => {
                    self.state = State::Inside;
                    at += 1;
                    continue;
                }
                (State::Closing, _) => {
                    self.state = State::Outside;
                    if self.is_over {
                        self.over.get_or_insert(self.opened);
                        if !matches!(text[at], b',' | b'\n' | b'\r') {
                            self.fault(self.opened, "text behind its closing quote");
                        }
                    }
                    continue;
                }
            }
            at = quote.map_or(text.len(), |quote| quote + 1);
        }
        self.passed += text.len() as u64;
    }

    /// The text has ended.
    pub(crate) fn end(&mut self) {
        if self.state == State::Inside {
            self.fault(self.opened, "no closing quote");
        }
    }

    pub(crate) fn found(&self) -> Option<Fault> {
        self.found
    }

    fn fault(&mut self, at: u64, what: &'static str) {
        self.found.get_or_insert(Fault { at, what });
    }
}

/// The first fault in text of whole records.
pub(crate) fn fault(text: &[u8]) -> Option<Fault> {
    let mut quotes = Quotes::default();
    quotes.pass(text);
    quotes.end();
    quotes.found()
}

/// That the quotes of a payload of several rows work out.
///
/// # Errors
/// Why it is no CSV.
pub(crate) fn check(payload: &str) -> Result<(), String> {
    let has_lines = memchr2(b'\n', b'\r', payload.trim_ascii_end().as_bytes()).is_some();
    match fault(payload.as_bytes()).filter(|_| has_lines) {
        Some(fault) => Err(format!("not CSV: a quoted field goes over line ends, with {}", fault.what)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_one_row_may_lack_a_quote() {
        for text in ["1,\"great", "1,\"great\n", "1,\"x\ny\"\n2,3"] {
            assert_eq!(check(text), Ok(()));
        }
        for text in ["1,\"2\n3,4", "1,\"2\n3,\"x\"\n"] {
            assert!(check(text).is_err_and(|fault| fault.contains("over line ends")));
        }
    }

    fn found(text: &str, piece: usize) -> Option<Fault> {
        let mut quotes = Quotes::default();
        text.as_bytes().chunks(piece).for_each(|piece| quotes.pass(piece));
        quotes.end();
        quotes.found()
    }

    #[test]
    fn a_quote_that_does_not_work_out_is_found_in_pieces_of_any_size() {
        for (text, at) in [
            ("a,b\n1,\"x\ny\"\n2,\"\"\n", None),
            ("1,\"x \"\"y\"\"\nz\"\r\n5\" pipe,\"q\"tail\n", None),
            ("\"\",\"\"\"\n\"\"\",3\n\"a\nb\"", None),
            ("1,\"x\ny\",3\"\n", Some((2, "a quote behind it in a field without quotes"))),
            ("1,\"x\ny\",3\n4,5\",6\n", None),
            ("2,\"2\n3,3\n5,\"x\"\n", Some((2, "text behind its closing quote"))),
            ("2,2\n\"3,3\r4,\"\"\n5,\"x\"\n", Some((4, "text behind its closing quote"))),
            ("1,2\n3,\"4\n", Some((6, "no closing quote"))),
            ("1,2\n3,\"4", Some((6, "no closing quote"))),
        ] {
            for piece in 1..=text.len() {
                let found = found(text, piece).map(|fault| (fault.at, fault.what));
                assert_eq!(found, at, "{text} in pieces of {piece}");
            }
        }
    }
}

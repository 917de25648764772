//! Blank lines in CSV of one column, where a row without a value is one. Readers of CSV pass over them, and the values behind
//! would move to other rows.

/// Lines of a text in CSV, by whether they are blank.
struct Lines<'a> {
    lines: Vec<&'a str>,
    /// So many blank ones before the first that is not, and behind the last.
    leading: usize,
    trailing: usize,
    /// All that are blank.
    blank: usize,
}

/// None for a text without a blank line or without any other. Where each column counts, no row of several is a blank line.
fn lines(text: &str, each_column_counts: bool) -> Option<Lines<'_>> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let (mut lines, mut start, mut is_quoted) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted && each_column_counts => return None,
            b'\n' if !is_quoted => {
                lines.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    lines.push(&text[start..]);
    let is_blank = |line: &&&str| line.trim_ascii().is_empty();
    let blank = lines.iter().filter(is_blank).count();
    let leading = lines.iter().take_while(is_blank).count();
    let trailing = lines.iter().rev().take_while(is_blank).count();
    (blank > 0 && blank < lines.len()).then_some(Lines { lines, leading, trailing, blank })
}

impl Lines<'_> {
    /// So many blank ones stand between others.
    fn inner(&self) -> usize {
        self.blank - self.leading - self.trailing
    }

    /// The text with an empty cell in place of blank lines: of those between others, and where it is so of those before and
    /// behind.
    fn filled(&self, leading: bool, trailing: bool) -> String {
        let from = if leading { 0 } else { self.leading };
        let to = if trailing { self.lines.len() } else { self.lines.len() - self.trailing };
        let cell = |line: &&str| if line.trim_ascii().is_empty() { "\"\"" } else { *line }.to_string();
        self.lines[from..to].iter().map(cell).collect::<Vec<_>>().join("\n")
    }
}

/// A request: each blank line is a row.
pub(crate) fn of_request(text: &str) -> Option<String> {
    lines(text, true).map(|lines| lines.filled(true, true))
}

/// Ground truth of `n` rows, where the request tells it: a blank line between labels is a row, and one before or behind them unless
/// there are enough rows. None where nothing is to be changed.
pub(crate) fn of_truth(text: &str, n: Option<usize>) -> Option<String> {
    let lines = lines(text, false)?;
    let between = lines.lines.len() - lines.leading - lines.trailing;
    let leading = n != Some(between);
    let trailing = n == Some(lines.lines.len()) || n == Some(between + lines.trailing);
    Some(lines.filled(leading, trailing && n != Some(between)))
}

/// An answer to `n` rows: blank lines are rows if these lack. None where nothing is to be changed.
pub(crate) fn of_answer(text: &str, n: usize) -> Option<String> {
    if n == 1 && text.ends_with('\n') && text.trim_ascii().is_empty() {
        return Some("\"\"".into());
    }
    let lines = lines(text, true)?;
    let values = lines.lines.len() - lines.blank;
    let ways = [(false, false), (true, false), (true, true), (false, true)];
    let rows = |(leading, trailing): (bool, bool)| {
        let outside = usize::from(leading) * lines.leading + usize::from(trailing) * lines.trailing;
        values + lines.inner() + outside
    };
    if values == n {
        return None;
    }
    let way = ways.into_iter().find(|way| rows(*way) == n)?;
    Some(lines.filled(way.0, way.1))
}

/// How many rows an answer has by its lines, if there are blank ones before or between others: what tells that they are none is
/// the number of rows.
pub(crate) fn rows_of_answer(text: &str) -> Option<usize> {
    let lines = lines(text, true)?;
    (lines.leading + lines.inner() > 0).then_some(lines.lines.len() - lines.trailing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_of_one_column_are_rows_as_far_as_these_are_needed() {
        let filled = |text: Option<String>| text.map(|text| text.replace("\"\"", "-").replace('\n', "|"));
        for (text, expected) in [
            ("3\n7", None),
            ("3\n7\n", None),
            ("3\n\n7", Some("3|-|7")),
            ("\n3\r\n \r\n7\r\n", Some("-|3\r|-|7\r")),
            ("3\n7\n\n", Some("3|7|-")),
            ("1,2\n\n3,4", None),
            ("\"a\n\nb\"", None),
            ("\"a\n\nb\"\n\nc", Some("\"a||b\"|-|c")),
            ("\n\n", None),
            ("", None),
        ] {
            assert_eq!(filled(of_request(text)).as_deref(), expected, "{text:?}");
        }
        for (text, n, expected) in [
            ("1\n\n0", Some(3), "1|-|0"),
            ("1\n\n0", Some(2), "1|-|0"),
            ("1\n\n0", None, "1|-|0"),
            ("\n1\n0", Some(2), "1|0"),
            ("\n1\n0", Some(3), "-|1|0"),
            ("\n1\n0", None, "-|1|0"),
            ("1\n0\n\n", Some(3), "1|0|-"),
            ("1\n0\n\n", Some(2), "1|0"),
            ("1\n0\n\n", None, "1|0"),
            ("\n1\n0\n\n", Some(4), "-|1|0|-"),
            ("1,x\n\n0,y", Some(3), "1,x|-|0,y"),
        ] {
            assert_eq!(filled(of_truth(text, n)).as_deref(), Some(expected), "{text:?} {n:?}");
        }
        for (text, n, expected) in [
            ("\n0.9\n0.1", 3, Some("-|0.9|0.1")),
            ("\n0.9\n0.1", 2, None),
            ("0.9\n\n0.1\n", 3, Some("0.9|-|0.1")),
            ("0.9\n\n0.1\n", 2, None),
            ("0.9\n0.1\n\n", 3, Some("0.9|0.1|-")),
            ("0.9\n\n", 2, Some("0.9|-")),
            ("\n", 1, Some("-")),
            ("", 1, None),
            ("\n", 2, None),
            ("0.9\n\n0.1\n", 4, None),
        ] {
            assert_eq!(filled(of_answer(text, n)).as_deref(), expected, "{text:?} {n}");
        }
        assert_eq!((rows_of_answer("\n0.9\n0.1"), rows_of_answer("0.9\n0.1\n\n")), (Some(3), None));
    }
}

//! The cells of a CSV answer, line by line, lists in square brackets among them.

use std::ops::Range;

use crate::read::quotes;
use crate::read::shown::ListForm;

/// The rows of a CSV answer that is made of lists in square brackets, each list a row; none for another answer.
pub(crate) fn listed_rows(text: &str) -> Option<Vec<Vec<String>>> {
    if !text.trim_ascii_start().starts_with(['[', '"']) {
        return None;
    }
    let mut lines = Lines::default();
    lines.read(text);
    if !lines.are_lists() {
        return None;
    }
    (0..lines.cells.len()).map(|at| listed(lines.cell(at))).collect()
}

/// The items of a list that is written as text, `['a', "b"]` or `[0.1 0.9]`; none for other text.
pub(crate) fn listed(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let mut items = Vec::new();
    let mut commas = 0;
    let mut bare = String::new();
    // A quoted item has come since the last comma.
    let mut quoted = false;
    let mut characters = inside.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' if bare.trim().is_empty() => {
                bare.clear();
                let mut item = String::new();
                while let Some(next) = characters.next() {
                    match next {
                        '\\' => item.extend(characters.next()),
                        next if next == character => break,
                        next => item.push(next),
                    }
                }
                items.push(item);
                quoted = true;
            }
            // Nothing between two commas is an item too, so that those behind it stay at their places.
            ',' => {
                commas += 1;
                if bare.trim().is_empty() && !quoted {
                    items.push(String::new());
                }
                push_bare(&mut items, &mut bare);
                quoted = false;
            }
            other => bare.push(other),
        }
    }
    if commas == 0 {
        // As NumPy prints: blanks between the items.
        items.extend(bare.split_whitespace().map(str::to_string));
    } else {
        push_bare(&mut items, &mut bare);
    }
    Some(items)
}

fn push_bare(items: &mut Vec<String>, bare: &mut String) {
    if !bare.trim().is_empty() {
        items.push(bare.trim().to_string());
    }
    bare.clear();
}

/// The cells of a CSV answer, line by line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
    cells: Vec<Range<usize>>,
    /// End of each line in `cells`.
    ends: Vec<usize>,
    /// A quoted cell goes on behind its closing quote, so that its commas may divide it or not.
    goes_on: bool,
}

impl Lines {
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on
    }

    pub(super) fn cell(&self, at: usize) -> &str {
        &self.text[self.cells[at].clone()]
    }

    /// Cuts a text into cells: quoted as RFC 4180 has it, or a list to its closing bracket, which may lie on
    /// another line, or up to the next comma or line end. Blanks around a list and before a quote are no part of the cell; all
    /// others are, as in a dataset.
    pub(super) fn read(&mut self, text: &str) {
        self.text.clear();
        self.cells.clear();
        self.ends.clear();
        self.goes_on = false;
        let mut rest = text;
        let mut line_began = false;
        loop {
            let begin = rest;
            rest = rest.trim_start_matches(BLANKS);
            let Some(first) = rest.chars().next() else { break };
            if first == '\n' && !line_began {
                rest = &rest[1..];
                continue;
            }
            line_began = true;
            rest = self.cut(begin, rest, first);
            rest = rest.trim_start_matches(BLANKS);
            match rest.chars().next() {
                Some(',') => {
                    rest = &rest[1..];
                    // A comma at the end of a line of lists goes on with the next line; else a cell is empty.
                    let next = rest.trim_start_matches(BLANKS);
                    if next.is_empty() || next.starts_with('\n') {
                        let lists = self.line_start();
                        if !(lists..self.cells.len()).all(|at| self.cell(at).starts_with('[')) {
                            self.push("");
                        }
                        rest = next;
                        if rest.is_empty() {
                            break;
                        }
                        rest = &rest[1..];
                        self.end_line();
                        line_began = false;
                    }
                }
                Some('\n') => {
                    rest = &rest[1..];
                    self.end_line();
                    line_began = false;
                }
                _ => {}
            }
        }
        if line_began {
            self.end_line();
        }
    }

    fn line_start(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn end_line(&mut self) {
        self.ends.push(self.cells.len());
    }

    fn push(&mut self, cell: &str) {
        let start = self.text.len();
        self.text.push_str(cell);
        self.cells.push(start..self.text.len());
    }

    /// Takes one cell off a text and gives the rest. `begin`: the same text with the blanks before it.
    fn cut<'a>(&mut self, begin: &'a str, text: &'a str, first: char) -> &'a str {
        if first == '"'
            && let Some(closed) = quotes::closing(text.as_bytes(), 1)
        {
            let rest = &text[closed..];
            let next = rest.trim_start_matches(BLANKS);
            if next.is_empty() || next.starts_with([',', '\n']) {
                let inside = text[1..closed - 1].replace("\"\"", "\"");
                let list = inside.trim();
                match list.starts_with('[') && list.ends_with(']') {
                    true => self.push(list),
                    // Blanks behind the closing quote belong to the cell, as in a dataset.
                    false => self.push(&(inside + rest[..rest.len() - next.len()].trim_end_matches('\r'))),
                }
                return rest;
            }
            self.goes_on = true;
        }
        if first == '['
            && let Some(end) = list_end(text)
        {
            let list = &text[..end];
            let inside = list[1..end - 1].trim_ascii();
            if inside.starts_with('[') {
                // A list of lists: its lists stand for themselves.
                let mut inside = inside;
                while let Some(end) = inside.starts_with('[').then(|| list_end(inside)).flatten() {
                    self.push(&inside[..end]);
                    inside = inside[end..].trim_start_matches([',', ' ', '\t', '\r', '\n']);
                }
            } else {
                self.push(list);
            }
            return &text[end..];
        }
        let end = begin.find([',', '\n']).unwrap_or(begin.len());
        self.push(begin[..end].trim_end_matches('\r'));
        &begin[end..]
    }

    /// Lists are rows by themselves; else each line is one.
    pub(super) fn n_rows(&self) -> usize {
        if self.are_lists() { self.cells.len() } else { self.ends.len() }
    }

    fn are_lists(&self) -> bool {
        !self.cells.is_empty() && self.cells.iter().all(|cell| self.text[cell.clone()].starts_with('['))
    }

    /// How the cells are those of `n` rows; the number of rows that there are when they are not `n`. `placed`: positions
    /// tell which cells of a row are wanted, so that several lists on a line may be one row.
    pub(super) fn are_rows(&self, n: usize, placed: bool) -> std::result::Result<RowForm, usize> {
        let n_lines = self.ends.len();
        let lists = self.are_lists();
        let alone = self.cells.len() == n_lines;
        if n_lines == n && (placed || alone || !lists) {
            return Ok(RowForm::Line);
        }
        // Lists, or one cell for each row on a single line.
        if self.cells.len() == n && (lists || n_lines == 1) {
            return Ok(RowForm::Cell);
        }
        Err(if lists { self.cells.len() } else { n_lines })
    }

    /// What the lines of `n` rows belong to.
    pub(super) fn form(&self, n: usize, form: RowForm) -> ListForm {
        let is_list = |at: usize| {
            let cell = self.cell(at);
            cell.starts_with('[') && cell[1..].trim_ascii().contains([',', ' '])
        };
        let is_several = |row: usize| {
            let mut cells = self.row(row, form);
            cells.len() > 1 || cells.any(is_list)
        };
        match form {
            RowForm::Cell if !self.are_lists() => ListForm::OverRows,
            _ if n == 1 && self.cells.len() > 1 && !(0..self.cells.len()).any(is_list) => ListForm::OfOneRow,
            _ if (0..n).any(is_several) => ListForm::InEachRow,
            _ => ListForm::Plain,
        }
    }

    /// So many values the only line has; none of lists in brackets.
    pub(super) fn only_line(&self) -> Option<usize> {
        (self.ends.len() == 1 && !self.are_lists()).then_some(self.cells.len())
    }

    /// The cells of a row.
    pub(super) fn row(&self, row: usize, form: RowForm) -> Range<usize> {
        match form {
            RowForm::Line => (if row == 0 { 0 } else { self.ends[row - 1] })..self.ends[row],
            RowForm::Cell => row..row + 1,
        }
    }
}

/// What may stand between cells on a line.
const BLANKS: [char; 3] = [' ', '\t', '\r'];

/// What of a CSV answer is a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum RowForm {
    Line,
    Cell,
}

/// Where the list that a text begins with ends, behind its closing bracket; none when it does not end, or when
/// something else than a comma, a line end or another list follows.
fn list_end(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut quote = None;
    let mut before = ' ';
    let mut words = false;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            // Only numbers and quoted items go on with the next line.
            (None, '\n') if words => return None,
            (Some(_), _) if before == '\\' => {}
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if matches!(before, '[' | ',' | ' ' | '\n') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') => {
                depth -= 1;
                if depth == 0 {
                    let end = at + 1;
                    let next = text[end..].trim_start_matches([' ', '\t', '\r']);
                    return (next.is_empty() || next.starts_with([',', '\n', '[', ']'])).then_some(end);
                }
            }
            (None, other) => words |= other.is_alphabetic() && !matches!(other, 'e' | 'E'),
        }
        before = character;
    }
    None
}

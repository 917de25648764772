//! What a program answers on standard output. It tells names, values and answers of models, which come from strangers.

use std::fmt;

use crate::problem::on_one_line;

/// Lines for standard output. A line is added as one: nothing in it steers a terminal or begins another line.
#[derive(Debug, Default)]
pub struct Answer(String);

impl Answer {
    /// An answer of one line.
    pub fn of(line: impl fmt::Display) -> Answer {
        let mut answer = Answer::default();
        answer.line(line);
        answer
    }

    pub fn line(&mut self, line: impl fmt::Display) {
        self.0.push_str(&on_one_line(&line.to_string()));
        self.0.push('\n');
    }

    pub fn empty_line(&mut self) {
        self.0.push('\n');
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_and_steers_nothing() {
        let mut answer = Answer::default();
        for steers in ('\0'..='\u{2fff}').filter(|character| {
            // By the lists of Unicode: C0, DEL and C1, what turns text, line and paragraph separators.
            matches!(u32::from(*character), 0..=0x1f | 0x7f..=0x9f | 0x61c | 0x200e | 0x200f | 0x2028..=0x202e
                | 0x2066..=0x2069)
                && *character != '\t'
        }) {
            answer.line(format_args!("a{steers}b"));
            assert_eq!(answer.to_string(), format!("a{}b\n", steers.escape_unicode()));
            answer = Answer::default();
        }
        answer.line("tab\tand é 漢 \u{a0}");
        answer.empty_line();
        assert_eq!(answer.to_string(), "tab\tand é 漢 \u{a0}\n\n");
    }
}

//! The lines of a block, of which those that are like an earlier record are taken in without being read as a whole.

use std::path::Path;

use jiff::Timestamp;
use plumbline_common::Result;

use super::known::{Counting, Known, KnownRecords};
use super::{Outcome, Reader, Table};
use crate::read::blocks::Block;
use crate::read::captured::{self, Met};
use crate::read::line_blocks::Lines;
use crate::read::parser::Parser;
use crate::read::records::Records;
use crate::values::alike::Moved;

impl Reader<'_> {
    /// Reads the lines of a block and what is behind them; false when no more is wanted.
    pub(super) fn lines(
        &mut self,
        block: &Block<Lines>,
        records: &mut Records<'_>,
        parser: &mut Parser,
        all_known: &mut KnownRecords,
        outcome: &mut Outcome,
    ) -> Result<bool> {
        let reading = captured::Reading::of(block, self.files, self.options.strict);
        self.file = block.file;
        for (line, text) in block.records.iter() {
            // Where no value goes on with it, a line that can be read as a record is one.
            let may_be_known = records.is_between();
            if may_be_known && self.take_known(text, reading.hour, all_known, outcome) {
                continue;
            }
            let mut take = |name: &Path, line, met: Met<'_>| self.meet(name, line, met, outcome);
            if !reading.line(line, text, records, parser, &mut take)? {
                return Ok(false);
            }
            if may_be_known {
                self.learn(text, all_known, outcome);
            }
        }
        reading.end(records, parser, &mut |name, line, met| self.meet(name, line, met, outcome))
    }

    /// Takes in a record that is like an earlier one. False, and nothing is taken in, where it has to be read as any record.
    pub(super) fn take_known(
        &mut self,
        text: &[u8],
        hour: Option<Timestamp>,
        all_known: &mut KnownRecords,
        outcome: &mut Outcome,
    ) -> bool {
        let Ok(text) = str::from_utf8(text) else { return false };
        let Some((known, moved)) =
            all_known.find(text).filter(|(known, moved)| known.has_strings(text, moved))
        else {
            return false;
        };
        let is_taken = self.take_row(text, hour, known, moved, outcome).is_some()
            || self.take_rows(text, hour, known, moved, outcome).is_some();
        outcome.records += u64::from(is_taken);
        is_taken
    }

    /// Learns from a line that is like none which was read.
    pub(super) fn learn(&self, text: &[u8], all_known: &mut KnownRecords, outcome: &Outcome) {
        if let (Ok(features), Some(table)) = (&self.features, &outcome.table) {
            let answers = self.wants.predicted.then(|| self.answers.paths());
            let truth = self.wants.truth.then(|| self.label.paths());
            all_known.learn(text, Counting { features, wanted: &table.wanted, answers, truth });
        }
    }

    /// Takes in the row of a record with values that decided about earlier ones too. How requests and answers are written was told by
    /// these.
    fn take_row(
        &mut self,
        text: &str,
        hour: Option<Timestamp>,
        known: &Known,
        moved: &Moved,
        outcome: &mut Outcome,
    ) -> Option<()> {
        let Table { layout, gather, wanted } = outcome.table.as_mut()?;
        known.width().filter(|width| *width == layout.captured.len())?;
        captured::is_within(known.time(text, moved), hour, self.options.window)
            .ok()
            .filter(|is_in| *is_in)?;
        let truth = match self.wants.truth {
            true => Some(known.truth.as_ref()?.cell(text, moved, &mut self.made)?),
            false => None,
        };
        let predicted = match self.wants.predicted {
            true => Some(known.output.as_ref()?.cell(text, moved, &mut self.made)?),
            false => None,
        };
        gather.begin(self.file);
        for &(at, column) in wanted.iter() {
            gather.set(column, known.cell(at, text, moved, &mut self.made)?);
        }
        for (column, read) in [(layout.roles.label, truth), (layout.roles.predicted, predicted)] {
            if let Some(column) = column {
                gather.set(column, read?);
            }
        }
        gather.finish_row();
        outcome.shown.answers.add(known.forms.filter(|_| self.wants.predicted).unwrap_or_default());
        Some(())
    }

    /// Takes in the rows of a record, whose answer and ground truth are read.
    fn take_rows(
        &mut self,
        text: &str,
        hour: Option<Timestamp>,
        known: &mut Known,
        moved: &Moved,
        outcome: &mut Outcome,
    ) -> Option<()> {
        known.put(text, moved, &mut self.inputs, &mut self.made);
        let mut texts = std::mem::take(&mut self.texts);
        let forms = (outcome.shown.answers, outcome.shown.truths);
        let read = known.record(text, moved, &mut texts).and_then(|record| {
            self.request = Some(known.kind);
            let taken = self.take(&record, hour, outcome);
            self.request = None;
            matches!(taken, Ok(true)).then_some(())
        });
        self.texts = texts;
        if read.is_none() {
            (outcome.shown.answers, outcome.shown.truths) = forms;
            return None;
        }
        // What differs in the form of its lists, or of its lines of labels, is looked at in each record.
        let answered = self.answer.forms();
        if known.width().is_some()
            && outcome.shown.truths == forms.1
            && *known.forms.get_or_insert(answered) == answered
        {
            if self.wants.predicted
                && let Some(output) = &mut known.output
                && let Ok(predicted) = self.answers.predicted(&self.answer, 0)
            {
                output.keep(text, moved, &mut self.made, predicted.raw());
            }
            if self.wants.truth
                && let Some(truth) = &mut known.truth
            {
                truth.keep(text, moved, &mut self.made, self.truths.cell(0, 0));
            }
        }
        Some(())
    }
}

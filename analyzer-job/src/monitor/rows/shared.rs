//! The rows of a dataset for both quality monitors of one run: read, cut and prepared once, also by a script.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use plumbline_common::{Problem, Result, codes};

use super::account::Account;
use super::block::Block;
use super::settled::is_of_columns;
use super::{Columns, Source, Take, read_here};
use crate::read::fan_out::{self, FanOut};
use crate::read::together;

/// What the reading hands on.
pub(crate) enum Piece {
    /// Rows, and the columns that are known with them.
    Rows(Block, Columns),
    /// Everything was read.
    End(Columns, Box<Account>),
    /// Reading failed.
    Failed(Problem),
}

/// The seat of a monitor in a reading that serves others too.
#[derive(Debug)]
pub(crate) enum Seat {
    /// Captured records.
    Records(together::RecordsSeat),
    /// Rows as both quality monitors take them. Only the path says what is read: all else of a source comes from settings
    /// that they have in common.
    Rows(fan_out::Seat<PathBuf, Piece>),
}

impl Seat {
    pub(crate) fn records(&self) -> Option<&together::RecordsSeat> {
        match self {
            Seat::Records(seat) => Some(seat),
            Seat::Rows(_) => None,
        }
    }
}

/// The rows for the monitors that have their seats.
pub(crate) type SharedRows = FanOut<PathBuf, Piece>;

/// The rows that the seat of a source promises; none without a seat, and for another look at the data than a first and
/// whole one.
pub(super) fn pieces(source: &Source<'_>) -> Option<Receiver<Arc<Piece>>> {
    let is_first = source.width.is_none() && source.kinds.is_none() && source.limit.is_none();
    match source.seat {
        Some(Seat::Rows(seat)) if is_first => seat.take(source.path.into()),
        _ => None,
    }
}

/// Gives all rows to `take`, as `read` does.
pub(super) fn hand_on(pieces: Receiver<Arc<Piece>>, take: Take<'_>) -> Result<(Columns, Account)> {
    // What stops the monitor unless most rows are others than those that it comes from.
    let mut refused = None;
    for piece in pieces {
        match &*piece {
            Piece::Rows(..) if refused.is_some() => {}
            Piece::Rows(block, columns) => match take(block.clone(), columns) {
                Err(problem) if is_of_columns(&problem) => refused = Some(problem),
                taken => drop(taken?),
            },
            Piece::End(columns, account) => {
                let refused = refused.filter(|_| account.is_settled());
                return refused.map_or_else(|| Ok((columns.clone(), Account::clone(account))), Err);
            }
            Piece::Failed(problem) => return Err(problem.again()),
        }
    }
    Err(Problem::new(&codes::INTERNAL, "the reading of two monitors ended early"))
}

/// Reads for everybody who has taken a seat. `source`: that of one of them, but for the path.
pub(crate) fn run(rows: &SharedRows, source: &Source<'_>) {
    rows.run(|path: PathBuf, hand_on| {
        let source = Source { path: &path, ..source.clone() };
        let read = read_here(&source, &mut |block, columns| {
            if hand_on(&Arc::new(Piece::Rows(block, columns.clone()))) {
                return Ok(Block::default());
            }
            // Nobody sees this.
            Err(Problem::new(&codes::STOPPED, "nobody reads any more"))
        });
        hand_on(&Arc::new(match read {
            Ok((columns, account)) => Piece::End(columns, Box::new(account)),
            Err(problem) => Piece::Failed(problem),
        }));
    });
}

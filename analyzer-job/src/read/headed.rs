//! Header rows in requests of CSV: a row made of the given names names the values behind it, wherever it stands.

use serde::{Deserialize, Serialize};

use crate::config::Location;
use crate::read::grid::Grid;
use crate::read::header::{self, Later};
use crate::read::layout;
use crate::values::names;
use crate::values::raw::Raw;

/// What is said of them.
pub(crate) const HEADED: &str =
    "rows of captured requests are the names in `headers`; they are read as header rows, and left out";

/// The names that the values of a request have by `headers`: with the label's among them, or without.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Headed {
    names: Vec<Vec<String>>,
}

impl Headed {
    /// `labelled`: a label comes with the requests, and `headers` end with its name unless `label` says where it stands.
    pub(crate) fn new(headers: Option<&[String]>, label: Option<&Location>, labelled: bool) -> Headed {
        let Some(headers) = headers else { return Headed::default() };
        let label = match label {
            Some(location) => layout::find(headers, location),
            None => None,
        };
        let label = label.or_else(|| headers.len().checked_sub(1).filter(|_| labelled));
        let mut names = vec![headers.to_vec()];
        names.extend(label.map(|label| {
            let mut without = headers.to_vec();
            without.remove(label);
            without
        }));
        Headed { names }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// For a message.
    pub(crate) fn told(&self) -> String {
        self.names.first().map_or("no names".into(), |names| names::listed(names))
    }

    /// Takes header rows out of the rows from `from` on, and brings the values of the rows behind one into the order of the
    /// columns. The number of header rows. `scratch`: a grid to work in.
    pub(crate) fn take_out(&self, rows: &mut Grid, from: usize, scratch: &mut Grid) -> u64 {
        let may_be = |row: usize| {
            let Raw::Csv(first) = rows.cell(row, 0) else { return false };
            self.names.iter().any(|names| {
                names.len() == rows.width(row) && names.iter().any(|name| names::same(name, first))
            })
        };
        if !(from..rows.n_rows()).any(may_be) {
            return 0;
        }
        scratch.clear();
        let mut order: Option<Vec<usize>> = None;
        let mut found = 0;
        for row in 0..rows.n_rows() {
            if row >= from
                && let Some(places) = self.places(rows, row)
            {
                order = Some(places);
                found += 1;
                continue;
            }
            match &order {
                Some(order) if order.len() == rows.width(row) => {
                    order.iter().for_each(|&at| scratch.push(rows.cell(row, at)));
                }
                _ => rows.row(row).for_each(|cell| scratch.push(cell)),
            }
            scratch.end_row();
        }
        std::mem::swap(rows, scratch);
        found
    }

    /// For each column its place in the rows behind this one, when it is a header row.
    fn places(&self, rows: &Grid, row: usize) -> Option<Vec<usize>> {
        let text = |cell| if let Raw::Csv(text) = cell { text } else { "" };
        let record = csv::StringRecord::from(rows.row(row).map(text).collect::<Vec<_>>());
        self.names.iter().find_map(|names| match header::later_row(&record, names, None) {
            Later::Known(order) => Some(order),
            Later::Again => Some(vec![0]),
            Later::Data => None,
        })
    }
}

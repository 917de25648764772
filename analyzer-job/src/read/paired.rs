//! CSV datasets, each row paired with those of the facet and prediction datasets.

use plumbline_common::Result;
use plumbline_common::input::InputFile;

use crate::config::Analysis;
use crate::read::blocks::BLOCK_BYTES;
use crate::read::csv::{Event, Go, rows};
use crate::read::csv_blocks;
use crate::read::gather::Gather;
use crate::read::ids::{self, Ids};
use crate::read::layout::{self, Layout};
use crate::read::notes;
use crate::read::side::Side;
use crate::read::{Skips, Source};
use crate::values::raw::Raw;

/// Reads the dataset, paired with the other datasets. None when there are no rows, or when ids must be compared as
/// texts, which `source.ids` then says: the data are to be read again.
pub(crate) fn read(
    files: &[InputFile],
    sides: &mut [Option<Side>; 2],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    let options = source.options;
    // Distinct cells of kept rows would be put together by one processor.
    let keeps_cells = options.keep_rows && source.exact;
    if !keeps_cells && options.limit.is_none() && sides.iter().all(Option::is_none) {
        let counted = csv_blocks::count(files, analysis, source, BLOCK_BYTES)?;
        if counted.is_some() {
            return Ok(counted);
        }
    }
    source.leave_digests();
    one_after_the_other(files, sides, analysis, source)
}

/// As `read`, row after row.
pub(crate) fn one_after_the_other(
    files: &[InputFile],
    sides: &mut [Option<Side>; 2],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    let (keep_rows, exact, ids) = (source.options.keep_rows, source.exact, source.ids);
    let limit = source.options.limit.unwrap_or(u64::MAX);
    let mut read: Option<(Layout, Gather, Vec<usize>, usize)> = None;
    let mut n_rows = 0;
    let mut unmatched = Skips::new(notes::UNMATCHED);
    let mut as_texts = false;
    let mut is_whole = true;
    let mut key = String::new();
    let mut file = 0;
    rows(files, analysis.dataset.headers.as_deref(), source, |event| {
        match event {
            Event::Columns(names) => {
                let mine = names.len();
                let [facets, predictions] =
                    sides.each_ref().map(|side| side.as_ref().map(|side| &side.columns));
                let layout = layout::of_table(names, facets, predictions, analysis)?;
                let gather = Gather::new(&layout, analysis, keep_rows, exact);
                let wanted = gather.wanted().into_iter().filter(|&column| column < mine).collect();
                read = Some((layout, gather, wanted, mine));
            }
            Event::Row(row) => {
                let Some((layout, gather, wanted, mine)) = &mut read else { return Ok(Go::Stop) };
                if n_rows == limit {
                    is_whole = false;
                    return Ok(Go::Stop);
                }
                let has_id = match layout.roles.joins.first() {
                    None => false,
                    Some(&at) => match ids.key(row.get(at), &mut key) {
                        Some(has_id) => has_id,
                        None => {
                            as_texts = true;
                            return Ok(Go::Stop);
                        }
                    },
                };
                n_rows += 1;
                let mut paired = [None, None];
                for (at, side) in paired.iter_mut().zip(sides.iter_mut()) {
                    let Some(side) = side else { continue };
                    *at = side.row(n_rows - 1, has_id.then_some(key.as_str()));
                }
                if sides.iter().zip(paired).any(|(side, at)| side.is_some() && at.is_none()) {
                    if sides.iter().flatten().any(Side::joined) {
                        let id = layout.roles.joins.first().map_or("", |&at| row.get(at));
                        unmatched.add(row.place.0, row.place.1, &ids::shown(id));
                    }
                    return Ok(Go::On);
                }
                while files.get(file).is_some_and(|at| at.relative.as_os_str() != row.place.0.as_os_str()) {
                    file += 1;
                }
                gather.begin(file);
                for &column in wanted.iter() {
                    gather.set(column, Raw::Csv(row.get(column)));
                }
                let mut first = *mine;
                for (side, at) in sides.iter().zip(paired) {
                    if let (Some(side), Some(at)) = (side, at) {
                        side.set(at, first, gather);
                        first += side.columns.names.len();
                    }
                }
                gather.finish_row();
            }
        }
        Ok(Go::On)
    })?;
    if as_texts {
        source.ids = Ids::Texts;
        return Ok(None);
    }
    source.records += n_rows;
    source.skipped(unmatched);
    for side in sides.iter().flatten() {
        side.check_rows(n_rows, is_whole)?;
        if is_whole {
            source.skipped(side.left_over());
        }
    }
    Ok(read.map(|(layout, gather, ..)| (layout, gather)))
}

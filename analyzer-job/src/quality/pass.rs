//! The pass over the data: one thread reads blocks of rows, the others take them in column by column.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use plumbline_common::Result;
use rayon::iter::{IndexedParallelIterator as _, IntoParallelRefMutIterator as _, ParallelIterator as _};
use serde::{Deserialize, Serialize};

use crate::monitor::format::Format;
use crate::monitor::rows::{self, Account, Block, Columns, Source};
use crate::state::profile::Column;

/// The columns of a dataset, each with what is known of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Profiled {
    pub columns: Columns,
    /// In the order of the cells.
    pub profiles: Vec<Column>,
    pub account: Account,
    /// For each column the number of the file, among those of the account, in which it came first.
    pub firsts: Vec<u32>,
    /// Rows are objects, or files name their columns: later ones may bring others.
    pub open: bool,
    /// The profiles that these are the sum of; none of rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_of: Vec<String>,
}

impl Profiled {
    /// Whether there is nothing to measure: no row, or none with a column.
    pub fn is_empty(&self) -> bool {
        self.account.rows == 0 || self.columns.names.is_empty()
    }

    /// Whether a column holds nothing but the nulls of a place where other rows have an object or a list, whose values
    /// are columns of their own: it says nothing that those do not say. `baseline`: the names of the baseline's columns, which
    /// tell of such a place where no row of the run has a value there.
    pub fn is_place_of_others(&self, at: usize, baseline: Option<&[String]>) -> bool {
        let name = &self.columns.names[at];
        let is_part = |other: &String| {
            other.strip_prefix(name.as_str()).is_some_and(|rest| {
                let number = rest.strip_prefix('_').unwrap_or_default();
                let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                is_number || rest.len() > 1 && rest.starts_with('.')
            })
        };
        let is_in_json = self.open && !self.columns.by_header && self.account.schemas().is_empty();
        is_in_json
            && self.profiles[at].present() == 0
            && baseline.is_none_or(|names| !names.contains(name))
            && (self.columns.nested.contains(name) || baseline.is_some_and(|names| names.iter().any(is_part)))
    }
}

/// Blocks that are read ahead of the work on them.
const AHEAD: usize = 2;

/// Reads everything and profiles each column. Equal for any number of threads, since a column is the work of one
/// thread at a time, in the order of the rows.
///
/// # Errors
/// As `rows::read`.
pub fn profile(source: &Source<'_>) -> Result<Profiled> {
    rows::settled(source, once, |profiled| &profiled.account)
}

fn once(source: &Source<'_>) -> Result<Profiled> {
    let mut profiles: Vec<Column> = Vec::new();
    let (mut files, mut firsts) = (Vec::<PathBuf>::new(), Vec::new());
    let (columns, mut account) = blocks(source, |block| {
        if files.last().is_none_or(|last| last.as_os_str() != block.file().as_os_str()) {
            files.push(block.file().into());
        }
        firsts.resize(block.width().max(firsts.len()), files.len() as u32 - 1);
        profiles.resize_with(block.width().max(profiles.len()), Column::new);
        profiles.par_iter_mut().enumerate().for_each(|(at, profile)| {
            if at < block.width() {
                profile.update(block.column(at));
            }
        });
    })?;
    profiles.resize_with(columns.names.len(), Column::new);
    for profile in &mut profiles {
        profile.rows = account.rows;
        profile.shrink();
    }
    firsts.resize(profiles.len(), files.len().saturating_sub(1) as u32);
    account.files = files;
    let objects = source.script.is_some() || account.format.as_ref().is_some_and(Format::is_open);
    let open = columns.named && objects;
    Ok(Profiled { columns, profiles, account, firsts, open, made_of: Vec::new() })
}

/// Reads on a thread of its own, and calls `take` with each block in order.
pub(super) fn blocks(source: &Source<'_>, mut take: impl FnMut(&Block)) -> Result<(Columns, Account)> {
    let (to_work, work) = mpsc::sync_channel::<Block>(AHEAD);
    let (to_reuse, reuse) = mpsc::sync_channel::<Block>(AHEAD + 1);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            rows::read(source, &mut |block, _| {
                // The other end is there until everything was read.
                let _ = to_work.send(block);
                Ok(reuse.try_recv().unwrap_or_default())
            })
        });
        for block in work {
            take(&block);
            let _ = to_reuse.try_send(block);
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Counts the values of columns that lie inside of a domain, in a pass of its own: for columns with so many
/// distinct values that the profile did not keep them.
///
/// # Errors
/// As `rows::read`.
pub fn inside(source: &Source<'_>, domains: &[(usize, &[String])]) -> Result<Vec<u64>> {
    let sets: Vec<HashSet<&str>> =
        domains.iter().map(|(_, domain)| domain.iter().map(String::as_str).collect()).collect();
    let mut counts = vec![0; domains.len()];
    blocks(source, |block| {
        for ((count, set), &(column, _)) in counts.iter_mut().zip(&sets).zip(domains) {
            if column < block.width() {
                *count += block.column(column).flatten().filter(|text| set.contains(text)).count() as u64;
            }
        }
    })?;
    Ok(counts)
}

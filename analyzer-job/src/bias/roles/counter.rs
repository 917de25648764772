//! Counts of groups over the combinations of values, also by stratum of the group variable.

use crate::state::counts::{FacetCounts, Group, Groups};
use crate::values::typing::Cell;

use super::cross::CrossColumn;
use super::facets::Facets;

/// The values of the group variable in ascending order.
pub(super) struct Strata {
    /// Stratum of each combination; none where the value is missing.
    of: Vec<Option<u32>>,
    n: usize,
}

impl Strata {
    pub(super) fn of(column: &CrossColumn) -> Strata {
        let values = &column.distinct.values;
        let mut order: Vec<usize> = (0..values.len()).filter(|&code| values[code] != Cell::Missing).collect();
        order.sort_by(|&one, &two| match (&values[one], &values[two]) {
            (Cell::Int(one), Cell::Int(two)) => one.cmp(two),
            (Cell::Float(one), Cell::Float(two)) => one.total_cmp(two),
            (Cell::Bool(one), Cell::Bool(two)) => one.cmp(two),
            (Cell::Text(one), Cell::Text(two)) => one.cmp(two),
            // A column holds one type.
            _ => std::cmp::Ordering::Equal,
        });
        let mut rank = vec![None; values.len()];
        for (position, &code) in order.iter().enumerate() {
            rank[code] = Some(position as u32);
        }
        Strata { of: column.codes.iter().map(|&code| rank[code as usize]).collect(), n: order.len() }
    }
}

/// Counts facets over the combinations.
pub(super) struct Counter<'a> {
    pub(super) counts: &'a [u64],
    /// Observed and predicted positive, by combination.
    pub(super) outcomes: &'a [[bool; 2]],
    pub(super) strata: Option<&'a Strata>,
}

impl Counter<'_> {
    /// Counts of all entries of a facet over the combinations that are `inside`, in one pass.
    pub(super) fn facet(&self, facet: &Facets, inside: &dyn Fn(usize) -> bool) -> Vec<FacetCounts> {
        // By class, and by stratum within it; the last stratum holds rows without one.
        let n_strata = self.strata.map_or(0, |strata| strata.n);
        let width = n_strata + 1;
        let mut groups = vec![Group::default(); facet.n_classes * width];
        for (at, &rows) in self.counts.iter().enumerate().filter(|(at, _)| inside(*at)) {
            let stratum =
                self.strata.and_then(|strata| strata.of[at]).map_or(n_strata, |stratum| stratum as usize);
            let [observed, predicted] = self.outcomes[at].map(usize::from);
            groups[facet.classes[at] as usize * width + stratum].rows[observed][predicted] += rows;
        }
        let mut all = vec![Group::default(); width];
        for class in groups.chunks_exact(width) {
            all.iter_mut().zip(class).for_each(|(sum, group)| sum.add(group));
        }
        let none = vec![Group::default(); width];
        facet
            .entries
            .iter()
            .map(|(sensitive, printed)| {
                let d = match sensitive {
                    Some(class) => &groups[*class as usize * width..(*class as usize + 1) * width],
                    None => &none[..],
                };
                let strata: Vec<Groups> =
                    d.iter().zip(&all).map(|(d, all)| Groups { d: *d, a: difference(all, d) }).collect();
                let mut total = Groups::default();
                for groups in &strata {
                    total.d.add(&groups.d);
                    total.a.add(&groups.a);
                }
                FacetCounts {
                    facet: facet.name.clone(),
                    value_or_threshold: printed.clone(),
                    total,
                    strata: self.strata.map(|_| strata[..n_strata].to_vec()),
                }
            })
            .collect()
    }
}

fn difference(all: &Group, part: &Group) -> Group {
    let mut rest = *all;
    for (mine, theirs) in rest.rows.iter_mut().flatten().zip(part.rows.iter().flatten()) {
        *mine -= theirs;
    }
    rest
}

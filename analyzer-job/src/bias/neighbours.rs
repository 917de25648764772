//! Exact nearest neighbours.
//!
//! The rows to search are halved into leaves, the points to look from into bunches of a few groups, until each
//! lies close together. A bunch visits the leaves whose box is near enough to its own, nearest first, and there
//! each of its groups for which this holds too compares its points with the leaf's rows (`screen`).
//!
//! What makes this exact to the last bit: distance of boxes adds the same squares in the same order as distance
//! of rows, each at most as large, and rounding keeps order. So boxes never seem farther apart than a point in
//! one and a row in the other. Data of few columns, or with structure, need few comparisons; on shapeless data
//! in many columns nearly every group visits every leaf, at the speed of a matrix product.

use indexmap::IndexMap;
use plumbline_common::Result;
use plumbline_common::stop::Stop;
use rayon::prelude::*;

use super::halves::{Part, part};
use super::numbers::Numbers;
use super::screen::{POINTS, Points, Processor, Scale, Screen, exact};

/// Rows of a leaf: enough that preparing a group for a leaf costs little beside comparing.
const LEAF_ROWS: usize = 256;
/// Points of a bunch; a multiple of `POINTS`.
const BUNCH_POINTS: usize = 48;
/// Halves with more rows than this are worked on side by side.
const PARALLEL_ROWS: usize = 8192;
/// Leaves looked into between two looks at the stop flag: some milliseconds of work.
const STOP_LEAVES: usize = 256;
/// Most neighbours that can be asked for.
const MAX_K: usize = 5;

/// Rows to look from that lie close together.
pub(super) struct Bunch<'a> {
    pub(super) rows: &'a [usize],
    /// All rows have the same values.
    equal: bool,
}

/// Sorts `rows` into bunches.
pub(super) fn bunches<'a>(columns: &[Numbers], rows: &'a mut [usize], stop: &Stop) -> Result<Vec<Bunch<'a>>> {
    stop.check()?;
    Ok(match part(columns, rows, BUNCH_POINTS) {
        Part::Equal(rows) => vec![Bunch { rows, equal: true }],
        Part::Few(rows) => {
            sort_into_groups(columns, rows);
            vec![Bunch { rows, equal: false }]
        }
        Part::Halves(lower, upper) => {
            let (lower, upper) = side_by_side(lower, upper, |rows| bunches(columns, rows, stop));
            let mut bunches = lower?;
            bunches.extend(upper?);
            bunches
        }
    })
}

/// Brings rows that lie close together next to each other, `POINTS` at a time.
fn sort_into_groups(columns: &[Numbers], rows: &mut [usize]) {
    if let Part::Halves(lower, upper) = part(columns, rows, POINTS) {
        sort_into_groups(columns, lower);
        sort_into_groups(columns, upper);
    }
}

fn side_by_side<'a, T: Send>(
    lower: &'a mut [usize],
    upper: &'a mut [usize],
    work: impl Fn(&'a mut [usize]) -> T + Sync,
) -> (T, T) {
    if lower.len() > PARALLEL_ROWS {
        rayon::join(|| work(lower), || work(upper))
    } else {
        (work(lower), work(upper))
    }
}

/// Rows that can be searched by distance.
pub(super) struct Index<'a> {
    columns: &'a [Numbers<'a>],
    /// By row of the columns; rows of its own class are no neighbours of a point. Empty: all rows may be.
    classes: &'a [u32],
    /// Neighbours to find.
    k: usize,
    scale: Scale,
    processor: Processor,
    root: Node,
}

struct Node {
    /// Lowest row number below it.
    first_row: usize,
    /// Lowest and highest value by feature.
    sides: Box<[(f64, f64)]>,
    inner: Inner,
}

enum Inner {
    Leaf(Leaf),
    Halves(Box<[Node; 2]>),
}

struct Leaf {
    /// Row numbers, ascending.
    rows: Box<[usize]>,
    /// Row by row, as they are.
    values: Box<[f64]>,
    screen: Screen,
}

impl<'a> Index<'a> {
    /// `rows`: numbers of the rows to search, into the columns; at least one. `classes`: of each row of the columns, when
    /// rows of a point's own class are no neighbours of it; else empty. `k`: neighbours to find for each point, at most 5.
    ///
    /// # Errors
    /// `STOPPED`.
    pub(super) fn new(
        columns: &'a [Numbers<'a>],
        mut rows: Vec<usize>,
        classes: &'a [u32],
        k: usize,
        stop: &Stop,
    ) -> Result<Index<'a>> {
        let largest = columns.par_iter().map(Numbers::largest).reduce(|| 0.0, f64::max);
        let (k, scale, processor) = (k.min(MAX_K), Scale::new(largest), Processor::new());
        let root = grow(&Growing { columns, classes, k, scale, processor, stop }, &mut rows)?;
        Ok(Index { columns, classes, k, scale, processor, root })
    }

    /// The nearest rows for each row of a bunch, nearest first; among equal distances those of lower number.
    /// Fewer than `k` when there are fewer rows.
    ///
    /// # Errors
    /// `STOPPED`.
    pub(super) fn nearest(&self, bunch: &Bunch, stop: &Stop) -> Result<Vec<Nearest>> {
        stop.check()?;
        if !bunch.equal {
            return self.search(bunch.rows, stop);
        }
        // Equal rows of one class have the same neighbours.
        let mut firsts: IndexMap<u32, usize> = IndexMap::new();
        let class = |row: usize| self.classes.get(row).copied().unwrap_or(0);
        bunch.rows.iter().for_each(|&row| {
            firsts.entry(class(row)).or_insert(row);
        });
        let points: Vec<usize> = firsts.values().copied().collect();
        let nearest = self.search(&points, stop)?;
        let of_class = |row: &usize| nearest[firsts.get_index_of(&class(*row)).unwrap_or(0)];
        Ok(bunch.rows.iter().map(of_class).collect())
    }

    fn search(&self, points: &[usize], stop: &Stop) -> Result<Vec<Nearest>> {
        let mut search = Search::new(self, points, stop);
        search.visit(&self.root, distance(&self.root.sides, &search.sides))?;
        Ok(search.groups.into_iter().flat_map(|group| group.nearest).collect())
    }
}

struct Growing<'a> {
    columns: &'a [Numbers<'a>],
    classes: &'a [u32],
    k: usize,
    scale: Scale,
    processor: Processor,
    stop: &'a Stop,
}

/// The node of these rows and all below it.
fn grow(growing: &Growing, rows: &mut [usize]) -> Result<Node> {
    growing.stop.check()?;
    Ok(match part(growing.columns, rows, LEAF_ROWS) {
        Part::Equal(rows) => {
            let count = first_of_equal(growing, rows);
            leaf(growing, &mut rows[..count])
        }
        Part::Few(rows) => leaf(growing, rows),
        Part::Halves(lower, upper) => {
            let (lower, upper) = side_by_side(lower, upper, |rows| grow(growing, rows));
            let (lower, upper) = (lower?, upper?);
            Node {
                first_row: lower.first_row.min(upper.first_row),
                sides: around(lower.sides.clone(), &upper.sides),
                inner: Inner::Halves(Box::new([lower, upper])),
            }
        }
    })
}

/// Brings those of equal rows to the front that can be neighbours: the first `k`, and where all but a few of them are of
/// one class, the first of other classes. Gives their number, `2 k` at most.
fn first_of_equal(growing: &Growing, rows: &mut [usize]) -> usize {
    let k = growing.k;
    if growing.classes.is_empty() {
        let count = k.min(rows.len());
        rows.select_nth_unstable(count - 1);
        return count;
    }
    rows.sort_unstable();
    let class = |row: usize| growing.classes[row];
    let mut count = 0;
    for at in 0..rows.len() {
        let kept = &rows[..count];
        // Points of a class lack neighbours while fewer than k rows of other classes are kept.
        let lacks = |own: u32| kept.iter().filter(|&&row| class(row) != own).count() < k;
        let is_wanted =
            count < k || kept.iter().any(|&row| class(row) != class(rows[at]) && lacks(class(row)));
        if is_wanted {
            rows.swap(count, at);
            count += 1;
        } else if kept.iter().all(|&row| !lacks(class(row))) {
            break;
        }
    }
    count
}

fn leaf(growing: &Growing, rows: &mut [usize]) -> Node {
    rows.sort_unstable();
    let values = values(growing.columns, rows);
    let sides = sides(&values, growing.columns.len());
    let centre = sides.iter().map(|(low, high)| low / 2.0 + high / 2.0);
    let screen = Screen::new(growing.processor, growing.scale, centre, &values);
    Node {
        first_row: rows[0],
        sides,
        inner: Inner::Leaf(Leaf { rows: (&*rows).into(), values: values.into(), screen }),
    }
}

/// The values of some rows, row by row.
fn values(columns: &[Numbers], rows: &[usize]) -> Vec<f64> {
    rows.iter().flat_map(|&row| columns.iter().map(move |column| column.at(row))).collect()
}

/// The values of one row of values row by row.
fn of(values: &[f64], row: usize, n_features: usize) -> &[f64] {
    &values[row * n_features..(row + 1) * n_features]
}

/// Lowest and highest value by feature of values row by row.
fn sides(values: &[f64], n_features: usize) -> Box<[(f64, f64)]> {
    let mut sides = vec![(f64::INFINITY, f64::NEG_INFINITY); n_features];
    for row in values.chunks_exact(n_features) {
        for ((low, high), &value) in sides.iter_mut().zip(row) {
            *low = value.min(*low);
            *high = value.max(*high);
        }
    }
    sides.into()
}

/// The box around two boxes.
fn around(mut sides: Box<[(f64, f64)]>, others: &[(f64, f64)]) -> Box<[(f64, f64)]> {
    for (side, other) in sides.iter_mut().zip(others) {
        *side = (side.0.min(other.0), side.1.max(other.1));
    }
    sides
}

/// Squared distance of two boxes, summed in the order of the features.
fn distance(x: &[(f64, f64)], y: &[(f64, f64)]) -> f64 {
    x.iter().zip(y).fold(0.0, |sum, (x, y)| {
        let gap = (x.0 - y.1).max(y.0 - x.1).max(0.0);
        sum + gap * gap
    })
}

/// The search from one bunch.
struct Search<'a> {
    index: &'a Index<'a>,
    stop: &'a Stop,
    /// Box around the points.
    sides: Box<[(f64, f64)]>,
    groups: Vec<Group>,
    /// The largest of the groups' `farthest`.
    farthest: (f64, usize),
    leaves: usize,
    /// Space for the screen.
    factors: Vec<Points<f32>>,
}

/// Points of a bunch that are worked on together.
struct Group {
    /// Box around the points.
    sides: Box<[(f64, f64)]>,
    /// Numbers of the points' rows.
    rows: Vec<usize>,
    /// Row by row, as they are.
    values: Vec<f64>,
    /// By feature, scaled.
    points: Vec<Points<f64>>,
    nearest: Vec<Nearest>,
    /// The distance that a neighbour may have, by point; nothing will do for places without a point.
    limits: Points<f64>,
    /// The largest of the points' farthest neighbours, by distance, then row number.
    farthest: (f64, usize),
}

impl Group {
    fn new(index: &Index, rows: &[usize]) -> Group {
        let n_features = index.columns.len();
        let values = values(index.columns, rows);
        let mut points = vec![[0.0; POINTS]; n_features];
        let mut limits = [f64::NEG_INFINITY; POINTS];
        for (point, values) in values.chunks_exact(n_features).enumerate() {
            limits[point] = f64::INFINITY;
            for (points, value) in points.iter_mut().zip(values) {
                points[point] = index.scale.of(*value);
            }
        }
        Group {
            sides: sides(&values, n_features),
            rows: rows.to_vec(),
            values,
            points,
            nearest: vec![Nearest::none(index.k); rows.len()],
            limits,
            farthest: NONE,
        }
    }

    fn look_into(&mut self, leaf: &Leaf, index: &Index, factors: &mut [Points<f32>]) {
        let n_features = self.sides.len();
        let (values, nearest) = (&self.values, &mut self.nearest);
        let (rows, classes) = (&self.rows, index.classes);
        let are_apart = |point: usize, row: usize| classes.is_empty() || classes[rows[point]] != classes[row];
        leaf.screen.search(
            index.processor,
            index.scale,
            &self.points,
            &mut self.limits,
            factors,
            |point, row| {
                let nearest = &mut nearest[point];
                if are_apart(point, leaf.rows[row]) {
                    let (x, y) = (of(values, point, n_features), of(&leaf.values, row, n_features));
                    nearest.offer(exact(x, y, nearest.farthest().0), leaf.rows[row]);
                }
                nearest.farthest().0
            },
        );
        self.farthest = self.nearest.iter().map(Nearest::farthest).fold((0.0, 0), later);
    }
}

/// The one behind the other, of neighbours by distance and row number.
fn later(x: (f64, usize), y: (f64, usize)) -> (f64, usize) {
    if y > x { y } else { x }
}

impl<'a> Search<'a> {
    fn new(index: &'a Index<'a>, rows: &[usize], stop: &'a Stop) -> Search<'a> {
        let groups: Vec<Group> = rows.chunks(POINTS).map(|rows| Group::new(index, rows)).collect();
        let sides = groups.iter().fold(groups[0].sides.clone(), |sides, group| around(sides, &group.sides));
        let factors = vec![[0.0; POINTS]; index.columns.len()];
        Search { index, stop, sides, groups, farthest: NONE, leaves: 0, factors }
    }

    /// `distance`: of the node's box.
    fn visit(&mut self, node: &Node, distance: f64) -> Result<()> {
        if (distance, node.first_row) >= self.farthest {
            return Ok(());
        }
        match &node.inner {
            Inner::Leaf(leaf) => {
                self.leaves += 1;
                if self.leaves.is_multiple_of(STOP_LEAVES) {
                    self.stop.check()?;
                }
                for group in &mut self.groups {
                    if (self::distance(&node.sides, &group.sides), node.first_row) < group.farthest {
                        group.look_into(leaf, self.index, &mut self.factors);
                    }
                }
                self.farthest = self.groups.iter().map(|group| group.farthest).fold((0.0, 0), later);
            }
            Inner::Halves(halves) => {
                let mut halves =
                    halves.each_ref().map(|half| (self::distance(&half.sides, &self.sides), half));
                if (halves[1].0, halves[1].1.first_row) < (halves[0].0, halves[0].1.first_row) {
                    halves.swap(0, 1);
                }
                for (distance, half) in halves {
                    self.visit(half, distance)?;
                }
            }
        }
        Ok(())
    }
}

/// The nearest rows so far, by squared distance, then row number.
#[derive(Clone, Copy)]
pub(super) struct Nearest {
    k: usize,
    found: [(f64, usize); MAX_K],
}

/// Where there is no neighbour: behind all rows.
const NONE: (f64, usize) = (f64::INFINITY, usize::MAX);

impl Nearest {
    fn none(k: usize) -> Nearest {
        Nearest { k, found: [NONE; MAX_K] }
    }

    /// Row numbers, nearest first.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        self.found.into_iter().take(self.k).map(|(_, row)| row).filter(|&row| row != NONE.1)
    }

    fn farthest(&self) -> (f64, usize) {
        self.found[self.k - 1]
    }

    fn offer(&mut self, distance: f64, row: usize) {
        let mut place = self.k;
        while place > 0 && (distance, row) < self.found[place - 1] {
            if place < self.k {
                self.found[place] = self.found[place - 1];
            }
            place -= 1;
        }
        if place < self.k {
            self.found[place] = (distance, row);
        }
    }
}

#[cfg(test)]
#[path = "tests/neighbours.rs"]
mod tests;

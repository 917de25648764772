//! Exact nearest neighbours.
//!
//! Rows are sorted into leaves of 64 by halving the widest side of their box, and a leaf is searched only
//! when its box is near enough. What makes this exact to the last bit: distance to a box adds the same
//! squares in the same order as distance to a row, each at most as large, and rounding keeps order. So a box
//! never seems farther away than a row inside it. On shapeless data in many columns nearly every leaf is
//! searched; leaves are therefore laid out for a plain loop over eight rows at a time.

use super::flip::Numbers;

/// Rows of a leaf; a multiple of `LANES`.
const LEAF_ROWS: usize = 64;
/// Rows compared side by side.
const LANES: usize = 8;
/// Most neighbours that can be asked for.
const MAX_K: usize = 5;

/// Rows that can be searched by distance.
pub(super) struct Tree {
    n_features: usize,
    /// `LANES` rows at a time: for each feature the values of the rows side by side. Lanes without a row
    /// hold infinity.
    values: Vec<[f64; LANES]>,
    /// Row numbers of each lane, `usize::MAX` for none.
    rows: Vec<[usize; LANES]>,
    /// Lowest and highest value by feature, for each node.
    boxes: Vec<(f64, f64)>,
    nodes: Vec<Node>,
}

struct Node {
    /// Lowest row number below it.
    first_row: usize,
    inner: Inner,
}

enum Inner {
    /// Range of `rows`.
    Leaf { from: usize, to: usize },
    /// The node of the lower half is the next one.
    Halves { upper: usize },
}

impl Tree {
    /// `rows`: numbers of the rows to search, into the columns.
    pub(super) fn new(columns: &[Numbers], mut rows: Vec<usize>) -> Tree {
        let n_blocks = rows.len().div_ceil(LANES);
        let mut tree = Tree {
            n_features: columns.len(),
            values: Vec::with_capacity(n_blocks * columns.len()),
            rows: Vec::with_capacity(n_blocks),
            boxes: Vec::new(),
            nodes: Vec::new(),
        };
        tree.grow(columns, &mut rows);
        tree
    }

    /// Adds the node of these rows and all below it.
    fn grow(&mut self, columns: &[Numbers], rows: &mut [usize]) {
        let node = self.nodes.len();
        let first_row = rows.iter().copied().min().unwrap_or(usize::MAX);
        self.nodes.push(Node { first_row, inner: Inner::Halves { upper: 0 } });
        let mut widest = (f64::NEG_INFINITY, 0);
        for (feature, column) in columns.iter().enumerate() {
            let (low, high) = rows.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &row| {
                let value = column.at(row);
                (low.min(value), high.max(value))
            });
            self.boxes.push((low, high));
            if high - low > widest.0 {
                widest = (high - low, feature);
            }
        }
        if rows.len() <= LEAF_ROWS {
            let from = self.rows.len();
            self.add_leaf(columns, rows);
            self.nodes[node].inner = Inner::Leaf { from, to: self.rows.len() };
            return;
        }
        // The lower half fills its leaves; equal values go by row number, so that among identical rows the
        // first stand together.
        let middle = (rows.len() / 2).next_multiple_of(LEAF_ROWS);
        let column = columns[widest.1];
        rows.select_nth_unstable_by(middle, |&x, &y| column.at(x).total_cmp(&column.at(y)).then(x.cmp(&y)));
        let (lower, upper) = rows.split_at_mut(middle);
        self.grow(columns, lower);
        self.nodes[node].inner = Inner::Halves { upper: self.nodes.len() };
        self.grow(columns, upper);
    }

    fn add_leaf(&mut self, columns: &[Numbers], rows: &[usize]) {
        for block in rows.chunks(LANES) {
            let mut numbers = [usize::MAX; LANES];
            numbers[..block.len()].copy_from_slice(block);
            self.rows.push(numbers);
            for column in columns {
                let mut values = [f64::INFINITY; LANES];
                for (value, &row) in values.iter_mut().zip(block) {
                    *value = column.at(row);
                }
                self.values.push(values);
            }
        }
    }

    /// The numbers of the `k` nearest rows, at most 5; fewer when there are fewer rows.
    pub(super) fn nearest(&self, point: &[f64], k: usize) -> impl Iterator<Item = usize> {
        let mut best = Best { k: k.min(MAX_K), found: [(f64::INFINITY, usize::MAX); MAX_K] };
        self.visit(0, self.distance_to_box(0, point), point, &mut best);
        best.found.into_iter().take(best.k).map(|(_, row)| row).filter(|&row| row != usize::MAX)
    }

    fn visit(&self, node: usize, distance: f64, point: &[f64], best: &mut Best) {
        if !best.may_take(distance, self.nodes[node].first_row) {
            return;
        }
        match self.nodes[node].inner {
            Inner::Leaf { from, to } => self.search(from, to, point, best),
            Inner::Halves { upper } => {
                let lower = node + 1;
                let (to_lower, to_upper) =
                    (self.distance_to_box(lower, point), self.distance_to_box(upper, point));
                let lower_first =
                    (to_lower, self.nodes[lower].first_row) <= (to_upper, self.nodes[upper].first_row);
                if lower_first {
                    self.visit(lower, to_lower, point, best);
                    self.visit(upper, to_upper, point, best);
                } else {
                    self.visit(upper, to_upper, point, best);
                    self.visit(lower, to_lower, point, best);
                }
            }
        }
    }

    /// Squared distance, summed in the order of the features.
    fn distance_to_box(&self, node: usize, point: &[f64]) -> f64 {
        let sides = &self.boxes[node * self.n_features..(node + 1) * self.n_features];
        sides.iter().zip(point).fold(0.0, |sum, (&(low, high), &value)| {
            let gap = (low - value).max(value - high).max(0.0);
            sum + gap * gap
        })
    }

    /// Looks at every row of a leaf.
    fn search(&self, from: usize, to: usize, point: &[f64], best: &mut Best) {
        let values = self.values[from * self.n_features..to * self.n_features].chunks_exact(self.n_features);
        for (block, rows) in values.zip(&self.rows[from..to]) {
            let mut distances = [0.0; LANES];
            for (values, &value) in block.iter().zip(point) {
                for lane in 0..LANES {
                    let difference = values[lane] - value;
                    distances[lane] += difference * difference;
                }
            }
            for (&distance, &row) in distances.iter().zip(rows) {
                if best.may_take(distance, row) {
                    best.take(distance, row);
                }
            }
        }
    }
}

/// The nearest rows so far, by squared distance, then row number.
struct Best {
    k: usize,
    found: [(f64, usize); MAX_K],
}

impl Best {
    fn may_take(&self, distance: f64, row: usize) -> bool {
        let (farthest, last_row) = self.found[self.k - 1];
        distance < farthest || (distance == farthest && row < last_row)
    }

    fn take(&mut self, distance: f64, row: usize) {
        let mut place = self.k - 1;
        while place > 0 && (distance, row) < self.found[place - 1] {
            self.found[place] = self.found[place - 1];
            place -= 1;
        }
        self.found[place] = (distance, row);
    }
}

//! A Gaussian process over pairs for given relevances: covariances, likelihood, values and their errors. The numbers
//! in brackets are equations of docs/estimator.md.

use std::borrow::Cow;
use std::sync::OnceLock;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltParams, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, Mat, Par, Spec};
use plumbline_common::stop::Stop;

use super::covariance::Groups;
use super::triangular::{backward, dot, forward, subtract};

/// Added to the diagonal of the covariance, as a share of it.
const JITTER: f64 = 1e-10;

/// The prior of one set of pairs, but for the relevances.
#[derive(Debug)]
pub(super) struct Process {
    /// The signs of the pairs, the pair of full and empty last.
    groups: Groups,
    /// Main effects without a prior.
    free: bool,
    /// Nodes and weights of the integral over (0, 1).
    quadrature: Vec<(f64, f64)>,
}

/// Relevances with everything that follows from them and the pairs.
#[derive(Debug)]
pub(super) struct Fit {
    rho: Vec<f64>,
    /// Extra variance of main effects.
    pub(super) main: f64,
    /// Lower Cholesky factor of the covariance of the pairs.
    factor: Mat<f64>,
    /// Main effects seen through it, and the factor of their information; empty unless free.
    effects: Mat<f64>,
    information: Mat<f64>,
    log_determinants: f64,
    /// Covariances of the values with the pairs, pair after pair, once somebody asked for them.
    cross: OnceLock<Vec<f64>>,
}

impl Process {
    /// `signs`: rows of +1 and -1, one for each pair; `free` only when they determine main effects.
    pub(super) fn new(signs: &Mat<f64>, free: bool) -> Process {
        let (n_pairs, players) = (signs.nrows(), signs.ncols());
        let sign = |row, i| if row < n_pairs { signs[(row, i)] } else { 1.0 };
        let signs = Mat::from_fn(n_pairs + 1, players, sign);
        Process {
            groups: Groups::new(&signs),
            free,
            // Exact for polynomials of the degree at hand.
            quadrature: gauss_legendre(players.div_ceil(2).clamp(2, 24)),
        }
    }

    pub(super) fn is_free(&self) -> bool {
        self.free
    }

    pub(super) fn players(&self) -> usize {
        self.groups.players()
    }

    /// Memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.groups.bytes()
    }

    /// Memory of one operator.
    pub(super) fn bytes_of_operator(&self) -> usize {
        self.groups.rows() * self.players() * size_of::<f64>()
    }

    /// Memory of one fit: its factor and, with free main effects, those seen through it and the covariances.
    pub(super) fn bytes_of_fit(&self) -> usize {
        let (rows, players) = (self.groups.rows(), self.groups.players());
        let effects = if self.free { 2 * rows * players + players * players } else { 0 };
        (rows * rows + effects) * size_of::<f64>()
    }

    /// Covariance of the pairs for these relevances, in units of `product (1 + rho)`.
    pub(super) fn fit(&self, rho: Vec<f64>, main: f64) -> Option<Fit> {
        self.fit_in(Mat::new(), rho, main)
    }

    /// As `fit`, with the factor in the memory of `room`.
    pub(super) fn fit_in(&self, room: Mat<f64>, rho: Vec<f64>, main: f64) -> Option<Fit> {
        let (rows, players) = (self.groups.rows(), self.groups.players());
        let unit: f64 = (-rho.iter().map(|r| r.ln_1p()).sum::<f64>()).exp();
        let mut factor = self.groups.covariance(&rho, if self.free { -unit } else { main * unit }, room);
        let diagonal = factor[(0, 0)];
        // Below this the third order drowns in rounding.
        if diagonal.is_nan() || diagonal < 1e-11 {
            return None;
        }
        for row in 0..rows {
            factor[(row, row)] += JITTER * diagonal;
        }
        cholesky(&mut factor)?;
        let mut log_determinants: f64 = 2.0 * (0..rows).map(|row| factor[(row, row)].ln()).sum::<f64>();
        let (mut effects, mut information) = (Mat::zeros(rows, 0), Mat::zeros(0, 0));
        if self.free {
            effects = Mat::zeros(rows, players);
            for i in 0..players {
                let signs = self.groups.signs_of_player(i);
                effects.col_as_slice_mut(i).iter_mut().zip(signs).for_each(|(half, sign)| *half = sign / 2.0);
            }
            solve_lower_triangular_in_place(factor.as_ref(), effects.as_mut(), Par::Seq);
            let mut gram = Mat::<f64>::zeros(players, players);
            matmul(&mut gram, Accum::Replace, effects.transpose(), &effects, 1.0, Par::Seq);
            cholesky(&mut gram)?;
            information = gram;
            log_determinants += 2.0 * (0..players).map(|i| information[(i, i)].ln()).sum::<f64>();
        }
        log_determinants.is_finite().then_some(Fit {
            rho,
            main,
            factor,
            effects,
            information,
            log_determinants,
            cross: OnceLock::new(),
        })
    }

    /// The values given the pairs, (13) and (14): one for each player, from `observed`, one number for each pair with
    /// that of full and empty last.
    pub(super) fn values(&self, fit: &Fit, observed: &[f64]) -> Vec<f64> {
        let (effects, mut weights) = fit.main_effects(observed);
        // weights = K^-1 (y - H beta)
        backward(&fit.factor, &mut weights);
        let players = self.players();
        let mut values: Vec<f64> = if effects.is_empty() { vec![0.0; players] } else { effects };
        for (covariances, weight) in self.cross(fit).chunks_exact(players).zip(weights) {
            values.iter_mut().zip(covariances).for_each(|(value, cross)| *value += cross * weight);
        }
        values
    }

    /// (11): pair after pair, cov(phi_i, y(s)) =
    /// `2 s_i rho_i (integral over u in (0,1) of the even part of product over j != i of
    /// (1 + u rho_j s_j))` for each player, without the main effect when that is free.
    ///
    /// Kept with the fit where that takes less memory than its factor.
    fn cross<'f>(&self, fit: &'f Fit) -> Cow<'f, [f64]> {
        if self.free {
            Cow::Borrowed(fit.cross.get_or_init(|| self.made_cross(fit)))
        } else {
            Cow::Owned(self.made_cross(fit))
        }
    }

    fn made_cross(&self, fit: &Fit) -> Vec<f64> {
        let (rows, players) = (self.groups.rows(), self.groups.players());
        let unit: f64 = (-fit.rho.iter().map(|r| r.ln_1p()).sum::<f64>()).exp();
        let main = unit * if self.free { -1.0 } else { fit.main };
        // With P and Q, the products over all j for s and for -s, and s_i^2 = 1: the even part times s_i
        // is (s_i (P + Q) - u rho_i (P - Q)) / 2 / (1 - (u rho_i)^2).
        let (mut even, mut odd) = (vec![0.0; rows * players], vec![0.0; rows * players]);
        for &(node, weight) in &self.quadrature {
            let steps: Vec<f64> = fit.rho.iter().map(|r| node * r).collect();
            let scale: f64 = steps.iter().zip(&fit.rho).map(|(step, r)| (1.0 + step) / (1.0 + r)).product();
            let shares: Vec<f64> =
                steps.iter().map(|step| 0.5 * weight * scale / (1.0 - step * step)).collect();
            let odd_shares: Vec<f64> = steps.iter().zip(&shares).map(|(step, share)| step * share).collect();
            let products = self.groups.products(&steps);
            let entries = even.chunks_exact_mut(players).zip(odd.chunks_exact_mut(players));
            for ((even, odd), (straight, turned)) in entries.zip(products) {
                let (sum, difference) = (straight + turned, straight - turned);
                even.iter_mut().zip(&shares).for_each(|(even, share)| *even += share * sum);
                odd.iter_mut().zip(&odd_shares).for_each(|(odd, share)| *odd += share * difference);
            }
        }
        for (row, (even, odd)) in even.chunks_exact_mut(players).zip(odd.chunks_exact(players)).enumerate() {
            let by_player = even.iter_mut().zip(odd).zip(&fit.rho).zip(self.groups.signs_of_row(row));
            for (((even, odd), rho), sign) in by_player {
                *even = 2.0 * rho * (sign * (main + *even) - odd);
            }
        }
        even
    }

    /// Standard deviations of the values given the pairs, the scale being as uncertain as so many pairs
    /// leave it: Student's distribution, whose variance is `n / (n - 2)` times that of the best scale.
    pub(super) fn standard_errors(&self, fit: &Fit, observed: &[f64]) -> Vec<f64> {
        let freedom = observed.len().saturating_sub(fit.effects.ncols()) as f64;
        let deviation = fit.deviation(observed) * (freedom / (freedom - 2.0).max(1.0)).sqrt();
        self.unit_errors(fit, &self.whitened_cross(fit)).iter().map(|error| error * deviation).collect()
    }

    /// Covariance of the pairs with the values, seen through the factor: pairs x players.
    fn whitened_cross(&self, fit: &Fit) -> Mat<f64> {
        let players = self.players();
        let by_pair = self.cross(fit);
        let mut cross = Mat::from_fn(self.groups.rows(), players, |row, i| by_pair[row * players + i]);
        solve_lower_triangular_in_place(fit.factor.as_ref(), cross.as_mut(), Par::Seq);
        cross
    }

    /// Standard deviations for the scale 1.
    fn unit_errors(&self, fit: &Fit, cross: &Mat<f64>) -> Vec<f64> {
        let (rows, players) = (self.groups.rows(), self.groups.players());
        let mut open = Mat::<f64>::identity(players, players);
        if self.free {
            matmul(&mut open, Accum::Add, fit.effects.transpose(), cross, -1.0, Par::Seq);
            solve_lower_triangular_in_place(fit.information.as_ref(), open.as_mut(), Par::Seq);
        }
        (0..players)
            .map(|i| {
                let known: f64 = (0..rows).map(|row| cross[(row, i)].powi(2)).sum();
                let effects: f64 =
                    if self.free { (0..players).map(|k| open[(k, i)].powi(2)).sum() } else { 0.0 };
                let prior = prior_variance(&fit.rho, i, if self.free { None } else { Some(fit.main) });
                ((prior - known).max(0.0) + effects).sqrt()
            })
            .collect()
    }

    /// The linear map from the pairs (without the pair of full and empty, which must be 0) to the values,
    /// and the standard deviations for the scale 1; for free main effects. The largest matrix lies in `room`.
    /// None when the covariance could not be factorised, or when the job was asked to stop.
    pub(super) fn operator(&self, rho: f64, room: &mut Mat<f64>, stop: &Stop) -> Option<Operator> {
        let (rows, players) = (self.groups.rows(), self.groups.players());
        let fit = self.fit_in(std::mem::replace(room, Mat::new()), vec![rho; players], 0.0)?;
        if stop.requested() {
            return None;
        }
        let cross = self.whitened_cross(&fit);
        if stop.requested() {
            return None;
        }
        let unit_errors = self.unit_errors(&fit, &cross);
        // With V = L^-1 C', W = L^-1 H and G = W'W:
        // phi = (V' + (I - V'W) G^-1 W') L^-1 y.
        let mut open = Mat::<f64>::identity(players, players);
        matmul(&mut open, Accum::Add, fit.effects.transpose(), &cross, -1.0, Par::Seq);
        solve_lower_triangular_in_place(fit.information.as_ref(), open.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(fit.information.transpose(), open.as_mut(), Par::Seq);
        let mut transposed = cross;
        matmul(&mut transposed, Accum::Add, &fit.effects, &open, 1.0, Par::Seq);
        solve_upper_triangular_in_place(fit.factor.transpose(), transposed.as_mut(), Par::Seq);
        *room = fit.factor;
        let mut by_pair = Vec::with_capacity((rows - 1) * players);
        for row in 0..rows - 1 {
            by_pair.extend((0..players).map(|i| transposed[(row, i)]));
        }
        Some(Operator { by_pair, unit_errors })
    }
}

/// One linear map for all rows and outputs.
#[derive(Debug)]
pub(super) struct Operator {
    /// Pair after pair, a factor for each player.
    pub(super) by_pair: Vec<f64>,
    pub(super) unit_errors: Vec<f64>,
}

impl Fit {
    /// The memory of its covariance.
    pub(super) fn into_room(self) -> Mat<f64> {
        self.factor
    }

    /// Generalised least squares of the main effects, `beta` of (14), and what they leave, whitened.
    fn main_effects(&self, observed: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut white = observed.to_vec();
        forward(&self.factor, &mut white);
        let players = self.effects.ncols();
        let mut effects: Vec<f64> = (0..players).map(|i| dot(self.effects.col_as_slice(i), &white)).collect();
        forward(&self.information, &mut effects);
        backward(&self.information, &mut effects);
        for (i, effect) in effects.iter().enumerate() {
            subtract(&mut white, *effect, self.effects.col_as_slice(i));
        }
        (effects, white)
    }

    /// The scale that makes the pairs most likely; NaN when none are left to tell.
    pub(super) fn deviation(&self, observed: &[f64]) -> f64 {
        let freedom = observed.len().saturating_sub(self.effects.ncols());
        if freedom == 0 { f64::NAN } else { (self.sum_of_squares(observed) / freedom as f64).sqrt() }
    }

    fn sum_of_squares(&self, observed: &[f64]) -> f64 {
        let (_, white) = self.main_effects(observed);
        dot(&white, &white)
    }

    /// (15): log likelihood with the scale at its best, main effects integrated out; up to a constant.
    pub(super) fn likelihood(&self, observed: &[f64]) -> f64 {
        let freedom = observed.len().saturating_sub(self.effects.ncols()) as f64;
        if freedom == 0.0 {
            return 0.0;
        }
        -0.5 * freedom * (self.sum_of_squares(observed).max(f64::MIN_POSITIVE) / freedom).ln()
            - 0.5 * self.log_determinants
    }
}

/// Puts the lower factor in place of a symmetric matrix, of which only the lower triangle is read and
/// written. None when it is not positive.
fn cholesky(matrix: &mut Mat<f64>) -> Option<()> {
    let mut parameters: Spec<LltParams, f64> = Spec::default();
    // Smaller steps than usual take a tenth to a half less time for 50 to 150 pairs.
    parameters.config.recursion_threshold = 16;
    let scratch = cholesky_in_place_scratch::<f64>(matrix.nrows(), Par::Seq, parameters);
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    cholesky_in_place(matrix.as_mut(), Default::default(), Par::Seq, stack, parameters).ok()?;
    Some(())
}

/// (12): variance of `phi_i` before anything is seen: `4 rho_i` times the sum over even q of
/// `e_q(rho without i) / (q + 1)^2`, from q = 2 when main effects are free.
fn prior_variance(rho: &[f64], player: usize, main: Option<f64>) -> f64 {
    // Coefficients of product (1 + rho_j z) / (1 + rho_j).
    let mut order = vec![0.0; rho.len()];
    order[0] = 1.0 / (1.0 + rho[player]);
    let mut used = 0;
    for (_, r) in rho.iter().enumerate().filter(|(j, _)| *j != player) {
        used += 1;
        for q in (1..=used).rev() {
            order[q] = (order[q] + order[q - 1] * r) / (1.0 + r);
        }
        order[0] /= 1.0 + r;
    }
    let high: f64 =
        order.iter().enumerate().skip(2).step_by(2).map(|(q, e)| e / ((q + 1) as f64).powi(2)).sum();
    4.0 * rho[player] * (high + main.map_or(0.0, |main| order[0] * (1.0 + main)))
}

/// Nodes and weights on (0, 1), by Newton's method on the Legendre polynomial.
pub(super) fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let n = count as f64;
    (0..count)
        .map(|k| {
            let mut x = (std::f64::consts::PI * (k as f64 + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let (mut before, mut value) = (1.0, x);
                for degree in 2..=count {
                    let d = degree as f64;
                    (before, value) = (value, ((2.0 * d - 1.0) * x * value - (d - 1.0) * before) / d);
                }
                slope = n * (x * value - before) / (x * x - 1.0);
                let step = value / slope;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            ((1.0 + x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::twins::{noise, solve};
    use super::*;

    #[test]
    fn quadrature_integrates_polynomials_exactly() {
        for count in 2..=24 {
            let nodes = gauss_legendre(count);
            assert_eq!(nodes.len(), count);
            assert!(nodes.iter().all(|(node, weight)| (0.0..1.0).contains(node) && *weight > 0.0));
            for degree in 0..2 * count {
                let sum: f64 = nodes.iter().map(|(node, weight)| weight * node.powi(degree as i32)).sum();
                let exact = 1.0 / (degree + 1) as f64;
                assert!((sum - exact).abs() < 1e-14, "{count} nodes, degree {degree}: {sum} {exact}");
            }
        }
    }

    /// The prior written out: a coefficient of its own for every set of an odd number of players.
    struct Twin {
        players: usize,
        rho: Vec<f64>,
        /// Extra variance of main effects; none: they have no coefficients here, and no prior.
        main: Option<f64>,
    }

    impl Twin {
        /// Each set with its variance, in units of `product (1 + rho)`.
        fn sets(&self) -> Vec<(u32, f64)> {
            let unit: f64 = self.rho.iter().map(|r| 1.0 + r).product();
            let odd = (0..1u32 << self.players).filter(|set| set.count_ones() % 2 == 1);
            odd.filter_map(|set| {
                let product: f64 =
                    (0..self.players).filter(|i| set >> i & 1 == 1).map(|i| self.rho[i]).product();
                let share = if set.count_ones() == 1 { 1.0 + self.main? } else { 1.0 };
                Some((set, share * product / unit))
            })
            .collect()
        }

        fn sign(set: u32, signs: &[f64]) -> f64 {
            signs.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, sign)| sign).product()
        }

        fn covariance(&self, one: &[f64], two: &[f64]) -> f64 {
            let of = |(set, variance): &(u32, f64)| variance * Twin::sign(*set, one) * Twin::sign(*set, two);
            self.sets().iter().map(of).sum()
        }

        /// Of the value of a player, to which a set gives `2 / size` of its coefficient, with a pair.
        fn cross(&self, player: usize, signs: &[f64]) -> f64 {
            let with_player = |(set, _): &&(u32, f64)| set >> player & 1 == 1;
            let of = |(set, variance): &(u32, f64)| {
                2.0 / f64::from(set.count_ones()) * variance * Twin::sign(*set, signs)
            };
            self.sets().iter().filter(with_player).map(of).sum()
        }

        fn prior_variance(&self, player: usize) -> f64 {
            let with_player = |(set, _): &&(u32, f64)| set >> player & 1 == 1;
            let of = |(set, variance): &(u32, f64)| (2.0 / f64::from(set.count_ones())).powi(2) * variance;
            self.sets().iter().filter(with_player).map(of).sum()
        }
    }

    /// Pairs of a few players, no two alike and none all plus.
    fn pairs(count: usize, players: usize) -> Vec<Vec<f64>> {
        let masks = (1..1u32 << (players - 1)).map(|mask| (mask * 7) % (1 << (players - 1)));
        let mut seen = std::collections::BTreeSet::new();
        masks
            .filter(|mask| *mask != 0 && seen.insert(*mask))
            .take(count)
            .map(|mask| (0..players).map(|i| if mask >> i & 1 == 1 { -1.0 } else { 1.0 }).collect())
            .collect()
    }

    #[track_caller]
    fn check(players: usize, count: usize, main: Option<f64>) {
        let mut rows = pairs(count, players);
        assert_eq!(rows.len(), count);
        let rho: Vec<f64> = (0..players).map(|i| 0.1 + 0.6 * i as f64 / players as f64).collect();
        let process = Process::new(&Mat::from_fn(count, players, |row, i| rows[row][i]), main.is_none());
        let fit = process.fit(rho.clone(), main.unwrap_or(0.0)).unwrap();
        // The pair of full and empty is the last one.
        rows.push(vec![1.0; players]);
        let n = rows.len();
        let twin = Twin { players, rho, main };
        let observed: Vec<f64> = (0..n).map(noise).collect();
        // The covariance, bordered by the main effects where these have no prior.
        let free = if main.is_none() { players } else { 0 };
        let mut system = vec![vec![0.0; n + free]; n + free];
        for row in 0..n {
            for column in 0..n {
                system[row][column] = twin.covariance(&rows[row], &rows[column]);
            }
            for i in 0..free {
                system[row][n + i] = rows[row][i] / 2.0;
                system[n + i][row] = rows[row][i] / 2.0;
            }
        }
        let diagonal = system[0][0];
        (0..n).for_each(|row| system[row][row] += JITTER * diagonal);
        let mut right = observed.clone();
        right.resize(n + free, 0.0);
        let weights = solve(system.clone(), right);
        let deviation = process.standard_errors(&fit, &observed);
        let freedom = (n - free) as f64;
        let scale = (observed.iter().zip(&weights).map(|(y, weight)| y * weight).sum::<f64>() / freedom)
            .sqrt()
            * (freedom / (freedom - 2.0).max(1.0)).sqrt();
        for (i, value) in process.values(&fit, &observed).into_iter().enumerate() {
            let cross: Vec<f64> = rows.iter().map(|row| twin.cross(i, row)).collect();
            let mut expected: f64 = cross.iter().zip(&weights).map(|(cross, weight)| cross * weight).sum();
            if main.is_none() {
                expected += weights[n + i];
            }
            assert!(
                (value - expected).abs() < 1e-5 * expected.abs().max(1.0),
                "player {i}: {value} {expected}"
            );
            // With the main effect as one more unknown of the border: its share of the value is 1.
            let mut border = cross;
            border.extend((0..free).map(|k| if k == i { 1.0 } else { 0.0 }));
            let known = solve(system.clone(), border.clone());
            let variance = twin.prior_variance(i)
                - border.iter().zip(&known).map(|(border, known)| border * known).sum::<f64>();
            let expected = variance.max(0.0).sqrt() * scale;
            assert!(
                (deviation[i] - expected).abs() < 1e-5 * scale,
                "player {i}: {} {expected}",
                deviation[i]
            );
        }
    }

    #[test]
    fn values_and_errors_are_those_of_the_prior_written_out() {
        for main in [None, Some(0.0), Some(10.0)] {
            check(5, 9, main);
            check(6, 20, main);
            check(7, 30, main);
        }
    }

    #[test]
    fn the_operator_gives_the_values_of_its_fit() {
        let (players, count) = (6, 22);
        let rows = pairs(count, players);
        let process = Process::new(&Mat::from_fn(count, players, |row, i| rows[row][i]), true);
        let observed: Vec<f64> = (0..count).map(noise).chain([0.0]).collect();
        let fit = process.fit(vec![0.3; players], 0.0).unwrap();
        let expected = process.values(&fit, &observed);
        let operator = process.operator(0.3, &mut Mat::new(), &Stop::default()).unwrap();
        for (i, expected) in expected.iter().enumerate() {
            let by_pair = operator.by_pair.chunks_exact(players);
            let value: f64 = by_pair.zip(&observed).map(|(factors, y)| factors[i] * y).sum();
            assert!((value - expected).abs() < 1e-9, "player {i}: {value} {expected}");
        }
    }
}

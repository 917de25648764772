//! Shapley values by a Gaussian process over pairs: the values that few coalitions make most likely.
//!
//! The odd part of a game is a polynomial in +1/-1 variables with terms of odd order. Main effects are
//! free (no prior at all when the pairs determine them), the coefficient of a set of three or more
//! players has the variance `product of rho_i`. How fast the variances fall with the order, and which
//! players interact, is told by the likelihood of the pairs themselves. A set's coefficient is shared
//! evenly by its players: `phi_i = sum over odd sets of 2 f / size`. Equations (9) to (15) of docs/estimator.md, where
//! the constants below come from.

use faer::Mat;
use plumbline_common::stop::Stop;

use super::process::{Fit, Process};

/// Common relevances tried first. The smallest, for which little but the third order counts, is tried with free
/// main effects only; where they are not free it draws the mean over many relevances too far.
pub(super) const COMMON: [f64; 8] = [0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75];
/// Relevance of the most important player in the rounds that follow; the smallest as above. The search begins
/// one place below that of the common relevance, whose other players count less.
const LARGEST: [f64; 7] = [0.04, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85];
/// Powers that turn attributions into relevances.
const POWERS: [f64; 2] = [0.5, 1.0];
const ROUNDS: usize = 3;
/// No relevance is smaller than this share of the largest.
const FLOOR: f64 = 0.02;
/// Relevances whose log likelihood is this far below the highest have no weight worth the work.
const WINDOW: f64 = 16.0;
/// Power of the likelihood in the weights of standard errors. Games are no draws from this prior, trees least
/// of all, so their pairs tell the relevances less surely than the likelihood claims.
const CAREFUL: f64 = 0.25;
/// Extra variance of main effects where the pairs do not determine them.
const MAIN_EFFECTS: [f64; 3] = [0.0, 1.0, 10.0];

/// The search for the relevances of one set of pairs, with what does not depend on the data.
#[derive(Debug)]
pub(super) struct Gaussian {
    process: Process,
    /// By relevance and, within, extra variance of main effects; none where rounding wins.
    common: Vec<Option<Fit>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Estimate {
    pub values: Vec<f64>,
    pub standard_errors: Vec<f64>,
}

/// A search for likely relevances that follow the sizes of attributions.
struct Search<'a> {
    stop: &'a Stop,
    sizes: Vec<f64>,
    /// Extra variance of main effects.
    main: f64,
    observed: &'a [f64],
    tried: &'a mut Vec<Tried>,
}

impl Search<'_> {
    fn best_of(&self, places: Vec<usize>) -> Option<usize> {
        let likelihood = |place: usize| self.tried[place].likelihood;
        places.into_iter().reduce(|best, next| if likelihood(next) > likelihood(best) { next } else { best })
    }
}

#[derive(Debug)]
struct Tried {
    power: f64,
    /// In the list of `LARGEST`.
    place: usize,
    likelihood: f64,
    fit: Fit,
}

/// Place of the smallest relevance to try.
fn smallest(free: bool) -> usize {
    usize::from(!free)
}

/// Extra variances of main effects to try.
fn mains(free: bool) -> &'static [f64] {
    if free { &[0.0] } else { &MAIN_EFFECTS }
}

impl Gaussian {
    /// `signs`: rows of +1 and -1, one for each pair; `free` only when they determine main effects. Of a job that was
    /// asked to stop, only a part.
    pub(super) fn new(signs: &Mat<f64>, free: bool, stop: &Stop) -> Gaussian {
        Gaussian::in_rooms(signs, free, Mat::new, stop)
    }

    /// As `new`, with the covariances in the memory of matrices that `room` gives.
    pub(super) fn in_rooms(
        signs: &Mat<f64>,
        free: bool,
        room: impl Fn() -> Mat<f64>,
        stop: &Stop,
    ) -> Gaussian {
        let process = Process::new(signs, free);
        let candidates =
            COMMON[smallest(free)..].iter().flat_map(|&rho| mains(free).iter().map(move |&main| (rho, main)));
        let common = candidates
            .take_while(|_| !stop.requested())
            .map(|(rho, main)| process.fit_in(room(), vec![rho; signs.ncols()], main))
            .collect();
        Gaussian { process, common }
    }

    /// The matrices of its covariances; it is of no use without them.
    pub(super) fn take_rooms(&mut self) -> impl Iterator<Item = Mat<f64>> {
        self.common.drain(..).flatten().map(Fit::into_room)
    }

    /// The common relevance under which the pairs are most likely: its likelihood and its place in the list.
    pub(super) fn most_likely(&self, observed: &[f64]) -> Option<(f64, usize, &Fit)> {
        let mut best: Option<(f64, usize, &Fit)> = None;
        for (place, fit) in self.common.iter().enumerate() {
            let Some(fit) = fit else { continue };
            let likelihood = fit.likelihood(observed);
            if best.is_none_or(|(highest, ..)| likelihood > highest) {
                best = Some((likelihood, place, fit));
            }
        }
        best
    }

    pub(super) fn is_free(&self) -> bool {
        self.process.is_free()
    }

    /// Memory that it takes, once all its covariances are there.
    pub(super) fn bytes(&self) -> usize {
        self.process.bytes() + self.common.len() * self.process.bytes_of_fit()
    }

    /// Values from the half differences of the pairs and the total that they must add up to.
    ///
    /// With free main effects the most likely relevances give both. With few pairs no single choice is
    /// certain: values are then the mean over all relevances tried, weighted by their likelihood (Bayesian
    /// model averaging). A standard error is the root mean square of the posterior's deviation from
    /// that value, over the same relevances weighted by `CAREFUL` powers of their likelihood (a tempered
    /// posterior), with Student's variance for the unknown scale. docs/explainability.md
    /// says how many values two standard errors hold.
    ///
    /// `offset`: values that were taken off the pairs before; they tell which players matter.
    /// None when no covariance could be factorised, or when the job was asked to stop: a look at `stop` for each
    /// covariance.
    pub(super) fn estimate(
        &self,
        halves: &[f64],
        total: f64,
        offset: Option<&[f64]>,
        stop: &Stop,
    ) -> Option<Estimate> {
        let observed: Vec<f64> = halves.iter().copied().chain([total / 2.0]).collect();
        let (mut highest, place, start) = self.most_likely(&observed)?;
        let mut values = self.process.values(start, &observed);
        let mut tried: Vec<Tried> = Vec::new();
        let mut likeliest: Option<usize> = None;
        for _ in 0..ROUNDS {
            let sizes: Vec<f64> = values
                .iter()
                .enumerate()
                .map(|(i, value)| (value + offset.map_or(0.0, |offset| offset[i])).abs())
                .collect();
            let mut search = Search { stop, sizes, main: start.main, observed: &observed, tried: &mut tried };
            let found = self.search(&mut search, likeliest, self.first_place(place));
            let Some(found) = found.filter(|found| tried[*found].likelihood > highest) else { break };
            highest = tried[found].likelihood;
            values = self.process.values(&tried[found].fit, &observed);
            likeliest = Some(found);
        }
        let (mut values, standard_errors) = if self.process.is_free() {
            let fit = likeliest.map_or(start, |idx| &tried[idx].fit);
            (values, self.process.standard_errors(fit, &observed))
        } else {
            let common = self.common.iter().flatten().map(|fit| (fit.likelihood(&observed), fit));
            let own = tried.iter().map(|tried| (tried.likelihood, &tried.fit));
            self.mixture(common.chain(own), highest, &observed, stop)?
        };
        let players = values.len() as f64;
        let missing = (total - values.iter().sum::<f64>()) / players;
        values.iter_mut().for_each(|value| *value += missing);
        Some(Estimate { values, standard_errors })
    }

    /// Where to begin to climb: near the common relevance where the best fit is all that counts, in the
    /// middle where the mean over many does.
    fn first_place(&self, common: usize) -> usize {
        if self.process.is_free() {
            common.saturating_sub(1).min(LARGEST.len() - 1)
        } else {
            LARGEST.len().div_ceil(2)
        }
    }

    /// Values and standard errors over all fits whose likelihood is not far below the `highest`.
    fn mixture<'f>(
        &'f self,
        fits: impl Iterator<Item = (f64, &'f Fit)>,
        highest: f64,
        observed: &[f64],
        stop: &Stop,
    ) -> Option<(Vec<f64>, Vec<f64>)> {
        let players = self.process.players();
        let (mut weight, mut careful_weight) = (0.0, 0.0);
        let (mut values, mut squares) = (vec![0.0; players], vec![0.0; players]);
        let likely: Vec<(f64, Vec<f64>, Vec<f64>)> = fits
            .filter(|(likelihood, _)| *likelihood >= highest - WINDOW)
            .map(|(likelihood, fit)| {
                (!stop.requested()).then(|| {
                    (
                        likelihood - highest,
                        self.process.values(fit, observed),
                        self.process.standard_errors(fit, observed),
                    )
                })
            })
            .collect::<Option<_>>()?;
        for (likelihood, of_fit, _) in &likely {
            weight += likelihood.exp();
            let share = likelihood.exp() / weight;
            values.iter_mut().zip(of_fit).for_each(|(mean, value)| *mean += share * (value - *mean));
        }
        for (likelihood, of_fit, errors) in &likely {
            let share = (CAREFUL * likelihood).exp();
            careful_weight += share;
            for (i, sum) in squares.iter_mut().enumerate() {
                *sum += share * (errors[i].powi(2) + (of_fit[i] - values[i]).powi(2));
            }
        }
        Some((values, squares.iter().map(|sum| (sum / careful_weight).sqrt()).collect()))
    }

    /// The most likely relevances near those of the round before; in the first round, of either power from
    /// `place` on. With free main effects, where the best fit is all that counts, the less promising power
    /// is left early and later rounds only follow the sizes.
    fn search(&self, search: &mut Search, before: Option<usize>, place: usize) -> Option<usize> {
        if let Some(before) = before {
            let Tried { power, place, .. } = search.tried[before];
            let start = self.attempt(search, power, place)?;
            return Some(if self.process.is_free() { start } else { self.climb(search, start) });
        }
        // Small relevances may drown in rounding: then larger ones are tried.
        let mut first =
            |power: f64| (place..LARGEST.len()).find_map(|place| self.attempt(search, power, place));
        let mut starts: Vec<usize> = POWERS.iter().filter_map(|&power| first(power)).collect();
        if self.process.is_free() {
            starts = search.best_of(starts).into_iter().collect();
        }
        let ends = starts.into_iter().map(|start| self.climb(search, start)).collect();
        search.best_of(ends)
    }

    /// Goes to either side for as long as it helps.
    fn climb(&self, search: &mut Search, start: usize) -> usize {
        let Tried { power, place, .. } = search.tried[start];
        let mut best = start;
        let mut helps = |place: usize| {
            let found = self.attempt(search, power, place);
            let better =
                found.filter(|&found| search.tried[found].likelihood > search.tried[best].likelihood);
            best = better.unwrap_or(best);
            better.is_some()
        };
        if (place + 1..LARGEST.len()).take_while(|&place| helps(place)).count() == 0 {
            (smallest(self.is_free())..place).rev().take_while(|&place| helps(place)).count();
        }
        best
    }

    /// Tries the relevances `LARGEST[place] (size / largest size)^power`.
    fn attempt(&self, search: &mut Search, power: f64, place: usize) -> Option<usize> {
        let largest = search.sizes.iter().copied().fold(0.0, f64::max);
        if largest <= 0.0 || search.stop.requested() {
            return None;
        }
        let share = |size: &f64| (size / largest).powf(power).max(FLOOR);
        let rho = search.sizes.iter().map(|size| LARGEST[place] * share(size)).collect();
        let fit = self.process.fit(rho, search.main)?;
        search.tried.push(Tried { power, place, likelihood: fit.likelihood(search.observed), fit });
        Some(search.tried.len() - 1)
    }
}

//! Model quality: how good predictions are against the labels that came later.
//!
//! One pass leaves counts (`outcomes`), everything else follows from them: the metrics, curves and deviations of the
//! hosted service (`metrics`, `curves`, `deviations`, `statistics`), its thresholds and violations (`constraints`), and
//! what it does not say: how sure a value is (`intervals`, `as_share`), whether a change is more than chance (`moved`), and a
//! miss of a threshold that a person chose (`chosen`), whether scores mean what they say (`calibration`), and how good the rows without labels probably are (`estimate`).

pub mod answers;
mod as_share;
pub mod baseline;
pub mod calibration;
pub mod chosen;
pub mod classes;
pub mod compared;
pub mod constraints;
pub mod curves;
pub mod details;
pub mod deviations;
mod errors;
pub mod estimate;
pub mod facets;
pub mod findings;
pub mod fit;
pub mod group;
pub mod intervals;
pub mod metrics;
pub mod misfit;
pub mod moved;
pub mod notes;
pub mod outcomes;
pub mod part;
mod random;
mod reasons;
pub mod rows;
pub mod spread;
pub mod statistics;
pub mod tally;
#[cfg(test)]
mod tests_of_captures;
#[cfg(test)]
mod tests_of_parts;
#[cfg(test)]
mod tests_of_requests;
#[cfg(test)]
mod twin;
mod written;

//! The baseline of a monitoring run as it was read: `constraints.json` and `statistics.json`, ours or the hosted
//! service's, of any year.

mod constraints;
mod distributions;
mod doubts;
mod features;

pub use constraints::{Constraint, Constraints, constraints, constraints_of};
pub use distributions::{Distribution, Seen, lacking, statistics, statistics_of, told_lacking};
pub use doubts::Doubts;

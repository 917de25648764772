//! Shapley values of a model's outputs.
//!
//! A row's features are players. A set of them keeps the row's values while the others take those of the
//! baseline; the set's worth is the mean prediction over the baseline's rows, through the link. A
//! feature's value is its fair share of what lies between the baseline and the row.

mod ask;
mod baseline;
mod budget;
mod choice;
mod classic;
mod clusters;
mod coalitions;
mod covariance;
mod design;
mod designs;
mod doubts;
mod explain;
mod game;
mod gaussian;
mod kinds;
mod lanes;
mod least_squares;
mod local_values;
pub mod pdp;
mod play;
mod process;
mod shared_gaussian;
mod solution;
mod solver;
mod summary;
mod task;
mod triangular;
#[cfg(test)]
mod twins;

pub use ask::Known;
pub(crate) use baseline::from_table;
pub(crate) use baseline::written::to_file;
pub use baseline::{Place, from_configuration, from_file};
pub(crate) use budget::{check, coalitions};
pub(crate) use clusters::MOST_CLUSTERS;
pub use clusters::from_clusters;
pub use explain::{Explained, Local, Part, explain, explain_part};
pub use kinds::{Kind, kind};
pub use local_values::{LocalValues, baseline_csv};
pub use task::{Estimator, Task};

//! Shapley values of a model's outputs.
//!
//! A row's features are players. A set of them keeps the row's values while the others take those of the
//! baseline; the set's worth is the mean prediction over the baseline's rows, through the link. A
//! feature's value is its fair share of what lies between the baseline and the row.

mod ask;
mod classic;
mod coalitions;
mod design;
mod explain;
mod gaussian;
mod least_squares;
mod summary;

pub use design::Estimator;
pub use explain::{Explained, Local, Task, explain};

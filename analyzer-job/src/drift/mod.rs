//! Today against a baseline: bias metrics and attributions; what chance explains, and one error rate for many tests.

pub mod attributions;
pub mod bias;
pub mod chance;
pub mod error_rate;
pub(crate) mod same;
mod unchecked;
pub(crate) mod verdict;
pub mod windows;

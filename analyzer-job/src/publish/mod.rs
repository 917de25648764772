//! Metrics for the outside world.

pub mod cloudwatch;

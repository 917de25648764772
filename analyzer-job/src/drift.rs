//! This run against the baseline.

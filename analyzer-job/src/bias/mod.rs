//! Bias metrics from counts.

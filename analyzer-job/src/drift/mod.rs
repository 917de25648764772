//! Today against a baseline: bias metrics and attributions.

pub mod attributions;
pub mod bias;

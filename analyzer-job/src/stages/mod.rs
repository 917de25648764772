//! The stages of a job: each takes the context and values, and gives a value.

pub(crate) mod analysis;
pub(crate) mod attributions;
pub(crate) mod baselines;
pub(crate) mod bias;
pub(crate) mod combine;
pub(crate) mod data_quality;
pub(crate) mod done;
pub(crate) mod earlier;
pub(crate) mod fold;
pub(crate) mod inputs;
pub(crate) mod joins;
pub(crate) mod manifest;
pub(crate) mod model_quality;
pub(crate) mod predictions;
pub(crate) mod publish;
pub(crate) mod questions;
pub(crate) mod refused;
pub(crate) mod results;
pub(crate) mod segments;
pub(crate) mod several;
pub(crate) mod sources;
pub(crate) mod states;
pub(crate) mod task;
mod written;

//! The analysis: bias metrics, attributions and their drift, from any dataset or from monitoring data.

mod asking;
pub mod attribution_drift;
pub mod bias;
pub mod cells;
pub mod cloudwatch;
pub mod compare;
pub mod config;
pub mod counts;
pub mod details;
pub mod drift;
mod explaining;
mod inputs;
pub mod model;
pub mod numbers;
pub mod pdp;
pub mod plan;
mod publish;
pub mod read;
pub mod report;
pub mod results;
pub mod roles;
pub mod run;
pub mod settings;
pub mod shap;
pub mod table;
mod validate;

//! The analysis: bias metrics, attributions and their drift, from any dataset or from monitoring data.

pub mod aws;
mod beta;
pub mod bias;
pub mod commands;
pub mod config;
mod context;
pub mod drift;
pub mod model;
pub mod monitor;
mod normal;
mod paper;
pub mod performance;
pub mod plan;
pub mod publish;
pub mod quality;
mod random;
pub mod read;
pub mod report;
pub mod results;
pub mod run;
pub mod settings;
pub mod shap;
mod stages;
pub mod state;
pub mod values;

#[cfg(test)]
mod stops;

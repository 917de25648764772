//! The analyzer job: bias metrics, attributions and their drift, from a dataset or from monitoring
//! data. Modules in the order of the data.

pub mod config;
pub mod counts;
pub mod details;
pub mod numbers;
pub mod results;
pub mod table;

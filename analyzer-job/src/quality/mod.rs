//! Data quality: statistics of every column, constraints, and how far later data have moved from them.

pub mod baseline;
pub mod checks;
pub mod config;
pub mod constraints;
pub mod details;
pub mod distance;
pub mod drift;
pub mod homogeneity;
pub mod kolmogorov;
pub mod metrics;
pub mod naming;
pub mod part;
pub mod pass;
pub mod past;
pub mod profile;
pub mod segments;
pub mod shift;
pub mod statistics;
pub mod summed;
#[cfg(test)]
mod tests_of_damage;
#[cfg(test)]
mod tests_of_files;
#[cfg(test)]
mod tests_of_headers;
#[cfg(test)]
mod tests_of_kinds;
#[cfg(test)]
mod twin;

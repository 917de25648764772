//! The data that demo, tests and benchmarks run on, made from a seed: applications for small loans
//! (`credit`), training datasets (`dataset`), captured requests with their ground truth as SageMaker lays
//! them out (`traffic`), and the analysis configurations that fit them (`configs`).
//!
//! Every row is a pure function of seed and row number, so the same arguments give the same bytes on any
//! machine with any number of threads.

pub mod configs;
pub mod credit;
pub mod dataset;
pub mod measure;
mod random;
pub mod reshape;
mod text;
pub mod traffic;

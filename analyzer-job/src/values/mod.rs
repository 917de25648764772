//! What a cell is, once: values, cells as written, the typing rule, tables, numbers as printed, paths.

pub(crate) mod alike;
pub mod cells;
pub(crate) mod firsts;
pub mod java;
pub(crate) mod key_sets;
pub(crate) mod names;
pub(crate) mod nested;
pub mod numbers;
pub mod path;
mod query;
pub mod raw;
pub mod scan;
pub mod table;
pub mod typing;

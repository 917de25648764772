//! What a cell is, once: values, cells as written, the typing rule, tables, numbers as printed, paths.

pub mod cells;
pub mod java;
pub mod numbers;
pub mod path;
pub mod raw;
pub mod table;
pub mod typing;

//! Rows from any input.

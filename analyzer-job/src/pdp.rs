//! Partial dependence.

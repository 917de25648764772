//! Predictions from a model.

//! Shapley values of a model's outputs.

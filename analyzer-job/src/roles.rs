//! Label, prediction, facets and strata: from cells to counts.

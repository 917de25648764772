//! What a monitoring job's environment adds to its configuration.

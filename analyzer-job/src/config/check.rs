//! From the text of `analysis_config.json` to a checked `Analysis`.

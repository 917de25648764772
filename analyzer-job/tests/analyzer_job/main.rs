//! The analyzer program as a user runs it. What a monitor or a model needs is the project's own: data of
//! `tests/generator`, the server of `tests/model-server`.

mod aws;
mod baseline_files;
mod certificates;
mod checks;
mod ci;
mod counts;
mod datasets;
mod dry_run_of_models;
mod empty_selections;
mod ends;
mod excluded_columns;
mod faults;
mod fold;
mod hosts;
mod infinite;
mod injection;
mod late_refusals;
mod lists;
mod made_baselines;
mod many_groups;
mod model_quality;
mod models;
mod monitors;
mod named_baselines;
mod nulls;
mod odd_lines;
mod one_line;
mod own_model;
mod pages;
#[path = "../support/parquet_file.rs"]
mod parquet_file;
mod parts;
mod parts_of_attributions;
mod parts_of_captures;
mod parts_of_labels;
mod places;
#[path = "../support/plurals.rs"]
mod plurals;
mod preparation;
#[path = "../support/program.rs"]
mod program;
mod quality;
mod quality_classes;
mod quality_thresholds;
mod refusals;
mod refused_states;
mod request_rows;
#[path = "../../../tests/support/runs.rs"]
mod runs;
mod secrets;
mod several;
mod several_columns;
mod several_ends;
mod splits;
mod states;
mod stops;
mod strays;
mod tools;
mod unlike;
mod unusable;
mod unused_settings;
mod validate;
mod version;

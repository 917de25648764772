//! State files: which there are, that they belong together, and the settings that they were gathered with.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, input};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::monitor::{columns, format};
use crate::settings::{Compat, OnBadRecord, Settings};
use crate::stages::sources;
use crate::state::file::{self, ENDING, Stored};

/// How kinds of analyses are called in a state.
pub(crate) const DATA_QUALITY: &str = "data quality";
pub(crate) const MODEL_QUALITY: &str = "model quality";
pub(crate) const ANALYSIS: &str = "bias and attributions";
/// States of several monitors in one file, by the folders of their results.
pub(crate) const SEVERAL: &str = "several monitors";

/// Reads the states in some places: files, and folders of any depth.
///
/// `parts`: names of all parts, where they are known from elsewhere.
///
/// # Errors
/// There is none; one that cannot be used, or does not belong to the others.
pub(crate) fn read(job: &Job, places: &[PathBuf], parts: Option<&[String]>) -> Result<Vec<Stored>> {
    let mut states = Vec::new();
    for path in files(places)? {
        job.stop.check()?;
        states.push(file::read(&path)?);
    }
    if states.is_empty() {
        return Err(Problem::new(&codes::NO_DATA, "there are no states to combine")
            .file(places.first().map_or(Path::new(""), PathBuf::as_path))
            .expected(format!("files whose names end in `.{ENDING}`"))
            .hint("name the files or their folder, or mount it as the input named `states`"));
    }
    check(&mut states, parts)?;
    sources::check(&states)?;
    Ok(states)
}

/// The names of parts as they are given: each one once.
///
/// # Errors
/// `SETTING_INVALID`.
pub(crate) fn part_names(given: &[String]) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in given.iter().map(|name| name.trim()) {
        let wrong = match () {
            () if name.is_empty() => "an empty name".to_string(),
            () if names.iter().any(|known| known == name) => format!("`{name}` twice"),
            () => {
                names.push(name.into());
                continue;
            }
        };
        return Err(Problem::new(&codes::SETTING_INVALID, "the names of the parts cannot be used")
            .field("--parts")
            .found(format!("{wrong} in `{}`", given.join(",")))
            .expected("the name of each part once, separated by commas"));
    }
    Ok(names)
}

/// What a dry run says of data that would not do as the whole. Where they are a part, others may have what they lack: that is a
/// warning, which `tell` takes.
///
/// # Errors
/// The problem, where the data are the whole.
pub(crate) fn later(is_part: bool, problem: Problem, tell: impl FnOnce(&str)) -> Result<()> {
    if !is_part {
        return Err(problem);
    }
    tell(&format!("{problem} (in this part; `analyzer-job combine` judges all parts together)"));
    Ok(())
}

/// The content of each state, with its path.
///
/// # Errors
/// `STATE_UNUSABLE`.
pub(crate) fn bodies<T: DeserializeOwned>(states: &[Stored]) -> Result<Vec<(PathBuf, T)>> {
    states.iter().map(|state| Ok((state.path.clone(), state.body()?))).collect()
}

/// The state files in some places; those without a byte too, which are cut. What else stands in a folder is named: a state
/// that is passed over would be missed.
///
/// # Errors
/// `STATE_UNUSABLE`: a state in a folder has another name than states have.
fn files(places: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for place in places {
        if !place.is_dir() {
            found.push(place.clone());
            continue;
        }
        let below = input::complete(place)?;
        let empty = below.empty.into_iter().map(|path| place.join(path));
        let (states, others): (Vec<_>, Vec<_>) =
            below.files.into_iter().map(|file| file.path).chain(empty).partition(|path| file::is_named(path));
        let (folders, hidden): (Vec<_>, Vec<_>) =
            below.hidden.into_iter().map(|path| place.join(path)).partition(|path| path.is_dir());
        if let Some(path) = others.iter().chain(&hidden).find(|path| file::begins_as_state(path)) {
            return Err(Problem::new(&codes::STATE_UNUSABLE, "a state has the name of another file")
                .file(path)
                .found("a state, which would be passed over for its name")
                .expected(format!("a name that ends in `.{ENDING}` and does not begin with `.` or `_`"))
                .hint("give it such a name when it belongs to the parts, unpacked if it was packed; else take it away"));
        }
        tell_passed_over("what is no state", others.iter().map(|path| path.as_path()));
        // Markers such as `_SUCCESS` are silent, folders such as `_temporary` may hide states.
        let with_files =
            folders.iter().filter(|folder| input::files(folder).is_ok_and(|files| !files.is_empty()));
        tell_passed_over("what begins with `.` or `_`", with_files.map(PathBuf::as_path));
        found.extend(states);
    }
    Ok(found)
}

/// Names what is not read.
pub(crate) fn tell_passed_over<'a>(what: &str, paths: impl Iterator<Item = &'a Path>) {
    const NAMED: usize = 5;
    let names: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    if names.is_empty() {
        return;
    }
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    tracing::warn!("passed over {what}: {}{more}", names[..names.len().min(NAMED)].join(", "));
}

/// That the states are the parts of one run, each once and none missing; sorts them by the names of their parts.
fn check(states: &mut [Stored], parts: Option<&[String]>) -> Result<()> {
    states.sort_by(|one, two| one.head.part.cmp(&two.head.part).then_with(|| one.path.cmp(&two.path)));
    let first = &states[0];
    for state in &states[1..] {
        if state.head.kind != first.head.kind {
            return Err(differ(state, &state.head.kind).expected(format!(
                "{}, as {}",
                first.head.kind,
                first.path.display()
            )));
        }
        if state.head.program != first.head.program {
            tracing::warn!(
                "{} was written by {}, {} by {}",
                state.path.display(),
                state.head.program,
                first.path.display(),
                first.head.program
            );
        }
    }
    if let Some(pair) = states.windows(2).find(|pair| pair[0].head.part == pair[1].head.part) {
        return Err(Problem::new(&codes::STATES_DO_NOT_FIT, "a part occurs twice")
            .file(&pair[1].path)
            .found(format!("part `{}`, also in {}", pair[1].head.part, pair[0].path.display()))
            .expected("each part once"));
    }
    let known = states.iter().find_map(|state| state.head.parts.as_ref().map(|parts| (state, parts)));
    let mut expected = known.map(|(_, parts)| parts.clone()).unwrap_or_default();
    expected.sort();
    for state in states.iter() {
        let mut own = state.head.parts.clone().unwrap_or_default();
        own.sort();
        if own != expected {
            let listed =
                |names: &[String]| if names.is_empty() { "no list".into() } else { names.join(", ") };
            return Err(differ(state, &format!("a part of {}", listed(&own)))
                .expected(format!("a part of {}", listed(&expected))));
        }
    }
    let expected = parts.map_or(expected, <[String]>::to_vec);
    if expected.is_empty() {
        return Ok(());
    }
    let there = |name: &String| states.iter().any(|state| state.head.part == *name);
    let missing: Vec<String> =
        expected.iter().filter(|name| !there(name)).map(|name| format!("`{name}`")).collect();
    if !missing.is_empty() {
        return Err(Problem::new(&codes::STATES_DO_NOT_FIT, "a part is missing")
            .found(format!(
                "{} of {} parts, without {}",
                expected.len() - missing.len(),
                expected.len(),
                missing.join(", ")
            ))
            .expected("the state of every part")
            .hint("fold the missing part again: a host or task that failed leaves no state"));
    }
    match states.iter().find(|state| !expected.contains(&state.head.part)) {
        Some(state) => Err(differ(state, &format!("part `{}`", state.head.part))
            .expected(format!("one of {}", expected.join(", ")))),
        None => Ok(()),
    }
}

fn differ(state: &Stored, found: &str) -> Problem {
    Problem::new(&codes::STATES_DO_NOT_FIT, "a state belongs to another run").file(&state.path).found(found)
}

/// That every state was gathered as this run would gather.
///
/// # Errors
/// `STATES_DO_NOT_FIT`.
pub(crate) fn fits(states: &[Stored], bearing: &IndexMap<String, String>) -> Result<()> {
    for state in states {
        let other = &state.head.settings;
        let differing = bearing
            .keys()
            .chain(other.keys())
            .find(|name| !mean_the_same(name, bearing.get(*name), other.get(*name)));
        if let Some(name) = differing {
            let value =
                |found: Option<&String>| found.map_or("not given".into(), |value| format!("`{value}`"));
            let (found, expected) = (value(other.get(name)), value(bearing.get(name)));
            return Err(
                differ(state, &format!("{name} {found}")).expected(format!("{expected}, as this run has it"))
            );
        }
    }
    Ok(())
}

/// Whether two values of a setting mean the same, however they are written.
fn mean_the_same(name: &str, one: Option<&String>, two: Option<&String>) -> bool {
    let (Some(one), Some(two)) = (one, two) else { return one == two };
    let both = |of: fn(&str) -> Option<String>| of(one).is_some_and(|value| of(two) == Some(value));
    one == two
        || match name {
            "dataset_format" => {
                format::parse(one).is_ok_and(|format| format::parse(two).ok() == Some(format))
            }
            // The order of its entries counts.
            "columns" => both(|text| Some(serde_json::from_str::<Json>(text).ok()?.to_string())),
            "probability_threshold_attribute" => {
                both(|text| Some(text.trim().parse::<f64>().ok()?.to_string()))
            }
            _ => false,
        }
}

/// The settings that are texts and bear on what is gathered, by name: as a state bears them, and as they are taken from it
/// again.
pub(crate) fn texts(settings: &mut Settings) -> [(&'static str, &mut Option<String>); 11] {
    [
        ("dataset_format", &mut settings.dataset_format),
        ("features_attribute", &mut settings.features_attribute),
        ("inference_attribute", &mut settings.inference_attribute),
        ("probability_attribute", &mut settings.probability_attribute),
        ("probability_threshold_attribute", &mut settings.probability_threshold_attribute),
        ("ground_truth_attribute", &mut settings.ground_truth_attribute),
        ("exclude_features_attribute", &mut settings.exclude_features_attribute),
        ("problem_type", &mut settings.problem_type),
        ("positive_label", &mut settings.positive_label),
        ("segment_columns", &mut settings.segment_columns),
        ("segment_attributes", &mut settings.segment_attributes),
    ]
}

/// The settings that bear on what is gathered, by name; those that were not given are left out. Where the data stand, the
/// window, and everything that is only asked of the finished counts may differ from part to part.
pub(crate) fn bearing(
    job: &Job,
    settings: &Settings,
    configuration: Option<&Json>,
) -> IndexMap<String, String> {
    let mut bearing = IndexMap::new();
    for (name, value) in texts(&mut settings.clone()) {
        if let Some(value) = value {
            bearing.insert(name.to_string(), value.clone());
        }
    }
    // A file may have another path, or another content, where another part is folded.
    if let Some(columns) = &settings.columns {
        let text = columns::text(job, columns).map_or_else(|_| columns.clone(), |(text, _)| text);
        bearing.insert("columns".into(), text);
    }
    if let Some(script) = &settings.record_preprocessor_script {
        let text = input::read_text(&job.tree.resolve(script))
            .map_or_else(|_| script.display().to_string(), |text| file::checksum(&text));
        bearing.insert("record_preprocessor_script".into(), text);
    }
    if settings.compat == Some(Compat::Strict) {
        bearing.insert("compat".into(), "strict".into());
    }
    if settings.on_bad_record == OnBadRecord::Fail {
        bearing.insert("on_bad_record".into(), "fail".into());
    }
    if let Some(configuration) = configuration {
        if let Some(kinds) = &settings.analysis_type {
            bearing.insert("analysis_type".into(), kinds.names());
        }
        let mut configuration = configuration.clone();
        if let Json::Object(keys) = &mut configuration {
            keys.shift_remove("dataset_uri");
        }
        bearing.insert("the configuration".into(), file::checksum(&configuration.to_string()));
    }
    bearing
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use plumbline_common::contract::{Hosts, JobConfig, Tree};
    use plumbline_common::stop::Stop;

    use super::*;
    use crate::settings::Cli;

    /// A part that was folded with another value is refused, and a baseline of states has the value again.
    #[test]
    fn every_setting_that_says_how_rows_are_read_is_in_the_state() {
        let job = Job {
            tree: Tree::at("/nowhere"),
            config: JobConfig::default(),
            hosts: Hosts::default(),
            stop: Stop::default(),
            for_people: false,
        };
        for name in [
            "dataset_format",
            "features_attribute",
            "inference_attribute",
            "probability_attribute",
            "probability_threshold_attribute",
            "ground_truth_attribute",
            "exclude_features_attribute",
            "problem_type",
            "positive_label",
            "segment_columns",
            "segment_attributes",
            "columns",
            "record_preprocessor_script",
        ] {
            let argument = format!("--{}=given", name.replace('_', "-"));
            let settings = Cli::try_parse_from(["analyzer-job", &argument]).unwrap().settings;
            let bearing = bearing(&job, &settings, None);
            assert_eq!(bearing.keys().collect::<Vec<_>>(), [name]);
            let without = Cli::try_parse_from(["analyzer-job"]).unwrap().settings;
            assert!(super::bearing(&job, &without, None).is_empty());
        }
    }

    /// A state that was folded with the same values in another spelling belongs to the run.
    #[test]
    fn settings_are_compared_by_what_they_mean() {
        let same =
            |name: &str, one: &str, two: &str| mean_the_same(name, Some(&one.into()), Some(&two.into()));
        for (name, one, two, other) in [
            (
                "dataset_format",
                r#"{"csv":{"header":true}}"#,
                r#"{ "CSV": {"header": "True"} }"#,
                r#"{"csv":{}}"#,
            ),
            (
                "dataset_format",
                r#"{"sagemakerCaptureJson":{}}"#,
                r#"{"sagemakerCaptureJson": {"captureIndexNames": null, "output_columns_position": "start"}}"#,
                r#"{"sagemakerCaptureJson":{"output_columns_position":"END"}}"#,
            ),
            ("dataset_format", r#"{"json":{"lines":true}}"#, r#"{"json":{"line":true}}"#, r#"{"json":{}}"#),
            ("columns", r#"[{"drop":["a"]}]"#, "[ {\"drop\": [\"a\"]}\n]", r#"[{"drop":["b"]}]"#),
            ("probability_threshold_attribute", "0.5", "0.500000", "0.50001"),
        ] {
            assert!(same(name, one, two) && same(name, two, one), "{name} {one} {two}");
            assert!(!same(name, one, other) && !same(name, two, other), "{name} {one} {other}");
            assert!(!mean_the_same(name, Some(&one.into()), None), "{name}");
        }
        // No format, but the same text; and a name, which means what it says.
        assert!(same("dataset_format", "oops", "oops") && !same("dataset_format", "oops", "oops "));
        assert!(!same("ground_truth_attribute", "y", "y "));
    }
}

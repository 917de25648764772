//! `combine`: states of all parts become one run, which goes on as if it had read the data itself.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, input};
use serde::de::DeserializeOwned;

use crate::performance;
use crate::plan::{Folded, Rows};
use crate::quality;
use crate::settings::Settings;
use crate::stages::done::Done;
use crate::stages::fold::{self, ANALYSIS, DATA_QUALITY, MODEL_QUALITY};
use crate::stages::{analysis, data_quality, model_quality};
use crate::state::file::{self, ENDING, Stored, unusable};

/// Combines states, and makes every result of the run.
///
/// `places`: files, and folders of any depth; none for the job's input of states. `parts`: names of all parts, where
/// they are known from elsewhere. `scratch`: a folder for what has no name yet.
///
/// # Errors
/// A state that cannot be used, or does not belong to the others; then as the run.
pub(crate) fn run(
    job: &Job,
    settings: &Settings,
    places: &[PathBuf],
    parts: Option<&[String]>,
    scratch: &Path,
) -> Result<Done> {
    let now = Timestamp::now();
    let usual = job
        .config
        .input(&job.tree, "states")
        .map_or_else(|| job.tree.processing("input/states"), |mount| mount.path);
    let places = if places.is_empty() { vec![usual] } else { places.to_vec() };
    let mut states = Vec::new();
    for path in files(&places)? {
        job.stop.check()?;
        states.push(file::read(&path)?);
    }
    let Some(first) = states.first() else {
        return Err(Problem::new(&codes::NO_DATA, "there are no states to combine")
            .file(&places[0])
            .expected(format!("files whose names end in `.{ENDING}`"))
            .hint("name the files or their folder, or mount it as the input named `states`"));
    };
    let kind = first.head.kind.clone();
    check(&mut states, parts)?;
    let place = places[0].as_path();
    tracing::info!("combining {} states, {kind}", states.len());
    let folded = |monitor, format| Rows::Folded(Folded { place, monitor, format });
    match kind.as_str() {
        DATA_QUALITY => {
            let prepared = data_quality::prepare(job, settings, now, folded(true, None))?;
            fits(&states, &fold::bearing(job, settings, None))?;
            let part = quality::part::combine(bodies(&states)?)?;
            data_quality::finish(job, settings, now, &prepared, &part, scratch)
        }
        MODEL_QUALITY => {
            let prepared = model_quality::prepare(job, settings, now, folded(true, None))?;
            fits(&states, &fold::bearing(job, settings, None))?;
            let part = performance::part::combine(bodies(&states)?, &prepared.question)?;
            let Some(part) = part else {
                return Err(Problem::new(&codes::INTERNAL, "there is not one state"));
            };
            model_quality::finish(job, settings, now, &prepared, part, scratch)
        }
        ANALYSIS => {
            let parts: Vec<(PathBuf, analysis::Folded)> = bodies(&states)?;
            let with_files = parts.iter().find(|(_, folded)| !folded.part.files().is_empty());
            let (monitor, format) =
                with_files.map_or((false, None), |(_, folded)| (folded.monitor, folded.part.format()));
            let prepared = analysis::prepare(job, settings, now, scratch, folded(monitor, format))?;
            fits(&states, &fold::bearing(job, settings, Some(&prepared.run.plan.analysis.given)))?;
            let gathered = analysis::unfold(&prepared, parts)?;
            analysis::finish(prepared, gathered)
        }
        other => Err(unusable(&states[0].path, format!("a state of `{other}`"))),
    }
}

fn bodies<T: DeserializeOwned>(states: &[Stored]) -> Result<Vec<(PathBuf, T)>> {
    states.iter().map(|state| Ok((state.path.clone(), state.body()?))).collect()
}

/// The state files in some places.
fn files(places: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for place in places {
        if !place.is_dir() {
            found.push(place.clone());
            continue;
        }
        let below = input::files(place)?;
        let is_state = |path: &Path| path.extension().is_some_and(|ending| ending == ENDING);
        found.extend(below.into_iter().map(|file| file.path).filter(|path| is_state(path)));
    }
    Ok(found)
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
        return Err(Problem::new(&codes::STATES_DO_NOT_FIT, "a part is there twice")
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
fn fits(states: &[Stored], bearing: &indexmap::IndexMap<String, String>) -> Result<()> {
    for state in states {
        let other = &state.head.settings;
        let differing =
            bearing.keys().chain(other.keys()).find(|name| bearing.get(*name) != other.get(*name));
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

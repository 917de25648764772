//! Settings in four layers: argument, environment variable, `Environment` map of the job
//! configuration, default. Every setting is a `clap` argument with an `env` name; this file adds the
//! third layer and turns usage errors into problems.

use std::ffi::{OsStr, OsString};
use std::num::{ParseFloatError, ParseIntError};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Parser};

use crate::contract::{self, JobConfig};
use crate::{Problem, codes};

/// The end of both programs' `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    success, also with violations
  1    a setting or the configuration is wrong
  2    no data: nothing to read, or nothing matched
  3    reading, writing, AWS or the model failed
  4    a defect of the program
  143  stopped by a signal; no incomplete result file is left";

/// What to do instead of running the job.
#[derive(Debug)]
pub enum Instead {
    /// `--help` or `--version` was asked: print this to standard output and succeed.
    Show(String),
    Fail(Problem),
}

/// Parses the settings of this process. Of the environment and the job configuration, empty values and `None` count as
/// absent.
///
/// # Errors
/// `Instead::Show` for help and version, `Instead::Fail` with `SETTING_INVALID` for a bad setting.
pub fn parse<T: Parser>(job: &JobConfig) -> Result<T, Instead> {
    parse_from(contract::arguments(), &contract::variable, job)
}

fn parse_from<T: Parser>(
    arguments: Vec<OsString>,
    variable: &dyn Fn(&str) -> Option<String>,
    job: &JobConfig,
) -> Result<T, Instead> {
    let (command, layered) = layer(T::command(), variable, job);
    let mut arguments = arguments.into_iter();
    let program = arguments.next();
    let line = program.into_iter().chain(layered).chain(arguments);
    let matches = command.try_get_matches_from(line).map_err(instead)?;
    T::from_arg_matches(&matches).map_err(instead)
}

/// A setting that is wanted before all of them are parsed and checked, from the same layers.
pub fn early(name: &str, job: &JobConfig) -> Option<String> {
    early_from(&contract::arguments(), &contract::variable, job, name)
}

fn early_from(
    arguments: &[OsString],
    variable: &dyn Fn(&str) -> Option<String>,
    job: &JobConfig,
    name: &str,
) -> Option<String> {
    let long = format!("--{}", name.replace('_', "-"));
    let texts: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let given = texts.iter().enumerate().rev().find_map(|(idx, text)| match text.strip_prefix(&long)? {
        "" => texts.get(idx + 1).copied(),
        rest => rest.strip_prefix('='),
    });
    given.map(str::to_string).or_else(|| of_surroundings(name, variable, job))
}

/// What the environment or else the job configuration gives for a setting.
fn of_surroundings(name: &str, variable: &dyn Fn(&str) -> Option<String>, job: &JobConfig) -> Option<String> {
    let given = |value: &String| !absent(OsStr::new(value));
    let configured = || job.setting(name).map(str::to_string).filter(given);
    variable(name).filter(given).or_else(configured)
}

/// Settings that the environment or the job configuration gives, as arguments to stand before the
/// user's own, which therefore win.
fn layer(
    mut command: Command,
    variable: &dyn Fn(&str) -> Option<String>,
    job: &JobConfig,
) -> (Command, Vec<OsString>) {
    let mut layered = Vec::new();
    let settings: Vec<_> = command
        .get_arguments()
        .filter_map(|argument| {
            let name = argument.get_env()?.to_str()?.to_string();
            Some((argument.get_id().clone(), argument.get_long()?.to_string(), name))
        })
        .collect();
    for (id, long, name) in settings {
        if let Some(value) = of_surroundings(&name, variable, job) {
            layered.push(format!("--{long}={value}").into());
        }
        // The variable was read just now; clap would take an empty one for a value.
        let hidden: Resettable<clap::builder::OsStr> = Resettable::Reset;
        command = command.mut_arg(id, |argument| argument.env(hidden));
    }
    (command.args_override_self(true), layered)
}

fn instead(error: clap::Error) -> Instead {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Instead::Show(error.render().to_string());
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        Some(ContextValue::StyledStrs(texts)) => {
            Some(texts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        _ => None,
    };
    let problem = Problem::new(&codes::SETTING_INVALID, "cannot read the job's settings");
    let named = text(ContextKind::InvalidArg);
    let problem = match (error.kind(), named) {
        (ErrorKind::UnknownArgument, Some(argument)) => {
            let problem = problem.found(format!("`{argument}`, which is not a setting"));
            match text(ContextKind::SuggestedArg) {
                Some(similar) => problem.expected(format!("perhaps `{similar}`")),
                None => problem,
            }
        }
        (_, Some(argument)) => {
            let name = argument.split_whitespace().next().unwrap_or_default();
            let problem = problem.field(name.trim_start_matches('-').replace('-', "_"));
            let problem = match text(ContextKind::InvalidValue) {
                Some(value) if value.is_empty() => problem.found("no value"),
                Some(value) => problem.found(format!("`{value}`")),
                None => problem,
            };
            match (text(ContextKind::ValidValue), std::error::Error::source(&error)) {
                (Some(values), _) if !values.is_empty() => problem.expected(format!("one of {values}")),
                // What the parser of truth values says is no expectation.
                (_, Some(cause)) if cause.to_string() == "value was not a boolean" => {
                    problem.expected("`true` or `false`")
                }
                // Nor what those of numbers say.
                (_, Some(cause)) if cause.is::<ParseIntError>() => {
                    problem.expected("a whole number of at least 0")
                }
                (_, Some(cause)) if cause.is::<ParseFloatError>() => problem.expected("a number"),
                (_, Some(cause)) => problem.expected(cause.to_string()),
                (_, None) => problem.expected("a value"),
            }
        }
        (ErrorKind::InvalidSubcommand, None) => {
            let command = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            problem.found(format!("`{command}`, which is not a command"))
        }
        (_, None) => {
            let rendered = error.render().to_string();
            let line = rendered.lines().next().unwrap_or_default();
            problem.found(line.trim_start_matches("error: ").to_string())
        }
    };
    Instead::Fail(problem.hint("`--help` lists every setting"))
}

/// A whole number within bounds, for `value_parser`.
///
/// # Errors
/// What was expected.
pub fn whole_number(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("a whole number from {least} to {most}"))
}

/// Whether a setting's text stands for "not given": the SDK writes `None` for an absent attribute.
pub fn absent(value: &OsStr) -> bool {
    value.is_empty() || value == "None"
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
    enum Colour {
        Red,
        Blue,
    }

    fn two_digits(text: &str) -> Result<u64, String> {
        whole_number(text, 10, 99)
    }

    #[derive(Debug, Parser)]
    struct Job {
        #[arg(long, env = "two_digits", value_parser = two_digits, global = true)]
        two_digits: Option<u64>,
        #[arg(long, env = "colour_of", value_enum, default_value = "red", global = true)]
        colour_of: Colour,
        #[arg(long, global = true, allow_hyphen_values = true)]
        rows: Option<u64>,
        #[arg(long, global = true)]
        tolerance: Option<f64>,
        #[command(subcommand)]
        command: Option<Sub>,
    }

    #[derive(Debug, clap::Subcommand)]
    enum Sub {
        Validate,
    }

    fn job(value: Option<&str>) -> JobConfig {
        let mut job = JobConfig::default();
        if let Some(value) = value {
            job.environment.insert("colour_of".into(), Some(value.into()));
        }
        job
    }

    #[track_caller]
    fn check(arguments: &[&str], variable: Option<&str>, map: Option<&str>, expected: Colour) {
        let arguments = std::iter::once("job").chain(arguments.iter().copied()).map(OsString::from);
        let read = |name: &str| {
            variable.filter(|value| name == "colour_of" && !value.is_empty()).map(str::to_string)
        };
        let parsed: Job = parse_from(arguments.collect(), &read, &job(map)).unwrap();
        assert_eq!(parsed.colour_of, expected);
    }

    #[test]
    fn argument_beats_variable_beats_job_configuration_beats_default() {
        check(&[], None, None, Colour::Red);
        check(&[], None, Some("blue"), Colour::Blue);
        check(&[], Some("blue"), Some("red"), Colour::Blue);
        check(&["--colour-of", "red"], Some("blue"), Some("blue"), Colour::Red);
        check(&["validate", "--colour-of=red"], Some("blue"), None, Colour::Red);
        check(&["validate"], Some("blue"), None, Colour::Blue);
    }

    #[test]
    fn a_setting_wanted_early_has_the_same_layers() {
        let read = |arguments: &[&str], variable: Option<&str>, map| {
            let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
            early_from(&arguments, &|_| variable.map(str::to_string), &job(map), "colour_of")
        };
        assert_eq!(read(&["job"], None, None), None);
        assert_eq!(read(&["job"], None, Some("blue")).unwrap(), "blue");
        assert_eq!(read(&["job"], Some("red"), Some("blue")).unwrap(), "red");
        assert_eq!(read(&["job", "--colour-of", "blue"], Some("red"), None).unwrap(), "blue");
        assert_eq!(read(&["job", "--colour-of=blue", "--colour-of=red"], None, None).unwrap(), "red");
        assert_eq!(read(&["job", "--colour-of-all=blue"], None, None), None);
    }

    #[test]
    fn empty_values_count_as_absent() {
        check(&[], Some(""), Some("blue"), Colour::Blue);
        check(&[], None, Some(""), Colour::Red);
    }

    #[test]
    fn the_word_none_counts_as_absent() {
        check(&[], Some("None"), Some("blue"), Colour::Blue);
        check(&[], None, Some("None"), Colour::Red);
        check(&["--colour-of=blue"], Some("None"), Some("None"), Colour::Blue);
        let early = early_from(&[], &|_| Some("None".into()), &job(Some("None")), "colour_of");
        assert_eq!(early, None);
    }

    #[test]
    fn bad_value_names_the_setting_the_value_and_the_choices() {
        let failed = parse_from::<Job>(vec!["job".into()], &|_| None, &job(Some("green")));
        let Err(Instead::Fail(problem)) = failed else { panic!("{failed:?}") };
        assert_eq!(
            problem.to_string(),
            "PL0101: cannot read the job's settings: `colour_of`: found `green`, \
             expected one of red, blue; hint: `--help` lists every setting"
        );
    }

    #[test]
    fn every_kind_of_wrong_setting_is_told_plainly() {
        let check = |arguments: &[&str], expected: &str| {
            let line = std::iter::once("job").chain(arguments.iter().copied()).map(OsString::from).collect();
            let Err(Instead::Fail(problem)) = parse_from::<Job>(line, &|_| None, &job(None)) else {
                panic!()
            };
            let text = problem.to_string();
            assert!(text.contains(expected), "`{expected}` is not in `{text}`");
        };
        check(&["--two-digits=7"], "`two_digits`: found `7`, expected a whole number from 10 to 99");
        check(&["--two-digits", "x"], "found `x`, expected a whole number from 10 to 99");
        for wrong in ["abc", "-5", "1.5"] {
            check(
                &["--rows", wrong],
                &format!("`rows`: found `{wrong}`, expected a whole number of at least 0"),
            );
        }
        check(&["--tolerance", "abc"], "`tolerance`: found `abc`, expected a number;");
        check(&["--two-digits"], "`two_digits`: found no value, expected a value");
        check(&["--colour-of"], "`colour_of`: found no value, expected one of red, blue");
        check(&["--color-of=red"], "`--color-of`, which is not a setting, expected perhaps `--colour-of`");
        check(&["--zzz"], "`--zzz`, which is not a setting");
        check(&["valdate"], "`valdate`, which is no");
    }
}

//! What is known and checked before data are read.

use std::path::PathBuf;

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, input, output};

use crate::config::{DatasetFormat, Location};
use crate::monitor::plan::{self, MonitorPlan};
use crate::performance::baseline::{self, Baseline};
use crate::performance::classes::{alike, same};
use crate::performance::compared;
use crate::performance::constraints::{self, Margin};
use crate::performance::outcomes::{ProblemType, Question};
use crate::performance::rows::Places;
use crate::plan::headers::{self, Columns};
use crate::plan::{NOTHING_CHECKED, RowsFrom};
use crate::read::headed::Headed;
use crate::settings::Settings;
use crate::stages::written;

/// Everything that is known and checked before data are read.
pub(crate) struct Prepared {
    pub(crate) plan: MonitorPlan,
    pub(crate) question: Question,
    pub(crate) places: Places,
    pub(crate) baseline: Baseline,
    pub(super) margin: Margin,
    /// The data are a part of all data.
    pub(super) folds: bool,
    /// Labels that captures are joined with first.
    pub(crate) ground_truth: Option<PathBuf>,
    pub(super) estimate_without_labels: bool,
    pub(super) nothing_is_allowed: bool,
    pub(crate) warnings: Vec<String>,
}

/// Checks the settings and loads the baseline.
///
/// # Errors
/// What cannot be used, named.
pub(crate) fn prepare(
    job: &Job,
    settings: &Settings,
    now: Timestamp,
    rows: RowsFrom<'_>,
) -> Result<Prepared> {
    let plan = plan::plan(job, settings, now, rows)?;
    let mut warnings = Vec::new();
    let question = question(settings, &mut warnings)?;
    let columns = match rows {
        RowsFrom::Folded(_) => Columns::default(),
        RowsFrom::Here | RowsFrom::Part => headers::columns(job, settings),
    };
    warnings.extend(columns.warning);
    // As the bias monitor takes it.
    let of_truth = settings.ground_truth_attribute.as_deref().map(str::trim);
    let of_truth = of_truth.filter(|text| text.parse::<usize>().is_err());
    let label = columns.label.or_else(|| Some(Location::Name(of_truth?.into())));
    let places = Places {
        headed: Headed::new(columns.headers.as_deref(), label.as_ref(), true),
        prediction: settings.inference_attribute.clone().filter(|_| question.prediction),
        score: settings.probability_attribute.clone().filter(|_| question.score),
        label: settings.ground_truth_attribute.clone(),
        features: settings.features_attribute.clone(),
        groups: groups(&plan, settings, rows, &mut warnings)?,
        // Beside others they are features of those, which have names of their own and look for them.
        excluded: if settings.among_others { Vec::new() } else { plan.exclude.clone() },
    };
    if !places.excluded.is_empty() && is_captured(&plan, rows)? == Some(true) {
        warnings.push(
            "`exclude_features_attribute` has no use with captured records: model quality reads no features"
                .into(),
        );
    }
    let margin = match settings.constraint_margin.as_deref() {
        None => Margin::None,
        Some(text) => Margin::parse(text).ok_or_else(|| {
            invalid(
                "constraint_margin",
                text,
                "a number of standard errors such as `2sd`, or a number such as `0.02`",
            )
        })?,
    };
    written::check_output(&plan, &["constraints.json", "statistics.json"])?;
    let given = settings.ground_truth_source.as_ref().filter(|_| !matches!(rows, RowsFrom::Folded(_)));
    let ground_truth = given.map(|path| job.tree.resolve(path));
    if let (Some(named), Some(folder)) = (&settings.ground_truth_source, &ground_truth) {
        input::check_source("ground_truth_source", named, folder)?;
        output::check_apart(&plan.output, "ground_truth_source", folder)?;
    }
    let nothing_is_allowed = settings.on_nothing_compared.is_allowed();
    let baseline = baseline::load(&question, plan.constraints.as_deref(), plan.statistics.as_deref())?;
    match check_constraints(&plan, question.problem, &baseline) {
        Err(problem) if nothing_is_allowed => {
            warnings.push(problem.hint("make a baseline with this `problem_type`").to_string());
        }
        // Of states the rows are read: the results are written first, as where the rows tell it.
        Err(_) if matches!(rows, RowsFrom::Folded(_)) => {}
        checked => checked?,
    }
    warnings.extend(without_thresholds(&plan));
    warnings.extend(unchecked(&baseline.unchecked, question.problem));
    warnings.extend(baseline.sides_of_classes().and_then(|sides| other_side(&question, sides)));
    Ok(Prepared {
        folds: rows == RowsFrom::Part,
        ground_truth,
        estimate_without_labels: settings.estimate_without_labels.on(),
        nothing_is_allowed,
        plan,
        question,
        places,
        baseline,
        margin,
        warnings,
    })
}

/// Whether a metric can be compared, as far as the constraints alone tell.
///
/// # Errors
/// `NOTHING_COMPARED`.
pub(super) fn check_constraints(plan: &MonitorPlan, problem: ProblemType, baseline: &Baseline) -> Result<()> {
    match (&plan.constraints, &baseline.constraints) {
        (Some(path), Some(loaded)) => compared::check(problem, loaded, &baseline.unchecked, path),
        _ => Ok(()),
    }
}

/// What is said of a monitoring run without constraints: it must not look as if every metric held its threshold.
fn without_thresholds(plan: &MonitorPlan) -> Option<String> {
    let told = match (&plan.constraints, &plan.statistics) {
        (Some(_), _) => return None,
        (None, Some(_)) => {
            "no threshold is checked: the baseline has statistics only; name the baseline's constraints.json in `baseline_constraints`"
        }
        (None, None) => NOTHING_CHECKED,
    };
    plan.monitoring.then(|| told.into())
}

/// Whether the rows are those of captured records; none for a part without files, which may be of any kind.
fn is_captured(plan: &MonitorPlan, rows: RowsFrom<'_>) -> Result<Option<bool>> {
    match rows {
        RowsFrom::Folded(folded) => Ok(folded.format.map(|format| format == DatasetFormat::Capture)),
        RowsFrom::Here | RowsFrom::Part => plan.reads_captures(),
    }
}

/// By what the rows are grouped: columns of the rows that are read, or places in captured requests. The two have settings of
/// their own, since a position counts the columns of a row in the one, and the fields of a request in the other.
fn groups(
    plan: &MonitorPlan,
    settings: &Settings,
    rows: RowsFrom<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<String>> {
    let list = |text: &Option<String>| -> Vec<String> {
        let parts = text.as_deref().unwrap_or_default().split(',').map(str::trim);
        let mut named: Vec<String> = Vec::new();
        for part in parts.filter(|part| !part.is_empty()) {
            if !named.iter().any(|other| other == part) {
                named.push(part.into());
            }
        }
        named
    };
    let (columns, attributes) = (list(&settings.segment_columns), list(&settings.segment_attributes));
    if columns.is_empty() && attributes.is_empty() {
        return Ok(Vec::new());
    }
    let wrong = |given: &str, found: String, format: &str, other: &str| {
        Problem::new(&codes::SETTING_INVALID, "rows of model quality cannot be grouped like this")
            .field(given)
            .found(format!("`{found}`, and {format}"))
            .expected(format!("`{other}`"))
    };
    match is_captured(plan, rows)? {
        Some(true) if !columns.is_empty() && settings.beside_data_quality => {
            if attributes.is_empty() {
                warnings.push(
                    "`segment_columns` names columns of data quality; model quality of captured records makes segments of \
                     what `segment_attributes` names in the requests"
                        .into(),
                );
            }
            Ok(attributes)
        }
        Some(true) if !columns.is_empty() => {
            Err(wrong("segment_columns", columns.join(","), "captured records", "segment_attributes").hint(
                "name positions from 0 in CSV requests, or paths in JSON requests, in `segment_attributes`",
            ))
        }
        Some(false) if !attributes.is_empty() => Err(wrong(
            "segment_attributes",
            attributes.join(","),
            "rows with columns, not captured records",
            "segment_columns",
        )
        .hint("name the columns in `segment_columns`")),
        // There is no file to read.
        None if !matches!(rows, RowsFrom::Folded(_)) => Ok(Vec::new()),
        _ => Ok([columns, attributes].concat()),
    }
}

/// What is said of a positive class that is the negative one of the baseline. One that is neither is its positive class by another
/// name.
fn other_side(question: &Question, [negative, positive]: &[String; 2]) -> Option<String> {
    let is_negative =
        |label: &&str| same(label, negative) || (alike(label, negative) && !alike(label, positive));
    let named = question.positive_label.as_deref().filter(is_negative)?;
    Some(format!(
        "`positive_label` is `{}`, that of the baseline is `{positive}`: its thresholds and scores speak of the other class",
        named.trim()
    ))
}

/// What is said of thresholds that nobody looks at: they would seem to be held.
fn unchecked(names: &[String], problem: ProblemType) -> Option<String> {
    const SHOWN: usize = 10;
    if names.is_empty() {
        return None;
    }
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    let known = constraints::constrained(problem).join(", ");
    let (noun, verb) = if names.len() == 1 { ("constraint", "is") } else { ("constraints", "are") };
    Some(format!(
        "{} {noun} of the baseline {verb} not checked: {}{more}; {} has thresholds of {known}",
        names.len(),
        shown.join(", "),
        problem.name()
    ))
}

fn invalid(setting: &str, found: &str, expected: &str) -> Problem {
    Problem::new(&codes::SETTING_INVALID, "cannot read the job's settings")
        .field(setting)
        .found(format!("`{found}`"))
        .expected(expected)
}

fn question(settings: &Settings, warnings: &mut Vec<String>) -> Result<Question> {
    let names = "BinaryClassification, MulticlassClassification or Regression";
    let given = settings.problem_type.as_deref().unwrap_or_default().trim();
    if given.is_empty() {
        return Err(Problem::new(
            &codes::SETTING_INVALID,
            "the kind of problem that the model solves is not set",
        )
        .field("problem_type")
        .expected(names));
    }
    let problem = ProblemType::ALL
        .into_iter()
        .find(|problem| problem.name().eq_ignore_ascii_case(given))
        .ok_or_else(|| invalid("problem_type", given, names))?;
    let prediction = settings.inference_attribute.is_some();
    let mut score = settings.probability_attribute.is_some();
    if problem != ProblemType::BinaryClassification {
        if !prediction {
            return Err(Problem::new(&codes::SETTING_INVALID, "the location of the predictions is not set")
                .field("inference_attribute")
                .expected("a column's name or position, or a path into the answer"));
        }
        if score {
            warnings.push(format!("`probability_attribute` has no use with {}", problem.name()));
            score = false;
        }
    } else if !prediction && !score {
        return Err(Problem::new(&codes::SETTING_INVALID, "the location of the predictions is not set")
            .field("inference_attribute")
            .expected(
                "it, or `probability_attribute`: a column's name or position, or a path into the answer",
            ));
    }
    let threshold = match settings.probability_threshold_attribute.as_deref() {
        None => 0.5,
        Some(text) => {
            let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
            number.ok_or_else(|| invalid("probability_threshold_attribute", text, "a number such as 0.5"))?
        }
    };
    let positive_label = settings.positive_label.clone().filter(|label| !label.trim().is_empty());
    Ok(Question { problem, prediction, score, threshold, positive_label })
}

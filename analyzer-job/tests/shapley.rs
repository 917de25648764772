//! Attributions of models whose Shapley values are known, and laws that hold for any model.

#[path = "support/models.rs"]
mod models;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use analyzer_job::config::Aggregation;
use analyzer_job::shap::{Estimator, Explained, Task, explain};
use analyzer_job::values::cells::{Cells, ModelRows, Value};
use models::{Case, Data, cases};
use ndarray::Array2;
use plumbline_common::{Problem, Result, codes};
use proptest::prelude::*;

fn run(
    task: &Task,
    predict: impl Fn(&Cells, &ModelRows) -> Result<Array2<f64>> + Sync,
) -> (Explained, Vec<Vec<f64>>) {
    let mut local = Vec::new();
    let mut keep = |values: &[f64]| {
        local.push(values.to_vec());
        Ok(())
    };
    let explained = explain(task, &predict, Some(&mut keep)).unwrap();
    (explained, local)
}

fn number(value: &Value) -> f64 {
    if let Value::Float(value) = value { *value } else { f64::NAN }
}

/// A model of one output over numbers.
fn model(f: impl Fn(&[f64]) -> f64 + Sync) -> impl Fn(&Cells, &ModelRows) -> Result<Array2<f64>> + Sync {
    move |cells, rows| {
        let at = |row: usize| f(&rows.row(row).iter().map(|id| number(cells.value(*id))).collect::<Vec<_>>());
        Ok(Array2::from_shape_fn((rows.len(), 1), |(row, _)| at(row)))
    }
}

#[track_caller]
fn assert_close(got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() <= tolerance, "{got} is not within {tolerance} of {want}");
}

fn relative_error(case: &Case, num_samples: u64, estimator: Estimator) -> f64 {
    let data = Data::of(&case.instances, &case.baseline);
    let (mut squares, mut exact_squares) = (0.0, 0.0);
    for seed in 0..10 {
        let task = Task {
            num_samples: Some(num_samples),
            use_logit: case.link == "logit",
            seed,
            estimator,
            ..data.task()
        };
        let (_, local) = run(&task, |cells, rows| case.model.predict(cells, rows));
        for (values, exact) in local.iter().zip(&case.shap_values) {
            for (value, exact) in values.iter().zip(exact.iter().flatten()) {
                squares += (value - exact).powi(2);
                exact_squares += exact * exact;
            }
        }
    }
    squares / exact_squares
}

#[test]
fn all_coalitions_give_the_exact_values() {
    for case in cases().iter().filter(|case| case.baseline[0].len() <= 12) {
        let data = Data::of(&case.instances, &case.baseline);
        let players = case.baseline[0].len();
        for (aggregation, globals) in [
            (Aggregation::MeanAbs, &case.global_mean_abs),
            (Aggregation::MeanSq, &case.global_mean_sq),
            (Aggregation::Median, &case.global_median),
        ] {
            let task = Task {
                num_samples: Some((1 << players) - 2),
                use_logit: case.link == "logit",
                aggregation,
                ..data.task()
            };
            let (explained, local) = run(&task, |cells, rows| case.model.predict(cells, rows));
            for (values, exact) in local.iter().zip(&case.shap_values) {
                for (value, exact) in values.iter().zip(exact.iter().flatten()) {
                    assert_close(*value, *exact, case.tolerance);
                }
            }
            for (got, want) in explained.globals.iter().flatten().zip(globals.iter().flatten()) {
                assert_close(*got, *want, case.tolerance * 10.0);
            }
            for (got, want) in explained.expected_values.iter().zip(&case.expected_value) {
                assert_close(*got, *want, case.tolerance);
            }
        }
    }
}

#[test]
fn pairwise_games_are_exact_from_four_coalitions_per_player() {
    for case in cases() {
        let is_pairwise =
            ["s01", "s02", "s03", "s06", "s08", "s11", "s12", "s14"].iter().any(|id| case.id.starts_with(id));
        if is_pairwise {
            let players = case.baseline[0].len() as u64;
            for num_samples in [4 * players, 4 * players + 2, 6 * players] {
                let error = relative_error(&case, num_samples, Estimator::Auto);
                assert!(error <= 1e-12, "{} with {num_samples}: {error}", case.id);
            }
        }
    }
}

#[test]
fn errors_stay_below_the_goals() {
    let cases = cases();
    let of = |id: &str| cases.iter().find(|case| case.id.starts_with(id)).unwrap();
    for (id, num_samples, goal) in
        [("s13", 24, 5e-3), ("s13", 100, 1.5e-4), ("s15", 60, 4.5e-2), ("s15", 100, 1.6e-2)]
    {
        let error = relative_error(of(id), num_samples, Estimator::Auto);
        assert!(error <= goal, "{id} with {num_samples}: {error}");
    }
}

/// The library's figures are for the same number of calls, with the best of its settings.
#[test]
fn never_much_worse_than_the_library() {
    for case in cases() {
        let players = case.baseline[0].len() as u64;
        for library in case.library.iter().filter(|library| library.num_samples <= 300) {
            let error = relative_error(&case, library.num_samples, Estimator::Auto);
            assert!(error < 10.0, "{} with {}: {error}", case.id, library.num_samples);
            let best = ["none", "aic", "ten"]
                .iter()
                .filter_map(|setting| library.relative_mse.get(*setting))
                .fold(f64::INFINITY, |best, error| best.min(*error));
            if players >= 10 && library.num_samples >= 2 * players && best < 1.0 {
                let bound = (1.3 * best).max(1e-24);
                assert!(error <= bound, "{} with {}: {error} beside {best}", case.id, library.num_samples);
            }
        }
    }
}

#[test]
fn classic_estimators_are_right_too_if_slower() {
    let cases = cases();
    let case = cases.iter().find(|case| case.id.starts_with("s05")).unwrap();
    assert!(relative_error(case, 62, Estimator::Kernel) < 1e-20);
    for (estimator, bound) in [(Estimator::Kernel, 3e-2), (Estimator::Permutation, 6e-2)] {
        let error = relative_error(case, 24, estimator);
        assert!(error > 1e-6 && error < bound, "{estimator:?}: {error}");
    }
}

#[test]
fn values_add_up_to_the_prediction_for_every_budget_and_estimator() {
    for case in cases() {
        let data = Data::of(&case.instances, &case.baseline);
        for estimator in [Estimator::Auto, Estimator::Kernel, Estimator::Permutation] {
            for num_samples in [1, 2, 7, 16, 61, 130] {
                let task = Task {
                    num_samples: Some(num_samples),
                    use_logit: case.link == "logit",
                    estimator,
                    ..data.task()
                };
                let (explained, local) = run(&task, |cells, rows| case.model.predict(cells, rows));
                let outputs = case.expected_value.len();
                for (row, values) in local.iter().enumerate() {
                    for (k, values) in values.chunks(values.len() / outputs).enumerate() {
                        let mut prediction = case.predictions_instances[row][k];
                        if case.link == "logit" {
                            prediction = (prediction / (1.0 - prediction)).ln();
                        }
                        let sum = explained.expected_values[k] + values.iter().sum::<f64>();
                        assert_close(sum, prediction, 1e-9 * prediction.abs().max(1.0));
                    }
                }
            }
        }
    }
}

#[test]
fn softmax_values_cancel_over_the_classes() {
    let cases = cases();
    let case = cases.iter().find(|case| case.id.starts_with("s10")).unwrap();
    let data = Data::of(&case.instances, &case.baseline);
    for num_samples in [8, 14] {
        let task = Task { num_samples: Some(num_samples), ..data.task() };
        for values in run(&task, |cells, rows| case.model.predict(cells, rows)).1 {
            for feature in 0..4 {
                let sum: f64 = (0..3).map(|k| values[k * 4 + feature]).sum();
                // Only the exact values and least squares are linear in the outputs.
                assert_close(sum, 0.0, if num_samples == 14 { 1e-15 } else { 0.05 });
            }
        }
    }
}

/// Rows of 60 numbers and a model of many outputs, so that values take far longer than answers.
fn slow_to_solve(n_outputs: usize) -> (Data, impl Fn(&Cells, &ModelRows) -> Result<Array2<f64>> + Sync) {
    let rows: Vec<Vec<f64>> =
        (0..40).map(|row| (0..60).map(|i| ((row * 7 + i * 3) % 11) as f64 + 1.0).collect()).collect();
    let predict = move |cells: &Cells, rows: &ModelRows| {
        let sum = |row: usize| -> f64 {
            let cells: Vec<f64> = rows.row(row).iter().map(|id| number(cells.value(*id))).collect();
            cells.iter().sum::<f64>() + cells[0] * cells[1] * cells[2]
        };
        let sums: Vec<f64> = (0..rows.len()).map(sum).collect();
        Ok(Array2::from_shape_fn((rows.len(), n_outputs), |(row, k)| sums[row] * (k + 1) as f64))
    };
    (Data::numbers(&rows, &[vec![0.0; 60]]), predict)
}

#[test]
fn a_stop_is_noticed_while_values_are_worked_out() {
    let (data, predict) = slow_to_solve(60);
    let stopped = Mutex::new(None);
    // Once the last question is answered nothing but work on values is left.
    let answered = || {
        data.stop.request();
        *stopped.lock().unwrap() = Some(Instant::now());
    };
    let task = Task { num_samples: Some(600), answered: &answered, ..data.task() };
    let problem = explain(&task, &predict, None).err().unwrap();
    assert_eq!(problem.code(), &codes::STOPPED);
    let took = stopped.lock().unwrap().unwrap().elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn the_last_answer_is_told_once_and_after_the_last_question() {
    let (data, predict) = slow_to_solve(1);
    for target in [None, Some(1e-6)] {
        let (asked, asked_by_then, told) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let predict = |cells: &Cells, rows: &ModelRows| {
            asked.fetch_add(rows.len() as u64, Ordering::SeqCst);
            predict(cells, rows)
        };
        let answered = || {
            told.fetch_add(1, Ordering::SeqCst);
            asked_by_then.store(asked.load(Ordering::SeqCst), Ordering::SeqCst);
        };
        let task = Task {
            num_samples: Some(600),
            target_standard_error: target,
            answered: &answered,
            ..data.task()
        };
        explain(&task, &predict, None).unwrap();
        // With a target it is known only at the end, by the caller.
        assert_eq!(told.load(Ordering::SeqCst), u64::from(target.is_none()));
        if target.is_none() {
            assert_eq!(asked_by_then.load(Ordering::SeqCst), asked.load(Ordering::SeqCst));
        }
    }
}

#[test]
fn unused_feature_gets_exactly_nothing_and_equal_ones_the_same() {
    let data = Data::numbers(&[vec![1.0, 1.0, 3.0, 9.0]], &[vec![0.0, 0.0, 0.5, 1.0]]);
    let (_, local) = run(&data.task(), model(|x| (x[0] + x[1]).powi(3) * x[2]));
    assert_eq!(local[0][3], 0.0);
    assert_close(local[0][0], local[0][1], 1e-15);
    assert!(local[0][0] > 1.0);
}

#[test]
fn feature_equal_to_the_baseline_costs_nothing() {
    let data = Data::numbers(&[vec![1.0, 5.0, 2.0]], &[vec![0.0, 5.0, 0.0]]);
    let asked = AtomicU64::new(0);
    let product = model(|x| x[0] * x[2] + x[1]);
    let (explained, local) = run(&data.task(), |cells, rows| {
        asked.fetch_add(rows.len() as u64, Ordering::Relaxed);
        product(cells, rows)
    });
    assert_eq!(local[0], [1.0, 0.0, 1.0]);
    // Baseline, row, and one coalition for each of the two players.
    assert_eq!(asked.into_inner(), 4);
    assert_eq!(explained.model_rows, 4);
    assert_eq!((explained.estimators[0].players, explained.num_samples), (2, 2));
}

#[test]
fn rows_like_the_baseline_and_rows_with_one_difference_need_no_coalitions() {
    let data = Data::numbers(&[vec![2.0, 3.0], vec![2.0, 7.0]], &[vec![2.0, 3.0]]);
    let (explained, local) = run(&data.task(), model(|x| x[0] * x[1]));
    assert_eq!(local, [vec![0.0, 0.0], vec![0.0, 8.0]]);
    assert_eq!(explained.model_rows, 3);
}

#[test]
fn logit_takes_zero_and_one_and_refuses_more() {
    let data = Data::numbers(&[vec![1.0, 1.0]], &[vec![0.0, 0.0]]);
    let task = Task { use_logit: true, ..data.task() };
    let (explained, local) = run(&task, model(|x| (x[0] * x[1]).min(1.0)));
    assert!(local[0].iter().all(|value| value.is_finite()));
    assert!(explained.clipped_predictions > 0);
    assert!(explained.warnings.iter().any(|warning| warning.contains("use_logit")));
    let problem = explain(&task, &model(|x| x[0] + x[1]), None).err().unwrap();
    assert_eq!(problem.code(), &codes::LOGIT_OUT_OF_RANGE);
    assert!(problem.to_string().contains("use_logit"));
    let problem = explain(&data.task(), &model(|_| f64::NAN), None).err().unwrap();
    assert_eq!(problem.code(), &codes::PREDICTION_NOT_FINITE);
}

#[test]
fn features_not_explained_keep_the_row_s_values() {
    let data = Data::numbers(&[vec![2.0, 3.0, 4.0]], &[vec![1.0, 1.0, 1.0]]);
    let task = Task { explained: &[0, 2], ..data.task() };
    let (explained, local) = run(&task, model(|x| x[0] * x[1] * x[2]));
    // With x1 = 3: 3 a c from 3 to 24; by hand a: (3 + 12) / 2, c: (9 + 18) / 2.
    assert_close(local[0][0], 7.5, 1e-12);
    assert_close(local[0][1], 13.5, 1e-12);
    assert_eq!(explained.names, ["f0", "f2"]);
    assert_eq!(explained.expected_values, [1.0]);
    assert!(explained.warnings.iter().any(|warning| warning.contains("features_to_explain")));
}

/// 40 rows of 13 features, some of them equal, and a bumpy model.
fn many() -> Data {
    let value = |row: usize, i: usize| ((row * 31 + i * 17) % 23) as f64 / 7.0 - 1.5;
    let rows: Vec<Vec<f64>> =
        (0..40).map(|row| (0..13).map(|i| value(if row % 5 == 4 { 3 } else { row }, i)).collect()).collect();
    Data::numbers(&rows, &[vec![0.3; 13], vec![-0.2; 13]])
}

fn bumpy(x: &[f64]) -> f64 {
    let sum: f64 = x.iter().enumerate().map(|(i, v)| v * ((i * i) as f64).sin()).sum();
    sum.tanh() + x[0] * x[1] * x[2] + if x[3] > 0.0 { x[4] } else { x[5] }
}

#[test]
fn values_do_not_depend_on_other_rows_threads_or_when_answers_come() {
    let data = many();
    let task = Task { num_samples: Some(60), ..data.task() };
    let all = run(&task, model(bumpy)).1;
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one_thread.install(|| run(&task, model(bumpy)).1), all);
    // A dataset that ends earlier gives its rows the same values.
    let head = ModelRows { n_features: 13, ids: data.rows.ids[..13 * 11].to_vec() };
    assert_eq!(run(&Task { rows: &head, ..data.task_with(60) }, model(bumpy)).1, all[..11]);
    // Equal rows get equal values.
    assert_eq!(all[4], all[3]);
    assert_ne!(run(&Task { seed: 8, ..data.task_with(60) }, model(bumpy)).1, all);
}

impl Data {
    fn task_with(&self, num_samples: u64) -> Task<'_> {
        Task { num_samples: Some(num_samples), ..self.task() }
    }
}

#[test]
fn no_more_model_rows_than_documented_and_equal_rows_are_sent_once() {
    let data = many();
    let seen = Mutex::new(std::collections::HashMap::<Vec<u32>, u32>::new());
    let bumpy = model(bumpy);
    let (explained, _) = run(&data.task_with(60), |cells, rows| {
        let mut seen = seen.lock().unwrap();
        rows.rows().for_each(|row| *seen.entry(row.to_vec()).or_default() += 1);
        bumpy(cells, rows)
    });
    let distinct_rows = 40 - 8;
    assert!(explained.model_rows <= distinct_rows * (60 * 2 + 1) + 2, "{}", explained.model_rows);
    // The baseline goes in a call of its own; coalitions that come to it are sent again.
    assert!(seen.into_inner().unwrap().values().all(|times| *times <= 2));
}

/// More rows than a few calls of the model hold; every tenth is one of the first.
fn very_many() -> Data {
    let value = |row: usize, i: usize| ((row * 31 + i * 17) as f64 * 0.7).sin();
    let first = |row: usize| if row % 10 == 9 { row % 7 } else { row };
    let rows: Vec<Vec<f64>> = (0..1500).map(|row| (0..8).map(|i| value(first(row), i)).collect()).collect();
    Data::numbers(&rows, &[vec![2.0; 8]])
}

#[test]
fn values_do_not_depend_on_where_blocks_end() {
    let data = very_many();
    let calls = AtomicU64::new(0);
    let bumpy = model(bumpy);
    let (_, all) = run(&data.task_with(60), |cells, rows| {
        calls.fetch_add(1, Ordering::Relaxed);
        bumpy(cells, rows)
    });
    assert!(calls.into_inner() > 5);
    let head = ModelRows { n_features: 8, ids: data.rows.ids[..8 * 100].to_vec() };
    assert_eq!(run(&Task { rows: &head, ..data.task_with(60) }, &bumpy).1, all[..100]);
    assert!((9..1500).step_by(10).all(|row| all[row] == all[row % 7]));
}

#[test]
fn failure_in_the_middle_is_the_outcome() {
    let data = very_many();
    let bumpy = model(bumpy);
    let calls = AtomicU64::new(0);
    let failing = |cells: &Cells, rows: &ModelRows| match calls.fetch_add(1, Ordering::Relaxed) {
        3.. => Err(Problem::new(&codes::MODEL_FAILED, "no more")),
        _ => bumpy(cells, rows),
    };
    let problem = explain(&data.task_with(60), &failing, None).err().unwrap();
    assert_eq!(problem.code(), &codes::MODEL_FAILED);
    let mut written = 0;
    let mut full_disk = |_: &[f64]| {
        written += 1;
        if written < 300 { Ok(()) } else { Err(Problem::new(&codes::FILE_OPERATION_FAILED, "no room")) }
    };
    let problem = explain(&data.task_with(60), &bumpy, Some(&mut full_disk)).err().unwrap();
    assert_eq!(problem.code(), &codes::FILE_OPERATION_FAILED);
}

#[test]
fn budget_of_model_rows_is_kept_and_told() {
    let data = many();
    let task = Task { max_model_rows: Some(2000), ..data.task_with(100) };
    let (explained, _) = run(&task, model(bumpy));
    assert!(explained.model_rows <= 2000 && explained.num_samples >= 28, "{}", explained.num_samples);
    assert!(explained.stopped_early.unwrap().contains("max_model_rows 2000"));
    let task = Task { max_model_rows: Some(50), ..data.task() };
    let problem = explain(&task, &model(bumpy), None).err().unwrap();
    assert_eq!(problem.code(), &codes::BUDGET_TOO_SMALL);
}

#[test]
fn target_standard_error_spends_less_and_keeps_its_word() {
    let data = many();
    let exact = run(&data.task_with(1 << 13), model(bumpy)).1;
    let task = Task { target_standard_error: Some(0.02), ..data.task_with(1 << 13) };
    let (explained, local) = run(&task, model(bumpy));
    assert!(explained.model_rows < 32 * 2 * (1 << 12), "{}", explained.model_rows);
    assert!(explained.stopped_early.unwrap().contains("target_standard_error"));
    let squares: f64 = local.iter().flatten().zip(exact.iter().flatten()).map(|(a, b)| (a - b).powi(2)).sum();
    let error = (squares / (40.0 * 13.0)).sqrt();
    assert!(error < 0.02, "{error}");
}

#[test]
fn exact_estimator_says_what_it_needs() {
    let data = many();
    let task = Task { estimator: Estimator::Exact, ..data.task_with(100) };
    let problem = explain(&task, &model(bumpy), None).err().unwrap();
    assert_eq!(problem.code(), &codes::BUDGET_TOO_SMALL);
    assert!(problem.to_string().contains("8190"));
}

#[test]
fn standard_errors_are_of_the_size_of_the_errors() {
    let data = many();
    let exact = run(&data.task_with(1 << 13), model(bumpy)).1;
    let (explained, local) = run(&data.task_with(100), model(bumpy));
    let squares: f64 = local.iter().flatten().zip(exact.iter().flatten()).map(|(a, b)| (a - b).powi(2)).sum();
    let made = (squares / (40.0 * 13.0)).sqrt();
    let told = explained.details[0].iter().map(|f| f.local_standard_error.unwrap()).sum::<f64>() / 13.0;
    assert!(told > 0.4 * made && told < 3.0 * made, "told {told}, made {made}");
}

/// Over many models two standard errors hold 85 % of the values or more; a single model may fall a little
/// short. Near twice the players they once held half of them.
#[test]
fn two_standard_errors_cover_from_few_coalitions_on() {
    let cases = cases();
    let of = |id: &str| cases.iter().find(|case| case.id.starts_with(id)).unwrap();
    for (id, num_samples) in [
        ("s13", 12),
        ("s13", 24),
        ("s13", 30),
        ("s13", 48),
        ("s13", 100),
        ("s15", 45),
        ("s15", 60),
        ("s15", 75),
        ("s15", 100),
        ("s15", 200),
    ] {
        let case = of(id);
        let data = Data::of(&case.instances, &case.baseline);
        let (mut covered, mut count) = (0, 0);
        for seed in 0..10 {
            for row in 0..case.instances.len() {
                // One row alone, so that its errors are told one by one.
                let ids = data.rows.row(row).to_vec();
                let alone = ModelRows { n_features: data.rows.n_features, ids };
                let task = Task { rows: &alone, seed, ..data.task_with(num_samples) };
                let (explained, local) = run(&task, |cells, rows| case.model.predict(cells, rows));
                let exact = &case.shap_values[row][0];
                for ((feature, value), exact) in explained.details[0].iter().zip(&local[0]).zip(exact) {
                    let error = feature.local_standard_error.unwrap();
                    covered += usize::from((value - exact).abs() <= 2.0 * error);
                    count += 1;
                }
            }
        }
        let share = covered as f64 / count as f64;
        assert!(share >= 0.8, "{id} with {num_samples}: {share}");
    }
}

#[test]
fn random_orders_tell_their_errors_from_four_of_them_on() {
    let data = many();
    let exact = run(&data.task_with(1 << 13), model(bumpy)).1;
    for (orders, is_told) in [(3, false), (4, true), (20, true)] {
        let task = Task { estimator: Estimator::Permutation, ..data.task_with(orders * 24) };
        let (explained, local) = run(&task, model(bumpy));
        let pairs = local.iter().flatten().zip(exact.iter().flatten());
        let made = (pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / (40.0 * 13.0)).sqrt();
        let told: Option<f64> = explained.details[0].iter().map(|f| f.local_standard_error).sum();
        assert_eq!(told.is_some(), is_told);
        if let Some(told) = told.map(|sum| sum / 13.0) {
            assert!(told > 0.4 * made && told < 2.0 * made, "{orders} orders: told {told}, made {made}");
        }
    }
}

#[test]
fn details_hold_quantiles_and_a_sample_with_ranks() {
    let data = Data::numbers(&(0..5).map(|i| vec![i as f64, 1.0]).collect::<Vec<_>>(), &[vec![0.0, 0.0]]);
    let (explained, _) = run(&data.task(), model(|x| 2.0 * x[0] + x[1]));
    let feature = &explained.details[0][0];
    assert_eq!(feature.quantiles.unwrap(), [0.0, 0.4, 2.0, 4.0, 6.0, 7.6, 8.0]);
    assert_eq!(feature.sample[1], (2.0, Some(0.3)));
    assert_eq!(explained.globals[0], [4.0, 1.0]);
    let section = explained.kernel_shap(&["label0".into()]);
    assert_eq!(section["label0"].global_shap_values["f0"], 4.0);
}

#[test]
fn a_stopped_job_stops() {
    let data = many();
    data.stop.request();
    assert_eq!(explain(&data.task(), &model(bumpy), None).err().unwrap().code(), &codes::STOPPED);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// phi_i = c_i (x_i - mean b_i), for every budget from twice the players.
    #[test]
    fn linear_models_are_exact(
        coefficients in proptest::collection::vec(-3.0f64..3.0, 3..20),
        seed in 0u64..1000,
        extra in 0u64..40,
    ) {
        let m = coefficients.len();
        let row: Vec<f64> = (0..m).map(|i| (i as f64 * 1.7).sin() * 3.0).collect();
        let baseline: Vec<Vec<f64>> =
            (0..3).map(|b| (0..m).map(|i| ((b * 5 + i) as f64).cos()).collect()).collect();
        let data = Data::numbers(std::slice::from_ref(&row), &baseline);
        let task = Task { seed, ..data.task_with(2 * m as u64 + extra) };
        let (_, local) = run(&task, model(|x| x.iter().zip(&coefficients).map(|(x, c)| x * c).sum()));
        for (i, value) in local[0].iter().enumerate() {
            let mean = baseline.iter().map(|row| row[i]).sum::<f64>() / 3.0;
            prop_assert!((value - coefficients[i] * (row[i] - mean)).abs() < 1e-9);
        }
    }

    /// Against the mean over all orders, on small games of any shape.
    #[test]
    fn exact_values_are_the_mean_over_all_orders(worth in proptest::collection::vec(-5.0f64..5.0, 16)) {
        let data = Data::numbers(&[vec![1.0; 4]], &[vec![0.0; 4]]);
        let at = |x: &[f64]| worth[(0..4).filter(|&i| x[i] == 1.0).map(|i| 1 << i).sum::<usize>()];
        let (_, local) = run(&data.task(), model(at));
        let mut sums = [0.0; 4];
        let mut count = 0.0;
        for code in 0..256usize {
            let order: Vec<usize> = (0..4).map(|k| code >> (2 * k) & 3).collect();
            if (0..4).all(|i| order.contains(&i)) {
                count += 1.0;
                let mut mask = 0;
                for player in order {
                    sums[player] += worth[mask | 1 << player] - worth[mask];
                    mask |= 1 << player;
                }
            }
        }
        for i in 0..4 {
            prop_assert!((local[0][i] - sums[i] / count).abs() < 1e-12);
        }
    }

    /// Features in another order get the same values.
    #[test]
    fn order_of_columns_does_not_matter_where_values_are_exact(shift in 1usize..6) {
        let row: Vec<f64> = (0..6).map(|i| (i + 1) as f64).collect();
        let data = Data::numbers(std::slice::from_ref(&row), &[vec![0.0; 6]]);
        let f = |x: &[f64]| x[0] * x[1] * x[2] + x[3].min(x[4]) * x[5];
        let straight = run(&data.task(), model(f)).1;
        let turn = |row: &[f64]| -> Vec<f64> { (0..6).map(|i| row[(i + shift) % 6]).collect() };
        let data = Data::numbers(&[turn(&row)], &[vec![0.0; 6]]);
        let back = |x: &[f64]| f(&(0..6).map(|i| x[(i + 6 - shift) % 6]).collect::<Vec<_>>());
        let turned = run(&data.task(), model(back)).1;
        for (a, b) in turn(&straight[0]).iter().zip(&turned[0]) {
            prop_assert!((a - b).abs() < 1e-12);
        }
    }
}

/// Too many players for the process that all rows share: least squares alone, and still additive.
#[test]
fn many_features_and_many_samples_stay_sound() {
    let row: Vec<f64> = (0..140).map(|i| ((i * 7 % 11) as f64) / 5.0 + 0.1).collect();
    let data = Data::numbers(&[row], &[vec![0.0; 140]]);
    let f =
        |x: &[f64]| x.iter().enumerate().map(|(i, v)| v * (i as f64).cos()).sum::<f64>() + x[0] * x[1] * x[2];
    let (explained, local) = run(&data.task_with(700), model(f));
    assert_eq!(explained.estimators[0].estimator, "least squares");
    let row: Vec<f64> = (0..140).map(|i| ((i * 7 % 11) as f64) / 5.0 + 0.1).collect();
    let triple = row[0] * row[1] * row[2] / 3.0;
    let mut squares = 0.0;
    for (i, value) in local[0].iter().enumerate() {
        let exact = row[i] * (i as f64).cos() + if i < 3 { triple } else { 0.0 };
        squares += (value - exact).powi(2);
    }
    let made = (squares / 140.0).sqrt();
    let told = explained.details[0].iter().map(|f| f.local_standard_error.unwrap()).sum::<f64>() / 140.0;
    assert!(made < 0.05, "{made}");
    assert!(told > 0.5 * made && told < 2.0 * made, "told {told}, made {made}");
    assert_close(local[0].iter().sum::<f64>(), f(&row), 1e-9);
}

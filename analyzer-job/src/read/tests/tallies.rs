use super::*;

proptest! {
    #[test]
    fn tallies_of_any_split_merge_to_the_tally_of_all(
        rows in prop::collection::vec(("[ab]{0,1}", 0u8..3, 0u8..2), 0..40),
        cut in 0usize..40,
    ) {
        let tally = |rows: &[(String, u8, u8)]| {
            let mut tally = Tally::new(vec![None; 3]);
            for (text, number, bit) in rows {
                let key = [
                    tally.intern(0, crate::values::raw::Raw::Csv(text)),
                    tally.intern(1, crate::values::raw::Raw::Int(i64::from(*number))),
                    tally.intern(2, crate::values::raw::Raw::Json(if *bit == 0 { "0" } else { "1" })),
                ];
                tally.add(&key, 1);
            }
            tally
        };
        let described = |tally: &Tally| -> Vec<(Vec<String>, u64)> {
            tally
                .iter()
                .map(|(key, rows)| {
                    let cells = key.iter().enumerate();
                    let print = |(column, &code)| format!("{:?}", tally.dictionary(column).unwrap().get(code));
                    (cells.map(print).collect(), rows)
                })
                .collect()
        };
        let (first, second) = rows.split_at(cut.min(rows.len()));
        let mut merged = tally(first);
        merged.merge(&tally(second));
        prop_assert_eq!(described(&merged), described(&tally(&rows)));
        prop_assert_eq!(merged.rows(), rows.len() as u64);
        let written = serde_json::to_string(&merged).unwrap();
        prop_assert_eq!(described(&serde_json::from_str(&written).unwrap()), described(&merged));
        let mut counted = std::collections::BTreeMap::new();
        for row in &rows {
            *counted.entry(row).or_insert(0u64) += 1;
        }
        prop_assert_eq!(merged.iter().count(), counted.len());
    }
}

/// Reads rows of numbers under thresholds both ways: by tally, which folds them, and by rows.
#[track_caller]
fn check_folded(text: &str, facet: Scalar, label: Scalar) {
    let mut analysis = fixture::analysis(DatasetFormat::Csv);
    analysis.facets = vec![fixture::facet("income", &[facet])];
    analysis.label_values_or_threshold = vec![label];
    let files: &[(&str, &[u8])] = &[("a.csv", text.as_bytes())];
    both_ways(files, &analysis);
    let tallied = fixture::read(files, &analysis, &Options::default()).unwrap();
    match tallied.data {
        Data::Tally(tally) => assert!(tally.iter().count() < 100, "{}", tally.iter().count()),
        Data::Rows(_) => panic!("a tally was asked for"),
    }
}

#[test]
fn many_numbers_under_a_threshold_are_counted_by_their_side() {
    let rows = |income: &dyn Fn(u64) -> String, y: &dyn Fn(u64) -> String, pred: &dyn Fn(u64) -> String| {
        let mut text = String::from("income,y,pred\n");
        for row in 0..20_000u64 {
            let mixed = row * 7919 % 20_011;
            writeln!(text, "{},{},{}", income(mixed), y(mixed * 3 % 20_011), pred(mixed * 5 % 20_011))
                .unwrap();
        }
        text
    };
    let whole = |value: u64| value.to_string();
    let float = |value: u64| format!("{:?}", value as f64 / 8.0);
    check_folded(&rows(&float, &float, &float), Scalar::Int(1000), Scalar::Float(700.5));
    check_folded(&rows(&whole, &whole, &whole), Scalar::Int(1000), Scalar::Text("5000".into()));
    // Predictions are cut to whole labels, also next to the threshold.
    check_folded(&rows(&whole, &whole, &float), Scalar::Float(99.5), Scalar::Int(2000));
    // A single text makes categories of all numbers.
    let mixed = |value: u64| if value == 77 { "unknown".into() } else { value.to_string() };
    check_folded(&rows(&mixed, &whole, &whole), Scalar::Int(1000), Scalar::Int(2000));
    // Missing values and a threshold above the maximum, which selects nothing.
    let gaps = |value: u64| if value.is_multiple_of(7) { String::new() } else { value.to_string() };
    check_folded(&rows(&gaps, &whole, &whole), Scalar::Int(1_000_000), Scalar::Int(0));
}

#[test]
fn folded_tallies_merge_with_others() {
    let tally = |values: std::ops::Range<i64>| {
        let mut tally = Tally::new(vec![Some(vec![100.0])]);
        for value in values {
            let key = [tally.intern(0, crate::values::raw::Raw::Int(value))];
            tally.add(&key, 1);
        }
        tally
    };
    let (few, many) = (tally(99..104), tally(50..40_000));
    for (one, two) in [(&few, &many), (&many, &few)] {
        let mut merged = one.clone();
        merged.merge(two);
        let (distinct, codes) = merged.distinct(0);
        assert_eq!((distinct.n_distinct, merged.rows()), (39_950, 39_955));
        let above = merged.iter().filter(|(key, _)| match distinct.values[codes[key[0] as usize] as usize] {
            typing::Cell::Int(value) => value > 100,
            _ => false,
        });
        assert_eq!(above.map(|(_, rows)| rows).sum::<u64>(), 39_899 + 3);
        assert!(distinct.values.contains(&typing::Cell::Int(39_999)));
    }
}

#[test]
fn text_late_in_a_column_of_many_numbers_keeps_their_spelling() {
    let mut text = String::from("x,sex,y\n");
    for row in 0..70_000 {
        writeln!(text, "{row}.50,f,{}", row % 2).unwrap();
    }
    text.push_str("none,m,1\n");
    let table = table(&[("a.csv", text.as_bytes())], &plain());
    match &table.columns[0].values {
        Values::Text(texts) => assert_eq!((texts.get(3), texts.get(70_000)), (Some("3.50"), Some("none"))),
        other => panic!("{} values", other.len()),
    }
}

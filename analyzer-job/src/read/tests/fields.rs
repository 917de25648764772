use proptest::prelude::*;

use super::*;
use crate::read::fixture::{csv_like, csv_records};

/// The records of a text, or what was handed on before it turned out not to be as it should be.
fn found(text: &str, width: usize, piece: usize) -> (bool, Vec<Vec<String>>) {
    let mut found = Vec::new();
    let whole = in_pieces(text, width, piece, |record| {
        found.push((0..width).map(|position| record.get(position, &mut String::new()).into()).collect());
    });
    (whole, found)
}

/// Texts of records, and how they may be written.
fn written() -> impl Strategy<Value = (Vec<Vec<String>>, String)> {
    let cell =
        prop_oneof![Just(""), Just("1"), Just("a"), Just("a,b"), Just("\""), Just("a\r\nb"), Just("é")];
    let record = move |width| proptest::collection::vec((cell.clone(), any::<bool>()), width);
    let ends = prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\n")];
    (1_usize..5)
        .prop_flat_map(move |width| proptest::collection::vec((record(width), ends.clone()), 0..20))
        .prop_map(|records| {
            let mut text = String::new();
            for (record, end) in &records {
                for (at, (cell, quoted)) in record.iter().enumerate() {
                    text.push_str(if at > 0 { "," } else { "" });
                    let must = cell.contains(['"', ',', '\r']) || record.len() == 1 && cell.is_empty();
                    match must || *quoted {
                        true => text.push_str(&format!("\"{}\"", cell.replace('"', "\"\""))),
                        false => text.push_str(cell),
                    }
                }
                text.push_str(end);
            }
            let cells = |record: Vec<(&str, bool)>| record.into_iter().map(|(cell, _)| cell.into()).collect();
            (records.into_iter().map(|(record, _)| cells(record)).collect(), text)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_the_records_of_the_csv_crate_or_is_refused(
        text in csv_like(120),
        blocks in 1_usize..3,
        wider in 0_usize..3,
    ) {
        let all = csv_records(&text);
        let width = all.first().map_or(1, Vec::len) + wider / 2;
        let (whole, found) = found(&text, width, 64 * blocks);
        if whole {
            prop_assert_eq!(&found, &all);
        }
        if !text.contains('"') {
            prop_assert_eq!(whole, all.iter().all(|record| record.len() == width));
        }
    }

    #[test]
    fn text_as_rfc_4180_has_it_is_not_refused((records, text) in written(), blocks in 1_usize..3) {
        let width = records.first().map_or(1, Vec::len);
        prop_assert_eq!(&found(&text, width, 64 * blocks), &(true, records.clone()), "{:?}", text);
        prop_assert!(found(&text, width + 1, 64 * blocks).1.is_empty());
        prop_assert_eq!(csv_records(&text), records);
    }
}

#[test]
fn quotes_that_are_not_as_they_should_be_are_refused() {
    for text in ["a,5\" disk\n", "\"a\"b,c\n", "\"a\" ,c\n", "a,\"b\n", "a,\"b\"\"\n", "a, \"b\"\n"] {
        for before in 0..130 {
            let text = format!("{},x\n{text}", "x".repeat(before));
            assert!(!found(&text, 2, 64).0, "{text:?}");
        }
    }
}

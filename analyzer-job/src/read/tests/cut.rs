use proptest::prelude::*;

use super::*;
use crate::read::fixture::{csv_like, csv_records};

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn text_cut_at_a_record_end_has_the_same_records(text in csv_like(40)) {
        let end = last_end(text.as_bytes());
        let (whole, rest) = text.split_at(end);
        let mut parts = csv_records(whole);
        parts.extend(csv_records(rest));
        prop_assert_eq!(&parts, &csv_records(&text));
        // And it is the last: all records but the one at hand end before.
        prop_assert!(csv_records(rest).len() <= 1, "{:?}", rest);
    }

    #[test]
    fn text_with_quotes_has_the_fields_of_the_csv_crate_or_a_fault(
        text in csv_like(40),
        wanted in proptest::collection::btree_set(0_usize..4, 0..4),
        wider in 0_usize..3,
    ) {
        let wanted: Vec<usize> = wanted.into_iter().collect();
        let all = csv_records(&text);
        let width = all.first().map_or(1, Vec::len).max(wanted.last().map_or(0, |last| last + 1)) + wider / 2;
        let (mut found, mut row) = (Vec::new(), Vec::new());
        let whole = quoted(&text, width, &wanted, |part| match part {
            Part::Field(at, field) => {
                assert_eq!(at, row.len());
                row.push(field.to_string());
            }
            Part::End => found.push(std::mem::take(&mut row)),
        });
        let works_out = quotes::fault(text.as_bytes()).is_none();
        prop_assert_eq!(whole, works_out && all.iter().all(|record| record.len() == width));
        if whole {
            let expected: Vec<Vec<String>> =
                all.iter().map(|record| wanted.iter().map(|&at| record[at].clone()).collect()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn quotation_marks_inside_a_field_cut_nothing() {
    assert_eq!(last_end(b"a,5\" disk\nb,\"x\ny\"\nc"), 18);
    assert_eq!(last_end(b"\"a\nb"), 0);
    assert_eq!(last_end(b"\"a\"\""), 0);
    assert_eq!(last_end(b"a\r\n\r\n"), 5);
    assert_eq!(last_end(b""), 0);
}

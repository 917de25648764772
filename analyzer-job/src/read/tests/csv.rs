use proptest::prelude::*;

use super::*;
use crate::config::DatasetFormat;
use crate::read::{Options, fixture};

/// Rows that cannot be read, and what is said of them.
const FAULTS: [(&[u8], &str); 6] = [
    (b"1", "another number of columns"),
    (b"1,0,7", "another number of columns"),
    (b"1,\"0\"0", "the quotes of a row do not work out"),
    (b"\"1,\"0\",7\"", "the quotes of a row do not work out"),
    (b"1,\"0", "the quotes of a row do not work out"),
    (b"1,\xff", "not UTF-8"),
];

proptest! {
    /// Whatever else is wrong behind it, among the rows that are looked at before the first is taken or not, and whether rows
    /// are kept, which is read row by row, or counted in blocks.
    #[test]
    fn of_several_faults_the_first_of_the_file_is_named(
        faults in proptest::collection::btree_map(
            prop_oneof![3 => 0_usize..20, 1 => 0_usize..2 * LOOKED_AT],
            0..FAULTS.len(),
            1..5,
        ),
        header in any::<bool>(),
        keep_rows in any::<bool>(),
    ) {
        let mut analysis = fixture::analysis(DatasetFormat::Csv);
        if !header {
            analysis.dataset.headers = Some(["y", "pred"].map(String::from).to_vec());
        }
        let mut text = if header { b"y,pred\n".to_vec() } else { b"1,0\n".to_vec() };
        for row in 0..2 * LOOKED_AT + 10 {
            text.extend_from_slice(faults.get(&row).map_or(b"1,0", |fault| FAULTS[*fault].0));
            text.push(b'\n');
        }
        let good = if header { &b"y,pred\n1,0\n"[..] } else { b"1,0\n" };
        let options = Options { keep_rows, ..Options::default() };
        let told = fixture::read(&[("a.csv", good), ("b.csv", &text)], &analysis, &options).unwrap_err().to_string();
        let (row, fault) = faults.iter().next().unwrap();
        let place = [':', ';'].map(|behind| format!("b.csv, line {}{behind}", row + 2));
        prop_assert!(place.iter().any(|place| told.contains(place)), "{:?}: {}", faults, told);
        // A quote that is never closed takes in what stands behind it.
        let is_open = FAULTS[*fault].0 == b"1,\"0";
        prop_assert!(told.contains(FAULTS[*fault].1) || is_open, "{:?}: {}", faults, told);
    }
}

/// A file with other delimiters has one column, whether its values are quoted or not, and wherever it stands.
#[test]
fn a_file_with_other_delimiters_does_not_fit_the_headers() {
    use plumbline_common::codes;

    let mut analysis = fixture::analysis(DatasetFormat::Csv);
    analysis.dataset.headers = Some(["y", "pred"].map(String::from).to_vec());
    for (delimiter, look) in [("\t", "tabs"), (";", "`;`"), ("|", "`|`")] {
        for quote in ["", "\""] {
            let row = |one: &str, two: &str| format!("{quote}{one}{quote}{delimiter}{quote}{two}{quote}\n");
            let odd = [row("y", "pred"), row("1", "0").repeat(5)].concat();
            let good = "y,pred\n1,0\n0,1\n";
            for (one, two, file) in [(good, odd.as_str(), "b.csv"), (&odd, good, "a.csv")] {
                let files = [("a.csv", one.as_bytes()), ("b.csv", two.as_bytes())];
                for keep_rows in [true, false] {
                    let options = Options { keep_rows, ..Options::default() };
                    let problem = fixture::read(&files, &analysis, &options).unwrap_err();
                    let told = problem.to_string();
                    assert_eq!(problem.code(), &codes::HEADERS_DO_NOT_FIT, "{odd}: {told}");
                    assert!(told.contains(file) && told.contains(look), "{told}");
                }
            }
        }
    }
}

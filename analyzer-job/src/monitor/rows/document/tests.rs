//! Documents in every form, and damaged at every place.

use super::*;

/// Rows and bad ones of a text, in short.
fn short(text: &str) -> (Vec<String>, Vec<(u64, String)>) {
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for Element { line, row } in elements(text) {
        match row {
            Ok(Shape::Object(json) | Shape::Value(json) | Shape::Named(_, json)) => {
                rows.push(json.to_string())
            }
            Ok(Shape::List(cells)) => rows.push(format!("[{}]", cells.join(","))),
            Ok(Shape::Stray(stray)) => bad.push((line, stray.to_string())),
            Err(reason) => bad.push((line, reason)),
        }
    }
    (rows, bad)
}

/// Lists of rows in every form, with all rows.
fn forms(rows: &[String]) -> Vec<String> {
    vec![
        format!("[{}]", rows.join(",")),
        format!("[\n{}\n]\n", rows.join(",\n")),
        format!("{{\"rows\": [{}]}}", rows.join(", ")),
        format!("{{\n  \"rows\": [\n    {}\n  ]\n}}", rows.join(",\n    ")),
        rows.join("\n"),
    ]
}

fn objects() -> Vec<String> {
    (0..5).map(|n| format!("{{\"a\":{n},\"k\":[{{\"z\":\"}},{{\"}},[]],\"t\":\"x\\\"y\"}}")).collect()
}

#[test]
fn what_is_no_object_and_no_list_is_a_bad_row_at_every_place() {
    let rows = objects();
    for stray in ["null", "5", "\"x\"", "true", "NaN"] {
        for at in 0..=rows.len() {
            let mut with = rows.clone();
            with.insert(at, stray.into());
            for text in forms(&with) {
                let (found, bad) = short(&text);
                assert_eq!(found, rows, "{text}");
                assert!(bad.len() == 1 && bad[0].1.contains("expected an object"), "{text}: {bad:?}");
            }
        }
    }
    let lists: Vec<String> = (0..4).map(|n| format!("[{n},\"x\"]")).collect();
    for at in 0..=lists.len() {
        let mut with = lists.clone();
        with.insert(at, "null".into());
        let (found, bad) = short(&format!("[{}]", with.join(",")));
        assert_eq!((found, bad.len()), (lists.clone(), 1));
    }
    // Whether objects or lists are the rows is not decided here.
    let mixed = ["{\"a\":1}", "[1,2]", "{\"a\":2}", "[[1],{\"b\":2}]"].map(String::from);
    assert_eq!(short(&format!("[{}]", mixed.join(","))), (mixed.to_vec(), vec![]));
    assert_eq!(short("[1, null, 3]").0, ["[1,null,3]"]);
    assert_eq!(short("[]"), (vec![], vec![]));
}

/// Every element that is not damaged is found, or as many are counted.
#[test]
fn damage_at_any_byte_costs_what_it_counts() {
    let rows = objects();
    let puts = ["", "x", "\"", "{", "}", "[", "]", ",", ":", "\\", "\n", "\u{1}"];
    for text in forms(&rows) {
        assert_eq!(short(&text), (rows.clone(), vec![]), "{text}");
        let mut passed_over = 0;
        for at in 0..text.len() {
            for put in puts {
                let mut damaged = text.clone();
                damaged.replace_range(at..at + 1, put);
                let (found, bad) = short(&damaged);
                let kept: Vec<&String> = rows.iter().filter(|row| found.contains(row)).collect();
                let counted = bad.len().max(found.len() - kept.len());
                if kept.len() + counted < rows.len() || kept.len() + 2 < rows.len() {
                    let told = bad.iter().any(|(_, reason)| reason.contains("passed over"));
                    assert!(told, "{damaged}: {found:?} {bad:?}");
                    passed_over += 1;
                }
                assert!(!found.iter().any(|row| row.starts_with("{\"z")), "{damaged}: {found:?}");
            }
        }
        // Only damage in front of the list costs more than it counts, and says so.
        assert!(
            passed_over <= text.find('[').filter(|_| text.contains("rows")).unwrap_or(0) * puts.len(),
            "{text}: {passed_over}"
        );
    }
}

#[test]
fn a_document_that_is_cut_off_is_told_at_every_byte() {
    let rows = objects();
    for text in forms(&rows).into_iter().take(4) {
        let text = text.trim_end();
        let end_of_row = |n: usize| text.find(&rows[n]).map_or(0, |at| at + rows[n].len());
        for at in 1..text.len() {
            let (found, bad) = short(&text[..at]);
            let whole = (0..rows.len()).filter(|&n| end_of_row(n) <= at).count();
            assert_eq!(found, rows[..whole], "{}", &text[..at]);
            assert!(bad.len() == 1 && bad[0].1.contains("ends early"), "{}: {bad:?}", &text[..at]);
        }
    }
    assert!(short("[1, 2, 3").0.is_empty());
}

#[test]
fn one_damaged_row_of_a_thousand_costs_itself() {
    let row = |n: usize| format!("{{\"a\":{n},\"b\":\"x\"}}");
    for (damage, between) in [
        ("{\"a\":4,\"b\":\"x\"", ","),
        ("{\"a\":4,\"b\":\"x", ","),
        ("{\"a\":4,\"b\":\"x},", ",\n"),
        ("{\"a\":4,\"b\":[{\"z\":7}", ", "),
        ("oops", ","),
    ] {
        let mut rows: Vec<String> = (0..1000).map(row).collect();
        rows[3] = damage.into();
        let (found, bad) = short(&format!("[{}]", rows.join(between)));
        assert_eq!((found.len(), bad.len()), (999, 1), "{damage}: {bad:?}");
    }
    // Rows that begin with other keys are passed over only where this is said.
    let (found, bad) = short("[{\"a\":1,{\"b\":2},{\"c\":3}]");
    assert!(found.is_empty() && bad[0].1.contains("up to line 1 is passed over"), "{bad:?}");
}

#[test]
fn a_word_that_is_no_json_in_every_row_costs_all_of_them_and_no_other() {
    let row = |n: usize| format!("{{\"a\":{n},\"b\":None}}");
    let mut rows: Vec<String> = (0..20_000).map(row).collect();
    rows[10_000] = "{\"a\":1,\"b\":2}".into();
    let (found, bad) = short(&format!("[{}]", rows.join(",")));
    assert_eq!((found.len(), bad.len()), (1, 19_999));
}

#[test]
fn a_part_of_a_damaged_element_is_no_element() {
    let row = "{\"id\":1,\"more\":[{\"id\":2},{\"id\":3}],\"x\":4}";
    let (found, bad) = short(&format!("[{row},{},{row}]", row.replace("4", "oops")));
    assert_eq!((found, bad.len()), (vec![row.to_string(); 2], 1));
}

#[test]
fn an_object_with_more_than_a_list_is_one_row() {
    let (found, bad) = short("{\"rows\":[{\"a\":1},{\"a\":2}],\"more\": oops}\n{\"rows\":[],\"more\":1}");
    assert_eq!((found, bad.len()), (vec!["{\"rows\":[],\"more\":1}".to_string()], 1));
}

/// A damaged row among rows of both kinds costs itself, whichever of them are more.
#[test]
fn damage_among_objects_and_lists_costs_itself() {
    let lists: Vec<String> = (0..20).map(|n| format!("[{n},\"x\"]")).collect();
    let objects: Vec<String> = (0..20).map(|n| format!("{{\"a\":{n},\"b\":\"x\"}}")).collect();
    for (most, odd, damaged) in
        [(&lists, &objects[0], "[4,\"x\",oops]"), (&objects, &lists[0], "{\"a\":4,\"b\":oops}")]
    {
        for at in 0..most.len() {
            let mut rows = most.clone();
            rows[9] = damaged.into();
            rows.insert(at, odd.clone());
            let (found, bad) = short(&format!("[{}]", rows.join(",\n")));
            rows.retain(|row| row != damaged);
            assert_eq!((found, bad.len()), (rows, 1), "{odd} at {at}: {bad:?}");
        }
    }
}

#[test]
fn the_time_for_damage_is_in_proportion_to_it() {
    for opening in ["{", "{\"a\":", "[{\"a\":1,", "[{\"a\":[", "{\"a\":[{}],", "[", "{\"a\":\"\"},{\"a\""] {
        let damage = opening.repeat(40_000);
        assert!(!short(&format!("[{{\"a\":1}},{damage}")).1.is_empty(), "{opening}");
    }
}

/// Brackets of two damaged lines that match each other do not make one record of the lines between them.
#[test]
fn lines_between_two_damaged_ones_are_kept() {
    let row = |n: usize| format!("{{\"a\":{n},\"k\":\"x\"}}");
    let opened = ["{\"a\":1,\"k\":{", "{\"a\":1,{", "{", "  {"];
    let closed = ["}}", "\"k\":\"x\"}}", "]}", "}", "1}}", "}]", "\"x\":1}]}"];
    for (one, two) in opened.iter().flat_map(|one| closed.iter().map(move |two| (one, two))) {
        for (first, between) in (0..4).flat_map(|first| (1..4).map(move |between| (first, between))) {
            let last = first + between + 1;
            let mut rows: Vec<String> = (0..9).map(row).collect();
            (rows[first], rows[last]) = (one.to_string(), two.to_string());
            let (found, bad) = short(&rows.join("\n"));
            let kept = rows.iter().enumerate().filter(|(at, _)| *at != first && *at != last);
            let kept: Vec<&String> = kept.map(|(_, row)| row).collect();
            assert_eq!(found.iter().collect::<Vec<_>>(), kept, "{one} {two} {first} {between}: {bad:?}");
            let mut lines: Vec<u64> = bad.iter().map(|(line, _)| *line).collect();
            lines.dedup();
            let expected = [first as u64 + 1, last as u64 + 1];
            assert_eq!(lines, expected, "{one} {two} {first} {between}: {bad:?}");
        }
    }
}

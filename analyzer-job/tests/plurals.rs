//! What is counted once has no plural: the reports of the gallery, read for `1 rows` and the like.

#[allow(dead_code, reason = "the example is a program, here only its reports are made")]
#[path = "../examples/report_gallery.rs"]
mod gallery;
#[path = "support/plurals.rs"]
mod plurals;

use std::error::Error;
use std::fs;
use std::path::Path;

use plurals::plurals_of_one;

#[test]
fn a_plural_of_one_is_seen() {
    for text in ["read 1 rows.", "(1 metrics)", "1 of 1 metrics,"] {
        assert_eq!(plurals_of_one(text).len(), 1, "{text}");
    }
    for text in ["1 row", "21 rows", "1 of 2 rows", "at 1 is", "1\u{202f}000 rows", "1 class", "label 1 has"]
    {
        assert!(plurals_of_one(text).is_empty(), "{text}");
    }
}

#[test]
fn no_report_of_the_gallery_has_a_plural_of_one() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gallery");
    let asked =
        ["single", "selections", "violations", "clean", "errors", "outputs", "clean-quality", "binary"];
    gallery::write(&folder, &asked.map(String::from))?;
    let mut n_reports = 0;
    for entry in fs::read_dir(&folder)? {
        let entry = entry?.path();
        let page = fs::read_to_string(entry.join("report.html"))?;
        // Without the data of the page, its styles and its tags.
        let body = page.split_once("<body").map_or(page.as_str(), |(_, body)| body);
        let mut text = String::new();
        for part in body.split('<') {
            let (tag, rest) = part.split_once('>').unwrap_or(("", part));
            if !tag.starts_with("script") && !tag.starts_with("style") {
                text.push(' ');
                text.push_str(rest);
            }
        }
        assert_eq!(plurals_of_one(&text), Vec::<String>::new(), "{}", entry.display());
        n_reports += 1;
    }
    assert_eq!(n_reports, asked.len());
    Ok(())
}

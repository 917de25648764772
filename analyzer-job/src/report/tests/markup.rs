//! Whatever stands in a text of the data, a cell of the notebook has the markup that the program wrote, and no more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::shown::shown;
use super::directions::{of_bias, of_performance, of_quality};
use super::*;

const ELEMENTS: [&str; 12] =
    ["table", "caption", "thead", "tbody", "tr", "th", "td", "img", "div", "strong", "br", "pre"];

/// The markup of a text as names of elements; drawings have theirs.
fn check_html(html: &str) {
    for element in html.split('<').skip(1) {
        let (tag, _) = element.split_once('>').unwrap_or_else(|| panic!("{element}"));
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        assert!(ELEMENTS.contains(&name), "<{tag}>");
        if let Some((_, image)) = tag.split_once("src=\"") {
            let drawing = image.strip_prefix("data:image/svg+xml;base64,").unwrap();
            let drawing = STANDARD.decode(drawing.trim_end_matches('"')).unwrap();
            let drawing = String::from_utf8(drawing).unwrap();
            for element in drawing.split('<').skip(1) {
                let name = element.trim_start_matches('/').split([' ', '>', '/']).next().unwrap();
                assert!(["svg", "rect", "circle", "path", "text"].contains(&name), "<{element}");
            }
        }
    }
}

/// By the rules of CommonMark: a block of HTML goes to the next blank line, any other block has none.
fn check_markdown(source: &str) {
    assert!(!source.contains(['\r', '\t', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']), "{source:?}");
    let mut block = String::new();
    for line in source.split('\n').chain([""]) {
        if !line.trim().is_empty() {
            block.push_str(line);
            continue;
        }
        match block.strip_prefix('<').and_then(|block| block.split('>').next()) {
            Some(name) => {
                assert!(block.ends_with(&format!("</{name}>")), "{block}");
                assert!(!block.contains(['$', '\\']), "{block}");
                check_html(&block);
            }
            None => {
                let plain = ["\\[", "\\]", "\\*", "\\_", "\\`", "\\#", "\\{", "\\}", "\\|", "\\~"]
                    .into_iter()
                    .fold(block.clone(), |text, escaped| text.replace(escaped, ""));
                assert!(!plain.contains(['<', '[', '`', '$', '\\', '~', '_']), "{block}");
            }
        }
        block.clear();
    }
}

#[test]
fn no_text_ends_a_block_of_the_notebook() {
    let ends = ["\n", "\r", "\r\n", "\t", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}"];
    let mut texts: Vec<String> = ends
        .iter()
        .flat_map(|end| [format!("x{end}{end}![a](http://e/x)"), format!("{end} {end}<i>{end}    y{end}")])
        .collect();
    texts.extend(
        ["<i>", "\"><img src=x>", "</pre>\n\n[a]: b", "\\\\(x\\)$y$", "`*_#|~&amp;{}", "    - x"]
            .map(String::from),
    );
    for text in texts {
        for of in [of_bias, of_quality, of_performance] {
            let report = shown(&of(&text).0);
            let page = String::from_utf8(html::write(&report).unwrap()).unwrap();
            assert!(!page.contains("<i>") && !page.contains("<img"), "{text:?}");
            let notebook: Json = serde_json::from_slice(&notebook::write(&report).unwrap()).unwrap();
            let whole = |lines: &Json| -> String {
                lines.as_array().unwrap().iter().filter_map(Json::as_str).collect()
            };
            for cell in notebook["cells"].as_array().unwrap() {
                if cell["cell_type"] == "markdown" {
                    check_markdown(&whole(&cell["source"]));
                }
                for output in cell["outputs"].as_array().into_iter().flatten() {
                    check_html(&whole(&output["data"]["text/html"]));
                }
            }
        }
    }
}

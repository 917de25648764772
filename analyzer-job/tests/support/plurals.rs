//! What is counted once has no plural.

/// Words with an s at the end that may follow a 1.
const NO_PLURALS: [&str; 9] = ["as", "has", "is", "was", "means", "lies", "counts", "differs", "includes"];

/// Where a text says one of something as if it were several.
pub(crate) fn plurals_of_one(text: &str) -> Vec<String> {
    let words: Vec<&str> =
        text.split(|letter: char| letter.is_whitespace() && letter != '\u{202f}').collect();
    let is_one = |word: &str| word.trim_start_matches(['(', '"', '`', '>']) == "1";
    let is_plural = |word: &str| {
        let word = word.trim_end_matches(|letter: char| letter.is_ascii_punctuation());
        word.len() > 2
            && word.ends_with('s')
            && !word.ends_with("ss")
            && word.chars().all(|letter| letter.is_ascii_lowercase())
            && !NO_PLURALS.contains(&word)
    };
    words.windows(2).filter(|pair| is_one(pair[0]) && is_plural(pair[1])).map(|pair| pair.join(" ")).collect()
}

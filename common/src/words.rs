//! Numbers with their nouns.

/// `1 row`, `2 rows`.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    number_of(count, noun, &format!("{noun}s"))
}

/// `1 class`, `2 classes`.
pub fn number_of(count: impl TryInto<u64>, one: &str, many: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `1 of 1 row`, `1 of 2 rows`.
pub fn part_of(part: impl TryInto<u64>, whole: impl TryInto<u64>, noun: &str) -> String {
    let part = part.try_into().unwrap_or(u64::MAX);
    format!("{part} of {}", counted(whole, noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!([0_u64, 1, 2].map(|count| counted(count, "row")), ["0 rows", "1 row", "2 rows"]);
        assert_eq!(
            [0, 1, 2].map(|count: usize| number_of(count, "class", "classes")),
            ["0 classes", "1 class", "2 classes"]
        );
        assert_eq!(
            [[1_u64, 1], [1, 2]].map(|[part, whole]| part_of(part, whole, "row")),
            ["1 of 1 row", "1 of 2 rows"]
        );
    }
}

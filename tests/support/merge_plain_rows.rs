//! Rows of a batch transform by the plain rules of CSV, read slowly: what a text can be taken for.

pub(crate) const TIME: &str = "2024-01-19T19:27:57Z";

/// Data and id of a text that is one row, by the plain rules of CSV.
pub(crate) fn as_one_row(text: &str) -> Option<(String, String)> {
    let bytes = text.as_bytes();
    let (mut at, mut starts) = (0, vec![0]);
    loop {
        let is_quoted = bytes.get(at) == Some(&b'"');
        if is_quoted {
            at += 1;
            loop {
                at += text.get(at..)?.find('"')? + 1;
                if bytes.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
        }
        let length = text[at..].find([',', '\n', '\r']).unwrap_or(text.len() - at);
        if is_quoted && length > 0 {
            return None;
        }
        at += length;
        match bytes.get(at) {
            Some(b',') => starts.push(at + 1),
            Some(_) => return None,
            None => break,
        }
        at += 1;
    }
    let [.., id, time] = starts[..] else { return None };
    (starts.len() > 2 && plain(&text[time..]) == TIME)
        .then(|| (text[..id - 1].to_string(), plain(&text[id..time - 1])))
}

/// Data and id of a row that ends with those of its number.
pub(crate) fn as_one_line(text: &str, n: usize) -> Option<(String, String)> {
    let id = format!("i{n}");
    text.strip_suffix(&format!(",{id},{TIME}")).map(|data| (data.to_string(), id))
}

/// Data and id of a text that is a line, by its last cells.
pub(crate) fn last_two(line: &str) -> Option<(String, String)> {
    let mut cells = line.rsplitn(3, ',').skip(1);
    let (id, data) = (cells.next()?, cells.next()?);
    (!line.contains(['\n', '\r'])).then(|| (data.to_string(), plain(id)))
}

/// What an id or a time says.
pub(crate) fn plain(cell: &str) -> String {
    cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell).replace("\"\"", "\"")
}

pub(crate) fn data_and_id(body: &str) -> (String, String) {
    let record: serde_json::Value = serde_json::from_str(&format!("{{{body}")).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
    (text(&record["captureData"]["batchTransformOutput"]["data"]), text(&record["eventMetadata"]["eventId"]))
}

/// Data and id of the rows that stand behind a line end in a text, where what stands before is no more than the beginning of a
/// first cell that is plain: that is a heading and a row.
pub(crate) fn rests_behind_a_heading(text: &str) -> Vec<(String, String)> {
    let ends = text.match_indices('\n').map(|(end, _)| text.split_at(end));
    let rests =
        ends.filter(|(lines, _)| !lines.contains([',', '"', '{', '['])).map(|(_, rest)| rest.trim_start());
    rests.filter_map(|rest| as_one_row(rest).or_else(|| last_two(rest))).collect()
}

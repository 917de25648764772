//! A file as the merge reads it, in pieces. Used by property tests and by a fuzz target.

use merge_job::json::Span;
use merge_job::reader::{self, Found, Piece, State, Workspace};
use merge_job::record::{Bad, Capture, Label, Side, Slice, Texts};

/// Reads a file in pieces of these sizes, in turn, as a stream of blocks does it: what a piece leaves open is read again
/// with the next. Gives the line of each record, and its text or why it is bad.
pub(crate) fn in_pieces<S: Side>(
    side: S,
    text: &[u8],
    sizes: &[usize],
    longest: usize,
) -> Vec<(u64, Result<String, Bad>)>
where
    S::Item: Body,
{
    let (mut rest, mut state, mut lines, mut at) = (Vec::new(), State::default(), 0, 0);
    let (mut memory, mut all) = (Workspace::default(), Vec::new());
    let mut sizes = sizes.iter().cycle();
    let width = reader::width_of_rows(text, true);
    loop {
        let size = (*sizes.next().unwrap()).clamp(1, text.len() - at + 1);
        let end = text.len().min(at + size);
        rest.extend_from_slice(&text[at..end]);
        at = end;
        let piece = Piece {
            span: Span { start: 0, end: rest.len() },
            state,
            ended: at == text.len(),
            longest,
            width,
        };
        let (mut made, mut found) = (Vec::new(), Vec::new());
        let settled = reader::read(side, &rest, piece, &mut memory, &mut made, &mut found);
        let texts = Texts { read: &rest, made: &made };
        for Found { line, what } in found {
            let what = what.map(|item| String::from_utf8(texts.of(item.body()).to_vec()).unwrap());
            all.push((lines + line + 1, what));
        }
        if piece.ended {
            assert_eq!(settled.end, rest.len());
            return all;
        }
        lines += settled.lines;
        state = settled.state;
        rest.drain(..settled.end);
    }
}

/// What of a record shows which one it is.
pub(crate) trait Body {
    fn body(&self) -> Slice;
}

impl Body for Capture {
    fn body(&self) -> Slice {
        self.body
    }
}

impl Body for Label {
    fn body(&self) -> Slice {
        self.id
    }
}

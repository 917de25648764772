//! The first rows of CSV files: the names of their columns, or rows like the others. All files are looked at before the
//! first is read, so that neither their order nor how they are split into parts decides.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use plumbline_common::input::{self, InputFile};
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::File;
use super::cut::Cut;
use crate::monitor::format;
use crate::monitor::rows::Doubt;
use crate::read::header;
use crate::values::raw::Raw;
use crate::values::typing::{self, Cell};

/// Bytes of a file that tell what its first row is.
const LOOKED_AT: usize = 1 << 16;

/// Rows behind the first one that are looked at.
const ROWS: usize = 1000;

/// What the first row of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// It names the columns.
    Names,
    /// It looks like data where `dataset_format` says that it is a header row: it is left out, and the columns are those of the
    /// file that names the table's, by position.
    LeftOut,
    /// A row; the columns are those of the file that names the table's, by position.
    Row,
}

/// What the first rows of all files are.
#[derive(Debug, Default)]
pub(in crate::monitor::rows) struct Heads {
    /// By file; none where no file names its columns.
    pub(super) firsts: Vec<First>,
    /// The names by position where a file has none of its own.
    pub(super) names: Option<Vec<String>>,
    /// How far other parts of the data may be joined by these names.
    pub(in crate::monitor::rows) doubt: Doubt,
    /// What is to be said of single files.
    pub(in crate::monitor::rows) notes: Vec<(PathBuf, String)>,
}

impl Heads {
    /// Whether some file names its columns.
    pub(in crate::monitor::rows) fn is_header(&self) -> bool {
        !self.firsts.is_empty()
    }

    /// Looks at the first rows. `given`: `dataset_format` says that every file has a header row. `known`: the names of the
    /// baseline's columns.
    ///
    /// # Errors
    /// A file that cannot be read. `HEADERS_DO_NOT_FIT`: the files begin with different rows, and nothing tells whether these are names.
    pub(in crate::monitor::rows) fn of(files: &[InputFile], given: bool, known: &[String]) -> Result<Heads> {
        let heads: Vec<Option<Head>> = files.iter().map(Head::of).collect::<Result<_>>()?;
        Seen { heads: &heads, known, given }.told()
    }
}

/// How much the first row of a file looks like names, judged by the file alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Text above a column of numbers, or a count of the columns.
    Sure,
    /// The same, with a number in the row, as in `id,2020,2021`, or a cell that stands below too.
    Mixed,
    /// Different texts that stand in no row below.
    Texts,
    /// Numbers, a text twice or missing, or one that stands below too.
    LikeRow,
}

/// The first row of a file, and what the rows below say of it.
#[derive(Debug)]
struct Head {
    file: PathBuf,
    line: u64,
    /// As they stand there; empty where missing.
    cells: Vec<String>,
    /// For each column whether the rows below have numbers there and nothing else.
    numbers: Vec<bool>,
    kind: Kind,
    /// A cell stands in its column below too.
    recurs: bool,
}

impl Head {
    /// None of a file without rows, and where the first row cannot be cut.
    fn of(file: &InputFile) -> Result<Option<Head>> {
        let mut opened = File::open(file, LOOKED_AT)?;
        let mut cut = Cut::default();
        loop {
            cut.clear(None, ROWS);
            let mut line = 1;
            cut.rows(&opened.buffer, opened.terminator, opened.at_end, &mut line);
            if !cut.rows.is_empty() || !cut.bad.is_empty() || opened.at_end {
                break;
            }
            if opened.buffer.len() > input::LONGEST_RECORD {
                return Ok(None);
            }
            opened.fill(file, opened.buffer.len() * 2)?;
        }
        let Some(line) = cut.rows.first().map(|row| row.line) else { return Ok(None) };
        if cut.bad.iter().any(|(bad, _)| *bad < line) {
            return Ok(None);
        }
        let block = &cut.block(std::mem::take(&mut opened.buffer), None);
        if block.rows() == 0 || block.line(0) != line {
            return Ok(None);
        }
        let row = |row: usize| (0..block.width()).map(move |at| block.cell(row, at).unwrap_or_default());
        let cells: Vec<String> = row(0).map(Into::into).collect();
        let (mut numbers, mut others) = (vec![false; cells.len()], vec![false; cells.len()]);
        let mut recurs = false;
        for below in (1..block.rows()).map(row) {
            let below: Vec<&str> = below.collect();
            // Files that were put behind each other hold their header row again; a single cell may as well be a value.
            if cells.len() > 1 && below.iter().eq(cells.iter()) {
                continue;
            }
            for (at, cell) in below.into_iter().enumerate().filter(|(_, cell)| !typing::is_missing(cell)) {
                let is_number = typing::is_number(cell);
                numbers[at] |= is_number;
                others[at] |= !is_number;
                recurs |= cell == cells[at];
            }
        }
        numbers.iter_mut().zip(others).for_each(|(numbers, others)| *numbers &= !others);
        let kind = kind(&cells, &numbers, recurs);
        Ok(Some(Head { file: file.relative.clone(), line, cells, numbers, kind, recurs }))
    }

    /// The first cells in words.
    fn shown(&self) -> String {
        const SHOWN: usize = 5;
        let cells: Vec<String> = self.cells.iter().take(SHOWN).map(|cell| format!("`{cell}`")).collect();
        format!("{}{}", cells.join(", "), if self.cells.len() > SHOWN { ", ..." } else { "" })
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(String::as_str).filter(|cell| is_text(cell))
    }

    /// The names of the columns; one without a name has its position.
    fn names(&self) -> Vec<String> {
        names(self.cells.iter().map(|cell| Some(cell.as_str()).filter(|cell| !cell.is_empty())))
    }

    /// Whether it would be a header row if nothing else were known.
    fn is_header(&self) -> bool {
        format::is_header(&self.cells.iter().map(String::as_str).collect())
    }

    fn is_twice(&self) -> bool {
        header::differ(&self.names()).is_err()
    }

    /// Whether it may be a row of the table that another file names.
    fn fits(&self, main: &Head) -> bool {
        self.cells.len() == main.cells.len() && !is_above(&self.cells, &main.numbers)
    }

    /// Whether it may be names for all that the rows below say, whatever they look like.
    fn may_name(&self) -> bool {
        !self.recurs
            && !self.is_twice()
            && self.texts().next().is_some()
            && !self.cells.iter().any(|cell| typing::is_missing(cell))
    }

    /// Whether it has all cells of another row, as names in another order or number do.
    fn repeats(&self, other: &Head) -> bool {
        self.cells != other.cells
            && self.may_name()
            && other.may_name()
            && other.cells.iter().all(|cell| self.cells.contains(cell))
    }
}

/// The names of columns of which some have none.
pub(super) fn names<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> Vec<String> {
    cells.enumerate().map(|(at, cell)| cell.map_or_else(|| format!("_c{at}"), Into::into)).collect()
}

fn is_text(cell: &str) -> bool {
    matches!(typing::parse(Raw::Csv(cell)), Cell::Text(_))
}

/// Whether a row has a text where others have numbers.
fn is_above(cells: &[String], numbers: &[bool]) -> bool {
    cells.iter().zip(numbers).any(|(cell, is_number)| *is_number && is_text(cell))
}

/// `recurs`: a cell stands in its column below too.
fn kind(cells: &[String], numbers: &[bool], recurs: bool) -> Kind {
    if header::is_count(&cells.iter().map(String::as_str).collect()) {
        return Kind::Sure;
    }
    let has_number = cells.iter().any(|cell| typing::is_number(cell));
    if is_above(cells, numbers) {
        return if has_number || recurs { Kind::Mixed } else { Kind::Sure };
    }
    // The column of row numbers that pandas writes has no name.
    let is_missing =
        cells.iter().enumerate().any(|(at, cell)| typing::is_missing(cell) && (at > 0 || !cell.is_empty()));
    let mut seen = HashSet::new();
    let is_twice = cells.iter().any(|cell| !seen.insert(cell));
    let is_alone = cells.iter().all(|cell| cell.is_empty());
    if has_number || is_missing || is_twice || recurs || is_alone { Kind::LikeRow } else { Kind::Texts }
}

/// The first rows of all files together.
struct Seen<'a> {
    heads: &'a [Option<Head>],
    known: &'a [String],
    given: bool,
}

impl Seen<'_> {
    fn told(&self) -> Result<Heads> {
        let is_header = self.are_headers();
        let sure = is_header.iter().position(|is_header| *is_header);
        let Some(first) = self.heads.iter().flatten().next() else {
            return Ok(Heads { firsts: vec![First::Names; self.heads.len()], ..Heads::default() });
        };
        if !self.given {
            self.check(first, &is_header)?;
        }
        let Some(main) = sure.or_else(|| self.guess()).and_then(|at| self.heads[at].as_ref()) else {
            let what = taken_as(first, "data, not as names", "true");
            return Ok(Heads { notes: vec![(first.file.clone(), what)], ..Heads::default() });
        };
        let firsts: Vec<First> = self
            .heads
            .iter()
            .zip(is_header)
            .map(|(own, is_header)| match own {
                Some(own) if !is_header && own.cells != main.cells && self.given => First::LeftOut,
                Some(own) if !is_header && own.cells != main.cells => First::Row,
                _ => First::Names,
            })
            .collect();
        let is_guess = sure.is_none();
        let doubt = match main.kind {
            _ if !is_guess => Doubt::None,
            _ if self.given => Doubt::Lonely,
            Kind::LikeRow => Doubt::Rows,
            _ => Doubt::Texts,
        };
        Ok(Heads { notes: self.notes(&firsts, main, is_guess), names: Some(main.names()), doubt, firsts })
    }

    /// That nothing has to be guessed of files that begin with different rows: names taken as data, or data as names, would move
    /// values between columns.
    fn check(&self, first: &Head, is_header: &[bool]) -> Result<()> {
        let main = is_header.iter().position(|is_header| *is_header).and_then(|at| self.heads[at].as_ref());
        let others = self.heads.iter().flatten().zip(is_header).filter(|(_, is_header)| !**is_header);
        let doubtful = match main {
            // A row of the table, as in the later files that `split` makes.
            Some(main) => others
                .map(|(head, _)| head)
                .find(|own| own.kind != Kind::LikeRow && !own.recurs && !own.fits(main))
                .map(|own| [main, own]),
            None => self.heads.iter().flatten().find(|own| own.cells != first.cells).and_then(|other| {
                let like_names = self.heads.iter().flatten().any(|head| head.kind != Kind::LikeRow);
                let same =
                    || self.heads.iter().flatten().find(|own| own.repeats(first) || first.repeats(own));
                if like_names { Some([first, other]) } else { same().map(|same| [first, same]) }
            }),
        };
        let Some([one, two]) = doubtful else { return Ok(()) };
        Err(Problem::new(
            &codes::HEADERS_DO_NOT_FIT,
            "files begin with different rows, which may be names of columns or data",
        )
        .file(&two.file)
        .line(two.line)
        .found(two.shown())
        .expected(format!("the row that {} begins with: {}", one.file.display(), one.shown()))
        .hint(
            "set `dataset_format` to {\"csv\": {\"header\": true}} if each file has a header row, and to \
                 {\"csv\": {\"header\": false}} if none has",
        ))
    }

    /// For each file whether its first row is a header row for sure.
    fn are_headers(&self) -> Vec<bool> {
        let known: HashSet<&str> = self.known.iter().map(String::as_str).collect();
        // Values may be alike by chance, so only names of which nothing is doubtful speak for others.
        let speaks = |head: &&Head| self.given || matches!(head.kind, Kind::Sure | Kind::Mixed);
        let mut files: HashMap<&str, usize> = HashMap::new();
        for head in self.heads.iter().flatten().filter(speaks) {
            let own: HashSet<&str> = head.texts().collect();
            own.into_iter().for_each(|name| *files.entry(name).or_default() += 1);
        }
        let shares = |head: &Head| {
            let own = usize::from(speaks(&head));
            head.texts().any(|name| known.contains(name) || files.get(name).is_some_and(|files| *files > own))
        };
        let of_sure = self.heads.iter().flatten().filter(|head| head.kind == Kind::Sure);
        let sure: HashSet<&str> = of_sure.flat_map(Head::texts).chain(known.iter().copied()).collect();
        let alone = |head: &Head| match (head.kind, self.given) {
            (Kind::Sure, _) | (Kind::Mixed | Kind::Texts, true) => true,
            (Kind::Mixed | Kind::Texts, false) | (Kind::LikeRow, true) => shares(head),
            // Values may be names by chance; all of them are not.
            (Kind::LikeRow, false) => {
                !head.is_twice()
                    && (head.cells == self.known
                        || head.cells.iter().all(|cell| is_text(cell) && sure.contains(cell.as_str()))
                        || head.texts().next().is_some()
                            && head.cells.iter().all(|cell| known.contains(cell.as_str())))
            }
        };
        let is_header: Vec<bool> = self.heads.iter().map(|head| head.as_ref().is_some_and(alone)).collect();
        let rows: HashSet<&[String]> = self
            .heads
            .iter()
            .zip(&is_header)
            .filter(|(_, is_header)| **is_header)
            .flat_map(|(head, _)| head)
            .map(|head| head.cells.as_slice())
            .collect();
        self.heads
            .iter()
            .map(|head| head.as_ref().is_some_and(|head| rows.contains(head.cells.as_slice())))
            .collect()
    }

    /// The file whose first row names the columns where none does for sure; none when all of them are rows.
    fn guess(&self) -> Option<usize> {
        let mut like_names = (0..self.heads.len())
            .filter(|&at| self.heads[at].as_ref().is_some_and(|head| head.kind != Kind::LikeRow));
        let first = self.heads.iter().position(Option::is_some)?;
        if self.given {
            return Some(first);
        }
        like_names.next().or_else(|| {
            let head = self.heads[first].as_ref()?;
            let is_same = self.heads.iter().flatten().all(|other| other.cells == head.cells);
            (is_same && head.is_header() && !head.is_twice()).then_some(first)
        })
    }

    /// Whether a header row looks like data in some file, and like names for sure in none.
    fn is_told(&self, main: &Head) -> bool {
        let same = || self.heads.iter().flatten().filter(|head| head.cells == main.cells);
        let is_sure = |head: &Head| matches!(head.kind, Kind::Sure | Kind::Mixed);
        let is_known = main.cells.iter().all(|cell| self.known.contains(cell));
        !is_known && same().any(|head| head.kind == Kind::LikeRow) && !same().any(is_sure)
    }

    fn notes(&self, firsts: &[First], main: &Head, is_guess: bool) -> Vec<(PathBuf, String)> {
        let of = |first: First| {
            let heads = self.heads.iter().zip(firsts).filter(move |(_, own)| **own == first);
            heads.filter_map(|(head, _)| head.as_ref()).collect::<Vec<_>>()
        };
        let (rows, left_out) = (of(First::Row), of(First::LeftOut));
        let files = |heads: &[&Head]| match heads.len() {
            1 => String::new(),
            n => format!(" (so in {})", counted(n, "file")),
        };
        let mut notes = Vec::new();
        match main.kind {
            Kind::LikeRow if self.given && is_guess && (!main.is_header() || !left_out.is_empty()) => {
                let what = format!(
                    "the header row ({}) looks like data; if no file has a header row, set `dataset_format` to \
                     {{\"csv\": {{\"header\": false}}}}",
                    main.shown()
                );
                notes.push((main.file.clone(), what));
            }
            _ if !self.given && (self.is_told(main) || is_guess && main.kind != Kind::Texts) => {
                notes.push((main.file.clone(), taken_as(main, "the names of the columns", "false")));
            }
            _ => {}
        }
        if let Some(head) = rows.first() {
            let what = format!(
                "the first row (line {}: {}) is taken as data, and the columns are by position those of {}{}, since \
                 `dataset_format` is not set and the row does not look like names; if it is a header row, set \
                 `dataset_format` to {{\"csv\": {{\"header\": true}}}}",
                head.line,
                head.shown(),
                main.file.display(),
                files(&rows)
            );
            notes.push((head.file.clone(), what));
        }
        if let Some(head) = left_out.first() {
            let what = format!(
                "the first row (line {}: {}) looks like data and is left out, since `dataset_format` says that every file \
                 has a header row; the columns are by position those of {}{}; if only some files have a header row, leave \
                 out `dataset_format`",
                head.line,
                head.shown(),
                main.file.display(),
                files(&left_out)
            );
            notes.push((head.file.clone(), what));
        }
        notes
    }
}

/// What is said of a first row that was guessed.
fn taken_as(head: &Head, what: &str, other: &str) -> String {
    format!(
        "the first row ({}) is taken as {what}, since `dataset_format` is not set; if it is not, set it to \
         {{\"csv\": {{\"header\": {other}}}}}",
        head.shown()
    )
}

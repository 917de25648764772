//! From one long strip to pages: what stays together, where a page ends, what a new page repeats.

use std::collections::HashMap;
use std::rc::Rc;

use super::drawing::Colour;
use super::picture::Picture;
use super::style::TEXT_HEIGHT;
use super::tags::NodeId;
use super::text::Line;

/// Something drawn, at its top left corner within its slab or the text of its page.
#[derive(Clone)]
pub(super) struct Placed {
    pub x: f32,
    pub y: f32,
    pub height: f32,
    pub mark: Mark,
}

#[derive(Clone)]
pub(super) enum Mark {
    /// Its baseline is at the bottom.
    Line(Rc<Line>),
    Picture {
        picture: Rc<Picture>,
        width: f32,
        role: Role,
    },
    /// A filled box.
    Rule {
        width: f32,
        colour: Colour,
    },
}

/// What a picture is to a reader who does not see it.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// The words around say the same.
    Decoration,
    /// It stands for a text.
    Text(NodeId, Rc<str>),
    Figure(NodeId),
}

/// Where a link or a bookmark leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Anchor {
    Heading(usize),
    Cell(Rc<str>),
}

/// How strongly a slab holds on to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Free,
    /// Where one page has room for all that hold together.
    Gently,
    /// Even where the gentle ones part.
    Firmly,
}

/// A part of the strip that stays in one piece where a page has room for it.
pub(super) struct Slab {
    /// Of two distances that meet, the larger counts.
    pub above: f32,
    pub below: f32,
    pub height: f32,
    pub keep: Keep,
    pub marks: Vec<Placed>,
    pub anchors: Vec<(Anchor, f32)>,
    /// What stands above it again where a page begins with it.
    pub head: Option<Rc<Head>>,
}

/// The head of a table.
pub(super) struct Head {
    pub height: f32,
    pub marks: Vec<Placed>,
}

impl Slab {
    pub(super) fn new(height: f32, gap: f32) -> Slab {
        Slab {
            above: gap,
            below: gap,
            height,
            keep: Keep::Free,
            marks: Vec::new(),
            anchors: Vec::new(),
            head: None,
        }
    }
}

#[derive(Default)]
pub(super) struct Pages {
    /// In the order of the text; never none.
    pub pages: Vec<Vec<Placed>>,
    /// Page and height of what others lead to.
    pub places: HashMap<Anchor, (usize, f32)>,
    /// Height used on the last page.
    used: f32,
    /// The distance that the last slab asks for.
    gap: f32,
}

impl Pages {
    pub(super) fn new(slabs: Vec<Slab>) -> Pages {
        let mut pages = Pages { pages: vec![Vec::new()], ..Pages::default() };
        let mut kept_until = 0;
        for place in 0..slabs.len() {
            if place >= kept_until {
                let all = together(&slabs, place, Keep::Gently);
                let end = if extent(&slabs[place..all]) <= TEXT_HEIGHT {
                    all
                } else {
                    // Too much for any page: only headings and the like hold on.
                    together(&slabs, place, Keep::Firmly)
                };
                let room = TEXT_HEIGHT - pages.used - pages.gap_before(&slabs[place]);
                kept_until = end;
                if extent(&slabs[place..end]) > room && pages.used > 0.0 {
                    match parted(&slabs, place, end, room) {
                        Some(part) if TEXT_HEIGHT - pages.used > MOST_BLANK * TEXT_HEIGHT => {
                            kept_until = part
                        }
                        _ => pages.turn(),
                    }
                }
            }
            pages.set(&slabs[place]);
        }
        pages
    }

    fn gap_before(&self, slab: &Slab) -> f32 {
        if self.used > 0.0 { self.gap.max(slab.above) } else { 0.0 }
    }

    fn turn(&mut self) {
        self.pages.push(Vec::new());
        self.used = 0.0;
    }

    fn put(&mut self, marks: impl Iterator<Item = Placed>, at: f32) {
        let page = self.pages.len() - 1;
        self.pages[page].extend(marks.map(|mark| Placed { y: mark.y + at, ..mark }));
    }

    fn set(&mut self, slab: &Slab) {
        if self.used + self.gap_before(slab) + slab.height > TEXT_HEIGHT && self.used > 0.0 {
            self.turn();
        }
        self.used += self.gap_before(slab);
        self.head(slab);
        let top = self.used;
        let page = self.pages.len() - 1;
        for (anchor, y) in &slab.anchors {
            self.places.entry(anchor.clone()).or_insert((page, top + y));
        }
        if top + slab.height <= TEXT_HEIGHT {
            self.put(slab.marks.iter().cloned(), top);
            self.used += slab.height;
        } else {
            self.set_in_pieces(slab);
        }
        self.gap = slab.below;
    }

    /// Repeats the head of a table on a new page.
    fn head(&mut self, slab: &Slab) {
        if let Some(head) = slab.head.as_ref().filter(|_| self.used == 0.0) {
            self.put(head.marks.iter().cloned(), 0.0);
            self.used = head.height;
        }
    }

    /// What is higher than a page starts on a new one, which is turned where the first mark does not fit.
    fn set_in_pieces(&mut self, slab: &Slab) {
        let room = TEXT_HEIGHT - self.used;
        let mut downward: Vec<usize> = (0..slab.marks.len()).collect();
        downward.sort_by(|a, b| slab.marks[*a].y.total_cmp(&slab.marks[*b].y));
        let mut starts = vec![0.0];
        let mut piece_of = vec![0; slab.marks.len()];
        let mut start = 0.0;
        for place in downward {
            let mark = &slab.marks[place];
            if mark.y + mark.height - start > room && mark.y > start {
                start = mark.y;
                starts.push(start);
            }
            piece_of[place] = starts.len() - 1;
        }
        // Within a piece the order of reading stays.
        let mut pieces: Vec<Vec<Placed>> = vec![Vec::new(); starts.len()];
        for (mark, piece) in slab.marks.iter().zip(piece_of) {
            pieces[piece].push(mark.clone());
        }
        for (place, (marks, start)) in pieces.into_iter().zip(starts).enumerate() {
            if place > 0 {
                self.turn();
                self.head(slab);
            }
            self.put(marks.into_iter(), self.used - start);
        }
        self.used = (self.used + slab.height - start).min(TEXT_HEIGHT);
    }
}

/// The end of the slabs that hold on to each other from `first` on.
fn together(slabs: &[Slab], first: usize, least: Keep) -> usize {
    let held = |slab: &&Slab| slab.keep == Keep::Firmly || slab.keep == least;
    let count = slabs[first..].iter().take_while(held).count();
    (first + count + 1).min(slabs.len())
}

/// The share of a page that may stay blank because what holds together gently goes to the next page.
const MOST_BLANK: f32 = 0.4;

/// Where slabs that hold together gently part, so that as many as possible stand in the room that a page has left: two or more
/// after what holds firmly, and two or more on the next page. None where that cannot be.
fn parted(slabs: &[Slab], first: usize, end: usize, room: f32) -> Option<usize> {
    let least = together(slabs, first, Keep::Firmly) + 1;
    (least..=end.saturating_sub(2)).rev().find(|&part| extent(&slabs[first..part]) <= room)
}

/// Height of some slabs, without the distance above.
fn extent(slabs: &[Slab]) -> f32 {
    let gaps: f32 = slabs.windows(2).map(|pair| pair[0].below.max(pair[1].above)).sum();
    slabs.iter().map(|slab| slab.height).sum::<f32>() + gaps
}

#[cfg(test)]
mod tests {
    use super::super::style::INK;
    use super::*;

    fn slab(height: f32, keep: Keep) -> Slab {
        let rule = Mark::Rule { width: 1.0, colour: INK };
        let marks = vec![Placed { x: 0.0, y: 0.0, height, mark: rule }];
        Slab { keep, marks, ..Slab::new(height, 10.0) }
    }

    fn counts(slabs: Vec<Slab>) -> Vec<usize> {
        Pages::new(slabs).pages.iter().map(Vec::len).collect()
    }

    #[test]
    fn a_heading_goes_with_what_follows() {
        let most = TEXT_HEIGHT - 60.0;
        let slabs = vec![slab(most, Keep::Free), slab(20.0, Keep::Firmly), slab(40.0, Keep::Free)];
        assert_eq!(counts(slabs), [1, 2]);
    }

    #[test]
    fn what_holds_gently_parts_when_no_page_has_room() {
        let half = TEXT_HEIGHT / 2.0;
        let slabs = vec![slab(half, Keep::Gently), slab(half, Keep::Gently), slab(20.0, Keep::Free)];
        assert_eq!(counts(slabs), [1, 2]);
    }

    #[test]
    fn what_holds_gently_parts_where_much_of_a_page_would_stay_blank() {
        let part = TEXT_HEIGHT / 10.0;
        let table = |above: f32, rows: usize| {
            let rows = (0..rows).map(|place| {
                let last = place + 1 == rows;
                Slab { above: 0.0, below: 0.0, ..slab(part, if last { Keep::Free } else { Keep::Gently }) }
            });
            let heading = Slab { above: 0.0, below: 0.0, ..slab(part, Keep::Firmly) };
            let text = Slab { above: 0.0, below: 0.0, ..slab(above * part, Keep::Free) };
            counts([text, heading].into_iter().chain(rows).collect())
        };
        // Less than three tenths are used: six rows of eight stand below the heading, two on the next page.
        assert_eq!(table(2.9, 8), [8, 2]);
        assert_eq!(table(2.9, 7), [7, 2]);
        assert_eq!(table(2.9, 6), [8]);
        // Of little room none is filled.
        assert_eq!(table(6.5, 8), [1, 9]);
        // Two rows or more on either side.
        assert_eq!(table(5.5, 4), [4, 2]);
        assert_eq!(table(5.5, 3), [5]);
    }

    #[test]
    fn what_is_higher_than_a_page_goes_on_below_the_head() {
        let line = |place: u8| Placed {
            x: 0.0,
            y: f32::from(place) * 10.0,
            height: 8.0,
            mark: Mark::Rule { width: 1.0, colour: INK },
        };
        let mut tall = Slab::new(2000.0, 0.0);
        tall.marks = (0..200).map(line).collect();
        tall.head = Some(Rc::new(Head { height: 20.0, marks: vec![line(0)] }));
        let pages = Pages::new(vec![tall]);
        assert_eq!(pages.pages.iter().map(Vec::len).sum::<usize>(), 200 + pages.pages.len());
        assert!(pages.pages.iter().flatten().all(|mark| mark.y + mark.height <= TEXT_HEIGHT));
    }
}

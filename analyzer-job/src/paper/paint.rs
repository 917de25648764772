//! Draws the pages: marks, footers, links and bookmarks, and tells each to the elements.

use krilla::Document;
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::destination::{Destination, XyzDestination};
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, SpanTag};

use super::document::Link;
use super::drawing::Colour;
use super::flow::{Anchor, Mark, Pages, Placed, Role};
use super::fonts;
use super::picture::{Picture, Shape, paint};
use super::style::{LEFT, PAGE_HEIGHT, PAGE_WIDTH, TOP};
use super::tags::{NodeId, Tags};
use super::text::{Line, Part};

/// A place on a page that leads to another.
struct Linked {
    area: Rect,
    element: NodeId,
    link: Link,
}

/// Draws all pages; `footers` are in the coordinates of the text.
pub(super) fn pages(document: &mut Document, pages: &Pages, footers: &[Vec<Placed>], tags: &mut Tags) {
    for (number, marks) in pages.pages.iter().enumerate() {
        let Some(settings) = PageSettings::from_wh(PAGE_WIDTH, PAGE_HEIGHT) else { return };
        let mut page = document.start_page_with(settings);
        let mut links = Vec::new();
        let mut surface = page.surface();
        for mark in marks {
            draw(&mut surface, mark, number, tags, &mut links);
        }
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)));
        for mark in footers.get(number).into_iter().flatten() {
            if let Mark::Line(line) = &mark.mark {
                for part in &line.parts {
                    draw_part(&mut surface, part, LEFT + mark.x, TOP + mark.y + mark.height);
                }
            }
        }
        surface.end_tagged();
        surface.finish();
        for Linked { area, element, link } in links {
            let Some((page_index, y)) = pages.places.get(&Anchor::Cell(link.to)) else {
                continue;
            };
            let target = Target::Destination(Destination::Xyz(destination(*page_index, *y)));
            let annotation =
                Annotation::new_link(LinkAnnotation::new(area, target), Some(link.told.to_string()));
            tags.drawn(element, page.add_tagged_annotation(annotation));
        }
    }
}

fn destination(page: usize, y: f32) -> XyzDestination {
    XyzDestination::new(page, Point::from_xy(LEFT, (TOP + y - 6.0).max(0.0)))
}

/// Bookmarks of headings with their levels, in the order of the text.
pub(super) fn outline(headings: &[(u8, String)], pages: &Pages) -> Outline {
    let mut outline = Outline::new();
    // The headings that are still open, from the top down.
    let mut open: Vec<(u8, OutlineNode)> = Vec::new();
    let mut close = |open: &mut Vec<(u8, OutlineNode)>, level: u8| {
        while open.last().is_some_and(|(last, _)| *last >= level) {
            let Some((_, done)) = open.pop() else { break };
            match open.last_mut() {
                Some((_, parent)) => parent.push_child(done),
                None => outline.push_child(done),
            }
        }
    };
    for (place, (level, text)) in headings.iter().enumerate() {
        let (page, y) = pages.places.get(&Anchor::Heading(place)).copied().unwrap_or_default();
        close(&mut open, *level);
        open.push((*level, OutlineNode::new(text.clone(), destination(page, y)).with_open(*level == 1)));
    }
    close(&mut open, 0);
    outline
}

fn draw(surface: &mut Surface, placed: &Placed, page: usize, tags: &mut Tags, links: &mut Vec<Linked>) {
    let (x, y) = (LEFT + placed.x, TOP + placed.y);
    match &placed.mark {
        Mark::Rule { width, colour } => {
            surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
            let mut path = PathBuilder::new();
            if let Some(area) = Rect::from_xywh(x, y, *width, placed.height) {
                path.push_rect(area);
            }
            if let Some(path) = path.finish() {
                fill(surface, *colour);
                surface.draw_path(&path);
            }
            surface.end_tagged();
        }
        Mark::Picture { picture, width, role } => {
            let tag = match role {
                Role::Decoration => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
                Role::Text(_, text) => ContentTag::Span(SpanTag::empty().with_alt_text(Some(text))),
                Role::Figure(_) => ContentTag::Other,
            };
            let drawn = surface.start_tagged(tag);
            self::picture(surface, picture, [x, y], width / picture.width);
            surface.end_tagged();
            match role {
                Role::Decoration => {}
                Role::Text(element, _) => tags.drawn(*element, drawn),
                Role::Figure(element) => {
                    tags.drawn(*element, drawn);
                    if let Some(area) = Rect::from_xywh(x, y, *width, placed.height) {
                        tags.place(*element, page, area);
                    }
                }
            }
        }
        Mark::Line(line) => draw_line(surface, line, x, y + placed.height, tags, links),
    }
}

/// Neighbours of one element are told as one.
fn draw_line(surface: &mut Surface, line: &Line, x: f32, y: f32, tags: &mut Tags, links: &mut Vec<Linked>) {
    for parts in line.parts.chunk_by(|a, b| a.node == b.node) {
        let element = parts[0].node;
        let drawn = surface.start_tagged(match element {
            Some(_) => ContentTag::Span(SpanTag::empty()),
            None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
        });
        for part in parts {
            draw_part(surface, part, x, y);
        }
        surface.end_tagged();
        let Some(element) = element else { continue };
        tags.drawn(element, drawn);
        for part in parts {
            if let Some(link) = &part.link
                && let Some(area) =
                    Rect::from_xywh(x + part.x, y - part.look.size, part.width, part.look.size * 1.3)
            {
                links.push(Linked { area, element, link: link.clone() });
            }
        }
    }
}

fn draw_part(surface: &mut Surface, part: &Part, x: f32, y: f32) {
    let Some(face) = fonts::face(part.face) else { return };
    fill(surface, part.look.colour);
    let start = Point::from_xy(x + part.x, y - part.look.rise);
    surface.draw_glyphs(start, &part.glyphs, face.font.clone(), &part.text, part.look.size, false);
}

fn fill(surface: &mut Surface, colour: Colour) {
    surface.set_stroke(None);
    surface.set_fill(Some(Fill { paint: paint(colour), ..Fill::default() }));
}

pub(super) fn picture(surface: &mut Surface, picture: &Picture, [x, y]: [f32; 2], scale: f32) {
    surface.push_transform(&Transform::from_row(scale, 0.0, 0.0, scale, x, y));
    for shape in &picture.shapes {
        match shape {
            Shape::Path { path, fill, stroke } => {
                surface.set_fill(fill.as_deref().cloned());
                surface.set_stroke(stroke.as_deref().cloned());
                if fill.is_some() || stroke.is_some() {
                    surface.draw_path(path);
                }
            }
            Shape::Text { x, y, line } => {
                for part in &line.parts {
                    draw_part(surface, part, *x, *y);
                }
            }
        }
    }
    surface.pop();
    surface.set_stroke(None);
}

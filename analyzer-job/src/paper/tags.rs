//! The elements of the document for those who do not see it. Elements are made while the report is
//! laid out, in reading order, and get what is drawn for them page by page.

use krilla::geom::Rect;
use krilla::tagging::{BBox, Identifier, Node, TagGroup, TagKind, TagTree};

/// An element of a `Tags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(usize);

#[derive(Default)]
pub(super) struct Tags {
    elements: Vec<Element>,
    top: Vec<NodeId>,
}

struct Element {
    tag: TagKind,
    children: Vec<Child>,
}

/// An element holds others or what is drawn, not both, so that the order of reading stays certain.
enum Child {
    Element(NodeId),
    Drawn(Identifier),
}

impl Tags {
    pub(super) fn add(&mut self, parent: Option<NodeId>, tag: impl Into<TagKind>) -> NodeId {
        let id = NodeId(self.elements.len());
        self.elements.push(Element { tag: tag.into(), children: Vec::new() });
        match parent {
            Some(parent) => self.elements[parent.0].children.push(Child::Element(id)),
            None => self.top.push(id),
        }
        id
    }

    pub(super) fn drawn(&mut self, element: NodeId, what: Identifier) {
        self.elements[element.0].children.push(Child::Drawn(what));
    }

    /// Tells where a figure stands.
    pub(super) fn place(&mut self, element: NodeId, page: usize, area: Rect) {
        if let TagKind::Figure(tag) = &mut self.elements[element.0].tag {
            tag.set_bbox(Some(BBox::new(page, area)));
        }
    }

    pub(super) fn tree(self) -> TagTree {
        let mut elements: Vec<Option<Element>> = self.elements.into_iter().map(Some).collect();
        let mut tree = TagTree::new().with_lang(Some("en".into()));
        for id in self.top {
            if let Some(group) = group(&mut elements, id) {
                tree.push(group);
            }
        }
        tree
    }
}

fn group(elements: &mut Vec<Option<Element>>, id: NodeId) -> Option<TagGroup> {
    let Element { tag, children } = elements[id.0].take()?;
    let children = children.into_iter().filter_map(|child| match child {
        Child::Element(id) => group(elements, id).map(Node::Group),
        Child::Drawn(what) => Some(Node::Leaf(what)),
    });
    let children = children.collect();
    Some(TagGroup::with_children(tag, children))
}

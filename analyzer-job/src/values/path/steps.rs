//! Simple paths, of names, indexes and one `[*]`: all of them are found in one walk through the text.

use super::found::{Found, Shape};
use crate::values::scan::{self, Kind, Scanned, Scanner};

/// A step of the simple paths: what to do with the value that stands here.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Paths that end here.
    ends: Vec<usize>,
    /// All paths through this node or ending in it.
    below: Vec<usize>,
    fields: Vec<(String, Node)>,
    indexes: Vec<(usize, Node)>,
    each: Option<Box<Node>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Index(usize),
    Each,
}

impl Step {
    /// Where the step leads from the value at `at`, to the first element for each; none when nothing is there.
    pub(super) fn go(&self, json: &str, at: usize) -> Option<usize> {
        let mut scanner = Scanner::from(json, at);
        let kind = scanner.kind().ok()?;
        let mut next = None;
        let walked = match (self, kind) {
            (Step::Field(name), Kind::Object) => scanner.object(|scanner, key| {
                let here = scanner.value()?;
                if scan::unescaped(&json[key]) == name.as_str() {
                    next = Some(here.start);
                }
                Ok(())
            }),
            (Step::Index(_) | Step::Each, Kind::List) => {
                let wanted = if let Step::Index(index) = self { *index } else { 0 };
                scanner.list(|scanner, index| {
                    let here = scanner.value()?;
                    if index == wanted {
                        next = Some(here.start);
                    }
                    Ok(())
                })
            }
            _ => Ok(()),
        };
        walked.ok().and(next)
    }
}

/// The steps of a simple path; none when the expression is anything else.
pub(super) fn simple(expression: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = expression.trim_ascii();
    if rest == "@" {
        return Some(steps);
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']')?;
            match inside {
                "*" if !steps.contains(&Step::Each) => steps.push(Step::Each),
                _ if !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit()) => {
                    steps.push(Step::Index(inside.parse().ok()?));
                }
                _ => return None,
            }
            rest = after;
            continue;
        }
        if !steps.is_empty() {
            rest = rest.strip_prefix('.')?;
        }
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if length == 0 || rest.as_bytes()[0].is_ascii_digit() {
            return None;
        }
        steps.push(Step::Field(rest[..length].into()));
        rest = &rest[length..];
    }
    (!steps.is_empty()).then_some(steps)
}

impl Node {
    pub(super) fn insert(&mut self, steps: &[Step], number: usize) {
        self.below.push(number);
        let Some((step, rest)) = steps.split_first() else {
            self.ends.push(number);
            return;
        };
        let next = match step {
            Step::Field(name) => child(&mut self.fields, name),
            Step::Index(index) => child(&mut self.indexes, index),
            Step::Each => self.each.get_or_insert_default(),
        };
        next.insert(rest, number);
    }

    /// Walks the value that the scanner stands at. `each`: below `[*]`, results are collected in a list.
    pub(super) fn walk(
        &self,
        scanner: &mut Scanner<'_>,
        json: &str,
        found: &mut [Found],
        each: bool,
    ) -> Scanned<()> {
        let kind = scanner.kind()?;
        let start = scanner.at();
        match kind {
            Kind::Object if !self.fields.is_empty() => scanner.object(|scanner, key| {
                let name = scan::unescaped(&json[key]);
                let Some((_, node)) = self.fields.iter().find(|(wanted, _)| *wanted == name) else {
                    return scanner.value().map(|_| ());
                };
                // Of a key given twice the last value counts.
                node.forget(found, each);
                node.walk(scanner, json, found, each)
            })?,
            Kind::List if self.each.is_some() || !self.indexes.is_empty() => {
                if let Some(node) = &self.each {
                    node.below.iter().for_each(|&path| found[path].shape = Shape::List);
                }
                scanner.list(|scanner, index| self.element(scanner, index, json, found, each))?;
            }
            Kind::List if !each && !self.ends.is_empty() => {
                // Mostly one path ends here, and is asked for the elements.
                let found = &mut found[self.ends[0]];
                found.elements.clear();
                scanner.list(|scanner, _| {
                    found.elements.push(scanner.value()?);
                    Ok(())
                })?;
                found.is_list = true;
            }
            _ => {
                scanner.value()?;
            }
        }
        let span = start..scanner.at();
        if !self.ends.is_empty() && !scan::is_null(&json[span.clone()]) {
            for &end in &self.ends {
                let found = &mut found[end];
                match found.spans.last_mut() {
                    Some(last) if each => *last = span.clone(),
                    _ => {
                        found.shape = Shape::Value;
                        found.spans.push(span.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn element(
        &self,
        scanner: &mut Scanner<'_>,
        index: usize,
        json: &str,
        found: &mut [Found],
        each: bool,
    ) -> Scanned<()> {
        let before = scanner.clone();
        let mut walked = false;
        if let Some((_, node)) = self.indexes.iter().find(|(wanted, _)| *wanted == index) {
            node.walk(scanner, json, found, each)?;
            walked = true;
        }
        if let Some(node) = &self.each {
            // A null for each path, until a value is found.
            node.below.iter().for_each(|&path| found[path].spans.push(0..0));
            if walked {
                *scanner = before;
            }
            node.walk(scanner, json, found, true)?;
            walked = true;
        }
        if !walked {
            scanner.value()?;
        }
        Ok(())
    }

    /// Forgets what was found at this node and below it; `each`: only for the element at hand.
    fn forget(&self, found: &mut [Found], each: bool) {
        for &path in &self.below {
            match found[path].spans.last_mut() {
                Some(last) if each => *last = 0..0,
                _ => found[path].clear(),
            }
        }
    }
}

fn child<'a, K: PartialEq + Clone>(children: &'a mut Vec<(K, Node)>, key: &K) -> &'a mut Node {
    let at = children.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
        children.push((key.clone(), Node::default()));
        children.len() - 1
    });
    &mut children[at].1
}

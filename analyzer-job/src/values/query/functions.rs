//! The functions of JMESPath, as its specification has them.

use std::cmp::Ordering;
use std::rc::Rc;

use super::order::{Columns, Noted, ordered};
use super::{Doc, Evaluated, Inapplicable, Node};

macro_rules! functions {
    ($($name:ident = $text:literal, $least:literal..=$most:expr;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function { $($name),* }

        impl Function {
            /// # Errors
            /// No function of this name, or another number of arguments.
            pub(super) fn named(name: &str, arguments: usize) -> Result<Function, String> {
                let (function, allowed) = match name {
                    $($text => (Function::$name, $least..=$most),)*
                    _ => return Err(format!("there is no function `{name}`")),
                };
                if allowed.contains(&arguments) {
                    Ok(function)
                } else {
                    Err(format!("`{name}` with {arguments} arguments"))
                }
            }
        }
    };
}

functions! {
    Abs = "abs", 1..=1;
    Avg = "avg", 1..=1;
    Ceil = "ceil", 1..=1;
    Contains = "contains", 2..=2;
    EndsWith = "ends_with", 2..=2;
    Floor = "floor", 1..=1;
    Join = "join", 2..=2;
    Keys = "keys", 1..=1;
    Length = "length", 1..=1;
    Map = "map", 2..=2;
    Max = "max", 1..=1;
    MaxBy = "max_by", 2..=2;
    Merge = "merge", 1..=usize::MAX;
    Min = "min", 1..=1;
    MinBy = "min_by", 2..=2;
    NotNull = "not_null", 1..=usize::MAX;
    Reverse = "reverse", 1..=1;
    Sort = "sort", 1..=1;
    SortBy = "sort_by", 2..=2;
    StartsWith = "starts_with", 2..=2;
    Sum = "sum", 1..=1;
    ToArray = "to_array", 1..=1;
    ToNumber = "to_number", 1..=1;
    ToString = "to_string", 1..=1;
    Type = "type", 1..=1;
    Values = "values", 1..=1;
}

/// What a function gives for arguments evaluated at a place. `columns`: what is known of the columns whose values or keys it
/// gives.
///
/// # Errors
/// Arguments of a wrong type.
pub(super) fn call(
    function: Function,
    arguments: &[Node],
    columns: Option<&Columns>,
    here: &Rc<Doc>,
    noted: &Noted,
) -> Evaluated {
    match (function, arguments) {
        (Function::Map, [Node::Expression(each), list]) => {
            let list = list.find(here, false, noted)?;
            return Ok(Rc::new(Doc::List(each_of(items_of(&list)?, each, noted)?)));
        }
        (Function::MaxBy | Function::MinBy | Function::SortBy, [list, Node::Expression(key)]) => {
            let list = list.find(here, false, noted)?;
            let items = items_of(&list)?;
            let keys = each_of(items, key, noted)?;
            return by(function, items, &keys).ok_or(Inapplicable);
        }
        (Function::Map | Function::MaxBy | Function::MinBy | Function::SortBy, _) => {
            return Err(Inapplicable);
        }
        (_, arguments) if arguments.iter().any(|argument| matches!(argument, Node::Expression(_))) => {
            return Err(Inapplicable);
        }
        _ => {}
    }
    let arguments = arguments
        .iter()
        .map(|argument| argument.find(here, false, noted))
        .collect::<Result<Vec<_>, Inapplicable>>()?;
    if let Function::Keys | Function::Values = function {
        let fields = arguments[0].fields().ok_or(Inapplicable)?;
        let fields = ordered(columns, fields, noted).into_iter();
        return Ok(Rc::new(Doc::List(match function {
            Function::Keys => fields.map(|(key, _)| Rc::new(Doc::text(key))).collect(),
            _ => fields.map(|(_, value)| Rc::clone(value)).collect(),
        })));
    }
    plain(function, &arguments).ok_or(Inapplicable)
}

fn items_of(list: &Doc) -> Result<&[Rc<Doc>], Inapplicable> {
    list.items().ok_or(Inapplicable)
}

/// What an expression is for each item.
fn each_of(items: &[Rc<Doc>], each: &Node, noted: &Noted) -> Result<Vec<Rc<Doc>>, Inapplicable> {
    items.iter().map(|item| each.find(item, false, noted)).collect()
}

/// What a function of values gives for its arguments; none for arguments of a wrong type.
fn plain(function: Function, arguments: &[Rc<Doc>]) -> Option<Rc<Doc>> {
    let one = &arguments[0];
    let number = |number: f64| Some(Rc::new(Doc::of_number(number)));
    let truth = |truth: bool| Some(Rc::new(Doc::truth(truth)));
    let text = |text: &str| Some(Rc::new(Doc::text(text)));
    let list = |items: Vec<Rc<Doc>>| Some(Rc::new(Doc::List(items)));
    match function {
        Function::Abs => number(one.number()?.abs()),
        Function::Ceil => number(one.number()?.ceil()),
        Function::Floor => number(one.number()?.floor()),
        // Of nothing it is 0, which Rust gives as -0.
        Function::Sum => number(one.numbers()?.iter().sum::<f64>() + 0.0),
        Function::Avg => match one.numbers()?.as_slice() {
            [] => Some(Rc::new(Doc::null())),
            numbers => number(numbers.iter().sum::<f64>() / numbers.len() as f64),
        },
        Function::Contains => match (one.as_text(), &**one) {
            (Some(subject), _) => truth(arguments[1].as_text().is_some_and(|part| subject.contains(&part))),
            (None, Doc::List(items)) => truth(items.iter().any(|item| item.equals(&arguments[1]))),
            _ => None,
        },
        Function::StartsWith => truth(one.as_text()?.starts_with(&arguments[1].as_text()?)),
        Function::EndsWith => truth(one.as_text()?.ends_with(&arguments[1].as_text()?)),
        Function::Join => {
            let parts = arguments[1].items()?.iter().map(|item| item.as_text());
            text(&parts.collect::<Option<Vec<String>>>()?.join(&one.as_text()?))
        }
        Function::Length => match (one.as_text(), &**one) {
            (Some(text), _) => number(text.chars().count() as f64),
            (None, Doc::List(items)) => number(items.len() as f64),
            (None, Doc::Object(fields)) => number(fields.len() as f64),
            _ => None,
        },
        Function::Max | Function::Min | Function::Sort => {
            let mut items = one.items()?.to_vec();
            let keys = items.iter().map(Rc::clone).collect::<Vec<_>>();
            order(&keys)?;
            items.sort_by(|one, two| compared(one, two));
            match function {
                Function::Sort => list(items),
                Function::Max => items.pop().or_else(|| Some(Rc::new(Doc::null()))),
                _ => items.into_iter().next().or_else(|| Some(Rc::new(Doc::null()))),
            }
        }
        Function::Merge => {
            let mut merged: Vec<(String, Rc<Doc>)> = Vec::new();
            for argument in arguments {
                for (key, value) in argument.fields()? {
                    match merged.iter_mut().find(|(known, _)| known == key) {
                        Some((_, known)) => *known = Rc::clone(value),
                        None => merged.push((key.clone(), Rc::clone(value))),
                    }
                }
            }
            Some(Rc::new(Doc::Object(merged)))
        }
        Function::NotNull => {
            let found = arguments.iter().find(|argument| !argument.is_null());
            Some(found.map_or_else(|| Rc::new(Doc::null()), Rc::clone))
        }
        Function::Reverse => match one.as_text() {
            Some(subject) => text(&subject.chars().rev().collect::<String>()),
            None => list(one.items()?.iter().rev().map(Rc::clone).collect()),
        },
        Function::ToArray => match &**one {
            Doc::List(_) => Some(Rc::clone(one)),
            _ => list(vec![Rc::clone(one)]),
        },
        Function::ToNumber => match (one.number(), one.as_text()) {
            (Some(_), _) => Some(Rc::clone(one)),
            (None, Some(text)) => Some(Rc::new(
                Doc::parse(&text).ok().filter(|doc| doc.number().is_some()).unwrap_or_else(Doc::null),
            )),
            _ => Some(Rc::new(Doc::null())),
        },
        Function::ToString => match one.as_text() {
            Some(_) => Some(Rc::clone(one)),
            None => {
                let mut printed = String::new();
                one.print(&mut printed);
                text(&printed)
            }
        },
        Function::Type => text(match &**one {
            Doc::List(_) => "array",
            Doc::Object(_) => "object",
            _ if one.is_null() => "null",
            _ if one.number().is_some() => "number",
            _ if one.as_text().is_some() => "string",
            Doc::Token(_) => "boolean",
        }),
        // Of expressions, or of the fields of an object.
        Function::Map
        | Function::MaxBy
        | Function::MinBy
        | Function::SortBy
        | Function::Keys
        | Function::Values => None,
    }
}

/// The functions that order a list by an expression; `keys`: what it is for each item.
fn by(function: Function, items: &[Rc<Doc>], keys: &[Rc<Doc>]) -> Option<Rc<Doc>> {
    order(keys)?;
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|&one, &two| compared(&keys[one], &keys[two]));
    let null = || Some(Rc::new(Doc::null()));
    match function {
        Function::SortBy => {
            Some(Rc::new(Doc::List(order.into_iter().map(|at| Rc::clone(&items[at])).collect())))
        }
        // The first of equal ones.
        Function::MaxBy => {
            let last = order.last().copied();
            let first = last.and_then(|last| {
                order.iter().copied().find(|&at| compared(&keys[at], &keys[last]) == Ordering::Equal)
            });
            first.map(|at| Rc::clone(&items[at])).or_else(null)
        }
        _ => order.first().map(|&at| Rc::clone(&items[at])).or_else(null),
    }
}

/// Only numbers, or only texts, have an order.
fn order(keys: &[Rc<Doc>]) -> Option<()> {
    let numbers = keys.iter().all(|key| key.number().is_some());
    (numbers || keys.iter().all(|key| key.as_text().is_some())).then_some(())
}

fn compared(one: &Doc, two: &Doc) -> Ordering {
    match (one.number(), two.number()) {
        (Some(one), Some(two)) => one.total_cmp(&two),
        _ => one.as_text().cmp(&two.as_text()),
    }
}

impl Doc {
    fn items(&self) -> Option<&[Rc<Doc>]> {
        match self {
            Doc::List(items) => Some(items),
            _ => None,
        }
    }

    fn fields(&self) -> Option<&[(String, Rc<Doc>)]> {
        match self {
            Doc::Object(fields) => Some(fields),
            _ => None,
        }
    }

    fn numbers(&self) -> Option<Vec<f64>> {
        self.items()?.iter().map(|item| item.number()).collect()
    }
}

//! Any JMESPath expression, evaluated on a document that keeps the order of its text, the spelling of its
//! numbers and the words `NaN` and `Infinity`. The `jmespath` crate reads the expression; its own evaluation
//! sorts the keys of objects, so it is not used.

mod depth;
mod functions;
mod order;

use std::cmp::Ordering;
use std::rc::Rc;

use jmespath::ast::{Ast, Comparator};

use crate::values::names::Contradiction;
use crate::values::scan::{self, Kind, Scanned, Scanner};

use functions::Function;
pub(super) use order::{Columns, Order};
use order::{Noted, ordered};

/// What an expression is in a document, or why it is nothing.
type Evaluated = Result<Rc<Doc>, Inapplicable>;

/// An expression is nothing in a document: a function has an argument of a wrong type.
#[derive(Debug)]
struct Inapplicable;

/// A checked expression.
#[derive(Debug)]
pub(super) struct Query(Node);

/// A value of a document.
#[derive(Debug, Clone, PartialEq)]
enum Doc {
    /// `null`, a truth value, a number or a string, as written.
    Token(String),
    List(Vec<Rc<Doc>>),
    /// Keys with their escapes resolved, each once, in the order of the text.
    Object(Vec<(String, Rc<Doc>)>),
}

#[derive(Debug)]
enum Node {
    Here,
    Field(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>, i64),
    /// JSON text.
    Literal(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare(Comparator, Box<Node>, Box<Node>),
    /// One after the other: also a pipe.
    Then(Box<Node>, Box<Node>),
    Flatten(Box<Node>),
    /// With what is known of the columns that the values are; boxed, as expressions may be deep.
    Values(Box<Node>, Option<Box<Columns>>),
    /// The elements of the first, of which the second tells what is kept, each through the third.
    Project(Box<Node>, Option<Box<Node>>, Box<Node>),
    Function(Function, Vec<Node>, Option<Box<Columns>>),
    /// An argument that is an expression.
    Expression(Box<Node>),
}

impl Query {
    /// # Errors
    /// Why the text is no expression.
    pub(super) fn compile(text: &str) -> Result<Query, String> {
        if depth::is_too_deep(text) {
            return Err(format!("more than {} steps inside of each other", depth::DEEPEST));
        }
        let ast = jmespath::parse(text).map_err(|error| error.reason.to_string())?;
        Node::of(&ast).map(Query)
    }

    /// Says that objects whose values the expression takes are rows of columns with these names, if any. `elsewhere`: as that
    /// of `Columns::new`.
    pub(super) fn name_columns(&mut self, names: &[String], elsewhere: Option<usize>) {
        self.0.name_columns(&|| Columns::new(names, elsewhere));
    }

    /// Makes it give the keys of objects where it gives their values, in the same order; false where it takes the values of none.
    pub(super) fn take_keys(&mut self) -> bool {
        self.0.take_keys()
    }

    /// Whether the expression picks one element by its position, which counts in the order of the text.
    pub(super) fn picks(&self) -> bool {
        let mut last = &self.0;
        while let Node::Then(_, next) | Node::Project(_, _, next) = last {
            last = next;
        }
        matches!(last, Node::Index(_))
    }

    /// Whether the expression gives the keys of objects.
    pub(super) fn gives_keys(&mut self) -> bool {
        self.0.gives_keys()
    }

    /// What is known of the columns at each place at which these are made of an object.
    pub(super) fn columns(&self) -> Vec<&Columns> {
        let mut found = Vec::new();
        self.0.columns(&mut found);
        found
    }

    /// The JSON text of what the expression finds in a document; none for null, for an expression that
    /// cannot be evaluated, and for a text that is not JSON. And the order in which it took the values of objects.
    ///
    /// # Errors
    /// An object that contradicts the names of the columns, or other objects.
    pub(super) fn find(&self, json: &str) -> Result<(Option<String>, Order), Contradiction> {
        let Ok(doc) = Doc::parse(json) else { return Ok((None, Order::None)) };
        let noted = Noted::default();
        let found = self.0.find(&Rc::new(doc), true, &noted);
        let order = noted.finish()?;
        let text = found.ok().filter(|found| !found.is_null()).map(|found| {
            let mut text = String::new();
            found.print(&mut text);
            text
        });
        Ok((text, order))
    }
}

impl Node {
    fn of(ast: &Ast) -> Result<Node, String> {
        let boxed = |ast: &Ast| Node::of(ast).map(Box::new);
        Ok(match ast {
            Ast::Identity { .. } => Node::Here,
            Ast::Field { name, .. } => Node::Field(name.clone()),
            Ast::Index { idx, .. } => Node::Index((*idx).into()),
            Ast::Slice { start, stop, step, .. } => {
                if *step == 0 {
                    return Err("a step of 0".into());
                }
                Node::Slice(start.map(i64::from), stop.map(i64::from), (*step).into())
            }
            Ast::Literal { value, .. } => Node::Literal(value.to_string()),
            Ast::MultiList { elements, .. } => {
                Node::List(elements.iter().map(Node::of).collect::<Result<_, String>>()?)
            }
            Ast::MultiHash { elements, .. } => Node::Object(
                elements.iter().map(|pair| Ok((pair.key.clone(), Node::of(&pair.value)?))).collect::<Result<
                    _,
                    String,
                >>(
                )?,
            ),
            Ast::Not { node, .. } => Node::Not(boxed(node)?),
            Ast::And { lhs, rhs, .. } => Node::And(boxed(lhs)?, boxed(rhs)?),
            Ast::Or { lhs, rhs, .. } => Node::Or(boxed(lhs)?, boxed(rhs)?),
            Ast::Comparison { comparator, lhs, rhs, .. } => {
                Node::Compare(comparator.clone(), boxed(lhs)?, boxed(rhs)?)
            }
            Ast::Subexpr { lhs, rhs, .. } => Node::Then(boxed(lhs)?, boxed(rhs)?),
            Ast::Flatten { node, .. } => Node::Flatten(boxed(node)?),
            Ast::ObjectValues { node, .. } => Node::Values(boxed(node)?, None),
            Ast::Projection { lhs, rhs, .. } => match &**rhs {
                Ast::Condition { predicate, then, .. } => {
                    Node::Project(boxed(lhs)?, Some(boxed(predicate)?), boxed(then)?)
                }
                rhs => Node::Project(boxed(lhs)?, None, boxed(rhs)?),
            },
            Ast::Condition { predicate, then, .. } => Node::And(boxed(predicate)?, boxed(then)?),
            Ast::Function { name, args, .. } => {
                let function = Function::named(name, args.len())?;
                let argument = |ast: &Ast| match ast {
                    Ast::Expref { ast, .. } => Ok(Node::Expression(boxed(ast)?)),
                    ast => Node::of(ast),
                };
                Node::Function(function, args.iter().map(argument).collect::<Result<_, String>>()?, None)
            }
            // No value: it could not be printed, nor compared with one.
            Ast::Expref { .. } => return Err("`&` stands in front of an argument of a function only".into()),
        })
    }

    fn name_columns(&mut self, new: &dyn Fn() -> Columns) {
        if let Node::Values(_, columns) | Node::Function(_, _, columns) = self {
            *columns = Some(Box::new(new()));
        }
        self.within().into_iter().for_each(|node| node.name_columns(new));
    }

    fn take_keys(&mut self) -> bool {
        let within = self.within().into_iter().fold(false, |found, node| node.take_keys() | found);
        match self {
            Node::Values(object, _) => {
                let object = std::mem::replace(&mut **object, Node::Here);
                *self = Node::Function(Function::Keys, vec![object], None);
                true
            }
            Node::Function(function @ Function::Values, _, _) => {
                *function = Function::Keys;
                true
            }
            _ => within,
        }
    }

    fn gives_keys(&mut self) -> bool {
        matches!(self, Node::Function(Function::Keys, ..)) || self.within().into_iter().any(Node::gives_keys)
    }

    /// The nodes that it is made of.
    fn within(&mut self) -> Vec<&mut Node> {
        match self {
            Node::Not(one) | Node::Flatten(one) | Node::Values(one, _) | Node::Expression(one) => vec![one],
            Node::And(one, two) | Node::Or(one, two) | Node::Compare(_, one, two) | Node::Then(one, two) => {
                vec![one, two]
            }
            Node::Project(one, None, two) => vec![one, two],
            Node::Project(one, Some(filter), two) => vec![one, filter, two],
            Node::List(nodes) | Node::Function(_, nodes, _) => nodes.iter_mut().collect(),
            Node::Object(nodes) => nodes.iter_mut().map(|(_, node)| node).collect(),
            Node::Here | Node::Field(_) | Node::Index(_) | Node::Slice(..) | Node::Literal(_) => Vec::new(),
        }
    }

    fn columns<'n>(&'n self, found: &mut Vec<&'n Columns>) {
        if let Node::Values(_, Some(columns)) | Node::Function(_, _, Some(columns)) = self {
            found.push(columns);
        }
        match self {
            Node::Not(one) | Node::Flatten(one) | Node::Values(one, _) | Node::Expression(one) => {
                one.columns(found);
            }
            Node::And(one, two)
            | Node::Or(one, two)
            | Node::Compare(_, one, two)
            | Node::Then(one, two)
            | Node::Project(one, None, two) => [one, two].into_iter().for_each(|node| node.columns(found)),
            Node::Project(one, Some(filter), two) => {
                [one, filter, two].into_iter().for_each(|node| node.columns(found));
            }
            Node::List(nodes) | Node::Function(_, nodes, _) => {
                nodes.iter().for_each(|node| node.columns(found))
            }
            Node::Object(nodes) => nodes.iter().for_each(|(_, node)| node.columns(found)),
            Node::Here | Node::Field(_) | Node::Index(_) | Node::Slice(..) | Node::Literal(_) => {}
        }
    }

    /// What stands there. `kept`: a list made here is the result, and keeps its nulls.
    ///
    /// # Errors
    /// A function that cannot be applied.
    fn find(&self, doc: &Rc<Doc>, kept: bool, noted: &Noted) -> Evaluated {
        let null = || Ok(Rc::new(Doc::null()));
        match (self, &**doc) {
            (Node::Here, _) => Ok(Rc::clone(doc)),
            (Node::Field(name), Doc::Object(fields)) => {
                let found = fields.iter().find(|(key, _)| key == name);
                found.map_or_else(null, |(_, value)| Ok(Rc::clone(value)))
            }
            (Node::Index(index), Doc::List(items)) => {
                let at = if *index < 0 { *index + items.len() as i64 } else { *index };
                usize::try_from(at).ok().and_then(|at| items.get(at).cloned()).map_or_else(null, Ok)
            }
            (Node::Slice(start, stop, step), Doc::List(items)) => {
                Ok(Rc::new(Doc::List(slice(items, *start, *stop, *step))))
            }
            (Node::Literal(text), _) => Ok(Rc::new(Doc::parse(text).unwrap_or_else(|_| Doc::null()))),
            (Node::List(_) | Node::Object(_), Doc::Token(_)) if doc.is_null() => null(),
            (Node::List(nodes), _) => {
                let items = nodes
                    .iter()
                    .map(|node| node.find(doc, kept, noted))
                    .collect::<Result<_, Inapplicable>>()?;
                Ok(Rc::new(Doc::List(items)))
            }
            (Node::Object(nodes), _) => {
                let fields = nodes.iter().map(|(key, node)| Ok((key.clone(), node.find(doc, false, noted)?)));
                Ok(Rc::new(Doc::Object(fields.collect::<Result<_, Inapplicable>>()?)))
            }
            (Node::Not(node), _) => Ok(Rc::new(Doc::truth(!node.find(doc, false, noted)?.is_true()))),
            (Node::And(one, two), _) => {
                let found = one.find(doc, false, noted)?;
                if found.is_true() { two.find(doc, kept, noted) } else { Ok(found) }
            }
            (Node::Or(one, two), _) => {
                let found = one.find(doc, kept, noted)?;
                if found.is_true() { Ok(found) } else { two.find(doc, kept, noted) }
            }
            (Node::Compare(comparator, one, two), _) => {
                let (one, two) = (one.find(doc, false, noted)?, two.find(doc, false, noted)?);
                Ok(Rc::new(compare(comparator, &one, &two)))
            }
            (Node::Then(one, two), _) => two.find(&one.find(doc, false, noted)?, kept, noted),
            (Node::Flatten(node), _) => Ok(flattened(&*node.find(doc, kept, noted)?)),
            (Node::Values(node, columns), _) => {
                Ok(values(columns.as_deref(), &*node.find(doc, kept, noted)?, noted))
            }
            (Node::Project(list, filter, rest), _) => {
                let list = list.find(doc, kept, noted)?;
                rest.projected(&list, filter.as_deref(), kept, noted)
            }
            (Node::Function(function, arguments, columns), _) => {
                functions::call(*function, arguments, columns.as_deref(), doc, noted)
            }
            (Node::Expression(node), _) => node.find(doc, false, noted),
            (Node::Field(_) | Node::Index(_) | Node::Slice(..), _) => null(),
        }
    }

    /// What it finds in each element of a list that `filter` lets through. Apart from `find`, whose frames hold less so.
    fn projected(&self, list: &Doc, filter: Option<&Node>, kept: bool, noted: &Noted) -> Evaluated {
        let Doc::List(items) = list else { return Ok(Rc::new(Doc::null())) };
        let mut out = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            if let Some(filter) = filter
                && !filter.find(item, false, noted)?.is_true()
            {
                continue;
            }
            let contradicted = noted.is_contradicted();
            let found = self.find(item, kept, noted)?;
            if !contradicted {
                noted.at(position);
            }
            if kept || !found.is_null() {
                out.push(found);
            }
        }
        Ok(Rc::new(Doc::List(out)))
    }
}

/// A list with the elements of the lists in it; null for anything else.
fn flattened(doc: &Doc) -> Rc<Doc> {
    let Doc::List(items) = doc else { return Rc::new(Doc::null()) };
    let mut flat = Vec::with_capacity(items.len());
    for item in items {
        match &**item {
            Doc::List(inner) => flat.extend(inner.iter().cloned()),
            _ => flat.push(Rc::clone(item)),
        }
    }
    Rc::new(Doc::List(flat))
}

/// The values of an object; null for anything else.
fn values(columns: Option<&Columns>, doc: &Doc, noted: &Noted) -> Rc<Doc> {
    let Doc::Object(fields) = doc else { return Rc::new(Doc::null()) };
    let fields = ordered(columns, fields, noted);
    Rc::new(Doc::List(fields.into_iter().map(|(_, value)| Rc::clone(value)).collect()))
}

fn slice(items: &[Rc<Doc>], start: Option<i64>, stop: Option<i64>, step: i64) -> Vec<Rc<Doc>> {
    let length = items.len() as i64;
    let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let within = |at: i64| (if at < 0 { at + length } else { at }).clamp(lowest, highest);
    let start = start.map_or(if step > 0 { lowest } else { highest }, within);
    let stop = stop.map_or(if step > 0 { highest } else { lowest }, within);
    let mut out = Vec::new();
    let mut at = start;
    while if step > 0 { at < stop } else { at > stop } {
        out.extend(usize::try_from(at).ok().and_then(|at| items.get(at).cloned()));
        at += step;
    }
    out
}

fn compare(comparator: &Comparator, one: &Doc, two: &Doc) -> Doc {
    let ordered = || one.number()?.partial_cmp(&two.number()?);
    let answer = match comparator {
        Comparator::Equal => Some(one.equals(two)),
        Comparator::NotEqual => Some(!one.equals(two)),
        Comparator::LessThan => ordered().map(Ordering::is_lt),
        Comparator::LessThanEqual => ordered().map(Ordering::is_le),
        Comparator::GreaterThan => ordered().map(Ordering::is_gt),
        Comparator::GreaterThanEqual => ordered().map(Ordering::is_ge),
    };
    answer.map_or_else(Doc::null, Doc::truth)
}

impl Doc {
    pub(super) fn null() -> Doc {
        Doc::Token("null".into())
    }

    pub(super) fn truth(truth: bool) -> Doc {
        Doc::Token(if truth { "true" } else { "false" }.into())
    }

    pub(super) fn text(text: &str) -> Doc {
        Doc::Token(serde_json::Value::from(text).to_string())
    }

    /// Whole numbers as such, as Python's implementation prints them.
    pub(super) fn of_number(number: f64) -> Doc {
        Doc::Token(match number {
            _ if number.is_nan() => "null".into(),
            _ if number.is_infinite() => if number > 0.0 { "Infinity" } else { "-Infinity" }.into(),
            _ if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
            _ => format!("{number:?}"),
        })
    }

    /// # Errors
    /// A text that is not one JSON document.
    pub(super) fn parse(json: &str) -> Scanned<Doc> {
        let mut scanner = Scanner::new(json);
        let doc = Doc::read(&mut scanner, json)?;
        scanner.end()?;
        Ok(doc)
    }

    fn read(scanner: &mut Scanner<'_>, json: &str) -> Scanned<Doc> {
        Ok(match scanner.kind()? {
            Kind::Scalar => Doc::Token(json[scanner.value()?].into()),
            Kind::List => {
                let mut items = Vec::new();
                scanner.list(|scanner, _| {
                    items.push(Rc::new(Doc::read(scanner, json)?));
                    Ok(())
                })?;
                Doc::List(items)
            }
            Kind::Object => {
                let mut fields: Vec<(String, Rc<Doc>)> = Vec::new();
                scanner.object(|scanner, key| {
                    let value = Rc::new(Doc::read(scanner, json)?);
                    let key = scan::unescaped(&json[key]);
                    match fields.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, known)) => *known = value,
                        None => fields.push((key.into_owned(), value)),
                    }
                    Ok(())
                })?;
                Doc::Object(fields)
            }
        })
    }

    pub(super) fn print(&self, out: &mut String) {
        let mut separated = |open: char, close: char, n: usize, item: &mut dyn FnMut(usize, &mut String)| {
            out.push(open);
            for at in 0..n {
                if at > 0 {
                    out.push(',');
                }
                item(at, out);
            }
            out.push(close);
        };
        match self {
            Doc::Token(token) => out.push_str(token),
            Doc::List(items) => separated('[', ']', items.len(), &mut |at, out| items[at].print(out)),
            Doc::Object(fields) => separated('{', '}', fields.len(), &mut |at, out| {
                let (key, value) = &fields[at];
                Doc::text(key).print(out);
                out.push(':');
                value.print(out);
            }),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Doc::Token(token) if scan::is_null(token))
    }

    fn is_true(&self) -> bool {
        match self {
            Doc::Token(token) => !self.is_null() && token != "false" && token != "\"\"",
            Doc::List(items) => !items.is_empty(),
            Doc::Object(fields) => !fields.is_empty(),
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Doc::Token(token)
                if token.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | 'I')) =>
            {
                token.parse().ok()
            }
            _ => None,
        }
    }

    /// The text of a string.
    pub(super) fn as_text(&self) -> Option<String> {
        match self {
            Doc::Token(token) => {
                let inside = token.strip_prefix('"')?.strip_suffix('"')?;
                Some(scan::unescaped(inside).into_owned())
            }
            _ => None,
        }
    }

    pub(super) fn equals(&self, other: &Doc) -> bool {
        match (self, other) {
            (Doc::List(one), Doc::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.equals(two))
            }
            (Doc::Object(one), Doc::Object(two)) => {
                one.len() == two.len()
                    && one.iter().all(|(key, value)| {
                        two.iter().any(|(other, theirs)| other == key && value.equals(theirs))
                    })
            }
            (Doc::Token(one), Doc::Token(two)) => {
                one == two
                    || (self.is_null() && other.is_null())
                    || self.number().is_some_and(|number| Some(number) == other.number())
                    || self.as_text().is_some_and(|text| Some(text) == other.as_text())
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;

    /// Documents whose keys stand in alphabetical order: there the crate's own evaluation is right.
    fn ordered() -> impl Strategy<Value = Json> {
        crate::values::path::tests::documents().prop_map(|mut document| {
            document.sort_all_objects();
            document
        })
    }

    fn expressions() -> impl Strategy<Value = String> {
        let step = prop_oneof![
            3 => "[a-c]".prop_map(|name| format!(".{name}")),
            1 => (-3..3).prop_map(|index| format!("[{index}]")),
            1 => (-3..3, -3..3, prop_oneof![Just(-2), Just(-1), Just(1), Just(2)])
                .prop_map(|(start, stop, step)| format!("[{start}:{stop}:{step}]")),
            1 => Just("[*]".to_string()),
            1 => Just("[]".to_string()),
            1 => Just(".*".to_string()),
            1 => "[a-c]".prop_map(|name| format!("[?{name}]")),
            1 => "[a-c]".prop_map(|name| format!("[?{name} == `1` || !a]")),
            1 => Just(".[a, b]".to_string()),
            1 => Just(".{x: a, y: b.c}".to_string()),
            1 => Just(".values(@)".to_string()),
            1 => Just(".keys(@)".to_string()),
            1 => Just(" | [0]".to_string()),
            1 => Just(" | sort(@)".to_string()),
            1 => Just(" | length(@)".to_string()),
            1 => Just(" | max(@)".to_string()),
            1 => Just(" | sum(@)".to_string()),
            1 => Just(" | avg(@)".to_string()),
            1 => Just(" | type(@)".to_string()),
            1 => Just(" | reverse(@)".to_string()),
            1 => Just(" | sort_by(@, &a)".to_string()),
            1 => Just(" | min_by(@, &b)".to_string()),
            1 => Just(" | map(&c, @)".to_string()),
            1 => Just(" | not_null(a, b, @)".to_string()),
            1 => Just(" | contains(@, 'a')".to_string()),
            1 => Just(" | merge(@, a)".to_string()),
            1 => Just(" | join('-', @)".to_string()),
        ];
        (prop_oneof![Just("@"), Just("a")], prop::collection::vec(step, 1..4))
            .prop_map(|(start, steps)| format!("{start}{}", steps.concat()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        /// As JMESPath has it, nulls left out of lists: behind a pipe and where nothing is null.
        #[test]
        fn evaluation_equals_the_crate(document in ordered(), expression in expressions()) {
            let json = document.to_string();
            let expression = format!("{expression} | @");
            let Ok(compiled) = jmespath::compile(&expression) else { return Ok(()) };
            let theirs = compiled.search(jmespath::Variable::from_json(&json).unwrap());
            // The mean of no numbers is null by the specification; the crate divides by their number and fails.
            if theirs.is_err() && expression.contains("avg(@)") {
                return Ok(());
            }
            let theirs = theirs.map_or(Json::Null, |found| serde_json::to_value(&*found).unwrap());
            let query = Query::compile(&expression).unwrap();
            let doc = Rc::new(Doc::parse(&json).unwrap());
            let mut ours = String::new();
            query.0.find(&doc, false, &Noted::default()).map_or_else(|_| Doc::null(), |found| (*found).clone()).print(&mut ours);
            let ours: Json = serde_json::from_str(&ours).unwrap();
            prop_assert!(same(&ours, &theirs), "{} on {}: {} and {}", expression, json, ours, theirs);
        }
    }

    /// A reference to an expression is no value: wherever one is asked for it is refused.
    #[test]
    fn a_reference_to_an_expression_is_an_argument_and_nothing_else() {
        for text in [
            "&a",
            "!&a",
            "[&a]",
            "{x: &a}",
            "a || &b",
            "&a && b",
            "a == &b",
            "&a < b",
            "a[?&b]",
            "a[?b == &c]",
            "a | &b",
            "a.[&b]",
            "length([&a])",
            "sort_by(a, &[&b])",
        ] {
            let refused = Query::compile(text).err();
            assert!(
                refused.as_ref().is_some_and(|why| why.contains("argument of a function")),
                "{text}: {refused:?}"
            );
        }
        for text in ["sort_by(a, &b)", "map(&b.c, a)", "a[?max_by(b, &c).d == `1`]", "min_by(a, & b)"] {
            assert!(Query::compile(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_mean_of_no_numbers_is_null() {
        let found = |expression: &str| Query::compile(expression).unwrap().find("[]").map(|(found, _)| found);
        assert_eq!(found("avg(@)"), Ok(None));
        assert_eq!(found("avg(@) | type(@)").unwrap().as_deref(), Some("\"null\""));
    }

    /// Equal, numbers by value.
    fn same(one: &Json, two: &Json) -> bool {
        match (one, two) {
            (Json::Number(one), Json::Number(two)) => one.as_f64() == two.as_f64(),
            (Json::Array(one), Json::Array(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
            }
            (Json::Object(one), Json::Object(two)) => {
                one.len() == two.len()
                    && one.iter().all(|(key, value)| two.get(key).is_some_and(|two| same(value, two)))
            }
            _ => one == two,
        }
    }
}

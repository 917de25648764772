//! A limit on the depth of an expression: the parser of the crate, and what evaluates its tree, call themselves once for each
//! step inside of another.

/// Deeper expressions are refused, so that no text exhausts the stack.
pub(super) const DEEPEST: usize = 200;

/// Whether an expression has more than `DEEPEST` steps, one inside or behind the other. Elements of a list count apart.
pub(super) fn is_too_deep(expression: &str) -> bool {
    // Steps of the element at hand, outside of all brackets and in each that is open.
    let mut open = vec![0_usize];
    let mut bytes = expression.bytes();
    while let Some(byte) = bytes.next() {
        let is_step = match byte {
            b'"' | b'\'' | b'`' => {
                while let Some(inside) = bytes.next().filter(|inside| *inside != byte) {
                    if inside == b'\\' {
                        bytes.next();
                    }
                }
                false
            }
            b')' | b']' | b'}' if open.len() > 1 => {
                open.pop();
                false
            }
            b',' => {
                open.pop();
                open.push(0);
                false
            }
            byte => b"([{.|&!<>=".contains(&byte),
        };
        if is_step && let Some(steps) = open.last_mut() {
            *steps += 1;
        }
        if b"([{".contains(&byte) {
            open.push(0);
        }
        if is_step && open.iter().sum::<usize>() > DEEPEST {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::values::path::Paths;

    #[test]
    fn an_expression_that_would_exhaust_the_stack_is_refused() {
        for (before, step, after) in [
            ("", "(", "a"),
            ("", "!", "a"),
            ("", "[", "a"),
            ("", "{a: ", "a"),
            ("", "not_null(", "a"),
            ("", "a[?", "a"),
            ("", "not_null(a, ", "a"),
            ("", "[a, ", "a"),
            ("a", ".a", ""),
            ("a", "[0]", ""),
            ("a", "[]", ""),
            ("a", "[*].a", ""),
            ("a", ".*", ""),
            ("a", " | a", ""),
            ("a", " || a", ""),
            ("a", " && a", ""),
            ("a", " == a", ""),
            ("a", "[?a].a", ""),
            ("a", ".{a: a}", ""),
            ("a", ".\"(\"", ""),
            ("map(", "&", "a, a)"),
        ] {
            let expression = format!("{before}{}{after}", step.repeat(100_000));
            assert!(Paths::check(&expression).is_err(), "{before}{step}...");
            // As deep as what is let through gets: neither reading nor evaluating it exhausts the stack.
            for n in (1..super::DEEPEST).step_by(3) {
                let close: String =
                    step.chars().rev().filter_map(|open| Some([')', ']', '}']["([{".find(open)?])).collect();
                let closes = !step.contains([')', ']', '}']);
                let close = if closes { close.repeat(n) } else { String::new() };
                let expression = format!("{before}{}{after}{close}", step.repeat(n));
                let Ok(paths) = Paths::compile(&[("features", &expression)]) else { break };
                paths.find(r#"{"a": [{"a": 1}]}"#, &mut Vec::new()).unwrap();
            }
        }
    }

    #[test]
    fn long_expressions_that_are_not_deep_are_read() {
        let columns: Vec<String> = (0..5_000).map(|n| format!("a.\"b.{n}\"[0].c")).collect();
        for expression in [
            format!("[{}]", columns.join(", ")),
            format!("a.[{}]", columns.join(",")),
            format!("'{}'", "(".repeat(10_000)),
            format!("\"{}\"", "a.".repeat(10_000)),
            format!("`\"{}\\`\"`", "[".repeat(10_000)),
            format!("a{}", ".a".repeat(super::DEEPEST)),
            format!("{}a{}", "(".repeat(super::DEEPEST), ")".repeat(super::DEEPEST)),
        ] {
            assert_eq!(Paths::check(&expression), Ok(()), "{}", &expression[..20]);
        }
    }
}

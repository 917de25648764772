//! Numbers for people: rounded to what the data supports, with thin spaces and a real minus.

/// No-break thin space between groups of three digits.
const THIN: char = '\u{202f}';

/// `1 468` with thin spaces.
pub(super) fn count(count: u64) -> String {
    group(&count.to_string())
}

/// A metric's value with as many decimals as its interval supports: the half width keeps at least
/// one digit, with 2 to 6 decimals in all; 3 without an interval.
pub(super) fn number(value: f64, interval: Option<[f64; 2]>) -> String {
    let half_width = interval.map(|[low, high]| (high - low) / 2.0).filter(|width| width.is_finite());
    let decimals = match half_width {
        Some(width) if width >= 0.02 => 2,
        Some(width) if width >= 0.002 => 3,
        Some(width) if width >= 0.0002 => 4,
        Some(width) if width >= 0.000_02 => 5,
        Some(_) => 6,
        None => 3,
    };
    // Within an interval that rounds it away, a trace of a value is zero.
    let trace = half_width.is_some() && value.abs() * 10_f64.powi(decimals as i32) < 0.5;
    decimal(if trace { 0.0 } else { value }, decimals)
}

/// With a fixed number of decimals; fewer from 100 on, and in words of ten where digits end.
pub(super) fn decimal(value: f64, decimals: usize) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "−∞".into() };
    }
    let magnitude = value.abs();
    if magnitude >= 1e9 {
        return sign(value, &format!("{magnitude:.2e}"));
    }
    let decimals = match magnitude {
        m if m >= 1000.0 => 0,
        m if m >= 100.0 => decimals.min(1),
        m if m >= 10.0 => decimals.min(2),
        _ => decimals,
    };
    let text = format!("{magnitude:.decimals$}");
    let zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
    if zero && magnitude > 0.0 {
        return sign(value, &format!("{magnitude:.1e}"));
    }
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), ""), |(whole, rest)| (whole, rest));
    let whole = group(whole);
    let text = if rest.is_empty() { whole } else { format!("{whole}.{rest}") };
    if zero { text } else { sign(value, &text) }
}

/// With a sign always: `+0.08`.
pub(super) fn change(value: f64, interval: Option<[f64; 2]>) -> String {
    let text = number(value, interval);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// For an axis or a feature's value: three significant digits, no zeros at the end.
pub(super) fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = value.abs();
    if !magnitude.is_finite() {
        return decimal(value, 0);
    }
    if !(1e-3..1e6).contains(&magnitude) {
        let text = format!("{magnitude:.2e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        return sign(value, &format!("{digits}e{exponent}"));
    }
    let decimals = (2 - magnitude.log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{magnitude:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let whole = group(whole);
    sign(value, &rest.map_or(whole.clone(), |rest| format!("{whole}.{rest}")))
}

/// `12 %`, `0.4 %`; what is not quite all or nothing never reads so.
pub(super) fn percent(part: u64, whole: u64) -> Option<String> {
    (whole > 0).then(|| percent_of(part as f64 / whole as f64))
}

/// As `percent`, of a share.
pub(super) fn percent_of(share: f64) -> String {
    let percent = share * 100.0;
    let magnitude = percent.abs();
    let text = match magnitude {
        m if m > 0.0 && m < 0.1 => return format!("under 0.1{THIN}%"),
        m if m < 9.95 && m > 0.0 => format!("{m:.1}"),
        m if m > 99.0 && m < 100.0 => return format!("over 99{THIN}%"),
        m => format!("{m:.0}"),
    };
    format!("{}{THIN}%", sign(percent, &text))
}

/// Percentage points of a difference of shares, without sign.
pub(super) fn points(difference: f64) -> String {
    let points = (difference * 100.0).abs();
    let text = if points < 9.95 { format!("{points:.1}") } else { format!("{points:.0}") };
    let unit = if text == "1.0" { "percentage point" } else { "percentage points" };
    format!("{text} {unit}")
}

/// Two shares as a person feels them, in one unit: `1 in 16` and `1 in 4` where both are near such a
/// fraction, else percentages; `none` and `all` stand for themselves. None for an empty whole.
pub(super) fn felt(first: (u64, u64), second: (u64, u64)) -> Option<[String; 2]> {
    let (a, b) = (percent(first.0, first.1)?, percent(second.0, second.1)?);
    let fractions =
        [first, second].map(|(part, whole)| if part == 0 { Some(0) } else { one_in(part, whole) });
    let said = |(part, whole): (u64, u64), fraction: Option<u64>, percent: String| match part {
        0 => "none".into(),
        part if part == whole => "all".into(),
        _ => match fraction {
            Some(fraction) if fractions.iter().all(Option::is_some) => format!("1 in {}", count(fraction)),
            _ => percent,
        },
    };
    Some([said(first, fractions[0], a), said(second, fractions[1], b)])
}

/// N of the nearest `1 in N`, when it is near enough to be true.
fn one_in(part: u64, whole: u64) -> Option<u64> {
    let one_in = whole as f64 / part as f64;
    let near = one_in >= 10.0 || (one_in - one_in.round()).abs() <= 0.15;
    (one_in > 2.5 && near).then(|| one_in.round() as u64)
}

/// How often compared with another share, and the word that a comparison goes on with: `4 times less often`
/// than, `30 % more often` than, `2.5 times as often` as. None without either.
pub(super) fn times(ratio: f64) -> Option<(String, &'static str)> {
    if !ratio.is_finite() || ratio <= 0.0 {
        return None;
    }
    Some(match ratio {
        r if r >= 1.95 => (format!("{} times as often", trimmed(r)), "as"),
        r if r >= 1.15 => (format!("{} more often", percent_of(r - 1.0)), "than"),
        r if r > 0.87 => ("about as often".into(), "as"),
        r if r > 0.52 => (format!("{} less often", percent_of(1.0 - r)), "than"),
        r => (format!("{} times less often", trimmed(1.0 / r)), "than"),
    })
}

pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        b if b < 1000 => format!("{b} bytes"),
        b if b < 1_000_000 => format!("{:.1} kB", b as f64 / 1e3),
        b if b < 1_000_000_000 => format!("{:.1} MB", b as f64 / 1e6),
        b => format!("{:.1} GB", b as f64 / 1e9),
    }
}

/// A window as people write it, `2031-03-08 18:00 to 19:00 UTC`; as given where it is written otherwise.
pub(super) fn window(start: &str, end: &str) -> String {
    let parts = |moment: &'_ str| -> Option<(String, String)> {
        let (day, time) = moment.strip_suffix('Z')?.split_once('T')?;
        let minutes = time.split_once('.').map_or(time, |(time, _)| time).strip_suffix(":00")?;
        Some((day.to_owned(), minutes.to_owned()))
    };
    match (parts(start), parts(end)) {
        (Some((day, from)), Some((last_day, to))) if day == last_day => format!("{day} {from} to {to} UTC"),
        (Some((day, from)), Some((last_day, to))) => format!("{day} {from} to {last_day} {to} UTC"),
        _ => format!("{start} to {end}"),
    }
}

/// `1 row`, `12 rows`.
pub(super) fn of(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

fn trimmed(value: f64) -> String {
    let text = if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn sign(value: f64, magnitude: &str) -> String {
    if value < 0.0 { format!("−{magnitude}") } else { magnitude.to_owned() }
}

/// Thin spaces from 1 000 on.
fn group(digits: &str) -> String {
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(THIN);
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_the_digits_their_interval_supports() {
        for (value, interval, text) in [
            (0.2187, Some([0.215, 0.222]), "0.219"),
            (0.2187, Some([0.1, 0.35]), "0.22"),
            (-0.2187, None, "−0.219"),
            (0.0, None, "0.000"),
            (0.0, Some([-3.8e-5, 3.8e-5]), "0.00000"),
            (-3.8e-5, Some([-3.8e-5, 3.8e-5]), "−0.00004"),
            (-0.0, None, "0.000"),
            (-0.0004, Some([-0.1, 0.1]), "0.00"),
            (1234.5678, None, "1\u{202f}235"),
            (f64::INFINITY, None, "∞"),
            (f64::NEG_INFINITY, Some([f64::NEG_INFINITY, 0.0]), "−∞"),
            (0.00004, None, "4.0e-5"),
            (2.348543e108, None, "2.35e108"),
        ] {
            assert_eq!(number(value, interval), text);
        }
    }

    #[test]
    fn shares_read_as_people_say_them() {
        let both = |first, second| felt(first, second).map(|[a, b]| format!("{a}, {b}"));
        assert_eq!(both((51, 812), (376, 1468)).as_deref(), Some("1 in 16, 1 in 4"));
        assert_eq!(both((2, 7), (1, 4)).as_deref(), Some("29\u{202f}%, 25\u{202f}%"));
        assert_eq!(both((0, 7), (1, 5)).as_deref(), Some("none, 1 in 5"));
        assert_eq!(both((7, 7), (5, 8)).as_deref(), Some("all, 62\u{202f}%"));
        assert_eq!(both((0, 0), (5, 8)), None);
        assert_eq!(percent(9999, 10000).as_deref(), Some("over 99\u{202f}%"));
        assert_eq!(percent(1, 100_000).as_deref(), Some("under 0.1\u{202f}%"));
        assert_eq!(points(-0.19), "19 percentage points");
        for (ratio, text, then) in [
            (0.25, "4 times less often", "than"),
            (0.7, "30\u{202f}% less often", "than"),
            (1.02, "about as often", "as"),
            (1.3, "30\u{202f}% more often", "than"),
            (2.5, "2.5 times as often", "as"),
        ] {
            assert_eq!(times(ratio), Some((text.to_owned(), then)));
        }
        assert_eq!(times(0.0), None);
        assert_eq!(times(f64::INFINITY), None);
    }

    #[test]
    fn axis_labels_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (-20.866, "−20.9"),
            (1e7, "1e7"),
            (150_000.0, "150\u{202f}000"),
            (0.5, "0.5"),
        ] {
            assert_eq!(short(value), text);
        }
    }
}

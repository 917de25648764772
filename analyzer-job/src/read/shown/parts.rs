//! Parts of the data, which do not know what the others show.
//!
//! Where that decides how a part is to be read, it is read in each way, and what all parts show together chooses.

use std::path::Path;

use plumbline_common::{Problem, Result, codes};

use super::{ListRules, Rules, Shown, key_order, lists, objects, request_rows};

/// Most ways in which a part is read, and most records of a part that is: more of them are no few damaged ones, and reading
/// them again takes long.
const MOST_WAYS: usize = 32;
const MOST_RECORDS: u64 = 100_000;

/// The readings of a part: for each the rules by which it was read, and what it shows. Its own comes first.
pub(crate) type Readings<'a> = Vec<(&'a Rules, &'a Shown)>;

impl Shown {
    /// The rules by which a part of so many records is to be read beside those that it shows, as others may ask for them.
    pub(crate) fn open_rules(&self, records: u64) -> Vec<Rules> {
        let own = self.rules();
        let mut ways = vec![own.clone()];
        let mut add = |lists: Vec<ListRules>, change: &dyn Fn(&mut Rules, ListRules)| {
            let known = if ways.len() <= MOST_WAYS { ways.clone() } else { Vec::new() };
            for list in lists {
                ways.extend(known.iter().cloned().map(|mut rules| {
                    change(&mut rules, list);
                    rules
                }));
            }
        };
        add(self.answers.open_rules(), &|rules, list| rules.answers = list);
        add(self.truths.open_rules(), &|rules, list| rules.truths = list);
        if self.labels.is_open() {
            ways.extend(ways.clone().into_iter().map(|rules| Rules { by_order: !rules.by_order, ..rules }));
        }
        let known = ways.clone();
        let mut requests = vec![own.requests.clone()];
        for rule in self.requests.open_rules() {
            let is_new = !requests.iter().any(|other| self.requests.are_read_alike(&rule, other));
            if is_new && (requests.len() + 1) * known.len() <= MOST_WAYS {
                ways.extend(known.iter().map(|rules| Rules { requests: rule.clone(), ..rules.clone() }));
                requests.push(rule);
            }
        }
        for (at, sets) in self.objects.iter().enumerate() {
            let others = sets.open_rules().into_iter().map(Some);
            let others: Vec<_> = others
                .filter(|rule| sets.read_differently(rule.as_ref(), own.objects[at].as_ref()).is_some())
                .collect();
            let known = ways.clone();
            for rule in others {
                ways.extend(known.iter().cloned().map(|mut rules| {
                    rules.objects[at].clone_from(&rule);
                    rules
                }));
                if ways.len() > MOST_WAYS {
                    break;
                }
            }
        }
        ways.remove(0);
        if ways.len() > MOST_WAYS || records > MOST_RECORDS { Vec::new() } else { ways }
    }

    /// Whether these records are read alike by two rules.
    fn are_read_alike(&self, one: &Rules, two: &Rules) -> bool {
        let objects = |(at, sets): (usize, &crate::values::key_sets::KeySets)| {
            let rule = |rules: &Rules| rules.objects.get(at).cloned().flatten();
            sets.read_differently(rule(one).as_ref(), rule(two).as_ref()).is_none()
        };
        self.answers.are_read_alike(one.answers, two.answers)
            && self.truths.are_read_alike(one.truths, two.truths)
            && (one.by_order == two.by_order || !self.labels.by_order)
            && self.requests.are_read_alike(&one.requests, &two.requests)
            && self.objects.iter().enumerate().all(objects)
    }
}

/// For each part the number of the reading that one run over all of them would make. Each part has the path of its state, for
/// messages.
///
/// # Errors
/// `STATES_DO_NOT_FIT`: a part was not read so.
pub(crate) fn chosen(parts: &[(&Path, Readings<'_>)]) -> Result<Vec<usize>> {
    /// What one choice changes for another may change a third one, but there are few.
    const MOST_CHOICES: usize = 8;
    let mut chosen = vec![0; parts.len()];
    for _ in 0..MOST_CHOICES {
        let mut all = Shown::default();
        parts.iter().zip(&chosen).for_each(|((_, readings), &at)| all.append(readings[at].1));
        let rules = all.rules();
        let fitting = |(_, readings): &(&Path, Readings<'_>)| {
            readings.iter().position(|(own, shown)| shown.are_read_alike(own, &rules))
        };
        match parts.iter().map(fitting).collect::<Option<Vec<usize>>>() {
            Some(next) if next == chosen => return Ok(chosen),
            Some(next) => chosen = next,
            None => break,
        }
    }
    check(&parts.iter().map(|(path, readings)| (*path, readings[0].1)).collect::<Vec<_>>())?;
    Err(Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the data were read differently")
        .hint("run over all files at once"))
}

/// That each part by itself was read as one run over all of them would read it.
///
/// # Errors
/// `STATES_DO_NOT_FIT`.
fn check(parts: &[(&Path, &Shown)]) -> Result<()> {
    objects::check(&parts.iter().map(|(path, own)| (*path, own.objects.as_slice())).collect::<Vec<_>>())?;
    request_rows::check(&parts.iter().map(|(path, own)| (*path, &own.requests)).collect::<Vec<_>>())?;
    key_order::check(&parts.iter().map(|(path, own)| (*path, own.labels)).collect::<Vec<_>>())?;
    lists::check(&parts.iter().map(|(path, own)| (*path, own.answers)).collect::<Vec<_>>(), "answer")?;
    lists::check(&parts.iter().map(|(path, own)| (*path, own.truths)).collect::<Vec<_>>(), "ground truth")
}

//! Objects whose values are the columns of a row, at one place of a path: which keys they have, and which of them are rows.
//!
//! Keys that are names of the columns tell their columns by themselves. Other keys can only go by position: all objects then
//! need the same keys, and which ones that are is what most objects show, so that neither their order nor a division into parts
//! decides. Names of the columns count as keys here; where as many objects have them, no others go by position.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::values::names::{self, Contradiction, Meaning, Whose, listed};

/// How many objects have which keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeySets {
    /// Objects whose keys are names of the columns.
    by_name: u64,
    /// The others, by their keys in whatever order and case.
    others: IndexMap<String, KeySet>,
    /// There are more kinds than are kept, so that nothing tells which one most objects have.
    too_many: bool,
}

/// Objects of the same keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeySet {
    objects: u64,
    /// In the order of the first object whose keys may go by position; until then in that of the first.
    keys: Vec<String>,
    may_go_by_position: bool,
    /// Objects came before the first that may.
    came_before: bool,
}

/// Which objects are rows beside those whose keys are names of the columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyRule {
    /// No others.
    Names,
    /// Those with these keys, in this order by position.
    Keys(Vec<String>),
    /// No others, as objects with the first keys are as many as objects with the second ones.
    Tie([Vec<String>; 2]),
}

/// Keys in whatever order and case.
fn normal<'k>(keys: impl IntoIterator<Item = &'k String>) -> String {
    let mut keys: Vec<String> = keys.into_iter().map(|key| key.trim().to_lowercase()).collect();
    keys.sort_unstable();
    keys.join("\0")
}

impl KeySets {
    /// Most kinds that are kept.
    const MOST: usize = 1_000;

    /// Counts an object; `meaning`: what its keys say of the names. Gives the number of its kind, none by name and of kinds that
    /// are not kept.
    fn count(&mut self, keys: &[&String], meaning: &Meaning) -> Option<usize> {
        if let Meaning::ByName(_) = meaning {
            self.by_name += 1;
            return None;
        }
        let normal = normal(keys.iter().copied());
        if self.others.len() == KeySets::MOST && !self.others.contains_key(&normal) {
            self.too_many = true;
            return None;
        }
        let may_go_by_position = *meaning == Meaning::ByPosition;
        let own = || keys.iter().copied().cloned().collect();
        let entry = self.others.entry(normal);
        let number = entry.index();
        let set = entry.or_insert_with(|| KeySet {
            objects: 0,
            keys: own(),
            may_go_by_position,
            came_before: false,
        });
        set.objects += 1;
        if may_go_by_position && !set.may_go_by_position {
            (set.keys, set.may_go_by_position) = (own(), true);
        }
        set.came_before |= !set.may_go_by_position;
        Some(number)
    }

    /// Counts another object of a kind.
    fn count_again(&mut self, kind: Option<usize>, by_name: bool) {
        match kind.and_then(|kind| self.others.get_index_mut(kind)) {
            Some((_, set)) => set.objects += 1,
            None if by_name => self.by_name += 1,
            None => {}
        }
    }

    /// Adds those of other objects, which come behind these.
    pub(crate) fn append(&mut self, other: &KeySets) {
        self.by_name = self.by_name.saturating_add(other.by_name);
        self.too_many |= other.too_many;
        for (normal, set) in &other.others {
            if self.others.len() == KeySets::MOST && !self.others.contains_key(normal) {
                self.too_many = true;
                continue;
            }
            match self.others.get_mut(normal) {
                None => {
                    self.others.insert(normal.clone(), set.clone());
                }
                Some(mine) => {
                    mine.objects = mine.objects.saturating_add(set.objects);
                    if set.may_go_by_position && !mine.may_go_by_position {
                        (mine.keys, mine.may_go_by_position) = (set.keys.clone(), true);
                    }
                    mine.came_before |= set.came_before;
                }
            }
        }
    }

    /// What the objects show; none without an object.
    pub(crate) fn rule(&self) -> Option<KeyRule> {
        let mut sets: Vec<(&String, &KeySet)> =
            self.others.iter().filter(|(_, set)| set.may_go_by_position).collect();
        // The most frequent first, and of equal ones those that are equal in all parts.
        sets.sort_by(|(one, a), (two, b)| b.objects.cmp(&a.objects).then_with(|| one.cmp(two)));
        let most = sets.first().map_or(0, |(_, set)| set.objects);
        if self.by_name == 0 && self.others.is_empty() {
            return None;
        }
        if most == 0 || self.by_name >= most {
            return Some(KeyRule::Names);
        }
        match sets.as_slice() {
            [(_, first), (_, second), ..] if self.too_many || second.objects == most => {
                Some(KeyRule::Tie([first.keys.clone(), second.keys.clone()]))
            }
            [(_, first), ..] if !self.too_many => Some(KeyRule::Keys(first.keys.clone())),
            _ => Some(KeyRule::Names),
        }
    }

    /// The rules by which these objects may have to be read, together with others.
    pub(crate) fn open_rules(&self) -> Vec<KeyRule> {
        if self.others.is_empty() {
            return Vec::new();
        }
        let kinds = self.others.values().filter(|set| set.may_go_by_position);
        std::iter::once(KeyRule::Names).chain(kinds.map(|set| KeyRule::Keys(set.keys.clone()))).collect()
    }

    /// Whether reading decides nothing by the first object that others could contradict.
    pub(crate) fn are_all_alike(&self) -> bool {
        let one =
            self.others.len() == 1 && self.by_name == 0 && self.others.values().all(|set| !set.came_before);
        !self.too_many && (self.others.is_empty() || one)
    }

    /// The keys of a kind among these that one rule makes columns, and another does not, or in another order; each of them with
    /// the order that the rules give it.
    pub(crate) fn read_differently<'r>(
        &self,
        one: Option<&'r KeyRule>,
        two: Option<&'r KeyRule>,
    ) -> Option<[Option<&'r [String]>; 2]> {
        let order = |rule: Option<&'r KeyRule>, kind: &String| match rule {
            Some(KeyRule::Keys(keys)) if normal(keys) == *kind => Some(keys.as_slice()),
            _ => None,
        };
        let both = |kind| [order(one, kind), order(two, kind)];
        self.others.keys().map(both).find(|both| match both {
            [Some(one), Some(two)] => !one.iter().zip(*two).all(|(one, two)| names::same(one, two)),
            [one, two] => one.is_some() != two.is_some(),
        })
    }

    /// For messages.
    pub(crate) fn told(&self) -> String {
        const SHOWN: usize = 3;
        let mut sets: Vec<(&String, &KeySet)> = self.others.iter().collect();
        sets.sort_by(|(one, a), (two, b)| b.objects.cmp(&a.objects).then_with(|| one.cmp(two)));
        let mut told: Vec<String> = Vec::new();
        if self.by_name > 0 {
            told.push(format!("{} with names of the columns", self.by_name));
        }
        let kinds = sets.iter().take(SHOWN);
        told.extend(kinds.map(|(_, set)| format!("{} with the keys {}", set.objects, listed(&set.keys))));
        if sets.len() > SHOWN {
            told.push("...".into());
        }
        told.join("; ")
    }
}

/// What was met at a place, and what became of it.
#[derive(Debug, Default)]
pub(super) struct Met {
    pub(super) sets: KeySets,
    rule: Option<KeyRule>,
    /// The rule was given; else the first object told it.
    is_given: bool,
    /// Values went by position.
    by_position: bool,
    last: Option<Last>,
}

/// The object before: mostly the next one has the same keys.
#[derive(Debug)]
struct Last {
    keys: Vec<String>,
    kind: Option<usize>,
    by_name: bool,
    /// The column of each value.
    places: Result<Vec<usize>, Contradiction>,
}

impl Met {
    /// Gives the rule, whatever comes first.
    pub(super) fn decide(&mut self, rule: KeyRule) {
        (self.rule, self.is_given, self.last) = (Some(rule), true, None);
    }

    /// Values went by position, as their keys are none of the names.
    pub(super) fn by_position(&self) -> bool {
        self.by_position
    }

    /// Takes an object with at least one key. Gives for each value its place in the row. `names` of the columns.
    ///
    /// # Errors
    /// The keys contradict the names, or those of other objects.
    pub(super) fn take(&mut self, names: &[String], keys: &[&String]) -> Result<Vec<usize>, Contradiction> {
        if let Some(last) = self.last.as_ref().filter(|last| last.keys.iter().eq(keys.iter().copied())) {
            self.sets.count_again(last.kind, last.by_name);
            return last.places.clone();
        }
        let meaning = names::meaning(names, keys);
        let kind = self.sets.count(keys, &meaning);
        let by_name = matches!(meaning, Meaning::ByName(_));
        let places = self.places(names, keys, meaning);
        let keys = keys.iter().copied().cloned().collect();
        self.last = Some(Last { keys, kind, by_name, places: places.clone() });
        places
    }

    fn places(
        &mut self,
        names: &[String],
        keys: &[&String],
        meaning: Meaning,
    ) -> Result<Vec<usize>, Contradiction> {
        let others = |whose, known: &[String]| Err(Contradiction::new(keys.iter().copied(), whose, known));
        let whose = if self.is_given { Whose::MostObjects } else { Whose::ObjectsBefore };
        if self.rule.is_none() {
            self.rule = match &meaning {
                Meaning::ByName(_) => Some(KeyRule::Names),
                Meaning::ByPosition => Some(KeyRule::Keys(keys.iter().copied().cloned().collect())),
                Meaning::Contradiction(_) => None,
            };
        }
        match (meaning, &self.rule) {
            // Which of them is right, what most objects are has to tell.
            (Meaning::ByName(_), Some(KeyRule::Keys(known))) if !self.is_given => others(whose, known),
            (Meaning::ByName(places), _) => Ok(places),
            (meaning, Some(KeyRule::Keys(known))) => match names::meaning(known, keys) {
                Meaning::ByName(places) if places.len() == known.len() => {
                    self.by_position |= !names.is_empty();
                    Ok(places)
                }
                _ if meaning == Meaning::ByPosition => others(whose, known),
                _ => others(Whose::Columns, names),
            },
            (Meaning::ByPosition, Some(KeyRule::Names)) => {
                let whose = if self.is_given { Whose::MostObjectsOrNames } else { whose };
                others(whose, &names[..keys.len().min(names.len())])
            }
            (Meaning::ByPosition, Some(KeyRule::Tie([one, two]))) => {
                let is_one = normal(one) == normal(keys.iter().copied());
                others(Whose::AsManyObjects, if is_one { two } else { one })
            }
            (Meaning::ByPosition | Meaning::Contradiction(_), _) => others(Whose::Columns, names),
        }
    }
}

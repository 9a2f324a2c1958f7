//! What turns one value into another.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::node::{Node, Shape};
use super::path::{Path, Segment};
use super::{Change, Edit};

/// How long the shortest way between two lists is looked for; then the way that was found is taken. Only long lists that
/// have little in common come to this.
const SEARCH_TIME: Duration = Duration::from_millis(500);

/// The edits that turn `before` into `after`, to be made one after another; none if they are equal.
pub(super) fn edits(before: &Node, after: &Node) -> Vec<Edit> {
    let mut edits = Vec::new();
    compare(&Path::default(), before, after, &mut edits);
    edits
}

fn compare(path: &Path, before: &Node, after: &Node, edits: &mut Vec<Edit>) {
    match (&before.shape, &after.shape) {
        (before, after) if before == after => {}
        (Shape::Object(before), Shape::Object(after)) => objects(path, before, after, edits),
        (Shape::List(before), Shape::List(after)) => lists(path, before, after, edits),
        _ => edits.push(Edit {
            path: path.clone(),
            change: Change::Changed {
                before: before.to_json(),
                after: after.to_json(),
            },
        }),
    }
}

fn objects(path: &Path, before: &BTreeMap<String, Node>, after: &BTreeMap<String, Node>, edits: &mut Vec<Edit>) {
    let place = |name: &String| path.to(Segment::Member(name.clone()));
    for (name, old) in before {
        match after.get(name) {
            Some(new) => compare(&place(name), old, new, edits),
            None => edits.push(removed(place(name), old)),
        }
    }
    for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        edits.push(added(place(name), new));
    }
}

/// First what left, from the back, so that each index is that of the list as it was; then what came, from the front, so
/// that each is that of the list as it is; last what changed in its place.
fn lists(path: &Path, before: &[Node], after: &[Node], edits: &mut Vec<Edit>) {
    let Moves { left, came, stayed } = Moves::between(before, after);
    for range in left.iter().rev() {
        leave(path, before, range.clone(), edits);
    }
    for range in &came {
        come(path, after, range.clone(), edits);
    }
    for (old, new) in stayed {
        compare(&path.to(Segment::Item(new)), &before[old], &after[new], edits);
    }
}

fn leave(path: &Path, list: &[Node], range: Range<usize>, edits: &mut Vec<Edit>) {
    let items = json(&list[range.clone()]);
    let change = if range.start == 0 {
        Change::PoppedFirst { items }
    } else if range.end == list.len() {
        Change::PoppedLast { items }
    } else {
        edits.extend(range.rev().map(|at| removed(path.to(Segment::Item(at)), &list[at])));
        return;
    };
    edits.push(Edit {
        path: path.clone(),
        change,
    });
}

fn come(path: &Path, list: &[Node], range: Range<usize>, edits: &mut Vec<Edit>) {
    let items = json(&list[range.clone()]);
    let change = if range.end == list.len() {
        Change::Appended { items }
    } else if range.start == 0 {
        Change::Prepended { items }
    } else {
        edits.extend(range.map(|at| added(path.to(Segment::Item(at)), &list[at])));
        return;
    };
    edits.push(Edit {
        path: path.clone(),
        change,
    });
}

/// How the items of a list moved.
#[derive(Default)]
struct Moves {
    /// What is not there any more: ranges of the list as it was, in order.
    left: Vec<Range<usize>>,
    /// What was not there: ranges of the list as it is, in order.
    came: Vec<Range<usize>>,
    /// What is there with another value: its index before and after.
    stayed: Vec<(usize, usize)>,
}

impl Moves {
    fn between(before: &[Node], after: &[Node]) -> Self {
        // Items that are equal get the same number: numbers are quick to compare.
        let mut numbers = HashMap::new();
        let mut numbered = |list| -> Vec<usize> { Self::numbered(list, &mut numbers) };
        let (old, new) = (numbered(before), numbered(after));
        let until = Instant::now() + SEARCH_TIME;
        let mut moves = Self::default();
        for step in capture_diff_slices_deadline(Algorithm::Myers, &old, &new, Some(until)) {
            moves.note(&step);
        }
        moves
    }

    fn numbered<'a>(list: &'a [Node<'a>], numbers: &mut HashMap<&'a Node<'a>, usize>) -> Vec<usize> {
        list.iter()
            .map(|item| {
                let next = numbers.len();
                *numbers.entry(item).or_insert(next)
            })
            .collect()
    }

    fn note(&mut self, step: &DiffOp) {
        let (old, new) = (step.old_range(), step.new_range());
        match step {
            DiffOp::Equal { .. } => {}
            // One for one as far as it goes.
            DiffOp::Replace { .. } => {
                let pairs = old.len().min(new.len());
                self.stayed.extend(old.clone().zip(new.clone()));
                self.push(old.start + pairs..old.end, new.start + pairs..new.end);
            }
            DiffOp::Delete { .. } | DiffOp::Insert { .. } => self.push(old, new),
        }
    }

    fn push(&mut self, old: Range<usize>, new: Range<usize>) {
        self.left.extend(Some(old).filter(|range| !range.is_empty()));
        self.came.extend(Some(new).filter(|range| !range.is_empty()));
    }
}

fn added(path: Path, node: &Node) -> Edit {
    let value = node.to_json();
    Edit {
        path,
        change: Change::Added { value },
    }
}

fn removed(path: Path, node: &Node) -> Edit {
    let value = node.to_json();
    Edit {
        path,
        change: Change::Removed { value },
    }
}

fn json(items: &[Node]) -> Vec<Box<RawValue>> {
    items.iter().map(Node::to_json).collect()
}

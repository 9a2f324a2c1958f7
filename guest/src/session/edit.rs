//! Changing a value in place, step by step.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::arguments::check_depth;
use super::tree::{Container, Node};
use super::{Done, Session};
use crate::json::{self, equal, number};
use crate::limits::MAX_COPIED_BYTES;
use crate::model::{Effect, Kind, Outcome, Place, Reason, Step};
use crate::path::{self, Segment};

impl Session {
    /// Carries out steps on the value under a key, or on an empty object if there is none and `create` says so. Nothing
    /// is written if no step changed anything.
    pub(super) fn edit(&mut self, key: String, steps: &[Step], create: bool) -> Done {
        let place = self.document.find(&key);
        let (value, key_version) = match place {
            Some(place) => (self.document.value(place), Some(self.document.record(place).version)),
            None if create => ("{}", None),
            None => return Err(Reason::KeyNotFound),
        };
        let ways: Vec<_> = steps.iter().map(Step::ways).collect();
        let mut editor = Editor {
            root: Node::text(value),
            key: &key,
            key_version,
            copied_bytes: 0,
            has_changed: false,
        };
        let mut effects = Vec::with_capacity(steps.len());
        for (step, ways) in steps.iter().zip(&ways) {
            effects.push(editor.step(step, ways)?);
        }
        if editor.has_changed {
            let value = editor.root.written().into_owned();
            self.put(place, key, value);
        }
        Ok(Outcome::Edited(effects))
    }
}

/// A value on its way through the steps.
struct Editor<'a> {
    root: Node<'a>,
    key: &'a str,
    key_version: Option<u64>,
    /// What steps have copied so far.
    copied_bytes: usize,
    has_changed: bool,
}

/// The way to a place. What is wrong with its spelling counts when its turn comes, after the type of the value.
struct Way<'a> {
    text: &'a str,
    segments: Result<Vec<Segment>, String>,
    enters_objects_only: bool,
}

/// What is at the end of a way.
enum Spot<'t, 'a> {
    There(&'t mut Node<'a>),
    /// Nothing yet, in an object which exists.
    Missing(Gap<'t, 'a>),
}

/// Where objects are to be made, and a value within them.
struct Gap<'t, 'a> {
    object: &'t mut Container<'a>,
    segment: &'a Segment,
    further: &'a [Segment],
}

impl<'a> Editor<'a> {
    /// Carries out a step, whose places are spelled out in `ways`.
    fn step(&mut self, step: &'a Step, ways: &'a [Way<'a>; 2]) -> Result<Effect, Reason> {
        let [way, destination] = ways;
        let effect = match step {
            Step::Set { value, .. } => self.set(way, value)?,
            Step::Insert { value, .. } => {
                self.insert(way, Node::text(value))?;
                Effect::Placed(value.clone())
            }
            Step::Replace { value, .. } => {
                *self.existing(way)? = Node::text(value);
                Effect::Placed(value.clone())
            }
            Step::Remove { must_exist, .. } => return self.remove_if_there(way, *must_exist),
            Step::Append { value, .. } => self.append(way, value)?,
            Step::Increment { by, .. } => self.increment(way, by)?,
            Step::Merge { value, .. } => self.merge(way, value)?,
            Step::Move { .. } => self.relocate(way, destination)?,
            Step::Copy { .. } => self.copy(way, destination)?,
            Step::Test { value, .. } => return self.test(way, value),
        };
        self.has_changed = true;
        Ok(effect)
    }

    fn set(&mut self, way: &'a Way, value: &'a str) -> Result<Effect, Reason> {
        match self.reach(way)? {
            Spot::There(node) => *node = Node::text(value),
            Spot::Missing(gap) => gap.fill(Node::text(value)),
        }
        Ok(Effect::Placed(value.to_owned()))
    }

    fn append(&mut self, way: &'a Way, value: &'a str) -> Result<Effect, Reason> {
        let list = match self.reach(way)? {
            Spot::There(node) => node,
            Spot::Missing(gap) => {
                gap.fill(Node::list_of(Node::text(value)));
                return Ok(Effect::Length(1));
            }
        };
        let found = list.kind();
        let list = list.open().filter(|list| !list.is_object());
        let list = list.ok_or(Reason::TypeMismatch {
            expected: Kind::List,
            found,
        })?;
        list.push("", Node::text(value));
        Ok(Effect::Length(list.count() as u64))
    }

    fn increment(&mut self, way: &'a Way, by: &'a str) -> Result<Effect, Reason> {
        let sum = match self.reach(way)? {
            Spot::There(node) => {
                let expected = Kind::Integer;
                match node.kind() {
                    Kind::Integer => {}
                    found => return Err(Reason::TypeMismatch { expected, found }),
                }
                let sum = number::add(&node.written(), by);
                *node = Node::Text(Cow::Owned(sum.clone()));
                sum
            }
            Spot::Missing(gap) => {
                gap.fill(Node::text(by));
                by.to_owned()
            }
        };
        Ok(Effect::Number(sum))
    }

    fn merge(&mut self, way: &'a Way, patch: &'a str) -> Result<Effect, Reason> {
        // Merging goes as deep as the patch does, so one that will be refused for its depth is refused here already.
        check_depth(self.checked(way)?.len() + json::depth_of(patch))?;
        match self.reach(way)? {
            Spot::There(node) => node.merge(patch),
            Spot::Missing(gap) => {
                let mut node = Node::text("{}");
                node.merge(patch);
                gap.fill(node);
            }
        }
        Ok(Effect::Done)
    }

    fn remove_if_there(&mut self, way: &'a Way, must_exist: bool) -> Result<Effect, Reason> {
        match self.remove(way)? {
            None if must_exist => Err(Reason::PathNotFound),
            removed => {
                self.has_changed |= removed.is_some();
                Ok(Effect::Removed(removed.is_some()))
            }
        }
    }

    /// Named so because `move` is a word of the language.
    fn relocate(&mut self, source: &'a Way, destination: &'a Way) -> Result<Effect, Reason> {
        let depth = self.existing(source)?.depth();
        let (from, to) = (self.checked(source)?, self.checked(destination)?);
        let names = |segments: &'a [Segment]| segments.iter().map(|segment| &segment.encoded);
        if from.len() < to.len() && names(from).eq(names(&to[..from.len()])) {
            let message = format!("Cannot move '{}' into itself", source.text);
            return Err(Reason::InvalidPath(message));
        }
        check_depth(to.len() + depth)?;
        // Only one place is the whole value, so a move from there is one to there.
        if !from.is_empty() {
            let node = self.remove(source)?.ok_or(Reason::PathNotFound)?;
            self.insert(destination, node)?;
        }
        Ok(Effect::Done)
    }

    fn copy(&mut self, source: &'a Way, destination: &'a Way) -> Result<Effect, Reason> {
        let node = self.existing(source)?;
        let (depth, weight) = (node.depth(), node.weight());
        let to = self.checked(destination)?;
        check_depth(to.len() + depth)?;
        self.copied_bytes = self.copied_bytes.saturating_add(weight);
        if self.copied_bytes > MAX_COPIED_BYTES {
            return Err(Reason::ValueTooLarge {
                key: self.key.to_owned(),
                size_bytes: self.copied_bytes as u64,
                limit_bytes: MAX_COPIED_BYTES as u64,
            });
        }
        let copy = self.existing(source)?.clone();
        self.insert(destination, copy)?;
        Ok(Effect::Done)
    }

    fn test(&mut self, way: &'a Way, value: &str) -> Result<Effect, Reason> {
        let key_version = self.key_version;
        if equal::is_equal(&self.existing(way)?.written(), value) {
            Ok(Effect::Done)
        } else {
            Err(Reason::CheckFailed { key_version })
        }
    }

    /// The segments of a way that the value can be asked for.
    fn checked(&self, way: &'a Way) -> Result<&'a [Segment], Reason> {
        if way.enters_objects_only {
            let expected = Kind::Object;
            match self.root.kind() {
                Kind::Object => {}
                found => return Err(Reason::TypeMismatch { expected, found }),
            }
        }
        way.segments()
    }

    /// What is at the end of a way, where objects on the way may be missing.
    fn reach(&mut self, way: &'a Way) -> Result<Spot<'_, 'a>, Reason> {
        let mut segments = self.checked(way)?;
        let mut node = &mut self.root;
        while let Some((segment, further)) = segments.split_first() {
            let container = way.enter(node)?;
            match container.find(segment) {
                Some(at) => node = container.node(at).ok_or(Reason::PathNotFound)?,
                None if container.is_object() => {
                    return Ok(Spot::Missing(Gap {
                        object: container,
                        segment,
                        further,
                    }));
                }
                None => return Err(Reason::PathNotFound),
            }
            segments = further;
        }
        Ok(Spot::There(node))
    }

    /// What is at the end of a way, which has to be there.
    fn existing(&mut self, way: &'a Way) -> Result<&mut Node<'a>, Reason> {
        match self.reach(way)? {
            Spot::There(node) => Ok(node),
            Spot::Missing(_) => Err(Reason::PathNotFound),
        }
    }

    /// What the last segment of a way is about, and that segment; none if the way is the whole value. None in the inner
    /// option if what it is about is not there.
    fn parent(&mut self, way: &'a Way) -> Result<Option<(Option<&mut Container<'a>>, &'a Segment)>, Reason> {
        let Some((last, segments)) = self.checked(way)?.split_last() else {
            return Ok(None);
        };
        let mut container = way.enter(&mut self.root)?;
        for segment in segments {
            let Some(at) = container.find(segment) else {
                return Ok(Some((None, last)));
            };
            let node = container.node(at).ok_or(Reason::PathNotFound)?;
            container = way.enter(node)?;
        }
        Ok(Some((Some(container), last)))
    }

    /// Puts a node in its place as RFC 6902 says of `add`.
    fn insert(&mut self, way: &'a Way, node: Node<'a>) -> Result<(), Reason> {
        let Some((container, last)) = self.parent(way)? else {
            self.root = node;
            return Ok(());
        };
        let container = container.ok_or(Reason::PathNotFound)?;
        if !container.is_object() {
            let index = if last.is_behind_last {
                Some(container.count())
            } else {
                last.index
            };
            let index = index.ok_or(Reason::PathNotFound)?;
            return container.insert_item(index, node).map_err(|_| Reason::PathNotFound);
        }
        let found = container.find(last);
        match found.and_then(|at| container.node(at)) {
            Some(before) => *before = node,
            None => container.push(&last.encoded, node),
        }
        Ok(())
    }

    /// Takes out what is at the end of a way, if it is there.
    fn remove(&mut self, way: &'a Way) -> Result<Option<Node<'a>>, Reason> {
        let Some((container, last)) = self.parent(way)? else {
            let message = "Cannot remove the whole value".to_owned();
            return Err(Reason::InvalidPath(message));
        };
        Ok(container.and_then(|container| {
            let at = container.find(last)?;
            container.remove(at)
        }))
    }
}

impl<'a> Gap<'_, 'a> {
    /// Makes the objects that are missing, and puts a value in the last of them.
    fn fill(self, node: Node<'a>) {
        self.object
            .push(&self.segment.encoded, Node::nested(self.further, node));
    }
}

impl Step {
    /// The ways to the places of a step, of which most have one.
    fn ways(&self) -> [Way<'_>; 2] {
        match self {
            Self::Set { at, .. }
            | Self::Insert { at, .. }
            | Self::Replace { at, .. }
            | Self::Remove { at, .. }
            | Self::Append { at, .. }
            | Self::Increment { at, .. }
            | Self::Merge { at, .. }
            | Self::Test { at, .. } => [Way::to(at), Way::nowhere()],
            Self::Move { source, destination } | Self::Copy { source, destination } => {
                [Way::to(source), Way::to(destination)]
            }
        }
    }
}

impl<'a> Way<'a> {
    fn to(place: &'a Place) -> Self {
        let (text, segments) = match place {
            Place::Path(text) | Place::Members(text) => (text, path::parse(text)),
            Place::Pointer(text) => (text, path::pointer::parse(text)),
        };
        Self {
            text,
            segments,
            enters_objects_only: matches!(place, Place::Members(_)),
        }
    }

    fn nowhere() -> Self {
        Self {
            text: "",
            segments: Ok(Vec::new()),
            enters_objects_only: false,
        }
    }

    fn segments(&self) -> Result<&[Segment], Reason> {
        match &self.segments {
            Ok(segments) => Ok(segments),
            Err(message) => Err(Reason::InvalidPath(message.clone())),
        }
    }

    /// What is inside a node on the way.
    fn enter<'t, 'n>(&self, node: &'t mut Node<'n>) -> Result<&'t mut Container<'n>, Reason> {
        let is_entered = |container: &&mut Container| container.is_object() || !self.enters_objects_only;
        node.open().filter(is_entered).ok_or_else(|| {
            let problem = if self.enters_objects_only {
                "intermediate value is not a dict"
            } else {
                "intermediate value is neither a dict nor a list"
            };
            Reason::InvalidPath(format!("Cannot set path '{}': {problem}", self.text))
        })
    }
}

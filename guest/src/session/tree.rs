//! A value that is being changed: only containers on the way to a change are taken apart, and even of those only what a
//! change names. Everything else stays a slice of the text that it came from.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::json::{self, read};
use crate::model::Kind;
use crate::path::Segment;

/// A value.
#[derive(Debug, Clone)]
pub enum Node<'a> {
    /// One that nobody looked into. What is owned is never a container.
    Text(Cow<'a, str>),
    /// An object or a list that somebody looked into.
    Open(Container<'a>),
}

/// The members of an object, or the items of a list.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    is_object: bool,
    parts: Vec<Part<'a>>,
    /// How often something was looked for.
    searches: u8,
}

#[derive(Debug, Clone)]
enum Part<'a> {
    /// One or more elements that nobody looked for, with the commas between them.
    Run(&'a str),
    /// A member with its name as it is written, or an item with none.
    One { name: &'a str, node: Node<'a> },
}

impl<'a> Node<'a> {
    /// A value that is there as normalized text.
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// `inside` within new objects, one for each segment.
    pub fn nested(segments: &'a [Segment], inside: Self) -> Self {
        segments.iter().rev().fold(inside, |node, segment| {
            let mut object = Container::new(true);
            object.push(&segment.encoded, node);
            Self::Open(object)
        })
    }

    /// A list of one item.
    pub fn list_of(item: Self) -> Self {
        let mut list = Container::new(false);
        list.push("", item);
        Self::Open(list)
    }

    /// What kind of value it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(text) => read::kind(text),
            Self::Open(Container { is_object: true, .. }) => Kind::Object,
            Self::Open(_) => Kind::List,
        }
    }

    /// What is inside, if it is an object or a list.
    pub fn open(&mut self) -> Option<&mut Container<'a>> {
        if let Self::Text(Cow::Borrowed(text)) = self {
            let kind = read::kind(text);
            if matches!(kind, Kind::Object | Kind::List) {
                let mut container = Container::new(kind == Kind::Object);
                container.parts.extend(Part::run(read::inside(text)));
                *self = Self::Open(container);
            }
        }
        match self {
            Self::Open(container) => Some(container),
            Self::Text(_) => None,
        }
    }

    /// Merges a normalized text into the value as RFC 7396 says.
    pub fn merge(&mut self, patch: &'a str) {
        if read::kind(patch) != Kind::Object {
            *self = Self::text(patch);
            return;
        }
        if self.kind() != Kind::Object {
            *self = Self::text("{}");
        }
        let Some(object) = self.open() else {
            return;
        };
        for (name, value) in read::members(patch) {
            let (name, value) = (&patch[name], &patch[value]);
            match object.find_member(name) {
                Some(at) if value == "null" => drop(object.remove(at)),
                Some(at) => {
                    if let Some(member) = object.node(at) {
                        member.merge(value);
                    }
                }
                None if value == "null" => {}
                None => {
                    let mut member = Self::text("null");
                    member.merge(value);
                    object.push(name, member);
                }
            }
        }
    }

    /// The levels of the value.
    pub fn depth(&self) -> usize {
        match self {
            Self::Text(text) => json::depth_of(text),
            Self::Open(container) => {
                let parts = container.parts.iter().map(|part| match part {
                    Part::Run(run) => json::depth_of(run),
                    Part::One { node, .. } => node.depth(),
                });
                1 + parts.max().unwrap_or(0)
            }
        }
    }

    /// About how much memory a copy of the value takes: never less than its text.
    pub fn weight(&self) -> usize {
        match self {
            Self::Text(text) => size_of::<Part>() + text.len(),
            Self::Open(container) => {
                let parts = container.parts.iter().map(|part| match part {
                    Part::Run(run) => size_of::<Part>() + run.len(),
                    Part::One { name, node } => name.len() + node.weight(),
                });
                parts.sum()
            }
        }
    }

    /// The value as text.
    pub fn written(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Open(_) => {
                let mut out = String::with_capacity(self.text_len());
                self.write(&mut out);
                Cow::Owned(out)
            }
        }
    }

    /// The bytes that the value takes as text, or a few more.
    fn text_len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Open(container) => {
                let parts = container.parts.iter().map(|part| match part {
                    Part::Run(run) => run.len() + 1,
                    Part::One { name, node } => name.len() + node.text_len() + 2,
                });
                parts.sum::<usize>() + 2
            }
        }
    }

    fn write(&self, out: &mut String) {
        let Container { is_object, parts, .. } = match self {
            Self::Text(text) => {
                out.push_str(text);
                return;
            }
            Self::Open(container) => container,
        };
        out.push(if *is_object { '{' } else { '[' });
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            match part {
                Part::Run(run) => out.push_str(run),
                Part::One { name, node } => {
                    if *is_object {
                        out.push_str(name);
                        out.push(':');
                    }
                    node.write(out);
                }
            }
        }
        out.push(if *is_object { '}' } else { ']' });
    }
}

impl<'a> Container<'a> {
    fn new(is_object: bool) -> Self {
        Self {
            is_object,
            parts: Vec::new(),
            searches: 0,
        }
    }

    /// Whether it is an object, or else a list.
    pub fn is_object(&self) -> bool {
        self.is_object
    }

    /// Where the element is that a segment names, for as long as nothing else is looked for, added or removed.
    pub fn find(&mut self, segment: &Segment) -> Option<usize> {
        if self.is_object {
            self.find_member(&segment.encoded)
        } else {
            self.find_item(segment.index?)
        }
    }

    /// The value of an element that was found.
    pub fn node(&mut self, at: usize) -> Option<&mut Node<'a>> {
        match self.parts.get_mut(at) {
            Some(Part::One { node, .. }) => Some(node),
            _ => None,
        }
    }

    /// Takes out an element that was found.
    pub fn remove(&mut self, at: usize) -> Option<Node<'a>> {
        match self.parts.remove(at) {
            Part::One { node, .. } => Some(node),
            Part::Run(_) => None,
        }
    }

    /// Adds an element behind all others; its name is as it is written, or empty for an item.
    pub fn push(&mut self, name: &'a str, node: Node<'a>) {
        self.parts.push(Part::One { name, node });
    }

    /// Puts an item before the one with an index, or behind all others if the index is their number. Gives the node back
    /// if the list is shorter.
    pub fn insert_item(&mut self, index: usize, node: Node<'a>) -> Result<(), Node<'a>> {
        match self.find_item(index) {
            Some(at) => self.parts.insert(at, Part::One { name: "", node }),
            None if index == self.count() => self.push("", node),
            None => return Err(node),
        }
        Ok(())
    }

    /// How many elements there are.
    pub fn count(&self) -> usize {
        let counts = self.parts.iter().map(|part| match part {
            Part::One { .. } => 1,
            // A member is a name and a value.
            Part::Run(run) if self.is_object => read::run_of_members(run).count(),
            Part::Run(run) => read::run_of_items(run).count(),
        });
        counts.sum()
    }

    fn find_member(&mut self, wanted: &str) -> Option<usize> {
        self.note_search();
        for at in 0..self.parts.len() {
            match &self.parts[at] {
                Part::One { name, .. } if *name == wanted => return Some(at),
                Part::One { .. } => {}
                Part::Run(run) => {
                    let run: &'a str = run;
                    let mut members = read::run_of_members(run);
                    if let Some((name, value)) = members.find(|(name, _)| &run[name.clone()] == wanted) {
                        return Some(self.split(at, run, name, value));
                    }
                }
            }
        }
        None
    }

    fn find_item(&mut self, index: usize) -> Option<usize> {
        if self.note_search() {
            // Each part is one item.
            return (index < self.parts.len()).then_some(index);
        }
        let mut to_skip = index;
        for at in 0..self.parts.len() {
            match &self.parts[at] {
                Part::One { .. } if to_skip == 0 => return Some(at),
                Part::One { .. } => to_skip -= 1,
                Part::Run(run) => {
                    let run: &'a str = run;
                    for item in read::run_of_items(run) {
                        if to_skip == 0 {
                            return Some(self.split(at, run, item.start..item.start, item));
                        }
                        to_skip -= 1;
                    }
                }
            }
        }
        None
    }

    /// Makes an element of a run a part of its own. Gives its place.
    fn split(&mut self, at: usize, run: &'a str, name: Range<usize>, value: Range<usize>) -> usize {
        let before = &run[..name.start];
        let before = Part::run(before.strip_suffix(',').unwrap_or(before));
        let behind = &run[value.end..];
        let behind = Part::run(behind.strip_prefix(',').unwrap_or(behind));
        let found = at + usize::from(before.is_some());
        let one = Part::One {
            name: &run[name],
            node: Node::text(&run[value]),
        };
        let parts = before.into_iter().chain([one]).chain(behind);
        self.parts.splice(at..=at, parts);
        found
    }

    /// Takes all of it apart once it was searched often, since each search reads all runs before the element. Says
    /// whether it did.
    fn note_search(&mut self) -> bool {
        const OFTEN: u8 = 2;
        if self.searches > OFTEN {
            return true;
        }
        self.searches += 1;
        if self.searches <= OFTEN {
            return false;
        }
        let mut parts = Vec::with_capacity(self.count());
        for part in self.parts.drain(..) {
            match part {
                Part::Run(run) if self.is_object => {
                    parts.extend(read::run_of_members(run).map(|(name, value)| Part::One {
                        name: &run[name],
                        node: Node::text(&run[value]),
                    }));
                }
                Part::Run(run) => parts.extend(read::run_of_items(run).map(|item| Part::One {
                    name: "",
                    node: Node::text(&run[item]),
                })),
                one @ Part::One { .. } => parts.push(one),
            }
        }
        self.parts = parts;
        true
    }
}

impl<'a> Part<'a> {
    /// A run, unless there is nothing in it.
    fn run(run: &'a str) -> Option<Self> {
        (!run.is_empty()).then_some(Self::Run(run))
    }
}

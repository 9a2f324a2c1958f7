//! The part of regular expressions that expectations need, read like Python reads them.
//!
//! Literals, `.`, classes, `\d \w \s` and their opposites, `^ $ \A \Z \b`, groups, alternatives and the repetitions. What
//! goes beyond that (looking around, back references, flags) is refused, so it cannot mean something else by accident.

mod parse;

/// A regular expression.
#[derive(Debug)]
pub(super) struct Pattern {
    alternatives: Vec<Sequence>,
}

type Sequence = Vec<Piece>;

/// Something, and how often in a row.
#[derive(Debug)]
struct Piece {
    atom: Atom,
    least: usize,
    most: usize,
}

#[derive(Debug)]
enum Atom {
    One(Set),
    Group(Vec<Sequence>),
    Start,
    End { before_line_feed: bool },
    Boundary,
}

/// Some characters, or all others.
#[derive(Debug, Default)]
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
    classes: Vec<Class>,
}

#[derive(Debug, Clone, Copy)]
struct Class {
    negated: bool,
    contains: fn(char) -> bool,
}

/// What follows a part: whether the rest matches from a position on.
type Rest<'a> = &'a dyn Fn(usize) -> bool;

impl Pattern {
    /// Reads a pattern.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let alternatives = parse::parse(text).map_err(|problem| format!("bad case: pattern {text:?}: {problem}"))?;
        Ok(Self { alternatives })
    }

    /// Whether it matches anywhere in a text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        (0..=text.len()).any(|start| any_matches(&self.alternatives, &text, start, &|_| true))
    }
}

fn any_matches(alternatives: &[Sequence], text: &[char], at: usize, rest: Rest<'_>) -> bool {
    let mut alternatives = alternatives.iter();
    alternatives.any(|pieces| sequence_matches(pieces, text, at, rest))
}

fn sequence_matches(pieces: &[Piece], text: &[char], at: usize, rest: Rest<'_>) -> bool {
    match pieces.split_first() {
        Some((piece, others)) => piece_matches(piece, 0, text, at, &|end| sequence_matches(others, text, end, rest)),
        None => rest(at),
    }
}

fn piece_matches(piece: &Piece, times: usize, text: &[char], at: usize, rest: Rest<'_>) -> bool {
    // An empty repetition beyond the least number would go on for ever and match nothing new.
    let again = |end: usize| (end > at || times < piece.least) && piece_matches(piece, times + 1, text, end, rest);
    (times < piece.most && piece.atom.matches(text, at, &again)) || (times >= piece.least && rest(at))
}

impl Atom {
    fn matches(&self, text: &[char], at: usize, rest: Rest<'_>) -> bool {
        let holds = match self {
            Self::One(set) => return text.get(at).is_some_and(|one| set.contains(*one)) && rest(at + 1),
            Self::Group(alternatives) => return any_matches(alternatives, text, at, rest),
            Self::Start => at == 0,
            Self::End { before_line_feed } => text[at..].is_empty() || *before_line_feed && text[at..] == ['\n'],
            Self::Boundary => at.checked_sub(1).is_some_and(|left| is_word(text[left])) != text.get(at).is_some_and(|right| is_word(*right)),
        };
        holds && rest(at)
    }
}

impl Set {
    fn contains(&self, one: char) -> bool {
        let mut ranges = self.ranges.iter();
        let mut classes = self.classes.iter();
        let listed = ranges.any(|(first, last)| (*first..=*last).contains(&one))
            || classes.any(|class| (class.contains)(one) != class.negated);
        listed != self.negated
    }
}

fn is_word(one: char) -> bool {
    one == '_' || one.is_alphanumeric()
}

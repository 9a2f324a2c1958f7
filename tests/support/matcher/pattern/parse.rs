//! From the text of a pattern to its parts.

use std::iter::Peekable;
use std::str::Chars;

use super::{Atom, Class, Piece, Sequence, Set, is_word};

/// The alternatives of a whole pattern.
pub(super) fn parse(text: &str) -> Result<Vec<Sequence>, String> {
    let mut parser = Parser {
        left: text.chars().peekable(),
    };
    let alternatives = parser.alternatives()?;
    match parser.left.next() {
        Some(character) => Err(format!("unexpected {character:?}")),
        None => Ok(alternatives),
    }
}

struct Parser<'a> {
    left: Peekable<Chars<'a>>,
}

/// What a backslash and a character stand for.
enum Escape {
    Character(char),
    Class(Class),
}

impl Parser<'_> {
    fn alternatives(&mut self) -> Result<Vec<Sequence>, String> {
        let mut alternatives = vec![self.sequence()?];
        while self.left.next_if_eq(&'|').is_some() {
            alternatives.push(self.sequence()?);
        }
        Ok(alternatives)
    }

    fn sequence(&mut self) -> Result<Sequence, String> {
        let mut pieces = Vec::new();
        while self.left.peek().is_some_and(|next| !['|', ')'].contains(next)) {
            let atom = self.atom()?;
            let (least, most) = self.repetition()?;
            pieces.push(Piece { atom, least, most });
        }
        Ok(pieces)
    }

    fn atom(&mut self) -> Result<Atom, String> {
        match self.next()? {
            '(' => self.group(),
            '[' => Ok(Atom::One(self.set()?)),
            '.' => Ok(Atom::One(Set {
                negated: true,
                ranges: vec![('\n', '\n')],
                classes: Vec::new(),
            })),
            '^' => Ok(Atom::Start),
            '$' => Ok(Atom::End { before_line_feed: true }),
            '\\' => self.escaped_atom(),
            repeated @ ('*' | '+' | '?' | '{') => Err(format!("{repeated:?} has nothing to repeat")),
            character => Ok(Atom::One(only(character))),
        }
    }

    fn group(&mut self) -> Result<Atom, String> {
        if self.left.next_if_eq(&'?').is_some() && self.left.next_if_eq(&':').is_none() {
            return Err("only plain groups and (?:…) are known".to_owned());
        }
        let alternatives = self.alternatives()?;
        match self.left.next_if_eq(&')') {
            Some(_) => Ok(Atom::Group(alternatives)),
            None => Err("a group does not end".to_owned()),
        }
    }

    fn escaped_atom(&mut self) -> Result<Atom, String> {
        let atom = match self.left.peek() {
            Some('A') => Atom::Start,
            Some('Z') => Atom::End { before_line_feed: false },
            Some('b') => Atom::Boundary,
            _ => {
                return Ok(Atom::One(match self.escape()? {
                    Escape::Character(character) => only(character),
                    Escape::Class(class) => Set {
                        classes: vec![class],
                        ..Set::default()
                    },
                }));
            }
        };
        self.left.next();
        Ok(atom)
    }

    fn escape(&mut self) -> Result<Escape, String> {
        let letter = self.next()?;
        let contains: fn(char) -> bool = match letter.to_ascii_lowercase() {
            'd' => |one| one.is_ascii_digit(),
            'w' => is_word,
            's' => char::is_whitespace,
            _ => return character(letter).map(Escape::Character),
        };
        let negated = letter.is_ascii_uppercase();
        Ok(Escape::Class(Class { negated, contains }))
    }

    fn set(&mut self) -> Result<Set, String> {
        let mut set = Set {
            negated: self.left.next_if_eq(&'^').is_some(),
            ..Set::default()
        };
        // A bracket that closes nothing yet is an ordinary member.
        let mut next = self.next()?;
        loop {
            match self.member(next)? {
                Escape::Class(class) => set.classes.push(class),
                Escape::Character(first) => {
                    let last = self.range_end(first)?;
                    set.ranges.extend(last.iter().map(|last| (first, *last)));
                }
            }
            next = self.next()?;
            if next == ']' {
                return Ok(set);
            }
        }
    }

    fn member(&mut self, character: char) -> Result<Escape, String> {
        if character == '\\' {
            self.escape()
        } else {
            Ok(Escape::Character(character))
        }
    }

    /// The ends of the ranges that begin here; a hyphen before the closing bracket is an ordinary member.
    fn range_end(&mut self, first: char) -> Result<Vec<char>, String> {
        let mut ahead = self.left.clone();
        if ahead.next() != Some('-') || ahead.next() == Some(']') {
            return Ok(vec![first]);
        }
        self.left.next();
        let next = self.next()?;
        match self.member(next)? {
            Escape::Character(last) if first <= last => Ok(vec![last]),
            _ => Err(format!("a range from {first:?} has no end")),
        }
    }

    fn repetition(&mut self) -> Result<(usize, usize), String> {
        let bounds = match self.left.peek() {
            Some('*') => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('?') => (0, 1),
            Some('{') => return self.counted(),
            _ => return Ok((1, 1)),
        };
        self.left.next();
        self.skip_laziness();
        Ok(bounds)
    }

    fn counted(&mut self) -> Result<(usize, usize), String> {
        self.left.next();
        let mut inside = String::new();
        loop {
            match self.next()? {
                '}' => break,
                character => inside.push(character),
            }
        }
        let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
        let least = number(least, 0)?;
        let most = number(most, usize::MAX)?;
        self.skip_laziness();
        Ok((least, most))
    }

    /// How much a repetition prefers to take makes no difference to whether the pattern matches.
    fn skip_laziness(&mut self) {
        self.left.next_if_eq(&'?');
    }

    fn next(&mut self) -> Result<char, String> {
        self.left.next().ok_or_else(|| "it ends too early".to_owned())
    }
}

fn only(character: char) -> Set {
    Set {
        ranges: vec![(character, character)],
        ..Set::default()
    }
}

fn character(letter: char) -> Result<char, String> {
    match letter {
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        other if other.is_ascii_alphanumeric() => Err(format!("\\{other} is not known")),
        other => Ok(other),
    }
}

fn number(text: &str, missing: usize) -> Result<usize, String> {
    if text.is_empty() {
        return Ok(missing);
    }
    text.parse().map_err(|_| format!("{text:?} is no number of repetitions"))
}

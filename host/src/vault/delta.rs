//! What a state has that an earlier one has not: sealed beside that one, it stands for the whole of a large state of which
//! little has changed.
//!
//! A delta is a format byte, what names its base, the number of its hunks (all numbers are of 32 bits, little-endian), and the
//! hunks. A hunk is three lengths and some bytes: so much is taken over from the base, so much of it is left out, and so much,
//! which follows, is put in. Behind the last hunk, the rest of the base is taken over; what follows it is padding.

use memchr::memmem;

/// The only format there is. No document begins with this byte, so a delta that is put in the place of a state is none.
const FORMAT: u8 = 0xd1;

/// So many bytes at the end of a sealed base name it: they hold nearly all of its authentication code.
const NAME_BYTES: usize = 44;

/// A delta is a multiple of this long, so that its size tells little, and so that most are as long as the one that they
/// replace: a row that keeps its size is overwritten in place.
pub(super) const PADDING: usize = 256;

/// So many bytes in a row are no coincidence.
const ANCHOR: usize = 16;

/// So many are none where they stand in the same place of both: the index of a small document has numbers close together, some
/// of which change.
const SHORT_ANCHOR: usize = 6;

/// What is the same for so many bytes behind a difference is taken for what it was.
const LONG_RUN: usize = 128;

/// Whoever differs in more places than that is another state; looking at each place takes time.
const MAX_HUNKS: u32 = 64;

/// The longest part of a base that may be left out. A value that is deleted or replaced must not stay in what is stored; of a
/// number or a time that moves on, a few bytes may.
const MAX_LEFT_OUT: usize = 32;

/// How far behind a difference what is the same again is looked for.
const REACH: usize = 4096;

/// What makes `next` of `base`, which is sealed as `sealed_base`; none if that takes more than `max_bytes`.
pub(super) fn between(sealed_base: &[u8], base: &[u8], next: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let mut delta = vec![FORMAT];
    delta.extend_from_slice(name(sealed_base)?);
    let count_at = delta.len();
    push(&mut delta, 0)?;
    let mut hunks = 0_u32;
    let (mut base, mut next) = (base, next);
    loop {
        let same = common_prefix(base, next);
        (base, next) = (&base[same..], &next[same..]);
        if base.is_empty() && next.is_empty() {
            break;
        }
        let (left_out, put_in) = difference(base, next);
        if hunks == MAX_HUNKS || left_out > MAX_LEFT_OUT || delta.len() + put_in > max_bytes {
            return None;
        }
        for length in [same, left_out, put_in] {
            push(&mut delta, length)?;
        }
        delta.extend_from_slice(&next[..put_in]);
        (base, next) = (&base[left_out..], &next[put_in..]);
        hunks += 1;
    }
    delta[count_at..][..4].copy_from_slice(&hunks.to_le_bytes());
    delta.resize(delta.len().next_multiple_of(PADDING), 0);
    (delta.len() <= max_bytes).then_some(delta)
}

/// What a delta makes of a base; none if it is not of that base, or none at all.
pub(super) fn apply(sealed_base: &[u8], base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    if take(&mut rest, 1)? != [FORMAT] || take(&mut rest, NAME_BYTES)? != name(sealed_base)? {
        return None;
    }
    let mut base = base;
    let mut next = Vec::with_capacity(base.len() + delta.len());
    for _ in 0..number(&mut rest)? {
        let [same, left_out, put_in] = [number(&mut rest)?, number(&mut rest)?, number(&mut rest)?];
        next.extend_from_slice(take(&mut base, same)?);
        take(&mut base, left_out)?;
        next.extend_from_slice(take(&mut rest, put_in)?);
    }
    next.extend_from_slice(base);
    Some(next)
}

fn name(sealed_base: &[u8]) -> Option<&[u8]> {
    sealed_base.last_chunk::<NAME_BYTES>().map(<[u8; NAME_BYTES]>::as_slice)
}

/// How much of two texts that begin differently to leave out and to put in, until they are the same again.
fn difference(base: &[u8], next: &[u8]) -> (usize, usize) {
    let run = |&(left_out, put_in): &(usize, usize)| common_prefix(&base[left_out..], &next[put_in..]);
    let replaced = replaced(base, next);
    let longest = replaced.filter(|likely| run(likely) >= LONG_RUN).or_else(|| {
        let likely = [replaced, removed(base, next), removed(next, base).map(swap)];
        likely.into_iter().flatten().max_by_key(run)
    });
    let Some((mut left_out, mut put_in)) = longest.or_else(|| nearest_anchor(base, next)) else {
        let same = common_suffix(base, next);
        return (base.len() - same, next.len() - same);
    };
    while left_out > 0 && put_in > 0 && base[left_out - 1] == next[put_in - 1] {
        (left_out, put_in) = (left_out - 1, put_in - 1);
    }
    (left_out, put_in)
}

/// A few bytes that others stand for.
fn replaced(base: &[u8], next: &[u8]) -> Option<(usize, usize)> {
    let is_anchor = |at: usize| {
        let anchor = base.get(at..at + SHORT_ANCHOR);
        anchor.is_some() && anchor == next.get(at..at + SHORT_ANCHOR)
    };
    (1..=MAX_LEFT_OUT).find(|&at| is_anchor(at)).map(|at| (at, at))
}

/// Some bytes that are gone, such as an item of a list whose items are much alike.
fn removed(base: &[u8], next: &[u8]) -> Option<(usize, usize)> {
    let anchor = next.get(..ANCHOR * 4)?;
    let found = memmem::find(&base[..base.len().min(REACH)], anchor)?;
    Some((found, 0))
}

fn swap((one, other): (usize, usize)) -> (usize, usize) {
    (other, one)
}

/// Of some places in the base that are found again in what is next, the one for which least is left out and put in.
fn nearest_anchor(base: &[u8], next: &[u8]) -> Option<(usize, usize)> {
    let mut nearest: Option<(usize, usize)> = None;
    let (mut at, mut step) = (0, 1);
    while at + ANCHOR <= base.len() && at < REACH {
        let within = nearest.map_or(REACH, |(left_out, put_in)| left_out + put_in);
        let Some(within) = within.checked_sub(at + 1) else {
            break;
        };
        let window = &next[..next.len().min(within + ANCHOR)];
        if let Some(found) = memmem::find(window, &base[at..at + ANCHOR]) {
            nearest = Some((at, found));
        }
        at += step;
        step = (at / 4).max(1);
    }
    nearest
}

fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    const BLOCK: usize = 64;
    let blocks = one.chunks_exact(BLOCK).zip(other.chunks_exact(BLOCK));
    let same = blocks.take_while(|(one, other)| one == other).count() * BLOCK;
    let bytes = one[same..].iter().zip(&other[same..]);
    same + bytes.take_while(|(one, other)| one == other).count()
}

fn common_suffix(one: &[u8], other: &[u8]) -> usize {
    let bytes = one.iter().rev().zip(other.iter().rev());
    bytes.take_while(|(one, other)| one == other).count()
}

fn push(delta: &mut Vec<u8>, number: usize) -> Option<()> {
    delta.extend_from_slice(&u32::try_from(number).ok()?.to_le_bytes());
    Some(())
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let bytes = take(rest, 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const SEALED: &[u8] = b"a sealed base is longer than what names it, which are its last bytes";

    fn of(base: &[u8], next: &[u8]) -> Option<Vec<u8>> {
        between(SEALED, base, next, 1 << 20)
    }

    /// A document such as scripts keep.
    fn document(items: std::ops::Range<u32>, counter: u64) -> Vec<u8> {
        let items: Vec<String> = items
            .map(|item| format!(r#"{{"id":"msg_{item:08}","done":true}}"#))
            .collect();
        format!(r#"{{"n":{counter},"seen":[{}],"at":{}}}"#, items.join(","), counter * 7).into_bytes()
    }

    #[test]
    fn a_counter_in_a_large_document_takes_one_block() {
        let delta = of(&document(0..1500, 9), &document(0..1500, 10)).unwrap();
        assert_eq!(delta.len(), PADDING);
    }

    /// As the beginning of a document is: counts, times, then a key with some of its own.
    #[test]
    fn numbers_that_change_close_together_are_hunks_of_their_own() {
        let blob = "x".repeat(20_000);
        let of_number = |number: u32| {
            format!("v{number}t180000000{number}o2k4runsd0c000000u{number}v{number}e0l1k3bigd0c5{number}{blob}")
        };
        let (base, next) = (of_number(3).into_bytes(), of_number(4).into_bytes());
        let delta = of(&base, &next).unwrap();
        assert_eq!(delta.len(), PADDING);
        assert!(apply(SEALED, &base, &delta) == Some(next));
    }

    #[test]
    fn an_item_behind_a_list_takes_little_more_than_itself() {
        let (base, next) = (document(0..1500, 9), document(0..1501, 9));
        let delta = of(&base, &next).unwrap();
        assert_eq!(delta.len(), PADDING);
        assert!(apply(SEALED, &base, &delta) == Some(next));
    }

    #[test]
    fn what_is_gone_does_not_stay_in_a_base() {
        let base = document(0..1500, 9);
        assert_eq!(of(&base, &document(1..1500, 9)), None, "an item was removed");
        assert_eq!(of(&base, &document(1..1501, 10)), None, "and another one was added");
    }

    #[test]
    fn what_is_too_different_has_no_delta() {
        let (base, next) = (vec![b'a'; 10_000], vec![b'b'; 10_000]);
        assert_eq!(between(SEALED, &base, &next, 2_500), None);
    }

    #[test]
    fn a_delta_is_of_one_base_only() {
        let (base, next) = (document(0..100, 1), document(0..100, 2));
        let delta = of(&base, &next).unwrap();
        let other = [SEALED, b"?"].concat();
        assert_eq!(apply(&other, &base, &delta), None);
        assert_eq!(apply(b"short", &base, &delta), None);
    }

    #[test]
    fn what_was_cut_off_is_no_delta() {
        let delta = of(b"some base", b"some other base").unwrap();
        let end = delta.iter().rposition(|byte| *byte != 0).unwrap();
        for length in 0..=end {
            assert_eq!(apply(SEALED, b"some base", &delta[..length]), None, "{length}");
        }
    }

    /// A text of few letters, so that parts of it are like others, and edits: where, how much goes, what comes.
    fn edited() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let letters = |size| vec(prop_oneof![4 => b'a'..=b'c', 1 => any::<u8>()], size);
        let edits = vec((any::<prop::sample::Index>(), 0..20_usize, letters(0..40)), 0..6);
        (letters(0..3000), edits).prop_map(|(base, edits)| {
            let mut next = base.clone();
            for (at, gone, come) in edits {
                let at = at.index(next.len() + 1);
                let end = (at + gone).min(next.len());
                next.splice(at..end, come);
            }
            (base, next)
        })
    }

    proptest! {
        #[test]
        fn a_delta_makes_what_it_was_made_of((base, next) in edited()) {
            if let Some(delta) = of(&base, &next) {
                prop_assert_eq!(apply(SEALED, &base, &delta), Some(next));
            }
        }

        #[test]
        fn anything_at_all_is_taken_without_a_crash(base in vec(any::<u8>(), 0..50), rest in vec(any::<u8>(), 0..200)) {
            let delta = [&[FORMAT][..], name(SEALED).unwrap(), &rest].concat();
            let _ = apply(SEALED, &base, &delta);
        }
    }
}

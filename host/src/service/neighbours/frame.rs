//! What neighbours send each other: frames of a length, 32 bits in little-endian order, and a value in postcard's format.

use std::io;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::{Answer, ServiceError};
use crate::engine::types::Request;
use crate::storage::StorageError;

/// Changes whenever what is sent means something else, so that hosts of different builds keep apart.
pub(super) const PROTOCOL: u32 = 2;

/// No frame is longer, in bytes: one that says it is comes from a broken sender.
const MAX_FRAME_BYTES: usize = 1 << 30;

const LENGTH_BYTES: usize = 4;

/// A request that the leader is asked to carry out.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Call {
    /// What the answer to it has too.
    pub(super) number: u32,
    /// The automation's UUID.
    pub(super) automation: [u8; 16],
    /// The run that writes, if it is known.
    pub(super) run: Option<String>,
    /// Whether it only reads.
    pub(super) is_read: bool,
    /// How long ago it arrived, in microseconds.
    pub(super) age_us: u64,
    pub(super) request: Request,
}

/// The same, to be sent.
#[derive(Serialize)]
pub(super) struct CallOf<'a> {
    pub(super) number: u32,
    pub(super) automation: [u8; 16],
    pub(super) run: Option<&'a str>,
    pub(super) is_read: bool,
    pub(super) age_us: u64,
    pub(super) request: &'a Request,
}

/// What the leader says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Word {
    /// What came of a call.
    Answer {
        number: u32,
        answer: Result<Answer, Refusal>,
    },
    /// The leader is about to stop: what it has been sent is still answered, and nothing more is taken.
    Goodbye,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Refusal {
    Busy,
    Overloaded,
    Deleted,
    UnknownAutomation,
    TimedOut,
    /// It may have happened or not; with the reason.
    OutcomeUnknown(String),
    /// It did not happen, for a reason that whoever asks finds out better by itself.
    NotDone,
}

/// The bytes are no frame of this kind.
#[derive(Debug, thiserror::Error)]
#[error("a neighbour sent what is no message")]
pub(super) struct Malformed;

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Busy => Self::Busy,
            ServiceError::Overloaded => Self::Overloaded,
            ServiceError::Deleted => Self::Deleted,
            ServiceError::UnknownAutomation => Self::UnknownAutomation,
            ServiceError::TimedOut => Self::TimedOut,
            ServiceError::Storage(StorageError::OutcomeUnknown(cause)) => Self::OutcomeUnknown(cause.to_string()),
            ServiceError::Dropped => Self::OutcomeUnknown(ServiceError::Dropped.to_string()),
            ServiceError::Storage(_) | ServiceError::Engine(_) => Self::NotDone,
        }
    }
}

impl Refusal {
    /// The same where the call came from. None: it is to be carried out there.
    pub(super) fn error(self) -> Option<ServiceError> {
        match self {
            Self::Busy => Some(ServiceError::Busy),
            Self::Overloaded => Some(ServiceError::Overloaded),
            Self::Deleted => Some(ServiceError::Deleted),
            Self::UnknownAutomation => Some(ServiceError::UnknownAutomation),
            Self::TimedOut => Some(ServiceError::TimedOut),
            Self::OutcomeUnknown(problem) => Some(lost(problem)),
            Self::NotDone => None,
        }
    }
}

/// Whatever was called may have happened or not.
pub(super) fn lost(problem: impl Into<String>) -> ServiceError {
    let cause = io::Error::other(problem.into());
    ServiceError::Storage(StorageError::OutcomeUnknown(Arc::new(cause)))
}

/// Appends a value's frame.
pub(super) fn put<T: Serialize>(frames: &mut Vec<u8>, value: &T) -> Result<(), Malformed> {
    let frame = postcard::to_allocvec(value).map_err(|_| Malformed)?;
    let length = u32::try_from(frame.len()).map_err(|_| Malformed)?;
    frames.extend_from_slice(&length.to_le_bytes());
    frames.extend_from_slice(&frame);
    Ok(())
}

/// Takes the first frame off the bytes, if all of it has come.
pub(super) fn take<T: DeserializeOwned>(bytes: &mut &[u8]) -> Result<Option<T>, Malformed> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_FRAME_BYTES {
        return Err(Malformed);
    }
    let Some((frame, rest)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    let value = postcard::from_bytes(frame).map_err(|_| Malformed)?;
    *bytes = rest;
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::types::{GetOperation, Operation};

    fn request() -> Request {
        Request {
            if_version: Some(7),
            ..Request::of(vec![Operation::Get(GetOperation {
                key: "k".to_owned(),
                path: None,
            })])
        }
    }

    fn frame(run: Option<&str>) -> Vec<u8> {
        let mut frames = Vec::new();
        let call = CallOf {
            number: 3,
            automation: [9; 16],
            run,
            is_read: false,
            age_us: 12,
            request: &request(),
        };
        put(&mut frames, &call).unwrap();
        frames
    }

    #[test]
    fn what_is_put_is_taken_frame_by_frame() {
        let mut frames = frame(None);
        put(&mut frames, &Word::Goodbye).unwrap();
        let mut rest = &frames[..];
        let call: Call = take(&mut rest).unwrap().unwrap();
        assert_eq!(
            (call.number, call.age_us, call.run, call.request),
            (3, 12, None, request())
        );
        assert_eq!(take(&mut rest).unwrap(), Some(Word::Goodbye));
        assert!(rest.is_empty());
    }

    #[test]
    fn a_frame_that_has_not_come_whole_is_waited_for() {
        let whole = frame(Some("run-1"));
        for length in 0..whole.len() {
            let mut part = &whole[..length];
            assert!(take::<Call>(&mut part).unwrap().is_none());
            assert_eq!(part.len(), length);
        }
    }

    #[test]
    fn a_length_beyond_all_reason_is_refused() {
        assert!(take::<Word>(&mut &[0xff; 8][..]).is_err());
    }

    #[test]
    fn what_may_have_happened_is_not_done_again() {
        let unknown = lost("it went away");
        assert!(Refusal::from(unknown).error().is_some());
        assert!(Refusal::from(ServiceError::Dropped).error().is_some());
        assert!(
            Refusal::from(ServiceError::Storage(StorageError::Closed))
                .error()
                .is_none()
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_frames_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = take::<Call>(&mut &bytes[..]);
            let _ = take::<Word>(&mut &bytes[..]);
        }
    }
}

//! A batch without a connection: for whoever gives it to an engine of their own.

use super::error::ApiError;
use super::json::Object;
use super::kv::{Asked, Batch, of_request};
use crate::engine::types::Request;
use crate::engine::{EngineError, Observer, Session};
use crate::plugins::Plugins;
use crate::vault::TimestampMs;

/// A batch as `POST /v1/kv/batch` takes it.
pub struct OfflineBatch {
    asked: Asked,
    batch: Batch,
}

/// A batch that was refused, as HTTP would answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The status.
    pub status: u16,
    /// The body, JSON text.
    pub body: String,
}

impl OfflineBatch {
    /// Reads the body of a request that happens at `now`.
    pub fn read(body: &str, now: TimestampMs, plugins: &Plugins) -> Result<Self, Refused> {
        let (asked, batch) = Batch::read(body, now, None, plugins)?;
        Ok(Self { asked, batch })
    }

    /// What the engine is asked, if that is all of it: no plugin is called.
    pub fn request(&self) -> Option<&Request> {
        match &self.asked {
            Asked::Request(request) => Some(request),
            Asked::Transaction(_) => None,
        }
    }

    /// Has it carried out in a session, which can be used on. Gives the body of the answer, JSON text. Plugins that are called
    /// need more stack than most threads have.
    pub fn carry_out(
        self,
        mut session: Session,
        observer: Observer<'_>,
    ) -> Result<(Session, Result<String, Refused>), EngineError> {
        let answer = match &self.asked {
            Asked::Request(request) => of_request(session.execute(request)?),
            Asked::Transaction(transaction) => {
                let (next, answer) = transaction.carry_out(session, observer)?;
                session = next;
                answer
            }
        };
        let worded = self.batch.word(&self.asked, answer);
        Ok((session, worded.map(Object::finish).map_err(Refused::from)))
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self {
            status: error.status().as_u16(),
            body: error.body(),
        }
    }
}

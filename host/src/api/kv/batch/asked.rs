//! What a batch asks for: operations only, which are one request, or calls of plugins too.

use std::borrow::Borrow;

use super::items::{Item, Part};
use crate::api::error::ApiError;
use crate::api::extract::Caller;
use crate::api::if_version::IfVersion;
use crate::engine::types::{Once, Operation, Request, Scope};
use crate::engine::{Carried, Done, Refusal, Step, Transaction};
use crate::service::{Answer, TransactionAnswer};

/// What is asked for.
pub(in crate::api) enum Asked<R = Request, T = Transaction> {
    /// Of the engine alone.
    Request(R),
    /// Of the engine and of plugins.
    Transaction(T),
}

impl Asked {
    /// What items ask for, which have nothing to ask for any more.
    pub(super) fn by(items: &mut [Item], if_version: Option<&IfVersion>, once: Option<Once>) -> Self {
        let if_version = if_version.map(|version| version.number);
        let mut steps = Vec::new();
        let mut operations = Vec::new();
        for part in items.iter_mut().filter_map(Item::take_part) {
            match part {
                Part::Operations(others) => operations.extend(others),
                Part::Call { plugin, input } => {
                    if !operations.is_empty() {
                        steps.push(Step::Operations(std::mem::take(&mut operations)));
                    }
                    steps.push(Step::Call { plugin, input });
                }
            }
        }
        if steps.is_empty() {
            return Self::Request(Request {
                if_version,
                always_bump: true,
                once,
                ..Request::of(operations)
            });
        }
        if !operations.is_empty() {
            steps.push(Step::Operations(operations));
        }
        Self::Transaction(Transaction {
            steps,
            if_version,
            always_bump: true,
            once,
            scope: None,
        })
    }

    /// Has it carried out on behalf of a caller. Gives it back within the caller's scope.
    pub(super) async fn carry_out(
        self,
        caller: &Caller,
    ) -> Result<(Asked<impl Borrow<Request>, impl Borrow<Transaction>>, TransactionAnswer), ApiError> {
        Ok(match self {
            Self::Request(request) => {
                let (request, answer) = caller.write(request).await?;
                (Asked::Request(request), of_request(answer))
            }
            Self::Transaction(transaction) => {
                let (transaction, answer) = caller.transact(transaction).await?;
                (Asked::Transaction(transaction), answer)
            }
        })
    }
}

impl<R: Borrow<Request>, T: Borrow<Transaction>> Asked<R, T> {
    pub(super) fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Request(request) => request.borrow().scope.as_ref(),
            Self::Transaction(transaction) => transaction.borrow().scope.as_ref(),
        }
    }

    /// One for each operation and each call: the operation.
    pub(super) fn operations(&self) -> Vec<Option<&Operation>> {
        match self {
            Self::Request(request) => request.borrow().operations.iter().map(Some).collect(),
            Self::Transaction(transaction) => {
                let steps = transaction.borrow().steps.iter();
                steps
                    .flat_map(|step| match step {
                        Step::Operations(operations) => operations.iter().map(Some).collect(),
                        Step::Call { .. } => vec![None],
                    })
                    .collect()
            }
        }
    }
}

/// The answer to a request as one to a transaction.
pub(in crate::api) fn of_request(answer: Answer) -> TransactionAnswer {
    match answer {
        Ok(mut reply) => Ok(Carried {
            done: std::mem::take(&mut reply.outcomes)
                .into_iter()
                .map(Done::Outcome)
                .collect(),
            reply,
        }),
        Err(rejection) => Err(Refusal::Rejected(rejection)),
    }
}

//! `automation-kv migrate`

use clap::Args;

use super::knobs::DatabaseKnobs;
use super::operator;
use super::{CommandError, output};
use crate::service::ServiceOptions;

#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    database: DatabaseKnobs,
}

impl Migrate {
    pub(super) fn run(self) -> Result<(), CommandError> {
        operator::run(async {
            let database = self.database.database()?;
            let options = self.database.options(ServiceOptions::default().lock_timeout);
            let storage = database.open(&options).await;
            storage
                .map_err(|error| CommandError::new(error.to_string()))?
                .close()
                .await;
            output::print(format!("{database} is up to date\n"))
        })
    }
}

//! A service within the command, on a free port that only this machine reaches, for as long as a run takes.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::CommandError;
use super::listen::listen;
use crate::api::Api;

/// Where the platform serves the API, beside the bare /v1/kv.
const BASE_PATH: &str = "/api/automation";

/// How long calls that are under way may take when the command has ended.
const GRACE: Duration = Duration::from_secs(5);

/// An API that is served until it is told to stop.
pub(super) struct Embedded {
    pub(super) url: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Embedded {
    /// To be called within a runtime.
    pub(super) fn start(api: Api) -> Result<Self, CommandError> {
        let cannot_listen = |error| CommandError::new(format!("cannot listen on a loopback port: {error}"));
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            if let Err(error) = api.serve(listener, BASE_PATH, stopped, GRACE).await {
                tracing::error!(%error, "serving failed");
            }
        });
        Ok(Self {
            url: format!("http://{address}"),
            stop,
            serving,
        })
    }

    /// Lets what is under way end.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.serving.await;
    }
}

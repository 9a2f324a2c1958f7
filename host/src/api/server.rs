//! Serving connections until told to stop.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::ServiceExt;
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Api;
use super::spread::spread;
use super::wire::Connection;

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Everything that was taken has been answered.
    Finished,
    /// Requests were still under way when the time for them was over.
    Overtime,
}

impl Api {
    /// Serves the states under `/v1/kv` and under `base_path` + `/v1/kv`, and health beside them. When `stop` comes,
    /// takes no more connections and gives requests that are under way `grace` to end.
    ///
    /// `base_path` is empty, or starts with a slash and does not end in one.
    pub async fn serve(
        self,
        listener: TcpListener,
        base_path: &str,
        stop: impl Future<Output = ()> + Send + 'static,
        grace: Duration,
    ) -> io::Result<Stopped> {
        let (listener, _) = spread(listener, 0)?;
        self.serve_from(listener, base_path, stop, grace).await
    }

    /// The same on the connections that are for one of several threads.
    pub(crate) async fn serve_from(
        self,
        connections: impl Listener<Io = Connection, Addr = SocketAddr>,
        base_path: &str,
        stop: impl Future<Output = ()> + Send + 'static,
        grace: Duration,
    ) -> io::Result<Stopped> {
        let (stopping, stopped) = oneshot::channel::<()>();
        let serving =
            axum::serve(connections, self.app(base_path).into_make_service()).with_graceful_shutdown(async move {
                stop.await;
                let _ = stopping.send(());
            });
        tokio::select! {
            served = serving.into_future() => served.map(|()| Stopped::Finished),
            () = overtime(stopped, grace) => Ok(Stopped::Overtime),
        }
    }
}

/// Ends when stopping has taken too long.
async fn overtime(stopped: oneshot::Receiver<()>, grace: Duration) {
    if stopped.await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(grace).await;
}

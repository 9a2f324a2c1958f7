//! Ports that take bursts: a platform starts many automations at the same second.

use std::io;
use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted. The system allows no more than `net.core.somaxconn`, 4096 unless somebody has
/// changed it; one that finds no place there comes again a second later.
const BACKLOG: u32 = 4096;

/// Listens on an address. To be called within a runtime.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // As long as connections of a service that has stopped are remembered, another one could not have its port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Lets the process have as many connections and files open as it may ask for: a shell and a service manager often give 1024 and
/// allow many more.
pub(super) fn allow_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current, maximum }) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};
    use std::time::Duration;

    use super::*;

    /// Less than the second after which a connection is tried again, and much more than it takes.
    const PATIENCE: Duration = Duration::from_millis(500);

    #[tokio::test]
    async fn a_burst_of_connections_finds_a_place_before_any_is_accepted() {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let burst: Vec<_> = (0..400)
            .map(|_| TcpStream::connect_timeout(&address, PATIENCE))
            .collect();
        assert_eq!(burst.iter().filter(|connection| connection.is_err()).count(), 0);
    }

    #[tokio::test]
    async fn a_port_is_free_again_once_a_service_has_stopped() {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        // Whoever closes first is remembered.
        drop(listener.accept().await.unwrap());
        drop((listener, client));
        assert!(listen(address).is_ok());
    }

    #[tokio::test]
    async fn addresses_of_both_versions_are_listened_on() {
        for address in [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ] {
            match listen(address) {
                Ok(listener) => assert_eq!(listener.local_addr().unwrap().ip(), address.ip()),
                // A machine may have only one of them.
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable, "{address}"),
            }
        }
    }

    #[test]
    fn as_many_files_may_be_open_as_are_allowed() {
        allow_open_files();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}

//! Where a service is.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use url::{Host, Url};

use super::Line;

/// Address, name and protocol of a server.
#[derive(Clone)]
pub struct Origin {
    pub(super) address: SocketAddr,
    /// As it stands in a `Host` header.
    pub(super) authority: String,
    pub(super) tls: Option<Tls>,
}

/// What `https` needs.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// Whose certificate it must be.
    pub(super) name: ServerName<'static>,
}

impl Origin {
    /// Finds the server of an `http` or `https` URL: looks up its name, and keeps the first address that takes a
    /// connection. A certificate is checked as the system's other programs do.
    pub fn reach(url: &Url) -> io::Result<Self> {
        let tls = if url.scheme() == "https" {
            Some(Tls::of(url)?)
        } else {
            None
        };
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in url.socket_addrs(|| None)? {
            let origin = Self {
                address,
                authority: authority(url),
                tls: tls.clone(),
            };
            match Line::open(&origin) {
                Ok(_) => return Ok(origin),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

impl From<SocketAddr> for Origin {
    /// Plain HTTP.
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            authority: address.to_string(),
            tls: None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(formatter, "{scheme}://{}", self.authority)
    }
}

impl Tls {
    fn of(url: &Url) -> io::Result<Self> {
        let name = match url.host() {
            Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).map_err(io::Error::other)?,
            Some(Host::Ipv4(address)) => IpAddr::from(address).into(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).into(),
            None => return Err(io::Error::other("the URL names no host")),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(io::Error::other)?
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
            name,
        })
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

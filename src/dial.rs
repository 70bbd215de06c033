//! Connections to hosts that somebody else named: their name is looked up, what it stands for is looked at, and only
//! then is it connected to. [`Dialer`] is the one way out to such a host.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::domain::{WebhookUrl, is_public};

/// How long one of a host's addresses has to take the connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The most addresses that are tried.
const ADDRESSES: usize = 4;

/// Connects to hosts that are not trusted.
#[derive(Debug, Clone)]
pub struct Dialer {
    allow_private: bool,
    tls: Arc<ClientConfig>,
}

/// Why a host was not connected to.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// It would be in plain text.
    #[error("the address is of plain text, which is not connected to")]
    NotEncrypted,
    /// It would be a host of this machine, or of a network that is not public.
    #[error("the host has no public address")]
    NotPublic,
    /// Its name stands for nothing.
    #[error("the host's name cannot be looked up")]
    Lookup(#[source] io::Error),
    /// It does not answer, or not as it should.
    #[error("the host cannot be connected to")]
    Connect(#[source] io::Error),
    /// No certificate can have its name.
    #[error("the host's name is of no certificate")]
    Name,
    /// It did not answer in time.
    #[error("the host did not answer in time")]
    Late,
}

/// Bytes either way, whatever carries them.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

impl Dialer {
    /// With `allow_private`, plain text and addresses that are not public are connected to: for tests and closed
    /// networks.
    pub fn new(allow_private: bool, tls: Arc<ClientConfig>) -> Self {
        Self { allow_private, tls }
    }

    /// A connection to an address of the web, which may have been taken when less was asked of one than is now.
    pub async fn web(&self, url: &WebhookUrl) -> Result<Box<dyn Duplex>, DialError> {
        if !url.is_encrypted() && !self.allow_private {
            return Err(DialError::NotEncrypted);
        }
        self.stream(url).await
    }

    /// A connection to a host that may speak plain text.
    pub async fn stream(&self, url: &WebhookUrl) -> Result<Box<dyn Duplex>, DialError> {
        let stream = self.tcp(url).await?;
        if !url.is_encrypted() {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(url.host().to_owned()).map_err(|_| DialError::Name)?;
        let encrypted = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        Ok(Box::new(encrypted.map_err(DialError::Connect)?))
    }

    /// A connection to one of the host's addresses. They are looked at here, after the name was looked up and right
    /// before they are used, so that no name leads elsewhere than where it was seen to.
    async fn tcp(&self, url: &WebhookUrl) -> Result<TcpStream, DialError> {
        let port = url.port();
        let found: Vec<IpAddr> = if let Some(ip) = url.ip() {
            vec![ip]
        } else {
            let found = tokio::net::lookup_host((url.host(), port)).await.map_err(DialError::Lookup)?;
            found.map(|address| address.ip()).collect()
        };
        let allowed = found.into_iter().filter(|ip| self.allow_private || is_public(*ip));
        let mut last = DialError::NotPublic;
        for ip in allowed.take(ADDRESSES) {
            match tokio::time::timeout(CONNECT, TcpStream::connect(SocketAddr::new(ip, port))).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = DialError::Connect(error),
                Err(_) => last = DialError::Late,
            }
        }
        Err(last)
    }
}

/// Trusts the system's roots, and those of a file if there is one; `what` they are for is told if they cannot be read.
pub fn trusting(roots_file: Option<&Path>, what: &'static str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = roots_file {
        match CertificateDer::pem_file_iter(file) {
            Ok(own) => drop(roots.add_parsable_certificates(own.filter_map(Result::ok))),
            Err(error) => tracing::error!(%error, what, "the roots of hosts cannot be read"),
        }
    }
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

//! The server's certificate and the roots of its callers' certificates, and their change while it runs.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ProducesTickets, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::metrics::{CertificateReload, Metrics};
use crate::tasks::Tasks;

/// The largest file that is read, bytes: a bundle of every public root has a quarter of it.
const MAX_FILE: u64 = 1 << 20;

/// Where the certificates are, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The server's certificate, then those that lead to a root.
    pub certificate: PathBuf,
    /// Its private key.
    pub private_key: PathBuf,
    /// The roots of callers' certificates; `None`: callers show none.
    pub client_roots: Option<PathBuf>,
}

/// What is spoken inside the TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC's HTTP/2.
    Http2,
    /// HTTP/1.1.
    Http1,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what it is to be.
    #[error("{} is not PEM", .path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// A file has no certificate in it.
    #[error("{} has no certificate", .0.display())]
    Empty(PathBuf),
    /// A root cannot be used as one.
    #[error("{} has a certificate that cannot be a root", .path.display())]
    NoRoot {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The roots cannot be used together.
    #[error("the roots of callers' certificates")]
    Roots(#[source] VerifierBuilderError),
    /// Certificate and key cannot be used, or are not of each other.
    #[error("the server's certificate and key")]
    Unusable(#[source] rustls::Error),
}

/// The certificates that listeners use now. New connections get what was loaded last.
#[derive(Debug)]
pub struct Certificates {
    files: CertificateFiles,
    /// One for all loads, so that a device which comes back after a change need not begin anew.
    tickets: Arc<dyn ProducesTickets>,
    loaded: ArcSwap<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    /// SHA-256 of all the files, by which a change is known.
    contents: [u8; 32],
    generation: u64,
    http2: Arc<ServerConfig>,
    http1: Arc<ServerConfig>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

impl Certificates {
    /// Loads the files.
    pub fn load(files: CertificateFiles) -> Result<Self, CertificateError> {
        let tickets = provider::Ticketer::new().map_err(CertificateError::Unusable)?;
        let read = Files::read(&files)?;
        let loaded = ArcSwap::from_pointee(read.load(&files, &tickets, 0)?);
        Ok(Self { files, tickets, loaded })
    }

    /// Loads the files again if they have changed; says whether they had. If they cannot be used, what was loaded
    /// before stays in use.
    pub fn reload(&self) -> Result<bool, CertificateError> {
        let before = self.loaded.load();
        let read = Files::read(&self.files)?;
        if read.contents() == before.contents {
            return Ok(false);
        }
        self.loaded.store(Arc::new(read.load(&self.files, &self.tickets, before.generation + 1)?));
        Ok(true)
    }

    /// Reloads every so often, and whenever `asked`, until `stop`.
    pub async fn keep_fresh(
        self: Arc<Self>,
        every: Duration,
        asked: Arc<Notify>,
        tasks: Tasks,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) {
        // What failed before, so that it is told once.
        let mut failure = String::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = asked.notified() => failure.clear(),
                () = tokio::time::sleep(every) => {}
            }
            let own = Arc::clone(&self);
            match tasks.spawn_blocking("certificates", move || own.reload()).await {
                Ok(Ok(changed)) => {
                    failure.clear();
                    if changed {
                        metrics.certificate_reloads(CertificateReload::Done).inc();
                        tracing::info!("certificates were loaded again");
                    }
                }
                Ok(Err(error)) => {
                    let told = with_causes(&error);
                    if told != failure {
                        metrics.certificate_reloads(CertificateReload::Failed).inc();
                        tracing::error!(error = %told, "certificates have changed and cannot be used: the old stay");
                        failure = told;
                    }
                }
                // The runtime ends.
                Err(_) => return,
            }
        }
    }

    pub(super) fn config(&self, protocol: Protocol) -> Arc<ServerConfig> {
        let loaded = self.loaded.load();
        Arc::clone(match protocol {
            Protocol::Http2 => &loaded.http2,
            Protocol::Http1 => &loaded.http1,
        })
    }

    /// Who looks at callers' certificates now, and the number of the load that it is of.
    pub(super) fn verifier(&self) -> (Option<Arc<dyn ClientCertVerifier>>, u64) {
        let loaded = self.loaded.load();
        (loaded.verifier.clone(), loaded.generation)
    }
}

/// An error and what it came of, in a line.
fn with_causes(error: &CertificateError) -> String {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

/// The files' bytes.
struct Files {
    certificate: Vec<u8>,
    private_key: Vec<u8>,
    client_roots: Option<Vec<u8>>,
}

impl Files {
    fn read(files: &CertificateFiles) -> Result<Self, CertificateError> {
        Ok(Self {
            certificate: read(&files.certificate)?,
            private_key: read(&files.private_key)?,
            client_roots: files.client_roots.as_deref().map(read).transpose()?,
        })
    }

    fn contents(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for bytes in
            [Some(&self.certificate), Some(&self.private_key), self.client_roots.as_ref()].into_iter().flatten()
        {
            context.update(&(bytes.len() as u64).to_le_bytes());
            context.update(bytes);
        }
        let mut contents = [0; 32];
        contents.copy_from_slice(context.finish().as_ref());
        contents
    }

    fn load(
        &self,
        files: &CertificateFiles,
        tickets: &Arc<dyn ProducesTickets>,
        generation: u64,
    ) -> Result<Loaded, CertificateError> {
        let chain = certificates(&files.certificate, &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.private_key)
            .map_err(|source| CertificateError::Malformed { path: files.private_key.clone(), source })?;
        let verifier = match (&files.client_roots, &self.client_roots) {
            (Some(path), Some(bytes)) => Some(verifier(path, bytes)?),
            _ => None,
        };
        let builder = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::Unusable)?;
        let builder = match &verifier {
            Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(CertificateError::Unusable)?;
        config.ticketer = Arc::clone(tickets);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = Arc::new(config.clone());
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Loaded { contents: self.contents(), generation, http2: Arc::new(config), http1, verifier })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |source| CertificateError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)).map_err(unreadable)?;
    Ok(bytes)
}

fn certificates(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let all = all.map_err(|source| CertificateError::Malformed { path: path.to_owned(), source })?;
    if all.is_empty() { Err(CertificateError::Empty(path.to_owned())) } else { Ok(all) }
}

/// Looks at the certificates of callers that show one; others are let in too, and may show a token.
fn verifier(path: &Path, bytes: &[u8]) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
    let mut roots = RootCertStore::empty();
    for root in certificates(path, bytes)? {
        roots.add(root).map_err(|source| CertificateError::NoRoot { path: path.to_owned(), source })?;
    }
    let provider = Arc::new(provider::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(CertificateError::Roots)
}

//! A source of alerts: a real server on loopback, over HTTP or HTTPS, that answers each path as it was told to, faults
//! and all.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::authority::Signed;

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    head: String,
    body: Vec<u8>,
    /// How long between one byte and the next; none for all at once.
    slow: Option<Duration>,
    /// The validator that is answered with 304.
    etag: Option<String>,
    /// How long before anything comes.
    late: Duration,
}

impl Reply {
    /// A whole answer.
    pub(crate) fn new(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n");
        Self { head, body, slow: None, etag: None, late: Duration::ZERO }
    }

    /// An answer of any head and body, as it is.
    pub(crate) fn raw(head: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { head: head.to_owned(), body: body.into(), slow: None, etag: None, late: Duration::ZERO }
    }

    /// The same with a validator: whoever has it is told that nothing has changed.
    pub(crate) fn tagged(self, etag: &str) -> Self {
        let head = format!("{}etag: \"{etag}\"\r\n", self.head);
        Self { head, etag: Some(format!("\"{etag}\"")), ..self }
    }

    /// The same, a byte at a time.
    pub(crate) fn slowly(self) -> Self {
        Self { slow: Some(Duration::from_millis(300)), ..self }
    }

    /// The same, after a while.
    pub(crate) fn after(self, late: Duration) -> Self {
        Self { late, ..self }
    }

    /// An answer that is compressed.
    pub(crate) fn packed(media_type: &str, body: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).expect("a list takes it");
        let packed = encoder.finish().expect("a list takes it");
        let reply = Self::new(media_type, packed);
        Self { head: format!("{}content-encoding: gzip\r\n", reply.head), ..reply }
    }

    /// One that sends on.
    pub(crate) fn sent_on(location: &str) -> Self {
        Self::raw(&format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n"), "")
    }
}

/// A server of alerts.
#[derive(Clone)]
pub(crate) struct Source {
    /// Where it is, without a path.
    pub(crate) url: String,
    replies: Arc<Mutex<HashMap<String, Reply>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Source {
    /// One that speaks plain text.
    pub(crate) async fn open() -> Self {
        Self::listen(None).await
    }

    /// One that speaks TLS with this certificate.
    pub(crate) async fn open_encrypted(certificate: &Signed) -> Self {
        let chain = CertificateDer::pem_slice_iter(certificate.certificate.as_bytes()).map(|der| der.expect("PEM"));
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("PEM");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain.collect(), key);
        Self::listen(Some(TlsAcceptor::from(Arc::new(config.expect("a pair"))))).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let url = match tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let source = Self { url, replies: Arc::default(), asked: Arc::default() };
        let own = source.clone();
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (own, tls) = (own.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => own.serve(tls.accept(stream).await.ok()?).await,
                        None => own.serve(stream).await,
                    }
                });
            }
        });
        source
    }

    /// From now on this path is answered so.
    pub(crate) fn say(&self, path: &str, reply: Reply) {
        self.replies.lock().insert(path.to_owned(), reply);
    }

    /// The heads of all requests for a path, in lower case.
    pub(crate) fn asked(&self, path: &str) -> Vec<String> {
        let asked = self.asked.lock();
        asked.iter().filter(|head| head.starts_with(&format!("get {path} "))).cloned().collect()
    }

    /// The whole address of a path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
        let head = String::from_utf8(request).expect("text").to_ascii_lowercase();
        self.asked.lock().push(head.clone());
        let path = head.split(' ').nth(1).expect("a path");
        let missing = Reply::raw("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n", "");
        let reply = self.replies.lock().get(path).cloned().unwrap_or(missing);
        tokio::time::sleep(reply.late).await;
        let is_known = |etag: &String| head.contains(&format!("if-none-match: {etag}\r\n"));
        if reply.etag.as_ref().is_some_and(is_known) {
            stream.write_all(b"HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n").await.ok()?;
            return stream.shutdown().await.ok();
        }
        stream.write_all(format!("{}connection: close\r\n\r\n", reply.head).as_bytes()).await.ok()?;
        match reply.slow {
            None => stream.write_all(&reply.body).await.ok()?,
            Some(pause) => {
                for byte in &reply.body {
                    stream.write_all(&[*byte]).await.ok()?;
                    stream.flush().await.ok()?;
                    tokio::time::sleep(pause).await;
                }
            }
        }
        stream.shutdown().await.ok()
    }
}

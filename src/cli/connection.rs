//! Which server is asked, and as whom.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use crate::access::Token;
use crate::domain::Private;

/// Links that share a connection.
const LINKS_PER_CONNECTION: usize = 250;

/// Where a server listens that was told nothing else.
const LOCAL: &str = "http://127.0.0.1:7400";

/// Which server is asked, and as whom.
#[derive(Debug, Clone, Args)]
pub struct Server {
    /// The server's gRPC address, https:// for one with TLS
    #[arg(long, value_name = "URL", default_value = LOCAL)]
    pub server: String,
    /// The token that says who asks; others on this machine may see it here, not in the environment
    #[arg(long, value_name = "TOKEN", env = "HAZARDCAST_TOKEN", hide_env_values = true, value_parser = private)]
    pub token: Option<Private<String>>,
    /// A file with the token; it goes before --token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The roots that the server's certificate must lead to, PEM [default: the system's]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// A client certificate that says who asks, PEM
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_cert: Option<PathBuf>,
    /// The client certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
}

/// Calls to a server, each with the token if there is one.
pub(super) type Connection = InterceptedService<Channel, Bearer>;

/// Puts the token to each call.
#[derive(Debug, Clone, Default)]
pub(super) struct Bearer(Option<MetadataValue<Ascii>>);

/// What may be a token is never in an error of the command line: whatever it is, it is taken, and looked at later.
#[expect(clippy::unnecessary_wraps, reason = "it is of the form that clap takes")]
fn private(text: &str) -> Result<Private<String>, Infallible> {
    Ok(Private::new(text.to_owned()))
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

impl Server {
    /// A server that is asked as nobody.
    pub(super) fn at(url: String) -> Self {
        Self { server: url, token: None, token_file: None, ca: None, client_cert: None, client_key: None }
    }

    /// Connects.
    pub(super) async fn connect(&self) -> Result<Connection> {
        let bearer = self.bearer()?;
        let channel = self.endpoint()?.connect().await;
        let channel = channel.with_context(|| format!("no server answers at {}", self.server))?;
        Ok(InterceptedService::new(channel, bearer))
    }

    /// Connections for so many links, opened when they are first used, and again whenever they are lost.
    pub(super) async fn connect_many(&self, links: usize) -> Result<Vec<Channel>> {
        self.connect().await?;
        (0..links.div_ceil(LINKS_PER_CONNECTION).max(1)).map(|_| Ok(self.endpoint()?.connect_lazy())).collect()
    }

    fn bearer(&self) -> Result<Bearer> {
        let text = match &self.token_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).with_context(|| format!("--token-file {}", file.display()))?;
                Some(Private::new(text))
            }
            None => self.token.clone(),
        };
        let Some(text) = text.map(|text| text.expose().trim().to_owned()).filter(|text| !text.is_empty()) else {
            return Ok(Bearer::default());
        };
        ensure!(
            self.is_encrypted() || self.is_local(),
            "a token is not sent in plain text: --server {} is to be https://",
            self.server
        );
        let token = Token::parse(&text).context("the token cannot be used")?;
        let mut value: MetadataValue<Ascii> =
            format!("Bearer {}", token.reveal().expose()).parse().context("the token cannot be used")?;
        value.set_sensitive(true);
        Ok(Bearer(Some(value)))
    }

    fn endpoint(&self) -> Result<Endpoint> {
        let server = &self.server;
        let endpoint =
            Endpoint::from_shared(server.clone()).with_context(|| format!("--server {server}: not a URL"))?;
        let scheme = endpoint.uri().scheme_str();
        ensure!(matches!(scheme, Some("http" | "https")), "--server {server}: to be http:// or https://");
        let endpoint = endpoint.connect_timeout(Duration::from_secs(5)).tcp_nodelay(true);
        if !self.is_encrypted() {
            if self.ca.is_some() || self.client_cert.is_some() {
                bail!("certificates are of no use in plain text: --server {server} is to be https://");
            }
            return Ok(endpoint);
        }
        let mut tls = match &self.ca {
            Some(file) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(file, "--ca")?)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        if let (Some(certificate), Some(key)) = (&self.client_cert, &self.client_key) {
            let (certificate, key) = (read(certificate, "--client-cert")?, read(key, "--client-key")?);
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        endpoint.tls_config(tls).context("the certificates cannot be used")
    }

    fn is_encrypted(&self) -> bool {
        self.server.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }

    fn is_local(&self) -> bool {
        let uri: Option<http::Uri> = self.server.parse().ok();
        let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

fn read(file: &Path, flag: &str) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("{flag} {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(url: &str, token: &str) -> Result<Bearer, String> {
        let token = Some(Private::new(token.to_owned()));
        Server { token, ..Server::at(url.to_owned()) }.bearer().map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_token_is_not_sent_in_plain_text_to_another_machine() {
        let token = format!("hc_{}_{}", "0".repeat(16), "0".repeat(52));
        for fine in ["https://example.org:7400", "HTTPS://example.org", LOCAL, "http://localhost:1", "http://[::1]:1"] {
            assert!(asked(fine, &token).is_ok_and(|bearer| bearer.0.is_some()), "{fine}");
        }
        for plain in
            ["http://example.org", "http://192.0.2.1:7400", "http://127.0.0.1.example.org", "http://localhost@a.b"]
        {
            let error = asked(plain, &token).expect_err(plain);
            assert!(error.contains("plain text") && !error.contains(&token), "{error}");
        }
    }

    #[test]
    fn what_is_no_token_is_told_without_it() {
        let error = asked(LOCAL, "hc_nearly_a_token").expect_err("refused");
        assert!(error.contains("not a token") && !error.contains("nearly"), "{error}");
        assert!(asked(LOCAL, " \n").is_ok_and(|bearer| bearer.0.is_none()));
    }

    #[test]
    fn a_token_is_in_no_debug() {
        let token = Some(Private::new("hc_secret".to_owned()));
        let server = Server { token, ..Server::at(LOCAL.to_owned()) };
        assert!(!format!("{server:?}").contains("secret"));
    }
}

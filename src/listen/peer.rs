//! Who is at the other end of a connection.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use webpki::EndEntityCert;

use super::Certificates;

/// How long a certificate that was found good is not looked at again.
const GOOD_FOR: Duration = Duration::from_mins(1);

/// What is bounded together: one IPv4 address, or the 64 bits of an IPv6 address that a subscriber is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                let prefix = u128::from(address) >> 64 << 64;
                Self(Ipv6Addr::from(prefix).into())
            }
        }
    }
}

/// The other end of one connection. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Peer(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    certificate: Option<ShownCertificate>,
    cut: CancellationToken,
}

/// A certificate that a peer showed and whose key it has proven to hold.
pub struct ShownCertificate {
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
    /// The URIs that it names as its subject's.
    pub uris: Vec<String>,
    /// The certificate itself, and those that lead to a root.
    chain: Vec<CertificateDer<'static>>,
    certificates: Arc<Certificates>,
    /// When, and against which load of the roots, it was found good.
    checked: Mutex<Option<(Instant, u64)>>,
}

impl Peer {
    pub(super) fn new(address: SocketAddr, certificate: Option<ShownCertificate>, cut: CancellationToken) -> Self {
        Self(Arc::new(Inner { address, certificate, cut }))
    }

    /// A peer without a connection, for tests.
    #[cfg(test)]
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::new((address, 1).into(), None, CancellationToken::new())
    }

    /// What is bounded together with it.
    pub fn network(&self) -> Network {
        self.0.address.ip().into()
    }

    /// The certificate that it showed, if that is good now: a long connection outlives neither its certificate nor its
    /// root.
    pub fn certificate(&self) -> Option<&ShownCertificate> {
        self.0.certificate.as_ref().filter(|shown| shown.is_good())
    }

    /// Ends the connection, whatever is open on it.
    pub fn cut(&self) {
        self.0.cut.cancel();
    }

    /// Resolves when the connection is cut.
    pub(super) fn when_cut(&self) -> WaitForCancellationFutureOwned {
        self.0.cut.clone().cancelled_owned()
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.0.cut.is_cancelled()
    }
}

/// An address says where somebody is: it is not shown.
impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("certificate", &self.0.certificate.is_some()).finish_non_exhaustive()
    }
}

impl ShownCertificate {
    /// What a handshake gave, first of all the peer's own.
    pub(super) fn new(chain: &[CertificateDer<'_>], certificates: Arc<Certificates>) -> Option<Self> {
        let first = chain.first()?;
        let uris = match EndEntityCert::try_from(first) {
            Ok(certificate) => certificate.valid_uri_names().map(str::to_owned).collect(),
            Err(_) => Vec::new(),
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, first);
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest.as_ref());
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        // The handshake may have been a resumed one, which looks at no certificate: so none counts as looked at yet.
        Some(Self { sha256, uris, chain, certificates, checked: Mutex::default() })
    }

    fn is_good(&self) -> bool {
        let (verifier, generation) = self.certificates.verifier();
        let (Some(verifier), Some((own, others))) = (verifier, self.chain.split_first()) else { return false };
        let mut checked = self.checked.lock();
        let now = Instant::now();
        if checked.is_some_and(|(at, of)| of == generation && now.duration_since(at) < GOOD_FOR) {
            return true;
        }
        let good = verifier.verify_client_cert(own, others, rustls::pki_types::UnixTime::now()).is_ok();
        *checked = good.then_some((now, generation));
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> Network {
        address.parse::<IpAddr>().expect("an address").into()
    }

    #[test]
    fn an_address_is_bounded_with_those_that_one_subscriber_has() {
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }
}

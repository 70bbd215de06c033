//! Where a partner wants its events sent: an address that is not trusted, and the secret that what is sent is signed
//! with.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::Uri;

use super::{EventCursor, Private, Timestamp};

/// The longest URL, bytes.
const LONGEST_URL: usize = 2_048;

/// A partner's webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where events are sent.
    pub url: WebhookUrl,
    /// How it goes.
    pub state: WebhookState,
    /// Behind what was delivered.
    pub delivered: EventCursor,
    /// How many attempts have failed since one succeeded.
    pub failures: u32,
    /// When the last of them failed.
    pub failed: Option<Timestamp>,
    /// How the last of them failed: an HTTP status, or 0 if none came.
    pub failed_status: u16,
    /// When it was made.
    pub created: Timestamp,
    /// Until when what is sent is signed with the secret before this one too.
    pub previous_secret_until: Option<Timestamp>,
}

/// Whether anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WebhookState {
    /// Events are sent.
    Active = 1,
    /// Its receiver answered that it is gone (HTTP status 410).
    Gone = 2,
    /// Its receiver has not taken an event for days.
    Unreachable = 3,
}

/// What an event is signed with: 256 random bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSecret(pub Private<[u8; 32]>);

/// An address that events may be sent to: `https`, no user in it, no fragment. What its host stands for is looked at
/// when it is connected to ([`is_public`]).
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Uri);

/// Why a text is no address for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It is no absolute URL.
    #[error("must be an absolute URL of at most {LONGEST_URL} visible ASCII characters")]
    Malformed,
    /// It is not encrypted.
    #[error("must be https")]
    Scheme,
    /// It names a user.
    #[error("must not name a user")]
    User,
    /// It has a fragment, which is sent to nobody.
    #[error("must not have a fragment")]
    Fragment,
    /// It is an address that is not public.
    #[error("must not be of a network that is not public")]
    NotPublic,
}

impl WebhookUrl {
    /// Reads an address from a caller. `private` is for tests and closed networks: then plain text and addresses that
    /// are not public are taken too.
    pub fn read(text: &str, private: bool) -> Result<Self, InvalidUrl> {
        if text.len() > LONGEST_URL || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidUrl::Malformed);
        }
        if text.contains('#') {
            return Err(InvalidUrl::Fragment);
        }
        let uri: Uri = text.parse().map_err(|_| InvalidUrl::Malformed)?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if private => {}
            Some(_) => return Err(InvalidUrl::Scheme),
            None => return Err(InvalidUrl::Malformed),
        }
        let authority = uri.authority().ok_or(InvalidUrl::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(InvalidUrl::User);
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if authority.host().is_empty() || (has_port && authority.port_u16().is_none_or(|port| port == 0)) {
            return Err(InvalidUrl::Malformed);
        }
        let url = Self(uri);
        match url.ip() {
            Some(ip) if !private && !is_public(ip) => Err(InvalidUrl::NotPublic),
            _ => Ok(url),
        }
    }

    /// Whether what is sent is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// The host's name or address, without brackets.
    pub fn host(&self) -> &str {
        let host = self.0.host().unwrap_or_default();
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// The host's address, if it is written as one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host().parse().ok()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(if self.is_encrypted() { 443 } else { 80 })
    }

    /// Host and port as they were written.
    pub fn authority(&self) -> &str {
        self.0.authority().map_or("", |authority| authority.as_str())
    }

    /// Path and query, as a request names them.
    pub fn path(&self) -> String {
        let path = self.0.path_and_query().map_or("", |path| path.as_str());
        if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The path and the query may hold a secret of the partner's, so they are not shown.
impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebhookUrl").field(&self.authority()).finish()
    }
}

/// One that was taken before.
impl FromStr for WebhookUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        Self::read(text, true)
    }
}

/// Whether an address is anybody's on the internet: none of this host, of a private or a carrier's network, of a link,
/// of a group, for documents or tests, and none that leads to such a one (IANA's registries of special-purpose
/// addresses, RFC 6890).
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    /// Networks that are not public: address, and how many bits of it count.
    const SPECIAL: [(Ipv4Addr, u32); 15] = [
        (Ipv4Addr::UNSPECIFIED, 8),
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(127, 0, 0, 0), 8),
        (Ipv4Addr::new(169, 254, 0, 0), 16),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 0, 0, 0), 24),
        (Ipv4Addr::new(192, 0, 2, 0), 24),
        (Ipv4Addr::new(192, 88, 99, 0), 24),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(198, 18, 0, 0), 15),
        (Ipv4Addr::new(198, 51, 100, 0), 24),
        (Ipv4Addr::new(203, 0, 113, 0), 24),
        (Ipv4Addr::new(224, 0, 0, 0), 4),
        (Ipv4Addr::new(240, 0, 0, 0), 4),
    ];
    let is_in = |(network, bits): &(Ipv4Addr, u32)| (ip.to_bits() ^ network.to_bits()) >> (32 - bits) == 0;
    !SPECIAL.iter().any(is_in)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    /// Of the addresses that are routed at all, those of these networks are not public.
    const SPECIAL: [(Ipv6Addr, u32); 4] = [
        // Teredo, benchmarks, ORCHID and other protocols' own.
        (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
        (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
        // 6to4: it leads to an IPv4 address.
        (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
        (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    ];
    /// Translation to IPv4 (RFC 6052).
    const TRANSLATED: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
    if let Some(inner) = ip.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    if (ip.to_bits() ^ TRANSLATED.to_bits()) >> 32 == 0 {
        return is_public_v4(Ipv4Addr::from_bits(ip.to_bits() as u32));
    }
    let is_in = |(network, bits): &(Ipv6Addr, u32)| (ip.to_bits() ^ network.to_bits()) >> (128 - bits) == 0;
    ip.segments()[0] >> 13 == 1 && !SPECIAL.iter().any(is_in)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_encrypted_addresses_without_a_user_are_taken() {
        for good in [
            "https://example.org/hook",
            "https://example.org:8443/hook?key=1",
            "https://[2606:4700::1]/",
            "https://1.1.1.1",
        ] {
            assert_eq!(
                WebhookUrl::read(good, false).map(|url| url.port()),
                Ok(if good.contains("8443") { 8443 } else { 443 })
            );
        }
        let cases = [
            ("", InvalidUrl::Malformed),
            ("/hook", InvalidUrl::Malformed),
            ("example.org", InvalidUrl::Malformed),
            ("https://", InvalidUrl::Malformed),
            ("https://:443/", InvalidUrl::Malformed),
            ("https://example.org:0/", InvalidUrl::Malformed),
            ("https://example.org:/", InvalidUrl::Malformed),
            ("https://exa mple.org/", InvalidUrl::Malformed),
            ("https://exämple.org/", InvalidUrl::Malformed),
            ("https://example.org/\r\nhost: a", InvalidUrl::Malformed),
            ("http://example.org/", InvalidUrl::Scheme),
            ("ftp://example.org/", InvalidUrl::Scheme),
            ("https://user:word@example.org/", InvalidUrl::User),
            ("https://user@127.0.0.1/", InvalidUrl::User),
            ("https://example.org/#a", InvalidUrl::Fragment),
            ("https://127.0.0.1/", InvalidUrl::NotPublic),
            ("https://[::1]/", InvalidUrl::NotPublic),
            ("https://169.254.169.254/latest", InvalidUrl::NotPublic),
        ];
        for (text, error) in cases {
            assert_eq!(WebhookUrl::read(text, false).map(drop), Err(error), "{text:?}");
        }
        let long = format!("https://example.org/{}", "a".repeat(LONGEST_URL));
        assert_eq!(WebhookUrl::read(&long, true).map(drop), Err(InvalidUrl::Malformed));
        assert!(WebhookUrl::read("http://127.0.0.1:8080/hook", true).is_ok());
    }

    #[test]
    fn what_may_be_a_secret_in_a_url_is_not_shown() {
        let url = WebhookUrl::read("https://example.org/hook?key=secret", false).unwrap();
        assert_eq!(format!("{url:?}"), "WebhookUrl(\"example.org\")");
        assert_eq!((url.authority(), url.path().as_str()), ("example.org", "/hook?key=secret"));
        for (text, path) in [("https://a.org", "/"), ("https://a.org?b=1", "/?b=1"), ("https://a.org/?b=1", "/?b=1")] {
            assert_eq!(WebhookUrl::read(text, false).unwrap().path(), path);
        }
    }

    #[test]
    fn addresses_of_special_networks_are_not_public() {
        let cases = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "4000::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1.1.1.1",
        ];
        for ip in cases {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1",
            "2a00:1450::1",
            "2001:4860::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    proptest! {
        #[test]
        fn what_the_standard_library_knows_as_special_is_not_public(bits in any::<u32>()) {
            let ip = Ipv4Addr::from_bits(bits);
            let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
                || ip.is_broadcast() || ip.is_documentation() || ip.is_unspecified();
            prop_assert!(!special || !is_public(ip.into()));
            prop_assert_eq!(is_public(ip.to_ipv6_mapped().into()), is_public(ip.into()));
            let inner = Ipv6Addr::from_bits(u128::from(bits) | 0x64_ff9b << 96);
            prop_assert_eq!(is_public(inner.into()), is_public(ip.into()));
        }

        #[test]
        fn nothing_but_a_routed_address_is_public(bits in any::<u128>()) {
            let ip = Ipv6Addr::from_bits(bits);
            let routed = ip.segments()[0] >> 13 == 1;
            prop_assert!(routed || !is_public(ip.into()));
        }

        #[test]
        fn whatever_is_taken_is_sent_where_it_says(text in "https?://[a-z0-9.:@\\[\\]#/?-]{0,24}") {
            if let Ok(url) = WebhookUrl::read(&text, false) {
                prop_assert!(text.starts_with("https://") && !text.contains('#') && !url.authority().contains('@'));
                prop_assert!(text["https://".len()..].starts_with(url.authority()) && url.port() > 0);
                prop_assert!(url.ip().is_none_or(is_public));
                prop_assert!(http::Request::post(url.path()).header("host", url.authority()).body(()).is_ok());
            }
        }
    }
}

//! A feed: alerts of an authority that the server gets for itself, from addresses that the operator named.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use compact_str::CompactString;

use super::id::resource_id;
use super::{AuthorityName, InvalidId, InvalidUrl, NonEmpty, SignedDuration, Timestamp, WebhookUrl};

/// `feeds/{feed}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedName(CompactString);

impl FeedName {
    /// The name with this id.
    pub fn new(id: &str) -> Result<Self, InvalidId> {
        resource_id(id).map(Self)
    }

    /// The id alone.
    pub fn id(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FeedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "feeds/{}", self.0)
    }
}

impl FromStr for FeedName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text.strip_prefix("feeds/").ok_or(InvalidId::Malformed)?)
    }
}

/// How alerts come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FeedKind {
    /// Asked for again and again over HTTP.
    Fetched = 1,
    /// XML documents back to back on a TCP stream, as Canada's NAAD sends them.
    TcpStream = 2,
    /// Messages of a WebSocket (RFC 6455).
    WebSocket = 3,
}

impl FeedKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Fetched, Self::TcpStream, Self::WebSocket];

    /// Its name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fetched => "fetched",
            Self::TcpStream => "tcp-stream",
            Self::WebSocket => "websocket",
        }
    }

    /// The schemes of its addresses: what is encrypted, and what is not.
    const fn schemes(self) -> (&'static str, &'static str) {
        match self {
            Self::Fetched => ("https", "http"),
            Self::TcpStream => ("tls", "tcp"),
            Self::WebSocket => ("wss", "ws"),
        }
    }
}

/// An address that a feed is got from: encrypted, or a TCP stream, whose sources speak plain text; no user in it, no
/// fragment. What its host stands for is looked at when it is connected to ([`super::is_public`]).
#[derive(Clone, PartialEq, Eq)]
pub struct FeedUrl {
    text: String,
    /// The same in the schemes of the web.
    web: WebhookUrl,
}

impl FeedUrl {
    /// Reads an address of that kind of feed. `private` is for tests and closed networks: then plain text and
    /// addresses that are not public are taken too.
    pub fn read(kind: FeedKind, text: &str, private: bool) -> Result<Self, InvalidUrl> {
        let (encrypted, plain) = kind.schemes();
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUrl::Malformed)?;
        let is_plain = scheme == plain;
        if !is_plain && scheme != encrypted {
            return Err(InvalidUrl::Scheme);
        }
        let may_be_plain = private || kind == FeedKind::TcpStream;
        if is_plain && !may_be_plain {
            return Err(InvalidUrl::Scheme);
        }
        // Whether the address is public is looked at as for one that is encrypted.
        WebhookUrl::read(&format!("https://{rest}"), private)?;
        let web = WebhookUrl::read(&format!("{}://{rest}", if is_plain { "http" } else { "https" }), true)?;
        let needs_port = kind == FeedKind::TcpStream;
        if needs_port && (!web.authority().ends_with(|last: char| last.is_ascii_digit()) || web.path() != "/") {
            return Err(InvalidUrl::Malformed);
        }
        if needs_port && !web.authority().contains(&format!(":{}", web.port())) {
            return Err(InvalidUrl::Malformed);
        }
        Ok(Self { text: text.to_owned(), web })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same in the schemes of the web, by which hosts are connected to.
    pub fn web(&self) -> &WebhookUrl {
        &self.web
    }
}

/// Path and query may hold a key of the operator's, so they are not shown.
impl fmt::Debug for FeedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FeedUrl").field(&self.web.authority()).finish()
    }
}

/// What becomes of an alert that is in the feed no more, though it is neither cancelled nor expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Vanished {
    /// The operator is told; the alert stands until it expires.
    Told = 1,
    /// It is cancelled too. For feeds that always hold all that is in force.
    Ended = 2,
}

/// What an operator says of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSettings {
    /// How alerts come.
    pub kind: FeedKind,
    /// Where from: several are mirrors of one another.
    pub urls: NonEmpty<FeedUrl>,
    /// The authority that it speaks for: what that may send, the feed may.
    pub authority: AuthorityName,
    /// How often it is asked.
    pub interval: Duration,
    /// Hosts from which files that it links to are fetched, and to which it may redirect, besides its own.
    pub link_hosts: Vec<String>,
    /// The most bytes of one body, uncompressed.
    pub most_bytes: usize,
    /// The most linked files that are fetched at one time of asking.
    pub most_entries: usize,
    /// How long one answer may take.
    pub answer_within: Duration,
    /// How long an alert is to be missing before it has vanished.
    pub grace: SignedDuration,
    /// What becomes of it then.
    pub vanished: Vanished,
    /// How long it may say nothing before that is an alarm.
    pub silence: SignedDuration,
    /// Where messages that were missed are fetched, for a TCP stream: NAAD's archive.
    pub archive: Option<FeedUrl>,
}

/// A feed that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Which.
    pub name: FeedName,
    /// What its operator said of it.
    pub settings: FeedSettings,
    /// Whether it is left alone for now.
    pub paused: bool,
    /// When it was added.
    pub created: Timestamp,
}

/// What is wrong with settings of a feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidFeed {
    /// Of which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl FeedSettings {
    /// How many mirrors a feed may have.
    pub const MOST_URLS: usize = 8;
    /// How many further hosts it may name.
    pub const MOST_HOSTS: usize = 16;
    /// The most bytes that a body may have: what the readers take.
    pub const MOST_BYTES: usize = 4 << 20;
    /// The most files that are fetched at one time of asking.
    pub const MOST_ENTRIES: usize = 2_000;

    /// Looks whether everything is within its bounds.
    pub fn check(&self) -> Result<(), InvalidFeed> {
        let within = |field, value: u64, least: u64, most: u64| {
            let reason = || format!("{value} is not from {least} to {most}");
            if (least..=most).contains(&value) { Ok(()) } else { Err(InvalidFeed { field, reason: reason() }) }
        };
        let seconds = |span: SignedDuration| u64::try_from(span.as_secs()).unwrap_or_default();
        within("urls", self.urls.len() as u64, 1, Self::MOST_URLS as u64)?;
        within("link_hosts", self.link_hosts.len() as u64, 0, Self::MOST_HOSTS as u64)?;
        within("interval", self.interval.as_secs(), 1, 3_600)?;
        within("max_body_bytes", self.most_bytes as u64, 1_024, Self::MOST_BYTES as u64)?;
        within("max_entries", self.most_entries as u64, 1, Self::MOST_ENTRIES as u64)?;
        within("answer_timeout", self.answer_within.as_secs(), 1, 120)?;
        within("grace_period", seconds(self.grace), 0, 7 * 24 * 3_600)?;
        within("silence_period", seconds(self.silence), 10, 7 * 24 * 3_600)?;
        for host in &self.link_hosts {
            let is_host = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
            if !is_host || host.len() > 253 {
                return Err(InvalidFeed { field: "link_hosts", reason: format!("{host:?} is no host") });
            }
        }
        if self.vanished == Vanished::Ended && self.kind != FeedKind::Fetched {
            let reason = "only a feed that is fetched tells what is in force".to_owned();
            return Err(InvalidFeed { field: "vanished", reason });
        }
        if self.archive.is_some() && self.kind != FeedKind::TcpStream {
            return Err(InvalidFeed { field: "archive_url", reason: "is of a TCP stream alone".to_owned() });
        }
        Ok(())
    }

    /// Whether something may be fetched from there: from the feed's own hosts, and those that its operator named.
    pub fn may_fetch_from(&self, host: &str) -> bool {
        let own = self.urls.iter().chain(&self.archive).map(|url| url.web().host());
        own.chain(self.link_hosts.iter().map(String::as_str)).any(|known| known.eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> FeedSettings {
        let url = FeedUrl::read(FeedKind::Fetched, "https://example.org/feed", false).expect("a URL");
        FeedSettings {
            kind: FeedKind::Fetched,
            urls: NonEmpty::of(url),
            authority: AuthorityName::new("met").expect("an id"),
            interval: Duration::from_mins(1),
            link_hosts: vec!["files.example.org".to_owned()],
            most_bytes: FeedSettings::MOST_BYTES,
            most_entries: 200,
            answer_within: Duration::from_secs(20),
            grace: SignedDuration::from_mins(10),
            vanished: Vanished::Told,
            silence: SignedDuration::from_mins(10),
            archive: None,
        }
    }

    #[test]
    fn each_kind_has_addresses_of_its_own() {
        let cases = [
            (FeedKind::Fetched, "https://example.org/a?b=1", false, Ok(())),
            (FeedKind::Fetched, "http://example.org/", false, Err(InvalidUrl::Scheme)),
            (FeedKind::Fetched, "http://127.0.0.1:80/", true, Ok(())),
            (FeedKind::Fetched, "https://127.0.0.1/", false, Err(InvalidUrl::NotPublic)),
            (FeedKind::Fetched, "https://user@example.org/", false, Err(InvalidUrl::User)),
            (FeedKind::Fetched, "wss://example.org/", false, Err(InvalidUrl::Scheme)),
            (FeedKind::WebSocket, "wss://example.org/v2/ws", false, Ok(())),
            (FeedKind::WebSocket, "ws://example.org/", false, Err(InvalidUrl::Scheme)),
            (FeedKind::TcpStream, "tcp://example.org:8080", false, Ok(())),
            (FeedKind::TcpStream, "tls://example.org:8080", false, Ok(())),
            (FeedKind::TcpStream, "tcp://example.org", false, Err(InvalidUrl::Malformed)),
            (FeedKind::TcpStream, "tcp://example.org:8080/a", false, Err(InvalidUrl::Malformed)),
            (FeedKind::TcpStream, "tcp://10.0.0.1:8080", false, Err(InvalidUrl::NotPublic)),
        ];
        for (kind, text, private, expected) in cases {
            assert_eq!(FeedUrl::read(kind, text, private).map(drop), expected, "{text}");
        }
    }

    #[test]
    fn files_are_fetched_from_the_feeds_own_host_and_those_that_were_named() {
        let settings = settings();
        assert_eq!(settings.check(), Ok(()));
        for (host, may) in [("example.org", true), ("FILES.example.org", true), ("a.example.org", false), ("", false)] {
            assert_eq!(settings.may_fetch_from(host), may, "{host}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let ended = FeedSettings { vanished: Vanished::Ended, kind: FeedKind::WebSocket, ..settings() };
        let cases = [
            (FeedSettings { interval: Duration::ZERO, ..settings() }, "interval"),
            (FeedSettings { most_bytes: 5 << 20, ..settings() }, "max_body_bytes"),
            (FeedSettings { silence: SignedDuration::ZERO, ..settings() }, "silence_period"),
            (FeedSettings { link_hosts: vec!["a/b".to_owned()], ..settings() }, "link_hosts"),
            (ended, "vanished"),
        ];
        for (settings, field) in cases {
            assert_eq!(settings.check().expect_err(field).field, field);
        }
    }
}

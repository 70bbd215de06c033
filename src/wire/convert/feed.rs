//! Feeds.

use std::time::Duration;

use crate::domain::{Feed, FeedKind, FeedSettings, FeedUrl, NonEmpty, SignedDuration, Vanished};
use crate::wire::v1;

use super::{InvalidField, time};

/// A feed without how it is doing.
pub fn feed_to_wire(feed: &Feed) -> v1::Feed {
    let Feed { name, settings, paused, created } = feed;
    let seconds = |span: SignedDuration| time::duration_to_wire(span.unsigned_abs());
    v1::Feed {
        name: name.to_string(),
        kind: match settings.kind {
            FeedKind::Fetched => v1::feed::Kind::Fetched,
            FeedKind::TcpStream => v1::feed::Kind::TcpStream,
            FeedKind::WebSocket => v1::feed::Kind::WebSocket,
        }
        .into(),
        urls: settings.urls.iter().map(|url| url.as_str().to_owned()).collect(),
        authority: settings.authority.to_string(),
        interval: Some(time::duration_to_wire(settings.interval)),
        link_hosts: settings.link_hosts.clone(),
        max_body_bytes: settings.most_bytes as i32,
        max_entries: settings.most_entries as i32,
        answer_timeout: Some(time::duration_to_wire(settings.answer_within)),
        grace_period: Some(seconds(settings.grace)),
        vanished: match settings.vanished {
            Vanished::Told => v1::feed::Vanished::Told,
            Vanished::Ended => v1::feed::Vanished::Ended,
        }
        .into(),
        silence_period: Some(seconds(settings.silence)),
        archive_url: settings.archive.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default(),
        paused: *paused,
        create_time: Some(time::to_wire(*created)),
        status: None,
    }
}

/// Reads what an operator says of a feed. `private`: its addresses may be of plain text, or not public.
pub fn feed_settings(feed: &v1::Feed, private: bool) -> Result<FeedSettings, InvalidField> {
    let kind = match v1::feed::Kind::try_from(feed.kind) {
        Ok(v1::feed::Kind::Fetched) => FeedKind::Fetched,
        Ok(v1::feed::Kind::TcpStream) => FeedKind::TcpStream,
        Ok(v1::feed::Kind::WebSocket) => FeedKind::WebSocket,
        Ok(v1::feed::Kind::Unspecified) => return Err(InvalidField::required("kind")),
        Err(_) => return Err(InvalidField::new("kind", "is none that is known")),
    };
    let vanished = match v1::feed::Vanished::try_from(feed.vanished) {
        Ok(v1::feed::Vanished::Unspecified | v1::feed::Vanished::Told) => Vanished::Told,
        Ok(v1::feed::Vanished::Ended) => Vanished::Ended,
        Err(_) => return Err(InvalidField::new("vanished", "is none that is known")),
    };
    let url = |(index, url): (usize, &String)| {
        FeedUrl::read(kind, url, private).map_err(|error| InvalidField::new(format!("urls[{index}]"), error))
    };
    let urls = feed.urls.iter().enumerate().map(url).collect::<Result<Vec<_>, _>>()?;
    let archive = Some(&feed.archive_url).filter(|url| !url.is_empty());
    let archive = archive.map(|url| FeedUrl::read(FeedKind::Fetched, url, private)).transpose();
    let span = |given: Option<prost_types::Duration>, field: &str, otherwise: u64| match given {
        None => Ok(otherwise),
        Some(given) if given.nanos == 0 => {
            u64::try_from(given.seconds).map_err(|_| InvalidField::new(field, "is negative"))
        }
        Some(_) => Err(InvalidField::new(field, "is no whole number of seconds")),
    };
    let count = |given: i32, field: &str, otherwise: usize| match given {
        0 => Ok(otherwise),
        given => usize::try_from(given).map_err(|_| InvalidField::new(field, "is negative")),
    };
    let signed = |seconds: u64| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    let settings = FeedSettings {
        kind,
        urls: NonEmpty::new(urls).ok_or_else(|| InvalidField::required("urls"))?,
        authority: feed.authority.parse().map_err(|error| InvalidField::new("authority", error))?,
        interval: Duration::from_secs(span(feed.interval, "interval", 60)?),
        link_hosts: feed.link_hosts.clone(),
        most_bytes: count(feed.max_body_bytes, "max_body_bytes", FeedSettings::MOST_BYTES)?,
        most_entries: count(feed.max_entries, "max_entries", 200)?,
        answer_within: Duration::from_secs(span(feed.answer_timeout, "answer_timeout", 20)?),
        grace: signed(span(feed.grace_period, "grace_period", 600)?),
        vanished,
        silence: signed(span(feed.silence_period, "silence_period", 600)?),
        archive: archive.map_err(|error| InvalidField::new("archive_url", error))?,
    };
    settings.check().map_err(|error| InvalidField::new(error.field, error.reason))?;
    Ok(settings)
}

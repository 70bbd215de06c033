//! Alerts written as CAP 1.2, in the many ways in which it can be written.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::tz::Offset;

use crate::domain::{Alert, AlertId, Area, Body, Ground, Info, NamedValue, Ring, Timestamp};

/// How a message is written: the order of its elements, its prefix, its offsets and escapes follow from the number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style(pub(super) u64);

type Elements = Vec<(&'static str, String)>;

impl Style {
    fn chance(self, of: &impl Hash, one_in: u64) -> bool {
        let mut hasher = DefaultHasher::new();
        (self.0, of).hash(&mut hasher);
        hasher.finish().is_multiple_of(one_in)
    }

    fn prefix(self) -> &'static str {
        if self.0.is_multiple_of(2) { "" } else { "cap:" }
    }

    /// The message.
    pub(super) fn cap(self, alert: &Alert) -> String {
        let prefix = self.prefix();
        let declared = if prefix.is_empty() { "xmlns" } else { "xmlns:cap" };
        let mut elements: Elements = vec![
            ("identifier", self.text(alert.id.identifier.as_str())),
            ("sender", self.text(alert.id.sender.as_str())),
            ("sent", self.time(alert.id.sent)),
            ("status", format!("{:?}", alert.mode)),
            ("scope", format!(" {:?}\n", alert.scope)),
            ("msgType", self.message_type(alert).to_owned()),
        ];
        elements.extend(alert.codes.iter().map(|code| ("code", self.text(code))));
        elements.extend(alert.note.iter().map(|note| ("note", self.text(note))));
        if !alert.subject.references.is_empty() || self.chance(&"references", 2) {
            let references = alert.subject.references.iter().map(|reference| self.reference(&reference.id));
            elements.push(("references", self.text(&references.collect::<Vec<_>>().join("\n "))));
        }
        elements.extend(alert.body.infos().iter().map(|info| ("info", self.info(info))));
        let content = self.elements(elements);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?a b?><!-- c --><{prefix}alert \
             {declared}=\"urn:oasis:names:tc:emergency:cap:1.2\">{content}<other xmlns=\"urn:other\"><info/></other>\
             </{prefix}alert>\n"
        )
    }

    /// A message that refers to others may call itself a first one all the same, and one without may be an update.
    fn message_type(self, alert: &Alert) -> &'static str {
        match alert.body {
            Body::Update(_) if self.chance(&"Update", 3) => "Alert",
            Body::Update(_) => "Update",
            Body::Cancel(_) => "Cancel",
            Body::Ack => "Ack",
            Body::Error => "Error",
            Body::Issue(_) | Body::State { .. } => "Alert",
        }
    }

    fn info(self, info: &Info) -> String {
        let mut elements: Elements = vec![
            ("event", self.text(&info.event)),
            ("urgency", info.urgency.as_str().to_owned()),
            ("severity", info.severity.as_str().to_owned()),
            ("certainty", info.certainty.as_str().to_owned()),
        ];
        if info.language.as_str() != "en-us" || self.chance(&"language", 2) {
            elements.push(("language", info.language.as_str().replace('-', "_").to_uppercase()));
        }
        elements.extend(info.categories.iter().map(|category| ("category", category.as_str().to_owned())));
        elements.extend(info.response_types.iter().map(|response| ("responseType", response.as_str().to_owned())));
        elements.extend(info.event_codes.iter().map(|code| ("eventCode", self.named_value(code))));
        elements.extend(info.parameters.iter().map(|parameter| ("parameter", self.named_value(parameter))));
        let times = [("effective", info.effective), ("onset", info.onset), ("expires", info.expires)];
        elements.extend(times.into_iter().filter_map(|(name, time)| Some((name, self.time(time?)))));
        let texts = [
            ("senderName", &info.texts.sender_name),
            ("headline", &info.texts.headline),
            ("description", &info.texts.description),
            ("instruction", &info.texts.instruction),
            ("web", &info.texts.web),
            ("contact", &info.texts.contact),
            ("audience", &info.texts.audience),
        ];
        elements.extend(texts.into_iter().filter_map(|(name, text)| Some((name, self.text(text.as_ref()?)))));
        if let Ground::Areas(areas) = &info.ground {
            elements.extend(areas.iter().map(|area| ("area", self.area(area))));
        }
        self.elements(elements)
    }

    fn area(self, area: &Area) -> String {
        let mut elements: Elements = vec![("areaDesc", self.text(&area.description))];
        for polygon in &area.polygons {
            elements.push(("polygon", self.ring(&polygon.outer)));
            for hole in &polygon.holes {
                let (name, value) = ("EXCLUDE_POLYGON".to_owned(), self.ring(hole));
                elements.push(("geocode", self.elements(vec![("valueName", name), ("value", value)])));
            }
        }
        for circle in &area.circles {
            elements.push(("circle", format!("{},{} {}", circle.lat(), circle.lon(), circle.radius_m() / 1000.0)));
        }
        for code in &area.geocodes {
            let (name, value) = (self.text(&code.scheme), self.text(&code.code));
            elements.push(("geocode", self.elements(vec![("valueName", name), ("value", value)])));
        }
        if let Some((altitude, ceiling)) = area.altitude_ft {
            elements.push(("altitude", altitude.to_string()));
            elements.extend(ceiling.map(|ceiling| ("ceiling", ceiling.to_string())));
        }
        if area.polygons.is_empty() && self.chance(&"empty", 2) {
            elements.push(("polygon", " ".to_owned()));
        }
        self.elements(elements)
    }

    fn named_value(self, named: &NamedValue) -> String {
        self.elements(vec![("valueName", self.text(&named.name)), ("value", self.text(&named.value))])
    }

    fn ring(self, ring: &Ring) -> String {
        let between = if self.chance(&ring.points().len(), 2) { " " } else { "\n\t " };
        let points = ring.points().iter().chain(ring.points().first()).map(|[lon, lat]| format!("{lat},{lon}"));
        format!("{between}{}", points.collect::<Vec<_>>().join(between))
    }

    fn reference(self, id: &AlertId) -> String {
        format!("{},{},{}", id.sender.as_str(), id.identifier.as_str(), self.time(id.sent))
    }

    fn time(self, time: Timestamp) -> String {
        let seconds = [0, -6, 8, 14, -12][(self.0 % 5) as usize] * 3_600 + 1_800 * i32::from(self.0 % 5 < 3);
        let offset = Offset::from_seconds(seconds).expect("within a day");
        let local = offset.to_datetime(time);
        let fraction = match local.subsec_nanosecond() {
            0 if self.chance(&"fraction", 2) => String::new(),
            nanosecond => format!(".{nanosecond:09}"),
        };
        let sign = if seconds < 0 { '-' } else { '+' };
        let (hours, minutes) = (seconds.abs() / 3_600, seconds.abs() / 60 % 60);
        format!("{}{fraction}{sign}{hours:02}:{minutes:02}", local.strftime("%Y-%m-%dT%H:%M:%S"))
    }

    /// A text with what XML does not allow in it escaped, in one of three ways.
    fn text(self, text: &str) -> String {
        if self.chance(&text, 4) && !text.contains("]]>") {
            return format!("<![CDATA[{text}]]>");
        }
        let by_number = self.chance(&(text, 1), 2);
        let mut escaped = String::from(" ");
        for character in text.chars() {
            match character {
                '<' | '&' | '>' if by_number => {
                    write!(escaped, "&#x{:x};", u32::from(character)).expect("a string takes all");
                }
                '<' => escaped.push_str("&lt;"),
                '&' => escaped.push_str("&amp;"),
                '>' => escaped.push_str("&gt;"),
                other => escaped.push(other),
            }
        }
        if self.chance(&(text, 2), 4) {
            escaped.push_str("<!-- it says -->");
        }
        escaped
    }

    /// Elements in an order of this style; those of one name keep theirs.
    fn elements(self, mut elements: Elements) -> String {
        let place = |name: &str| {
            let mut hasher = DefaultHasher::new();
            (self.0, name).hash(&mut hasher);
            hasher.finish()
        };
        elements.sort_by_key(|(name, _)| place(name));
        let prefix = self.prefix();
        let element = |(name, content)| format!("\n<{prefix}{name}>{content}</{prefix}{name}>");
        elements.into_iter().map(element).collect()
    }
}

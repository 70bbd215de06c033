//! What every telegram of JMA begins with: `Control` and `Head`.

use crate::domain::{Category, EventKey, InfoTexts, Mode, Timestamp};
use crate::format::error::excerpt;
use crate::format::local_time::instant;
use crate::format::telegram::{Act, Telegram, Told};
use crate::format::text::{line, plain};
use crate::format::xml::Element;
use crate::format::{FormatError, WrittenEarthquake};

use super::{BASIS, METEOROLOGY, SEISMOLOGY, SENDER, VOLCANOLOGY, event};

/// A type of telegram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Vxse42,
    Vxse43,
    Vxse44,
    Vxse45,
    Vxse51,
    Vxse52,
    Vxse53,
    Vxse61,
    Vtse41,
    Vtse51,
    Vtse52,
    Vpww53,
    Vpww54,
    Vxko,
    Vxww50,
    Vpoa50,
    Vpww55,
    Vpww56,
    Vpww57,
    Vpww58,
    Vpww59,
    Vpww60,
    Vpww61,
    Vpbs50,
    Vphw50,
    Vphw51,
    Vfvo50,
    Vfvo56,
}

/// Each type with `Control/Title`, its code, and the format as it is told to people.
const KINDS: [(Kind, &str, &str, &str); 28] = [
    (Kind::Vxse45, "緊急地震速報（地震動予報）", "VXSE45", "JMA XML VXSE45"),
    (Kind::Vxse43, "緊急地震速報（警報）", "VXSE43", "JMA XML VXSE43"),
    (Kind::Vxse44, "緊急地震速報（予報）", "VXSE44", "JMA XML VXSE44"),
    (Kind::Vxse42, "緊急地震速報配信テスト", "VXSE42", "JMA XML VXSE42"),
    (Kind::Vtse41, "津波警報・注意報・予報a", "VTSE41", "JMA XML VTSE41"),
    (Kind::Vtse51, "津波情報a", "VTSE51", "JMA XML VTSE51"),
    (Kind::Vtse52, "沖合の津波観測に関する情報", "VTSE52", "JMA XML VTSE52"),
    (Kind::Vxse51, "震度速報", "VXSE51", "JMA XML VXSE51"),
    (Kind::Vxse52, "震源に関する情報", "VXSE52", "JMA XML VXSE52"),
    (Kind::Vxse53, "震源・震度に関する情報", "VXSE53", "JMA XML VXSE53"),
    (Kind::Vxse61, "顕著な地震の震源要素更新のお知らせ", "VXSE61", "JMA XML VXSE61"),
    (Kind::Vpww54, "気象警報・注意報（Ｈ２７）", "VPWW54", "JMA XML VPWW54"),
    (Kind::Vpww53, "気象特別警報・警報・注意報", "VPWW53", "JMA XML VPWW53"),
    (Kind::Vxww50, "土砂災害警戒情報", "VXWW50", "JMA XML VXWW50"),
    (Kind::Vxko, "指定河川洪水予報", "VXKO", "JMA XML VXKO"),
    (Kind::Vpoa50, "記録的短時間大雨情報", "VPOA50", "JMA XML VPOA50"),
    (Kind::Vpww55, "気象警報・注意報（Ｒ０６）（大雨）", "VPWW55", "JMA XML VPWW55"),
    (Kind::Vpww56, "気象警報・注意報（Ｒ０６）（土砂災害）", "VPWW56", "JMA XML VPWW56"),
    (Kind::Vpww57, "気象警報・注意報（Ｒ０６）（高潮）", "VPWW57", "JMA XML VPWW57"),
    (Kind::Vpww58, "気象警報・注意報（Ｒ０６）（暴風）", "VPWW58", "JMA XML VPWW58"),
    (Kind::Vpww59, "気象警報・注意報（Ｒ０６）（波浪）", "VPWW59", "JMA XML VPWW59"),
    (Kind::Vpww60, "気象警報・注意報（Ｒ０６）（大雪）", "VPWW60", "JMA XML VPWW60"),
    (Kind::Vpww61, "気象警報・注意報（Ｒ０６）（その他注意報）", "VPWW61", "JMA XML VPWW61"),
    (Kind::Vpbs50, "府県気象防災速報", "VPBS50", "JMA XML VPBS50"),
    (Kind::Vphw50, "竜巻注意情報", "VPHW50", "JMA XML VPHW50"),
    (Kind::Vphw51, "竜巻注意情報（目撃情報付き）", "VPHW51", "JMA XML VPHW51"),
    (Kind::Vfvo50, "噴火警報・予報", "VFVO50", "JMA XML VFVO50"),
    (Kind::Vfvo56, "噴火速報", "VFVO56", "JMA XML VFVO56"),
];

/// `InfoType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InfoType {
    /// 発表, or 遅延 where it comes late.
    Issue,
    /// 訂正.
    Correction,
    /// 取消.
    Withdrawal,
}

/// What stands before the body.
pub(super) struct Head {
    pub(super) kind: Kind,
    /// `Control/Title`.
    pub(super) title: String,
    pub(super) mode: Mode,
    pub(super) info_type: InfoType,
    pub(super) event_id: Option<String>,
    pub(super) serial: Option<u32>,
    /// `ReportDateTime`, as written and as an instant.
    pub(super) reported: (String, Timestamp),
    /// Who says it, and the headline.
    pub(super) texts: InfoTexts,
}

impl Kind {
    fn row(self) -> &'static (Self, &'static str, &'static str, &'static str) {
        KINDS.iter().find(|row| row.0 == self).expect("every kind has its row, as a test shows")
    }

    /// The code that JMA gives the type.
    pub(super) fn code(self) -> &'static str {
        self.row().2
    }

    /// The namespace of its body.
    pub(super) fn body(self) -> &'static str {
        match self {
            Self::Vxse42
            | Self::Vxse43
            | Self::Vxse44
            | Self::Vxse45
            | Self::Vxse51
            | Self::Vxse52
            | Self::Vxse53
            | Self::Vxse61
            | Self::Vtse41
            | Self::Vtse51
            | Self::Vtse52 => SEISMOLOGY,
            Self::Vfvo50 | Self::Vfvo56 => VOLCANOLOGY,
            _ => METEOROLOGY,
        }
    }

    pub(super) fn category(self) -> Category {
        if self.body() == METEOROLOGY { Category::Met } else { Category::Geo }
    }

    /// Whether it tells of one hazard alone of those that a prefecture is warned of.
    pub(super) fn is_of_one_hazard(self) -> bool {
        matches!(
            self,
            Self::Vpww55 | Self::Vpww56 | Self::Vpww57 | Self::Vpww58 | Self::Vpww59 | Self::Vpww60 | Self::Vpww61
        )
    }

    /// The types that tell of one and the same event, joined by its `EventID`.
    fn family(self) -> &'static str {
        match self {
            Self::Vxse42 | Self::Vxse43 | Self::Vxse44 | Self::Vxse45 => "jma-eew",
            Self::Vxse51 | Self::Vxse52 | Self::Vxse53 | Self::Vxse61 => "jma-quake",
            Self::Vtse41 | Self::Vtse51 | Self::Vtse52 => "jma-tsunami",
            Self::Vpww53 | Self::Vpww54 => "jma-weather",
            // Since 2026 each hazard has a telegram of its own, which says nothing of the others.
            Self::Vpww55 => "jma-rain-warning",
            Self::Vpww56 => "jma-slope-warning",
            Self::Vpww57 => "jma-surge-warning",
            Self::Vpww58 => "jma-wind-warning",
            Self::Vpww59 => "jma-wave-warning",
            Self::Vpww60 => "jma-snow-warning",
            Self::Vpww61 => "jma-advisories",
            Self::Vpbs50 => "jma-bulletin",
            Self::Vphw50 | Self::Vphw51 => "jma-tornado",
            Self::Vfvo50 => "jma-volcano",
            Self::Vfvo56 => "jma-eruption",
            Self::Vxko => "jma-flood",
            Self::Vxww50 => "jma-landslide",
            Self::Vpoa50 => "jma-rain",
        }
    }
}

/// Reads `Control` and `Head`.
pub(super) fn read(root: &Element) -> Result<Head, FormatError> {
    let control = root.sole("Control")?;
    let title = control.required("Title")?;
    // The list of titles and telegrams of 2024 differ in this one's name.
    let listed = if title == "気象警報・注意報（Ｒ０６）（土砂）" {
        "気象警報・注意報（Ｒ０６）（土砂災害）"
    } else {
        &*title
    };
    let kind = KINDS.iter().find(|row| row.1 == listed).map(|row| row.0);
    let unknown = |element: &Element, name, text: &str| FormatError::UnknownValue {
        field: element.path.field(name).to_string(),
        value: excerpt(text),
    };
    let kind = kind.ok_or_else(|| unknown(&control, "Title", &title))?;
    let status = control.required("Status")?;
    let mode = match &*status {
        "通常" => Mode::Actual,
        "訓練" => Mode::Exercise,
        "試験" => Mode::Test,
        _ => return Err(unknown(&control, "Status", &status)),
    };
    let basis = root.with_namespace(BASIS);
    let head = basis.sole("Head")?;
    let info_type = head.required("InfoType")?;
    let info_type = match &*info_type {
        "発表" | "遅延" => InfoType::Issue,
        "訂正" => InfoType::Correction,
        "取消" => InfoType::Withdrawal,
        _ => return Err(unknown(&head, "InfoType", &info_type)),
    };
    let reported = head.required("ReportDateTime")?;
    let at = instant(&head.path.field("ReportDateTime"), &reported)?;
    let headline = head.once("Headline")?;
    let headline = headline.map(|headline| headline.text("Text")).transpose()?.flatten();
    let office = control.text("PublishingOffice")?;
    Ok(Head {
        kind,
        title: title.into_owned(),
        mode,
        info_type,
        event_id: head.text("EventID")?.map(|id| line(&id)),
        serial: serial(&head)?,
        reported: (excerpt(&reported), at),
        texts: InfoTexts {
            sender_name: office.map(|office| line(&office)),
            headline: headline.map(|text| line(&text)).filter(|text| !text.is_empty()),
            ..InfoTexts::default()
        },
    })
}

fn serial(head: &Element) -> Result<Option<u32>, FormatError> {
    let Some(text) = head.text("Serial")? else { return Ok(None) };
    let number = if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None };
    let fault = || FormatError::NotANumber { field: head.path.field("Serial").to_string(), value: excerpt(&text) };
    number.map(Some).ok_or_else(fault)
}

/// A text of several lines, of a child that may stand once.
pub(super) fn more_text(of: &Element, name: &'static str) -> Result<Option<String>, FormatError> {
    Ok(of.text(name)?.map(|text| plain(&text)).filter(|text| !text.is_empty()))
}

impl Head {
    /// What names the telegram: the event, the type, its number or its time, and whether it corrects or withdraws.
    fn identifier(&self, key: &str) -> String {
        let number = self.serial.map_or_else(|| self.reported.1.as_second().to_string(), |serial| serial.to_string());
        let suffix = match self.info_type {
            InfoType::Issue => "",
            InfoType::Correction => ".correction",
            InfoType::Withdrawal => ".withdrawal",
        };
        format!("{key}.{}.{number}{suffix}", self.kind.code())
    }

    /// The telegram with what its body says.
    pub(super) fn telegram(self, act: Act, told: Vec<Told>, earthquake: Option<WrittenEarthquake>) -> Telegram {
        let key = self.event_id.clone();
        self.telegram_of(key.as_deref(), act, told, earthquake)
    }

    /// The telegram with what its body says, of an event that is named otherwise than by `EventID`.
    pub(super) fn telegram_of(
        self,
        key: Option<&str>,
        act: Act,
        told: Vec<Told>,
        earthquake: Option<WrittenEarthquake>,
    ) -> Telegram {
        let is_seismic = self.kind.body() == SEISMOLOGY;
        let earthquake = earthquake.or_else(|| is_seismic.then(|| self.earthquake()));
        let event: Option<EventKey> = key.map(|key| event(self.kind.family(), self.kind, key, self.serial));
        Telegram {
            format: self.kind.row().3,
            sender: SENDER,
            identifier: self.identifier(key.unwrap_or("none")),
            sent: self.reported,
            mode: self.mode,
            event,
            act,
            told,
            earthquake,
            fault: None,
            refusals: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_row_and_each_title_is_of_one_kind() {
        for (index, (kind, title, code, format)) in KINDS.iter().enumerate() {
            assert_eq!(KINDS.iter().position(|row| row.0 == *kind), Some(index));
            assert_eq!(KINDS.iter().position(|row| row.1 == *title), Some(index));
            assert!(format.ends_with(code) && format!("{kind:?}").to_uppercase() == **code, "{kind:?}");
        }
        // The last of the enum is the last of its count.
        assert_eq!(Kind::Vfvo56 as usize + 1, KINDS.len());
    }
}

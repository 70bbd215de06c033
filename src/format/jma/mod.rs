//! The telegrams of the Japan Meteorological Agency in its own XML (気象庁防災情報XMLフォーマット): early warnings of
//! earthquakes, information about earthquakes, tsunami warnings, weather warnings, eruptions and what goes with them.
//!
//! A telegram does not name its own type (VXSE45): it is known by `Control/Title`. Its `Status` is the mode: 通常 is for
//! real, 訓練 an exercise, 試験 a test. `InfoType` 取消 takes back what was sent, has no areas, and in early warnings
//! repeats the serial before it (`jma-eew/77_01_33_240613_VXSE45.xml`), so that it is part of a telegram's name.
//! Serials count within one type: VXSE43, VXSE44 and VXSE45 of one earthquake each begin at 1. So an event's scheme is
//! its family and the type, `jma-eew/VXSE45`, and its key JMA's `EventID`, by which the types of a family are joined.
//!
//! Urgency, severity and certainty are not JMA's words; each reader says where it takes them from.

mod early_warning;
mod head;
mod hypocentre;
mod intensity;
mod names;
mod notice;
mod observed;
mod scheme;
mod tsunami;
mod weather;

use crate::domain::{Category, EventKey};

use super::content::Content;
use super::telegram::{Act, Telegram, Told};
use super::xml::Element;
use super::{Format, FormatError, Limits, Message, Outline, WrittenEarthquake};

use head::{Head, InfoType, Kind};

pub(super) use early_warning::{SCHEME_OF_WARNINGS, unlisted};
pub(super) use intensity::{Class, Shaken, told as told_by_intensity};
pub(super) use names::{local as local_code, tsunami as tsunami_code};
pub(super) use scheme::TSUNAMI;

/// JMA's XML.
pub(super) struct Jma;

/// Namespace of the envelope.
const REPORT: &str = "http://xml.kishou.go.jp/jmaxml1/";
/// Namespace of the head.
const BASIS: &str = "http://xml.kishou.go.jp/jmaxml1/informationBasis1/";
/// Namespace of elements that several bodies have.
const ELEMENTS: &str = "http://xml.kishou.go.jp/jmaxml1/elementBasis1/";
/// Namespace of bodies about earthquakes and tsunamis.
const SEISMOLOGY: &str = "http://xml.kishou.go.jp/jmaxml1/body/seismology1/";
/// Namespace of bodies about weather and water.
const METEOROLOGY: &str = "http://xml.kishou.go.jp/jmaxml1/body/meteorology1/";
/// Namespace of bodies about volcanoes.
const VOLCANOLOGY: &str = "http://xml.kishou.go.jp/jmaxml1/body/volcanology1/";

const SENDER: &str = "jma.go.jp";

impl Format for Jma {
    fn is_of(&self, content: &Content) -> bool {
        let Content::Xml(root) = content else { return false };
        root.tag_name().name() == "Report" && root.tag_name().namespace() == Some(REPORT)
    }

    fn read(&self, content: &Content, limits: &Limits) -> Result<Vec<Message>, FormatError> {
        let Content::Xml(root) = content else { return Err(content.unknown()) };
        Ok(vec![Message::whole(report(&Element::root(*root, REPORT, limits), limits))])
    }
}

fn report(root: &Element, limits: &Limits) -> Result<Outline, FormatError> {
    let head = head::read(root)?;
    let telegram = match head.kind {
        _ if head.info_type == InfoType::Withdrawal => withdrawal(root, head)?,
        Kind::Vxse42 => delivery_test(root, head)?,
        Kind::Vxse43 | Kind::Vxse44 | Kind::Vxse45 => early_warning::read(root, head)?,
        Kind::Vxse51 | Kind::Vxse52 | Kind::Vxse53 | Kind::Vxse61 => observed::read(root, head)?,
        Kind::Vtse41 | Kind::Vtse51 | Kind::Vtse52 => tsunami::read(root, head)?,
        Kind::Vpww53 | Kind::Vpww54 => weather::read(root, head, limits)?,
        kind if kind.is_of_one_hazard() => weather::read(root, head, limits)?,
        _ => notice::read(root, head, limits)?,
    };
    telegram.outline(limits)
}

/// 取消: whatever was sent of the event is taken back. It goes to everyone who was told, and has no areas.
fn withdrawal(root: &Element, head: Head) -> Result<Telegram, FormatError> {
    let mut texts = head.texts.clone();
    let basis = root.with_namespace(head.kind.body());
    if let Some(body) = basis.once("Body")? {
        texts.description = head::more_text(&body, "Text")?;
    }
    let told = Told::of_cancel(head.kind.category(), &head.title, texts);
    Ok(head.telegram(Act::Cancel, vec![told], None))
}

/// VXSE42: a test of the lines to those who pass telegrams on. It tells of no ground and is for nobody (mode `System`),
/// whatever its status is.
fn delivery_test(root: &Element, head: Head) -> Result<Telegram, FormatError> {
    use crate::domain::{Certainty, Ground, Mode, Severity, Urgency};
    let basis = root.with_namespace(SEISMOLOGY);
    let grades = (Urgency::Unknown, Severity::Unknown, Certainty::Unknown);
    let mut told = Told::new(Category::Geo, &head.title, grades, Ground::None);
    told.info.texts = head.texts.clone();
    if let Some(body) = basis.once("Body")? {
        told.info.texts.description = head::more_text(&body, "Text")?;
    }
    let earthquake = head.earthquake();
    let mut telegram = head.telegram(Act::Issue, vec![told], Some(earthquake));
    telegram.mode = Mode::System;
    Ok(telegram)
}

/// The key of an event of a family.
fn event(family: &str, kind: Kind, key: &str, serial: Option<u32>) -> EventKey {
    EventKey { scheme: format!("{family}/{}", kind.code()).into(), key: key.into(), serial }
}

impl Head {
    /// What is written of the event before its earthquake is read.
    fn earthquake(&self) -> WrittenEarthquake {
        WrittenEarthquake {
            event: self.event_id.clone().unwrap_or_default(),
            serial: self.serial,
            ..WrittenEarthquake::default()
        }
    }

    /// Whether it is the first of its event: it is not counted on, and corrects nothing.
    fn is_first(&self) -> bool {
        self.info_type == InfoType::Issue && self.serial.is_none_or(|serial| serial <= 1)
    }
}

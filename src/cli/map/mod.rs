//! A map of an area and of the devices in it: drawn in the terminal, and as an SVG that needs nothing beside it.
//!
//! A [`MapScene`] is all that a drawing depends on: the same scene gives the same picture. The map is equirectangular,
//! true to scale along its middle latitude. It is cut open where no area is, so that an area over the antimeridian is
//! drawn in one piece. What is written on it may come from an alert, and so from strangers: control characters are left
//! out.

mod outline;
mod svg;
mod terminal;
mod tint;
mod view;

use crate::domain::{Area, Position};

pub use tint::Tint;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct MapScene<'a> {
    /// The ground that was warned; the map shows all of it. A later one is drawn over those before it.
    pub areas: &'a [Area],
    /// The tint of each of the areas; of those beyond its end, that of a warning.
    pub tints: &'a [Tint],
    /// What the tints mean. With any, the legend tells these instead of devices.
    pub keys: &'a [(String, Tint)],
    /// Devices that were told.
    pub told: &'a [Position],
    /// Devices that were not.
    pub untold: &'a [Position],
    /// Names and where they are written, the most important first; one that would cover another is left out.
    pub labels: &'a [(String, Position)],
    /// What stands above.
    pub title: &'a str,
}

impl MapScene<'_> {
    /// The map in characters: outlines in braille dots, devices told as shades by their number. At most `columns` wide;
    /// each line ends with a newline. Without `colour` there are no escape sequences in it.
    pub fn terminal(&self, columns: u16, colour: bool) -> String {
        terminal::draw(self, columns, colour)
    }

    /// The map as an SVG document, with legend and scale. Draws at most 20,000 devices: every n-th, if there are more.
    pub fn svg(&self) -> String {
        svg::draw(self)
    }
}

/// A number with commas between its thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;

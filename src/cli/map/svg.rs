//! The map as an SVG document.

use std::fmt::Write as _;

use crate::cli::plain;
use crate::domain::Position;

use super::view::View;
use super::{MapScene, Tint, grouped};

/// Width and height that the map has at most, pixels.
const MOST: [f64; 2] = [960.0, 720.0];

/// Devices drawn of those told, and of those not told.
const DRAWN: usize = 10_000;

/// Names that are written at most.
const LABELS: usize = 24;

/// Above the map, and below it.
const BANDS: [f64; 2] = [36.0, 64.0];

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#222}\
.title{font-size:16px;font-weight:600}\
.name{paint-order:stroke;stroke:#fff;stroke-width:3px;font-size:12px}\
.area{fill:#f6c344;stroke:#b45309;stroke-width:1.5;stroke-linejoin:round;fill-rule:evenodd}\
.told,.untold{fill:none;stroke-linecap:round}\
.told{stroke:#b91c1c;stroke-width:2.4;stroke-opacity:.7}\
.untold{stroke:#6b7280;stroke-width:1.8;stroke-opacity:.6}\
.key{stroke-width:7}";

pub(super) fn draw(scene: &MapScene<'_>) -> String {
    let mut text = String::new();
    document(scene, &mut text).expect("a string takes all that is written to it");
    text
}

fn document(scene: &MapScene<'_>, out: &mut String) -> std::fmt::Result {
    let view = View::of(scene);
    let scale = (MOST[0] / view.size[0]).min(MOST[1] / view.size[1]);
    let [width, height] = view.size.map(|extent| extent * scale);
    // Legend and title need their room, however narrow the map is.
    let page = [width.max(480.0), height + BANDS[0] + BANDS[1]];
    let title = escaped(scene.title);
    let viewbox = format!("0 0 {:.0} {:.0}", page[0], page[1]);
    writeln!(out, r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="{viewbox}" role="img">"#)?;
    writeln!(out, "<title>{title}</title>\n<style>{STYLE}</style>")?;
    writeln!(out, r##"<rect width="100%" height="100%" fill="#fff"/>"##)?;
    writeln!(out, r#"<text class="title" x="8" y="24">{title}</text>"#)?;
    let sheet = format!(r#"width="{width:.1}" height="{height:.1}""#);
    writeln!(out, r#"<svg y="{:.0}" {sheet} viewBox="0 0 {width:.1} {height:.1}">"#, BANDS[0])?;
    writeln!(out, r##"<rect width="100%" height="100%" fill="#eef2f5"/>"##)?;
    out.push_str("<g opacity=\".55\">\n");
    for shape in &view.shapes {
        outline(&view.rings(shape), shape.tint, scale, out)?;
    }
    out.push_str("</g>\n");
    let untold_each = dots(&view, scene.untold, scale, "untold", out)?;
    let told_each = dots(&view, scene.told, scale, "told", out)?;
    names(&view, scene, scale, out)?;
    out.push_str("</svg>\n");
    legend(scene, &view, scale, [told_each, untold_each], height + BANDS[0] + 26.0, out)?;
    out.push_str("</svg>\n");
    Ok(())
}

/// One path, whose rings are filled by the even-odd rule.
fn outline(rings: &[Vec<[f64; 2]>], tint: Tint, scale: f64, out: &mut String) -> std::fmt::Result {
    let style = match tint {
        Tint::Warned => String::new(),
        Tint::Step(_) => format!(r#" style="fill:{};stroke:#475569;stroke-width:.8""#, tint.fill()),
    };
    write!(out, r#"<path class="area"{style} d=""#)?;
    for ring in rings {
        for (index, [x, y]) in ring.iter().enumerate() {
            write!(out, "{}{:.1} {:.1}", if index == 0 { "M" } else { "L" }, x * scale, y * scale)?;
        }
        out.push('Z');
    }
    out.push_str("\"/>\n");
    Ok(())
}

/// Draws at most [`DRAWN`] positions, as one path of lines without length whose ends are round. Devices that would be
/// drawn on the same tenth of a pixel are drawn once. Returns of how many dots one was drawn.
fn dots(view: &View, places: &[Position], scale: f64, class: &str, out: &mut String) -> Result<usize, std::fmt::Error> {
    let pixel = |[x, y]: [f64; 2]| ((y * scale * 10.0).round() as i32, (x * scale * 10.0).round() as i32);
    let mut pixels: Vec<_> = places.iter().filter_map(|at| view.place(*at).map(pixel)).collect();
    pixels.sort_unstable();
    pixels.dedup();
    let each = pixels.len().div_ceil(DRAWN).max(1);
    write!(out, r#"<path class="{class}" d=""#)?;
    for (y, x) in pixels.iter().step_by(each) {
        write!(out, "M{} {}h0", f64::from(*x) / 10.0, f64::from(*y) / 10.0)?;
    }
    out.push_str("\"/>\n");
    Ok(each)
}

/// Names, but those that would lie over one that is there already.
fn names(view: &View, scene: &MapScene<'_>, scale: f64, out: &mut String) -> std::fmt::Result {
    let mut taken: Vec<[f64; 4]> = Vec::new();
    for (name, at) in scene.labels {
        let Some([x, y]) = view.place(*at).map(|at| at.map(|along| along * scale)) else { continue };
        let name = plain(name);
        let covers = [x - 4.0, y - 10.0, x + 8.0 + 7.5 * name.chars().count() as f64, y + 6.0];
        let beyond = covers[2] > view.size[0] * scale;
        let over = |it: &[f64; 4]| covers[0] < it[2] && it[0] < covers[2] && covers[1] < it[3] && it[1] < covers[3];
        if beyond || taken.iter().any(over) {
            continue;
        }
        taken.push(covers);
        let name = escaped(&name);
        write!(out, r##"<circle cx="{x:.1}" cy="{y:.1}" r="2.5" fill="#222" stroke="#fff"/>"##)?;
        writeln!(out, r#"<text class="name" x="{:.1}" y="{:.1}">{name}</text>"#, x + 6.0, y + 4.0)?;
        if taken.len() == LABELS {
            break;
        }
    }
    Ok(())
}

fn legend(
    scene: &MapScene<'_>,
    view: &View,
    scale: f64,
    each: [usize; 2],
    y: f64,
    out: &mut String,
) -> std::fmt::Result {
    let sampled = |each: usize| if each > 1 { format!(" (1 of {each} drawn)") } else { String::new() };
    let told = format!("told {}{}", grouped(scene.told.len()), sampled(each[0]));
    let untold = format!("not told {}{}", grouped(scene.untold.len()), sampled(each[1]));
    let dot = y - 4.5;
    if !scene.keys.is_empty() {
        keys(scene.keys, y, out)?;
        return scale_bar(view, scale, y + 22.0, out);
    }
    writeln!(out, r#"<path class="area" opacity=".55" d="M8 {:.1}h14v12h-14Z"/>"#, y - 11.0)?;
    writeln!(out, r#"<text x="28" y="{y:.1}">area</text>"#)?;
    writeln!(out, r#"<path class="told key" d="M76 {dot:.1}h0"/><text x="84" y="{y:.1}">{told}</text>"#)?;
    writeln!(out, r#"<path class="untold key" d="M264 {dot:.1}h0"/><text x="272" y="{y:.1}">{untold}</text>"#)?;
    scale_bar(view, scale, y + 22.0, out)
}

/// What the tints mean, side by side.
fn keys(keys: &[(String, Tint)], y: f64, out: &mut String) -> std::fmt::Result {
    let mut x = 8.0;
    for (name, tint) in keys {
        let name = plain(name);
        let square = format!("M{x:.1} {:.1}h14v12h-14Z", y - 11.0);
        writeln!(out, r##"<path d="{square}" fill="{}" fill-opacity=".6" stroke="#475569"/>"##, tint.fill())?;
        writeln!(out, r#"<text x="{:.1}" y="{y:.1}">{}</text>"#, x + 19.0, escaped(&name))?;
        x += 32.0 + 7.5 * name.chars().count() as f64;
    }
    Ok(())
}

fn scale_bar(view: &View, scale: f64, y: f64, out: &mut String) -> std::fmt::Result {
    let (km, length) = view.scale();
    let (begin, end) = (8.0, 8.0 + length * scale);
    let bar = format!("M{begin:.1} {:.1}v6H{end:.1}v-6", y - 10.0);
    writeln!(out, r##"<path d="{bar}" fill="none" stroke="#222"/>"##)?;
    writeln!(out, r#"<text x="{:.1}" y="{y:.1}">{km} km</text>"#, end + 6.0)
}

/// A text as XML has it (XML 1.0, section 2.4).
fn escaped(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

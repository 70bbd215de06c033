//! The map in characters.

use std::fmt::Write as _;

use crate::cli::plain;

use super::view::View;
use super::{MapScene, Tint, grouped};

/// Lines that a map may have, so that it and what is written below are seen at once.
const MOST_LINES: f64 = 40.0;

/// A character is about twice as high as wide, and holds two by four braille dots.
const DOTS: [f64; 2] = [2.0, 4.0];

/// Names that are tried at most.
const LABELS: usize = 12;

const SHADES: [char; 4] = ['░', '▒', '▓', '█'];

/// What a character shows; of several, the last in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Ink {
    #[default]
    Nothing,
    Untold,
    Outline(Tint),
    Told,
    Name,
}

impl Ink {
    /// The escape sequence of its colour.
    fn colour(self) -> &'static str {
        match self {
            Self::Nothing => "\x1b[0m",
            Self::Untold => "\x1b[0;2m",
            Self::Outline(tint) => tint.ink(),
            Self::Told => "\x1b[0;32m",
            Self::Name => "\x1b[0;1m",
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// Bits of U+2800 and those after it.
    dots: u8,
    tint: Tint,
    told: usize,
    untold: usize,
    letter: Option<char>,
}

struct Canvas {
    columns: usize,
    lines: usize,
    /// Braille dots of a degree of latitude.
    scale: f64,
    cells: Vec<Cell>,
}

pub(super) fn draw(scene: &MapScene<'_>, columns: u16, colour: bool) -> String {
    let view = View::of(scene);
    let mut canvas = Canvas::of(&view, f64::from(columns.clamp(20, 400)));
    for shape in &view.shapes {
        for ring in view.rings(shape) {
            canvas.outline(&ring, shape.tint);
        }
    }
    for (places, told) in [(scene.told, true), (scene.untold, false)] {
        for at in places.iter().filter_map(|at| view.place(*at)) {
            if let Some(cell) = canvas.cell(at) {
                *(if told { &mut cell.told } else { &mut cell.untold }) += 1;
            }
        }
    }
    let labels = scene.labels.iter().filter_map(|(name, at)| Some((name, view.place(*at)?)));
    for (name, at) in labels.take(LABELS) {
        canvas.name(&plain(name), at);
    }
    let mut text = format!("{}\n", plain(scene.title));
    canvas.write(&mut text, colour);
    legend(scene, &view, &canvas, colour, &mut text);
    text
}

fn legend(scene: &MapScene<'_>, view: &View, canvas: &Canvas, colour: bool, text: &mut String) {
    let (km, length) = view.scale();
    let bar = "─".repeat(((length * canvas.scale / DOTS[0]) as usize).saturating_sub(2));
    let (told, untold) = (grouped(scene.told.len()), grouped(scene.untold.len()));
    if !scene.keys.is_empty() {
        for (name, tint) in scene.keys {
            let [on, off] = if colour { [tint.ink(), "\x1b[0m"] } else { ["", ""] };
            write!(text, "{on}⠒⠒{off} {}   ", plain(name)).expect("a string takes all");
        }
        writeln!(text, "├{bar}┤ {km} km").expect("a string takes all");
        return;
    }
    writeln!(text, "░▒▓█ told {told}   · not told {untold}   ⠒⠒ area   ├{bar}┤ {km} km").expect("a string takes all");
}

impl Canvas {
    fn of(view: &View, columns: f64) -> Self {
        let [width, height] = view.size;
        let scale = (columns * DOTS[0] / width).min(MOST_LINES * DOTS[1] / height);
        let cells = |extent: f64, dots: f64| ((extent * scale / dots).ceil() as usize).max(1);
        let (columns, lines) = (cells(width, DOTS[0]), cells(height, DOTS[1]));
        Self { columns, lines, scale, cells: vec![Cell::default(); columns * lines] }
    }

    /// The character at a point of the map, or `None` beyond its edge.
    fn cell(&mut self, [x, y]: [f64; 2]) -> Option<&mut Cell> {
        let (column, line) = ((x * self.scale / DOTS[0]).floor(), (y * self.scale / DOTS[1]).floor());
        let inside = (0.0..self.columns as f64).contains(&column) && (0.0..self.lines as f64).contains(&line);
        inside.then(|| &mut self.cells[line as usize * self.columns + column as usize])
    }

    fn outline(&mut self, ring: &[[f64; 2]], tint: Tint) {
        let nexts = ring.iter().cycle().skip(1);
        for (from, to) in ring.iter().zip(nexts) {
            let [across, down] = [to[0] - from[0], to[1] - from[1]];
            let steps = (across.abs().max(down.abs()) * self.scale).ceil().max(1.0);
            for step in 0..steps as u32 {
                let share = f64::from(step) / steps;
                self.dot([from[0] + across * share, from[1] + down * share], tint);
            }
        }
    }

    fn dot(&mut self, at: [f64; 2], tint: Tint) {
        // Unicode numbers the dots down the left column, then the right one; the lowest two came later.
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        let [column, row] = at.map(|along| (along * self.scale).max(0.0) as usize);
        if let Some(cell) = self.cell(at) {
            cell.dots |= BITS[row % 4][column % 2];
            cell.tint = tint;
        }
    }

    /// Writes a name beside a mark at its place, if nothing is written there yet.
    fn name(&mut self, name: &str, [x, y]: [f64; 2]) {
        let (column, line) = ((x * self.scale / DOTS[0]) as usize, (y * self.scale / DOTS[1]) as usize);
        let letters: Vec<char> = std::iter::once('o').chain([' ']).chain(name.chars()).collect();
        if line >= self.lines || column + letters.len() > self.columns {
            return;
        }
        let begin = line * self.columns + column;
        let cells = &mut self.cells[begin..begin + letters.len()];
        if cells.iter().all(|cell| cell.letter.is_none()) {
            cells.iter_mut().zip(letters).for_each(|(cell, letter)| cell.letter = Some(letter));
        }
    }

    fn write(&self, text: &mut String, colour: bool) {
        let most = self.cells.iter().map(|cell| cell.told).max().unwrap_or(0);
        for line in self.cells.chunks(self.columns) {
            let mut ink = Ink::Nothing;
            let shown = line.iter().rposition(|cell| cell.ink() != Ink::Nothing).map_or(0, |last| last + 1);
            for cell in &line[..shown] {
                if colour && cell.ink() != ink {
                    ink = cell.ink();
                    text.push_str(ink.colour());
                }
                text.push(cell.letter(most));
            }
            text.push_str(if ink == Ink::Nothing { "\n" } else { "\x1b[0m\n" });
        }
    }
}

impl Cell {
    fn ink(&self) -> Ink {
        let inks = [
            (self.untold > 0, Ink::Untold),
            (self.dots > 0, Ink::Outline(self.tint)),
            (self.told > 0, Ink::Told),
            (self.letter.is_some(), Ink::Name),
        ];
        inks.into_iter().filter_map(|(there, ink)| there.then_some(ink)).max().unwrap_or_default()
    }

    /// What is printed, where `most` is the largest number told of any cell.
    fn letter(&self, most: usize) -> char {
        match self.ink() {
            Ink::Nothing => ' ',
            Ink::Untold => '·',
            Ink::Outline(_) => char::from_u32(0x2800 + u32::from(self.dots)).expect("a braille pattern"),
            Ink::Told => SHADES[shade(self.told, most)],
            Ink::Name => self.letter.unwrap_or(' '),
        }
    }
}

/// Which of the shades; by the logarithm, since cities have a thousand times what villages have.
fn shade(told: usize, most: usize) -> usize {
    if most <= 1 {
        return 1;
    }
    let share = (told as f64).ln() / (most as f64).ln();
    (share * (SHADES.len() - 1) as f64).round() as usize
}

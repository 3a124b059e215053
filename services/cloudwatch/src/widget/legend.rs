//! The names of lines, in rows below a chart.

use super::chart::{Line, Style};
use super::surface::{Align, Surface};

const SIZE: f32 = 12.0;
const ROW: f32 = 20.0;
/// More rows would leave no chart.
const ROWS_MAX: usize = 6;

/// Where each name goes: its row and the place in it.
pub struct Legend {
    places: Vec<(usize, f32, String)>,
    rows: usize,
}

impl Legend {
    /// Lays names out in rows of a width.
    pub fn new(surface: &Surface, lines: &[Line], width: f32) -> Legend {
        let mut places = Vec::new();
        let (mut row, mut x) = (0, 0.0);
        for line in lines {
            let text = surface.fit(&line.label, SIZE, false, width - 24.0);
            let wide = surface.width_of(&text, SIZE, false) + 36.0;
            if x > 0.0 && x + wide - 18.0 > width {
                row += 1;
                x = 0.0;
            }
            places.push((row, x, text));
            x += wide;
        }
        let rows = if lines.is_empty() { 0 } else { row + 1 };
        Legend { places, rows: rows.min(ROWS_MAX) }
    }

    /// How high it is.
    #[expect(clippy::cast_precision_loss, reason = "six rows at most")]
    pub fn height(&self) -> f32 {
        self.rows as f32 * ROW
    }

    /// Draws it; `y` is where it begins.
    #[expect(clippy::cast_precision_loss, reason = "six rows at most")]
    pub fn draw(&self, surface: &mut Surface, lines: &[Line], style: &Style, left: f32, top: f32) {
        for (line, (row, x, text)) in lines.iter().zip(&self.places) {
            if *row >= self.rows {
                break;
            }
            let y = top + *row as f32 * ROW;
            surface.rect(left + x, y + 4.0, 12.0, 12.0, line.ink);
            surface.text(text, left + x + 18.0, y + 14.5, SIZE, false, style.words, Align::Left);
        }
    }
}

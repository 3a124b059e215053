//! Where widgets are drawn: shapes, and text in a font that is part of the program.

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PremultipliedColorU8, Rect, Stroke, StrokeDash,
    Transform,
};

static SANS: &[u8] = include_bytes!("../../fonts/sans.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/sans-bold.ttf");

/// A colour: red, green, blue, and how dense it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink(pub u8, pub u8, pub u8, pub u8);

impl Ink {
    /// Reads `#1f77b4` or `#abc`.
    pub fn parse(text: &str) -> Option<Ink> {
        let digits = text.strip_prefix('#')?;
        let wide: String = match digits.len() {
            3 => digits.chars().flat_map(|c| [c, c]).collect(),
            6 => digits.to_owned(),
            _ => return None,
        };
        let bytes = base::ids::unhex(&wide)?;
        let [r, g, b] = bytes[..] else { return None };
        Some(Ink(r, g, b, 255))
    }

    /// The same, thinner.
    pub fn at(self, density: u8) -> Ink {
        Ink(self.0, self.1, self.2, density)
    }

    fn paint(self) -> Paint<'static> {
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color(Color::from_rgba8(self.0, self.1, self.2, self.3));
        paint
    }
}

/// How text lies at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// It begins there.
    Left,
    /// It is around it.
    Middle,
    /// It ends there.
    Right,
}

/// See the module.
pub struct Surface {
    pixels: Pixmap,
    sans: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Surface {
    /// A surface of one colour. `None` if it would have no or far too many pixels.
    pub fn new(width: u32, height: u32, ground: Ink) -> Option<Surface> {
        let mut pixels = Pixmap::new(width, height)?;
        pixels.fill(Color::from_rgba8(ground.0, ground.1, ground.2, ground.3));
        let font = |bytes| FontRef::try_from_slice(bytes).ok();
        Some(Surface { pixels, sans: font(SANS)?, bold: font(BOLD)? })
    }

    /// A filled rectangle.
    pub fn rect(&mut self, x: f32, y: f32, width: f32, height: f32, ink: Ink) {
        if let Some(rect) = Rect::from_xywh(x, y, width.max(0.5), height.max(0.5)) {
            self.pixels.fill_rect(rect, &ink.paint(), Transform::identity(), None);
        }
    }

    /// A line through points; dashed if there are lengths of dashes.
    pub fn line(&mut self, points: &[(f32, f32)], width: f32, ink: Ink, dashes: Option<[f32; 2]>) {
        let Some(path) = path(points, false) else { return };
        let stroke = Stroke {
            width,
            line_cap: if dashes.is_some() { LineCap::Butt } else { LineCap::Round },
            line_join: LineJoin::Round,
            dash: dashes.and_then(|dashes| StrokeDash::new(dashes.to_vec(), 0.0)),
            ..Stroke::default()
        };
        self.pixels.stroke_path(&path, &ink.paint(), &stroke, Transform::identity(), None);
    }

    /// A filled area.
    pub fn area(&mut self, points: &[(f32, f32)], ink: Ink) {
        if let Some(path) = path(points, true) {
            self.pixels.fill_path(&path, &ink.paint(), FillRule::Winding, Transform::identity(), None);
        }
    }

    /// A filled circle.
    pub fn dot(&mut self, x: f32, y: f32, radius: f32, ink: Ink) {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            self.pixels.fill_path(&path, &ink.paint(), FillRule::Winding, Transform::identity(), None);
        }
    }

    fn font(&self, is_bold: bool) -> &FontRef<'static> {
        if is_bold { &self.bold } else { &self.sans }
    }

    /// How wide a text is.
    pub fn width_of(&self, text: &str, size: f32, is_bold: bool) -> f32 {
        let font = self.font(is_bold).as_scaled(PxScale::from(size));
        let mut width = 0.0;
        let mut before = None;
        for c in text.chars() {
            let glyph = font.glyph_id(c);
            width += before.map_or(0.0, |before| font.kern(before, glyph)) + font.h_advance(glyph);
            before = Some(glyph);
        }
        width
    }

    /// As much of a text as fits, with dots for the rest.
    pub fn fit(&self, text: &str, size: f32, is_bold: bool, width: f32) -> String {
        if self.width_of(text, size, is_bold) <= width {
            return text.to_owned();
        }
        let mut kept: String = text.to_owned();
        while kept.pop().is_some() {
            let shown = format!("{}…", kept.trim_end());
            if self.width_of(&shown, size, is_bold) <= width {
                return shown;
            }
        }
        String::new()
    }

    /// A text; `y` is its base line.
    #[expect(
        clippy::too_many_arguments,
        reason = "what, where and how: a struct for it would be filled in at each call alike"
    )]
    pub fn text(&mut self, text: &str, x: f32, y: f32, size: f32, is_bold: bool, ink: Ink, align: Align) {
        let width = self.width_of(text, size, is_bold);
        let mut at = match align {
            Align::Left => x,
            Align::Middle => x - width / 2.0,
            Align::Right => x - width,
        };
        let mut outlines = Vec::new();
        {
            let font = self.font(is_bold).as_scaled(PxScale::from(size));
            let mut before = None;
            for c in text.chars() {
                let id = font.glyph_id(c);
                at += before.map_or(0.0, |before| font.kern(before, id));
                let glyph = id.with_scale_and_position(PxScale::from(size), ab_glyph::point(at, y));
                outlines.extend(font.outline_glyph(glyph));
                at += font.h_advance(id);
                before = Some(id);
            }
        }
        let (wide, high) = (self.pixels.width(), self.pixels.height());
        for outline in outlines {
            let bounds = outline.px_bounds();
            #[expect(clippy::cast_possible_truncation, reason = "a surface has some thousand pixels each way")]
            let (left, top) = (bounds.min.x as i64, bounds.min.y as i64);
            let pixels = self.pixels.pixels_mut();
            outline.draw(|dx, dy, density| {
                let (x, y) = (left + i64::from(dx), top + i64::from(dy));
                let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
                if x < wide && y < high {
                    let place = &mut pixels[(y * wide + x) as usize];
                    *place = blend(*place, ink, density);
                }
            });
        }
    }

    /// The picture.
    pub fn png(&self) -> Option<Vec<u8>> {
        self.pixels.encode_png().ok()
    }
}

fn blend(below: PremultipliedColorU8, ink: Ink, density: f32) -> PremultipliedColorU8 {
    let part = density.clamp(0.0, 1.0) * f32::from(ink.3) / 255.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes")]
    let mix = |under: u8, over: u8| (f32::from(under) * (1.0 - part) + f32::from(over) * part).round() as u8;
    let (r, g, b) = (mix(below.red(), ink.0), mix(below.green(), ink.1), mix(below.blue(), ink.2));
    PremultipliedColorU8::from_rgba(r, g, b, 255).unwrap_or(below)
}

fn path(points: &[(f32, f32)], is_closed: bool) -> Option<tiny_skia::Path> {
    let mut path = PathBuilder::new();
    for (at, (x, y)) in points.iter().enumerate() {
        if at == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
    }
    if is_closed {
        path.close();
    }
    path.finish()
}

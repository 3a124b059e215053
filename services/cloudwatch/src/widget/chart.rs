//! The picture of a widget: title, chart, names.

use super::legend::Legend;
use super::scale::{Axis, times};
use super::spec::View;
use super::surface::{Align, Ink, Surface};
use super::views;

/// A line that is drawn.
#[derive(Clone, Debug)]
pub struct Line {
    pub label: String,
    pub ink: Ink,
    pub is_right: bool,
    pub period_ms: i64,
    /// In the order of time.
    pub points: Vec<(i64, f64)>,
}

/// A value that is marked.
#[derive(Clone, Debug)]
pub struct Mark {
    pub value: f64,
    pub label: String,
    pub ink: Ink,
    /// `above`, `below`, or a second value.
    pub fill: Fill,
    pub is_right: bool,
}

/// What of the chart is filled at a mark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    Nothing,
    Above,
    Below,
    Until(f64),
}

/// A time that is marked.
#[derive(Clone, Debug)]
pub struct Moment {
    pub at_ms: i64,
    pub label: String,
    pub ink: Ink,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub title: Option<String>,
    pub view: View,
    pub is_stacked: bool,
    pub is_dark: bool,
    pub has_legend: bool,
    pub start_ms: i64,
    pub end_ms: i64,
    pub offset_ms: i64,
    pub lines: Vec<Line>,
    pub marks: Vec<Mark>,
    pub moments: Vec<Moment>,
    /// Bounds that are given.
    pub left: (Option<f64>, Option<f64>),
    pub right: (Option<f64>, Option<f64>),
    pub left_label: Option<String>,
    pub right_label: Option<String>,
}

/// Colours besides those of lines.
pub struct Style {
    pub ground: Ink,
    pub words: Ink,
    pub faint: Ink,
    pub grid: Ink,
    pub axis: Ink,
}

/// The colours of lines, in their order.
pub const INKS: [Ink; 12] = [
    Ink(0x1f, 0x77, 0xb4, 255),
    Ink(0xff, 0x7f, 0x0e, 255),
    Ink(0x2c, 0xa0, 0x2c, 255),
    Ink(0xd6, 0x27, 0x28, 255),
    Ink(0x94, 0x67, 0xbd, 255),
    Ink(0x8c, 0x56, 0x4b, 255),
    Ink(0xe3, 0x77, 0xc2, 255),
    Ink(0x7f, 0x7f, 0x7f, 255),
    Ink(0xbc, 0xbd, 0x22, 255),
    Ink(0x17, 0xbe, 0xcf, 255),
    Ink(0x39, 0x3b, 0x79, 255),
    Ink(0x63, 0x79, 0x39, 255),
];

/// The frame of a chart.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

#[expect(clippy::cast_possible_truncation, reason = "places on a surface")]
pub fn narrow(value: f64) -> f32 {
    value as f32
}

impl Frame {
    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// Where a value is.
    fn y(&self, axis: &Axis, value: f64) -> f32 {
        self.bottom - narrow(axis.share(value)).clamp(-0.02, 1.02) * self.height()
    }
}

/// Draws a picture as PNG. `None` only if there is no room for its pixels.
pub fn draw(picture: &Picture) -> Option<Vec<u8>> {
    let style = match picture.is_dark {
        false => Style {
            ground: Ink(255, 255, 255, 255),
            words: Ink(0x16, 0x19, 0x1f, 255),
            faint: Ink(0x54, 0x5b, 0x64, 255),
            grid: Ink(0xe9, 0xeb, 0xed, 255),
            axis: Ink(0xaa, 0xb7, 0xb8, 255),
        },
        true => Style {
            ground: Ink(0x1a, 0x20, 0x29, 255),
            words: Ink(0xea, 0xed, 0xed, 255),
            faint: Ink(0xaa, 0xb7, 0xb8, 255),
            grid: Ink(0x2f, 0x38, 0x43, 255),
            axis: Ink(0x54, 0x5b, 0x64, 255),
        },
    };
    let mut surface = Surface::new(picture.width, picture.height, style.ground)?;
    let (width, height) = (narrow(f64::from(picture.width)), narrow(f64::from(picture.height)));
    let mut top = 14.0;
    if let Some(title) = picture.title.as_deref().filter(|title| !title.is_empty()) {
        let title = surface.fit(title, 17.0, true, width - 40.0);
        surface.text(&title, 20.0, 28.0, 17.0, true, style.words, Align::Left);
        top = 46.0;
    }
    let frame = Frame { left: 20.0, top, right: width - 20.0, bottom: height - 14.0 };
    match picture.view {
        View::TimeSeries => time_series(&mut surface, picture, &style, frame),
        View::Bar => views::bars(&mut surface, picture, &style, frame),
        View::Pie => views::pie(&mut surface, picture, &style, frame),
        View::Gauge => views::gauge(&mut surface, picture, &style, frame),
        View::SingleValue | View::Table => views::numbers(&mut surface, picture, &style, frame),
    }
    surface.png()
}

/// The least and greatest of what lies on an axis.
fn extremes(picture: &Picture, is_right: bool, stacked: &[Vec<(i64, f64)>]) -> (f64, f64) {
    let own = picture.lines.iter().zip(stacked).filter(|(line, _)| line.is_right == is_right);
    let values = own.flat_map(|(_, points)| points.iter().map(|(_, value)| *value));
    let marks = picture.marks.iter().filter(|mark| mark.is_right == is_right).map(|mark| mark.value);
    let mut least = f64::INFINITY;
    let mut greatest = f64::NEG_INFINITY;
    for value in values.chain(marks) {
        least = least.min(value);
        greatest = greatest.max(value);
    }
    // From nothing, unless what is shown is far from it.
    if least > 0.0 && (picture.is_stacked || greatest - least > greatest * 0.2) {
        least = 0.0;
    }
    (least, greatest)
}

/// The lines as they lie: on one another, if they are stacked.
fn stacked(picture: &Picture) -> Vec<Vec<(i64, f64)>> {
    let mut sums: std::collections::BTreeMap<(bool, i64), f64> = std::collections::BTreeMap::new();
    let lie = |line: &Line| {
        let mut points = Vec::with_capacity(line.points.len());
        for (at, value) in &line.points {
            let sum = sums.entry((line.is_right, *at)).or_insert(0.0);
            *sum += value;
            points.push((*at, if picture.is_stacked { *sum } else { *value }));
        }
        points
    };
    picture.lines.iter().map(lie).collect()
}

fn time_series(surface: &mut Surface, picture: &Picture, style: &Style, whole: Frame) {
    let legend = Legend::new(surface, if picture.has_legend { &picture.lines } else { &[] }, whole.width());
    let legend_top = whole.bottom - legend.height();
    let lie = stacked(picture);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few dozen")]
    let count = |space: f32, each: f32| (space / each).max(1.0) as usize;
    let labels = f32::from(u8::from(picture.left_label.is_some())) * 16.0;
    let top = whole.top + labels.max(f32::from(u8::from(picture.right_label.is_some())) * 16.0);
    let bottom = legend_top - 26.0;
    let lines = count(bottom - top, 55.0).clamp(2, 8);
    let has_right = picture.lines.iter().any(|line| line.is_right);
    let axis = |is_right: bool, given| {
        let (least, greatest) = extremes(picture, is_right, &lie);
        Axis::new(least, greatest, given, lines)
    };
    let left = axis(false, picture.left);
    let right = axis(true, picture.right);
    let widest = |surface: &Surface, axis: &Axis| {
        axis.ticks.iter().map(|tick| surface.width_of(&axis.show(*tick), 11.0, false)).fold(0.0, f32::max)
    };
    let frame = Frame {
        left: whole.left + widest(surface, &left) + 8.0,
        top,
        right: if has_right { whole.right - widest(surface, &right) - 8.0 } else { whole.right },
        bottom,
    };
    for (axis, is_right) in [(&left, false), (&right, true)] {
        if is_right && !has_right {
            continue;
        }
        for tick in &axis.ticks {
            let y = frame.y(axis, *tick);
            if !is_right {
                surface.rect(frame.left, y.round(), frame.width(), 1.0, style.grid);
            }
            let (x, align) = if is_right { (frame.right + 8.0, Align::Left) } else { (frame.left - 8.0, Align::Right) };
            surface.text(&axis.show(*tick), x, y + 4.0, 11.0, false, style.faint, align);
        }
    }
    for (label, x, align) in
        [(&picture.left_label, whole.left, Align::Left), (&picture.right_label, whole.right, Align::Right)]
    {
        if let Some(label) = label {
            surface.text(label, x, whole.top + 8.0, 11.0, false, style.faint, align);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a chart's time fit 53 bits")]
    let x = |at: i64| {
        let share = (at - picture.start_ms) as f64 / (picture.end_ms - picture.start_ms) as f64;
        frame.left + narrow(share) * frame.width()
    };
    for mark in &picture.marks {
        let axis = if mark.is_right { &right } else { &left };
        let y = frame.y(axis, mark.value);
        let (from, to) = match mark.fill {
            Fill::Nothing => (y, y),
            Fill::Above => (frame.top, y),
            Fill::Below => (y, frame.bottom),
            Fill::Until(value) => (y.min(frame.y(axis, value)), y.max(frame.y(axis, value))),
        };
        if to > from {
            surface.rect(frame.left, from, frame.width(), to - from, mark.ink.at(36));
        }
    }
    surface.rect(frame.left, frame.bottom, frame.width(), 1.0, style.axis);
    for (at, text) in times(picture.start_ms, picture.end_ms, count(frame.width(), 70.0), picture.offset_ms) {
        surface.rect(x(at).round(), frame.bottom, 1.0, 5.0, style.axis);
        let half = surface.width_of(&text, 11.0, false) / 2.0;
        let middle = x(at).max(frame.left + half - 10.0).min(whole.right - half);
        surface.text(&text, middle, frame.bottom + 18.0, 11.0, false, style.faint, Align::Middle);
    }
    // Areas from the top one down, so that each is seen; then lines over all of them.
    if picture.is_stacked {
        for (line, points) in picture.lines.iter().zip(&lie).rev() {
            let axis = if line.is_right { &right } else { &left };
            for run in runs(points, line.period_ms) {
                let mut shape: Vec<(f32, f32)> =
                    run.iter().map(|(at, value)| (x(*at), frame.y(axis, *value))).collect();
                let floor = frame.y(axis, 0.0_f64.clamp(axis.min, axis.max));
                let (first, last) =
                    (shape.first().map_or(0.0, |point| point.0), shape.last().map_or(0.0, |point| point.0));
                shape.extend([(last, floor), (first, floor)]);
                surface.area(&shape, style.ground);
                surface.area(&shape, line.ink.at(150));
            }
        }
    }
    for (line, points) in picture.lines.iter().zip(&lie) {
        let axis = if line.is_right { &right } else { &left };
        for run in runs(points, line.period_ms) {
            let shape: Vec<(f32, f32)> = run.iter().map(|(at, value)| (x(*at), frame.y(axis, *value))).collect();
            match &shape[..] {
                [(x, y)] => surface.dot(*x, *y, 2.6, line.ink),
                shape => surface.line(shape, 2.0, line.ink, None),
            }
        }
    }
    for mark in &picture.marks {
        let y = frame.y(if mark.is_right { &right } else { &left }, mark.value);
        surface.line(&[(frame.left, y), (frame.right, y)], 1.5, mark.ink, Some([6.0, 4.0]));
        if !mark.label.is_empty() {
            let label = surface.fit(&mark.label, 11.0, false, frame.width() - 12.0);
            let above = if y - frame.top > 18.0 { y - 5.0 } else { y + 14.0 };
            let wide = surface.width_of(&label, 11.0, false);
            surface.rect(frame.right - wide - 7.0, above - 10.5, wide + 6.0, 14.0, style.ground.at(190));
            surface.text(&label, frame.right - 4.0, above, 11.0, false, mark.ink, Align::Right);
        }
    }
    for moment in picture.moments.iter().filter(|moment| (picture.start_ms..=picture.end_ms).contains(&moment.at_ms)) {
        let place = x(moment.at_ms);
        surface.line(&[(place, frame.top), (place, frame.bottom)], 1.5, moment.ink, Some([6.0, 4.0]));
        let label = surface.fit(&moment.label, 11.0, false, frame.width() / 2.0);
        let align = if place - frame.left > frame.width() / 2.0 { Align::Right } else { Align::Left };
        let beside = if align == Align::Right { -5.0 } else { 5.0 };
        let wide = surface.width_of(&label, 11.0, false);
        let from = if align == Align::Right { place - wide - 8.0 } else { place + 2.0 };
        surface.rect(from, frame.top + 1.5, wide + 6.0, 14.0, style.ground.at(190));
        surface.text(&label, place + beside, frame.top + 12.0, 11.0, false, moment.ink, align);
    }
    if picture.lines.iter().all(|line| line.points.is_empty()) {
        let (x, y) = ((frame.left + frame.right) / 2.0, (frame.top + frame.bottom) / 2.0);
        surface.text("No data available.", x, y, 13.0, false, style.faint, Align::Middle);
    }
    legend.draw(surface, if picture.has_legend { &picture.lines } else { &[] }, style, whole.left, legend_top);
}

/// Points that belong together: where a period has none, the line breaks.
fn runs(points: &[(i64, f64)], period_ms: i64) -> Vec<&[(i64, f64)]> {
    points.chunk_by(|(before, _), (at, _)| at - before <= period_ms).collect()
}

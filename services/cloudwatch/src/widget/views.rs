//! Views without an axis of time: numbers, bars, shares, gauges.

use super::chart::{Frame, Line, Picture, Style, narrow};
use super::legend::Legend;
use super::scale::{Axis, short};
use super::surface::{Align, Surface};

fn last(line: &Line) -> Option<f64> {
    line.points.last().map(|(_, value)| *value)
}

/// The mean over the time shown, which bars and shares are of.
#[expect(clippy::cast_precision_loss, reason = "points are far fewer")]
fn mean(line: &Line) -> Option<f64> {
    let sum: f64 = line.points.iter().map(|(_, value)| value).sum();
    (!line.points.is_empty()).then(|| sum / line.points.len() as f64)
}

/// The last value of each line, large.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few dozen cells"
)]
pub fn numbers(surface: &mut Surface, picture: &Picture, style: &Style, frame: Frame) {
    let count = picture.lines.len().max(1);
    let columns = ((frame.width() / 160.0).max(1.0) as usize).min(count);
    let rows = count.div_ceil(columns);
    let (wide, high) = (frame.width() / columns as f32, frame.height() / rows as f32);
    for (at, line) in picture.lines.iter().enumerate() {
        let (left, top) = (frame.left + (at % columns) as f32 * wide, frame.top + (at / columns) as f32 * high);
        let text = last(line).map_or("--".to_owned(), short);
        let mut size = (high * 0.45).clamp(14.0, 54.0);
        while size > 12.0 && surface.width_of(&text, size, true) > wide - 12.0 {
            size -= 1.0;
        }
        surface.text(&text, left, top + high / 2.0 + size * 0.2, size, true, style.words, Align::Left);
        let label = surface.fit(&line.label, 12.0, false, wide - 30.0);
        let y = top + high / 2.0 + size * 0.2 + 22.0;
        surface.rect(left, y - 10.0, 12.0, 12.0, line.ink);
        surface.text(&label, left + 18.0, y, 12.0, false, style.faint, Align::Left);
    }
}

/// Horizontal bars.
#[expect(clippy::cast_precision_loss, reason = "a few dozen bars")]
pub fn bars(surface: &mut Surface, picture: &Picture, style: &Style, frame: Frame) {
    let values: Vec<f64> = picture.lines.iter().map(|line| mean(line).unwrap_or(0.0)).collect();
    let greatest = values.iter().copied().fold(0.0, f64::max);
    let least = values.iter().copied().fold(0.0, f64::min);
    let axis = Axis::new(least, greatest, picture.left, 5);
    let name_width = (frame.width() * 0.3).min(180.0);
    let (left, bottom) = (frame.left + name_width, frame.bottom - 22.0);
    let wide = frame.right - left - 50.0;
    let x = |value: f64| left + narrow(axis.share(value).clamp(0.0, 1.0)) * wide;
    for tick in &axis.ticks {
        surface.rect(x(*tick), frame.top, 1.0, bottom - frame.top, style.grid);
        surface.text(&axis.show(*tick), x(*tick), bottom + 16.0, 11.0, false, style.faint, Align::Middle);
    }
    let high = (bottom - frame.top) / values.len().max(1) as f32;
    for (at, (line, value)) in picture.lines.iter().zip(values).enumerate() {
        let top = frame.top + at as f32 * high;
        let thick = (high * 0.7).min(40.0);
        let from = x(0.0_f64.clamp(axis.min, axis.max));
        let (a, b) = (from.min(x(value)), from.max(x(value)));
        surface.rect(a, top + (high - thick) / 2.0, b - a, thick, line.ink);
        let label = surface.fit(&line.label, 12.0, false, name_width - 10.0);
        surface.text(&label, left - 8.0, top + high / 2.0 + 4.0, 12.0, false, style.words, Align::Right);
        surface.text(&short(value), b + 6.0, top + high / 2.0 + 4.0, 12.0, false, style.faint, Align::Left);
    }
}

/// A part of a ring, from one share of the turn to another; the turn begins above, or on the left for half ones.
fn ring(middle: (f32, f32), radius: (f32, f32), from: f32, to: f32, turn: f32, begin: f32) -> Vec<(f32, f32)> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 2 and 200 corners")]
    let steps = ((to - from) * 200.0).clamp(2.0, 200.0) as u16;
    let place = |share: f32, radius: f32| {
        let angle = begin + share * turn;
        (middle.0 + radius * angle.cos(), middle.1 + radius * angle.sin())
    };
    let share = |step: u16| from + (to - from) * f32::from(step) / f32::from(steps);
    let outer = (0..=steps).map(|step| place(share(step), radius.1));
    let inner = (0..=steps).rev().map(|step| place(share(step), radius.0));
    outer.chain(inner).collect()
}

/// Shares of a whole.
pub fn pie(surface: &mut Surface, picture: &Picture, style: &Style, frame: Frame) {
    let legend = Legend::new(surface, &picture.lines, frame.width());
    let legend_top = frame.bottom - legend.height();
    let values: Vec<f64> = picture.lines.iter().map(|line| mean(line).unwrap_or(0.0).max(0.0)).collect();
    let total: f64 = values.iter().sum();
    let middle = ((frame.left + frame.right) / 2.0, (frame.top + legend_top) / 2.0);
    let radius = (frame.width().min(legend_top - frame.top) / 2.0 - 8.0).max(10.0);
    let mut from = 0.0;
    for (line, value) in picture.lines.iter().zip(&values) {
        if total <= 0.0 || *value <= 0.0 {
            continue;
        }
        let to = from + narrow(value / total);
        let begin = -std::f32::consts::FRAC_PI_2;
        surface.area(&ring(middle, (radius * 0.55, radius), from, to, std::f32::consts::TAU, begin), line.ink);
        let angle = begin + f32::midpoint(from, to) * std::f32::consts::TAU;
        if to - from > 0.05 {
            let place = (middle.0 + radius * 0.775 * angle.cos(), middle.1 + radius * 0.775 * angle.sin());
            let text = format!("{:.0}%", value / total * 100.0);
            surface.text(&text, place.0, place.1 + 4.0, 12.0, true, style.ground, Align::Middle);
        }
        from = to;
    }
    let text = if total > 0.0 { short(total) } else { "No data".to_owned() };
    surface.text(&text, middle.0, middle.1 + 8.0, (radius * 0.22).clamp(12.0, 30.0), true, style.words, Align::Middle);
    legend.draw(surface, &picture.lines, style, frame.left, legend_top);
}

/// The last value of the first line, between two bounds.
pub fn gauge(surface: &mut Surface, picture: &Picture, style: &Style, frame: Frame) {
    let Some(line) = picture.lines.first() else { return };
    let value = last(line);
    let (min, max) = (picture.left.0.unwrap_or(0.0), picture.left.1.unwrap_or_else(|| value.unwrap_or(1.0).max(1.0)));
    let share = value.map_or(0.0, |value| narrow(((value - min) / (max - min)).clamp(0.0, 1.0)));
    let radius = (frame.width() / 2.0 - 30.0).min(frame.height() - 60.0).max(20.0);
    let middle = ((frame.left + frame.right) / 2.0, frame.bottom - 40.0);
    let half = |from, to| ring(middle, (radius * 0.72, radius), from, to, std::f32::consts::PI, std::f32::consts::PI);
    surface.area(&half(0.0, 1.0), style.grid);
    if share > 0.0 {
        surface.area(&half(0.0, share), line.ink);
    }
    let text = value.map_or("--".to_owned(), short);
    surface.text(&text, middle.0, middle.1 - 4.0, (radius * 0.35).clamp(16.0, 48.0), true, style.words, Align::Middle);
    let label = surface.fit(&line.label, 12.0, false, frame.width());
    surface.text(&label, middle.0, middle.1 + 22.0, 12.0, false, style.faint, Align::Middle);
    surface.text(&short(min), middle.0 - radius * 0.86, middle.1 + 16.0, 11.0, false, style.faint, Align::Middle);
    surface.text(&short(max), middle.0 + radius * 0.86, middle.1 + 16.0, 11.0, false, style.faint, Align::Middle);
}

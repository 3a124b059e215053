//! Widgets of metrics: what they show ([`metrics`], [`Widget`]) and their picture.

mod chart;
mod legend;
mod scale;
mod spec;
mod surface;
mod views;

pub use chart::{Fill, INKS, Line, Mark, Moment, Picture, draw};
pub use spec::{Widget, metrics};
pub use surface::Ink;

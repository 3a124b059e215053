//! Widgets of metrics: what they show ([`metrics`], [`Widget`]) and their picture.

mod chart;
mod legend;
mod scale;
pub(crate) mod spec;
mod surface;
mod views;

pub use chart::{Fill, INKS, Line, Mark, Moment, Picture, draw};
pub use spec::{Widget, metrics};
pub use surface::Ink;

#[cfg(test)]
mod tests {
    use super::spec::View;
    use super::*;

    fn picture(view: View, is_stacked: bool, is_dark: bool) -> Picture {
        let wave = |phase: f64, height: f64| -> Vec<(i64, f64)> {
            let value = |i: i32| height * (1.2 + (f64::from(i) / 9.0 + phase).sin()) + f64::from(i * 7 % 11) / 4.0;
            (0..60).filter(|i| !(22..26).contains(i)).map(|i| (i64::from(i) * 60_000, value(i))).collect()
        };
        let line = |label: &str, at: usize, points| Line {
            label: label.to_owned(),
            ink: INKS[at],
            is_right: at == 3,
            period_ms: 60_000,
            points,
        };
        Picture {
            width: 800,
            height: 400,
            title: Some("Security events – tổng số cuộc gọi".to_owned()),
            view,
            is_stacked,
            is_dark,
            has_legend: true,
            start_ms: 0,
            end_ms: 3_600_000,
            offset_ms: 0,
            lines: vec![
                line("UnauthorizedApiCallCount", 0, wave(0.0, 10.0)),
                line("RootAccountUsageCount", 1, wave(2.0, 6.0)),
                line("IAMPolicyChangeCount in eu-central-1", 2, wave(4.0, 3.0)),
                line("bytes (right)", 3, wave(1.0, 40_000.0)),
            ],
            marks: vec![Mark {
                value: 24.0,
                label: "too many".to_owned(),
                ink: Ink(0xd1, 0x32, 0x12, 255),
                fill: Fill::Above,
                is_right: false,
            }],
            moments: vec![Moment { at_ms: 1_800_000, label: "deployed".to_owned(), ink: Ink(0x2c, 0xa0, 0x2c, 255) }],
            left: (Some(0.0), None),
            right: (None, None),
            left_label: Some("calls".to_owned()),
            right_label: None,
        }
    }

    #[test]
    fn every_view_is_drawn() {
        for (view, is_stacked, is_dark) in [
            (View::TimeSeries, false, false),
            (View::TimeSeries, true, true),
            (View::SingleValue, false, false),
            (View::Gauge, false, false),
            (View::Bar, false, false),
            (View::Pie, false, false),
        ] {
            let png = draw(&picture(view, is_stacked, is_dark)).unwrap();
            assert!(png.starts_with(b"\x89PNG") && png.len() > 2_000, "{view:?}");
        }
    }

    #[test]
    fn pictures_of_any_size_and_without_data_are_drawn() {
        for (width, height) in [(1, 1), (40, 30), (2000, 50), (50, 2000)] {
            for view in [View::TimeSeries, View::SingleValue, View::Gauge, View::Bar, View::Pie, View::Table] {
                let mut picture = picture(view, false, false);
                (picture.width, picture.height) = (width, height);
                assert!(draw(&picture).is_some());
                picture.lines.clear();
                assert!(draw(&picture).is_some());
            }
        }
    }
}

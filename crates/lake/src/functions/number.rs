//! Numbers: rounding keeps whole numbers whole, as Trino does.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::{Args, Fun, Input};
use crate::types;

pub(super) fn functions() -> Vec<Fun> {
    vec![
        rounding("ceil", 1, |value, _| value.ceil(), |value, _| value),
        rounding("floor", 1, |value, _| value.floor(), |value, _| value),
        rounding("round", 2, round, round_integer),
        rounding("truncate", 2, truncate, |value, _| value),
        rounding("sign", 1, sign, |value, _| value.signum()),
    ]
}

fn sign(value: f64, _: i32) -> f64 {
    if value == 0.0 || value.is_nan() { value } else { value.signum() }
}

/// Half away from zero, at a place behind the point (or before it, if negative).
fn round(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    let scaled = value * scale;
    if !scaled.is_finite() || scale == 0.0 {
        return if places > 0 { value } else { 0.0 };
    }
    scaled.round() / scale
}

fn truncate(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    let scaled = value * scale;
    if scaled.is_finite() && scale != 0.0 { scaled.trunc() / scale } else { value }
}

fn round_integer(value: i64, places: i32) -> i64 {
    let Some(unit) = places.checked_neg().and_then(|places| u32::try_from(places).ok()) else { return value };
    let Some(unit) = 10_i64.checked_pow(unit) else { return 0 };
    let rest = value % unit;
    let down = value - rest;
    if rest.abs() >= unit - rest.abs() && unit > 1 { down.saturating_add(unit * value.signum()) } else { down }
}

fn rounding(name: &str, most: usize, double: fn(f64, i32) -> f64, integer: fn(i64, i32) -> i64) -> Fun {
    Fun::new(
        name,
        1..=most,
        |args: &Args<'_>| {
            let of = args.data_type(0);
            if of.is_integer() {
                return Ok(types::result(DataType::Int64));
            }
            if of.is_numeric() || *of == DataType::Null {
                return Ok(types::result(DataType::Float64));
            }
            let name = args.fields.first().map_or_else(String::new, |field| types::name(field));
            Err(DataFusionError::Plan(format!("Unexpected parameters ({name}): a number is expected")))
        },
        move |input| run(input, double, integer),
    )
}

fn run(input: &Input, double: fn(f64, i32) -> f64, integer: fn(i64, i32) -> i64) -> Result<ArrayRef> {
    let all = if input.has(1) { Some(input.integers(1)?) } else { None };
    let places = |row: usize| match &all {
        None => Some(0),
        Some(places) => places(row).map(|places| i32::try_from(places.clamp(-400, 400)).unwrap_or(0)),
    };
    if *input.returns.data_type() == DataType::Int64 {
        let values = input.integers(0)?;
        return input
            .map_integers(|row| Ok(values(row).zip(places(row)).map(|(value, places)| integer(value, places))));
    }
    let values = input.doubles(0)?;
    let rounded: Float64Array =
        (0..input.rows).map(|row| values(row).zip(places(row)).map(|(value, places)| double(value, places))).collect();
    debug_assert_eq!(rounded.len(), input.rows);
    Ok(Arc::new(rounded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        for (value, places, rounded) in
            [(2.5, 0, 3.0), (-2.5, 0, -3.0), (2.567, 2, 2.57), (1234.0, -2, 1200.0), (1e300, 300, 1e300)]
        {
            assert!((round(value, places) - rounded).abs() < 1e-9 * rounded.abs(), "{value} {places}");
        }
        for (value, places, rounded) in [(15, -1, 20), (-15, -1, -20), (14, -1, 10), (7, 2, 7), (7, -30, 0), (3, -1, 0)]
        {
            assert_eq!(round_integer(value, places), rounded, "{value} {places}");
        }
        assert!((truncate(2.987, 1) - 2.9).abs() < 1e-9);
    }
}

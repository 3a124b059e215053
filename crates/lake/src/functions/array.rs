//! Parts of lists.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::DataType;

use super::cast::pick;
use super::map::list;
use super::{Args, Fun, Input, wrong};
use crate::show::range;
use crate::types;

pub(super) fn functions() -> Vec<Fun> {
    vec![
        Fun::new(
            "slice",
            3..=3,
            |args: &Args<'_>| Ok(types::result(args.data_type(0).clone())),
            |input| {
                let (start, length) = (input.integers(1)?, input.integers(2)?);
                picked(input, |row, places| {
                    let (Some(start), Some(length)) = (start(row), length(row)) else { return Ok(None) };
                    if start == 0 {
                        return wrong("SQL array indices start at 1");
                    }
                    let Ok(length) = usize::try_from(length) else {
                        return wrong("length must be greater than or equal to 0");
                    };
                    let distance = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
                    let first = if start > 0 { distance - 1 } else { places.len().wrapping_sub(distance) };
                    if first >= places.len() {
                        return Ok(Some(Vec::new()));
                    }
                    Ok(Some(places.skip(first).take(length).collect()))
                })
            },
        ),
        Fun::new(
            "trino_list_field",
            2..=2,
            |args: &Args<'_>| {
                let field = match types::element(args.data_type(0)).map(|of| of.data_type()) {
                    Some(DataType::Struct(fields)) => {
                        fields.iter().find(|field| Some(field.name().as_str()) == args.constant(1))
                    }
                    _ => None,
                };
                let of = field.map_or(DataType::Null, |field| field.data_type().clone());
                Ok(types::result(DataType::new_list(of, true)))
            },
            |input| {
                let list = list(input, 0)?;
                let names = input.texts(1)?;
                let rows = list.values().as_struct();
                let Some(column) = names.constant().and_then(|name| rows.column_by_name(name)) else {
                    return wrong("there is no such field");
                };
                let DataType::List(field) = input.returns.data_type() else { return wrong("an array is expected") };
                let nulls = datafusion::arrow::buffer::NullBuffer::union(rows.nulls(), column.nulls());
                let column =
                    datafusion::arrow::array::make_array(column.to_data().into_builder().nulls(nulls).build()?);
                Ok(Arc::new(ListArray::try_new(field.clone(), list.offsets().clone(), column, list.nulls().cloned())?))
            },
        ),
        Fun::new(
            "trino_empty_to_null",
            1..=1,
            |args: &Args<'_>| Ok(types::result(args.data_type(0).clone())),
            |input| picked(input, |_, places| Ok((!places.is_empty()).then(|| places.collect()))),
        ),
    ]
}

/// The elements from the last to the first.
pub(super) fn reversed(input: &Input) -> datafusion::error::Result<ArrayRef> {
    picked(input, |_, places| Ok(Some(places.rev().collect())))
}

/// A list of some elements of a list, for each row.
fn picked(
    input: &Input,
    row: impl Fn(usize, std::ops::Range<usize>) -> datafusion::error::Result<Option<Vec<usize>>>,
) -> datafusion::error::Result<ArrayRef> {
    let list = list(input, 0)?;
    let (mut at, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..input.rows {
        let chosen = if list.is_valid(number) { row(number, range(list.value_offsets(), number))? } else { None };
        valid.push(chosen.is_some());
        let chosen = chosen.unwrap_or_default();
        lengths.push(chosen.len());
        at.extend(chosen.into_iter().map(Some));
    }
    let DataType::List(field) = list.data_type() else { return wrong("an array is expected") };
    let values = pick(list.values(), &at)?;
    Ok(Arc::new(ListArray::try_new(field.clone(), OffsetBuffer::from_lengths(lengths), values, Some(valid.into()))?))
}

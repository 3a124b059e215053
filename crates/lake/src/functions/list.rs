//! Lists, rows and texts that are made of others. All of them grow, so all of them are bounded.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::error::{DataFusionError, Result};

use super::cast::pick;
use super::map::list;
use super::{Args, Bounded, Fun, Input, LIST_VALUES_MAX, TEXT_BYTES_MAX, TYPE_LEAVES_MAX, Texts, too_much, wrong};
use crate::show::range;
use crate::time::{self, Unit};
use crate::types;

/// The longest list that `sequence` and `repeat` make: Trino's limit.
const ENTRIES_MAX: usize = 10_000;

pub(super) fn functions() -> Vec<Fun> {
    let text = |_: &Args<'_>| Ok(types::result(DataType::Utf8));
    vec![
        Fun::new("trino_concat", 1..=usize::MAX, concat_field, |input| match input.returns.data_type() {
            DataType::List(of) => concat_lists(input, of),
            _ => concat_texts(input),
        }),
        Fun::new("trino_sequence", 2..=3, sequence_field, sequence),
        Fun::new(
            "trino_repeat",
            2..=2,
            |args| Ok(types::result(DataType::List(Arc::new(element_of(args.fields.first(), "item"))))),
            |input| {
                let (values, counts) = (input.array(0)?, input.integers(1)?);
                let (mut at, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
                for row in 0..input.rows {
                    let count = counts(row).map(|count| usize::try_from(count).unwrap_or(0));
                    if count.is_some_and(|count| count > ENTRIES_MAX) {
                        return wrong(format!(
                            "count argument of repeat function must be less than or equal to {ENTRIES_MAX}"
                        ));
                    }
                    valid.push(count.is_some());
                    lengths.push(count.unwrap_or(0));
                    at.extend(std::iter::repeat_n(Some(row), count.unwrap_or(0)));
                    if at.len() > LIST_VALUES_MAX {
                        return too_much();
                    }
                }
                let DataType::List(of) = input.returns.data_type() else { return wrong("an array is expected") };
                let offsets = OffsetBuffer::from_lengths(lengths);
                Ok(Arc::new(ListArray::try_new(of.clone(), offsets, pick(&values, &at)?, Some(valid.into()))?))
            },
        ),
        Fun::new(
            "flatten",
            1..=1,
            |args| match types::element(args.data_type(0)).map(|of| of.data_type()) {
                Some(inner @ DataType::List(_)) => Ok(types::result(inner.clone())),
                _ => Err(DataFusionError::Plan(
                    "Unexpected parameters for function flatten. Expected: flatten(array(array(E)))".to_owned(),
                )),
            },
            |input| {
                let outer = list(input, 0)?;
                let inner = outer.values().as_list::<i32>();
                let (mut at, mut lengths) = (Vec::new(), Vec::new());
                for row in 0..input.rows {
                    let before = at.len();
                    let lists =
                        range(outer.value_offsets(), row).filter(|one| outer.is_valid(row) && inner.is_valid(*one));
                    at.extend(lists.flat_map(|one| range(inner.value_offsets(), one)).map(Some));
                    lengths.push(at.len() - before);
                    if at.len() > LIST_VALUES_MAX {
                        return too_much();
                    }
                }
                let DataType::List(of) = inner.data_type() else { return wrong("an array is expected") };
                let offsets = OffsetBuffer::from_lengths(lengths);
                Ok(Arc::new(ListArray::try_new(
                    of.clone(),
                    offsets,
                    pick(inner.values(), &at)?,
                    outer.nulls().cloned(),
                )?))
            },
        ),
        Fun::new("array_join", 2..=3, text, |input| {
            let list = list(input, 0)?;
            let field = element_of(Some(&input.field(0)), "item");
            let texts = Texts::of(list.values(), &field)?;
            let by = input.texts(1)?;
            let null = if input.has(2) { input.texts(2)? } else { Texts::Constant(None) };
            input.map_texts(|row| {
                let Some(by) = by.get(row).filter(|_| list.is_valid(row)) else { return Ok(None) };
                let mut out = String::new();
                let all = range(list.value_offsets(), row).filter_map(|at| texts.get(at).or(null.get(row)));
                for (number, one) in all.enumerate() {
                    if number > 0 {
                        out.push_str(by);
                    }
                    out.push_str(one);
                    if out.len() > TEXT_BYTES_MAX {
                        return too_much();
                    }
                }
                Ok(Some(out.into()))
            })
        }),
        Fun::new("trino_row", 1..=usize::MAX, row_field, |input| {
            let DataType::Struct(fields) = input.returns.data_type() else { return wrong("a row is expected") };
            let columns = (0..fields.len()).map(|at| input.array(at)).collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, None)?))
        }),
        Fun::new("zip", 2..=5, zip_field, zip),
    ]
}

/// The field of a list's elements, or of the values themselves.
fn element_of(field: Option<&FieldRef>, name: &str) -> Field {
    let found = field.map(|field| types::element(field.data_type()).unwrap_or(field).as_ref().clone());
    found.unwrap_or_else(|| Field::new(name, DataType::Null, true)).with_name(name).with_nullable(true)
}

/// A row of these values, unless it has too many below.
fn row_of(fields: Vec<Field>) -> Result<DataType> {
    fn leaves(data_type: &DataType, left: &mut usize) {
        if *left == 0 {
            return;
        }
        match data_type {
            DataType::Struct(fields) => fields.iter().for_each(|field| leaves(field.data_type(), left)),
            DataType::List(of) | DataType::Map(of, _) => leaves(of.data_type(), left),
            _ => *left -= 1,
        }
    }
    let mut left = TYPE_LEAVES_MAX;
    fields.iter().for_each(|field| leaves(field.data_type(), &mut left));
    if left == 0 {
        return Err(DataFusionError::Plan(format!("a row has more than {TYPE_LEAVES_MAX} values")));
    }
    Ok(DataType::Struct(Fields::from(fields)))
}

fn row_field(args: &Args<'_>) -> Result<FieldRef> {
    let fields = args.fields.iter().enumerate();
    let fields = fields.map(|(at, field)| field.as_ref().clone().with_name(format!("field{at}")).with_nullable(true));
    Ok(types::result(row_of(fields.collect())?))
}

fn zip_field(args: &Args<'_>) -> Result<FieldRef> {
    let fields = args.fields.iter().enumerate();
    let fields = fields.map(|(at, field)| element_of(Some(field), &format!("field{at}")));
    Ok(types::result(DataType::new_list(row_of(fields.collect())?, true)))
}

/// The first elements of each list as a row, then the second ones; shorter lists have nulls at their end.
fn zip(input: &Input) -> Result<ArrayRef> {
    let lists = (0..input.args.len()).map(|at| list(input, at)).collect::<Result<Vec<_>>>()?;
    let (mut lengths, mut valid) = (Vec::new(), Vec::new());
    let mut places: Vec<Vec<Option<usize>>> = vec![Vec::new(); lists.len()];
    for row in 0..input.rows {
        let all = lists.iter().all(|list| list.is_valid(row));
        let longest =
            lists.iter().map(|list| range(list.value_offsets(), row).len()).max().filter(|_| all).unwrap_or(0);
        for (list, places) in lists.iter().zip(&mut places) {
            let own = range(list.value_offsets(), row);
            places.extend((0..longest).map(|at| own.clone().nth(at)));
        }
        lengths.push(longest);
        valid.push(all);
    }
    let DataType::List(of) = input.returns.data_type() else { return wrong("arrays are expected") };
    let DataType::Struct(fields) = of.data_type() else { return wrong("arrays are expected") };
    let columns = lists.iter().zip(&places).map(|(list, places)| pick(list.values(), places)).collect::<Result<_>>()?;
    let rows = Arc::new(StructArray::try_new(fields.clone(), columns, None)?);
    Ok(Arc::new(ListArray::try_new(of.clone(), OffsetBuffer::from_lengths(lengths), rows, Some(valid.into()))?))
}

/// Lists joined with lists, or with elements, are lists; all else is text.
fn concat_field(args: &Args<'_>) -> Result<FieldRef> {
    let lists = || args.fields.iter().filter_map(|field| types::element(field.data_type()));
    let element = lists().find(|of| *of.data_type() != DataType::Null).or(lists().next());
    if let Some(of) = element {
        return Ok(types::result(DataType::List(Arc::new(of.as_ref().clone().with_name("item").with_nullable(true)))));
    }
    let strange =
        args.fields.iter().find(|field| !types::is_text(field.data_type()) && *field.data_type() != DataType::Null);
    match strange {
        None => Ok(types::result(DataType::Utf8)),
        Some(field) => {
            let name = types::name(field);
            Err(DataFusionError::Plan(format!("Cannot concatenate {name}: cast it to varchar")))
        }
    }
}

fn concat_texts(input: &Input) -> Result<ArrayRef> {
    let texts = (0..input.args.len()).map(|at| input.texts(at)).collect::<Result<Vec<_>>>()?;
    let mut builder = Bounded::default();
    let mut whole = String::new();
    for row in 0..input.rows {
        whole.clear();
        let all = texts.iter().all(|texts| match texts.get(row) {
            Some(text) => {
                whole.push_str(text);
                true
            }
            None => false,
        });
        builder.push(all.then_some(whole.as_str()))?;
    }
    Ok(builder.finish())
}

fn concat_lists(input: &Input, of: &FieldRef) -> Result<ArrayRef> {
    let whole = input.returns.data_type();
    // What is no list is one of a single element.
    let lists = (0..input.args.len())
        .map(|at| {
            if types::element(&input.data_type(at)).is_some() {
                return Ok(input.cast(at, whole)?.as_list::<i32>().clone());
            }
            let values = input.cast(at, of.data_type())?;
            let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(1, values.len()));
            Ok(ListArray::try_new(of.clone(), offsets, values, None)?)
        })
        .collect::<Result<Vec<_>>>()?;
    let values: Vec<&dyn Array> = lists.iter().map(|list| list.values().as_ref()).collect();
    let values = concat(&values)?;
    let (mut at, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..input.rows {
        let all = lists.iter().all(|list| list.is_valid(row));
        let before = at.len();
        let mut shift = 0;
        for list in &lists {
            at.extend(range(list.value_offsets(), row).filter(|_| all).map(|place| Some(place + shift)));
            shift += list.values().len();
        }
        if at.len() > LIST_VALUES_MAX {
            return too_much();
        }
        lengths.push(at.len() - before);
        valid.push(all);
    }
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(of.clone(), offsets, pick(&values, &at)?, Some(valid.into()))?))
}

fn sequence_field(args: &Args<'_>) -> Result<FieldRef> {
    let of = match args.data_type(0) {
        DataType::Date32 => DataType::Date32,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone.clone()),
        _ => DataType::Int64,
    };
    Ok(types::result(DataType::new_list(of, true)))
}

/// The steps of a sequence: whole numbers or milliseconds, or months.
enum Steps {
    Fixed(Int64Array),
    Months(Int64Array),
}

/// From one number or time to the other, upwards or downwards, in steps.
fn sequence(input: &Input) -> Result<ArrayRef> {
    let DataType::List(of) = input.returns.data_type() else { return wrong("sequence makes a list") };
    let times = *of.data_type() != DataType::Int64;
    let ends = |at: usize| -> Result<Int64Array> {
        let array =
            if times { input.cast(at, &DataType::Timestamp(TimeUnit::Millisecond, None))? } else { input.array(at)? };
        Ok(cast(&array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
    };
    let (from, to) = (ends(0)?, ends(1)?);
    let steps = steps(input, times)?;
    let (mut values, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..input.rows {
        let step = match &steps {
            None => {
                Some((if times { time::DAY_MS } else { 1 }) * if from.value(row) <= to.value(row) { 1 } else { -1 })
            }
            Some(Steps::Fixed(steps) | Steps::Months(steps)) => steps.is_valid(row).then(|| steps.value(row)),
        };
        let step = step.filter(|_| from.is_valid(row) && to.is_valid(row));
        valid.push(step.is_some());
        let Some(step) = step else {
            lengths.push(0);
            continue;
        };
        let (from, to, before) = (from.value(row), to.value(row), values.len());
        if step == 0 || (step > 0) != (from <= to) && from != to {
            return wrong(
                "sequence stop value should be greater than or equal to start value if step is greater than zero otherwise stop should be less than or equal to start",
            );
        }
        for number in 0.. {
            let next = match &steps {
                Some(Steps::Months(_)) => {
                    step.checked_mul(number).and_then(|months| time::add(Unit::Months(1), months, from))
                }
                _ => step.checked_mul(number).and_then(|far| from.checked_add(far)),
            };
            match next.filter(|next| if step > 0 { *next <= to } else { *next >= to }) {
                Some(next) => values.push(next),
                None => break,
            }
            if values.len() - before > ENTRIES_MAX {
                return wrong(format!("result of sequence function must not have more than {ENTRIES_MAX} entries"));
            }
        }
        if values.len() > LIST_VALUES_MAX {
            return too_much();
        }
        lengths.push(values.len() - before);
    }
    let values: ArrayRef = Arc::new(Int64Array::from(values));
    let values = if times {
        cast(&cast(&values, &DataType::Timestamp(TimeUnit::Millisecond, None))?, of.data_type())?
    } else {
        values
    };
    Ok(Arc::new(ListArray::try_new(of.clone(), OffsetBuffer::from_lengths(lengths), values, Some(valid.into()))?))
}

fn steps(input: &Input, times: bool) -> Result<Option<Steps>> {
    if !input.has(2) {
        return Ok(None);
    }
    if !times {
        return Ok(Some(Steps::Fixed(input.cast(2, &DataType::Int64)?.as_primitive::<Int64Type>().clone())));
    }
    let array = input.cast(2, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let array = array.as_primitive::<IntervalMonthDayNanoType>().clone();
    let months = array.iter().flatten().any(|step| step.months != 0);
    let steps = array.iter().map(|step| {
        step.map(|step| {
            if months {
                i64::from(step.months)
            } else {
                i64::from(step.days) * time::DAY_MS + step.nanoseconds / 1_000_000
            }
        })
    });
    let steps = steps.collect();
    Ok(Some(if months { Steps::Months(steps) } else { Steps::Fixed(steps) }))
}

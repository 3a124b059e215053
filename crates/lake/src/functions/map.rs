//! Maps, whether they are Arrow's or JSON objects as text; members of rows; elements of lists and maps.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, MapArray, StructArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::kernels::cmp::eq;
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};

use super::cast::{cast_to, pick};
use super::json::count;
use super::{Args, Fun, Input, wrong};
use crate::show::range;
use crate::types::{self, Type};
use crate::{json, names};

/// Fields that Lake's schema has and records do not: they are null.
const ABSENT: &[&str] = &["ec2issuedinvpc"];

pub(super) fn functions() -> Vec<Fun> {
    let integer = |_: &Args<'_>| Ok(types::result(DataType::Int64));
    vec![
        Fun::new("trino_field", 2..=2, field_of, field).simplified(|args, info| {
            let is_row = matches!(info.get_data_type(&args[0])?, DataType::Struct(fields)
                    if literal(&args[1]).is_some_and(|name| fields.iter().any(|field| field.name() == name)));
            Ok(is_row.then(|| super::call(datafusion::functions::core::get_field(), args.to_vec())))
        }),
        Fun::new("trino_subscript", 2..=2, value_field, element_at),
        Fun::new("element_at", 2..=2, value_field, element_at),
        Fun::new("cardinality", 1..=1, integer, |input| {
            let data_type = input.data_type(0);
            if types::is_text(&data_type) {
                let texts = input.texts(0)?;
                return input.map_integers(|row| {
                    Ok(texts.get(row).map(|text| {
                        count(if json::is_array(text) {
                            json::elements(text).count()
                        } else {
                            json::members(text).count()
                        })
                    }))
                });
            }
            let (offsets, nulls) = match &data_type {
                DataType::Map(..) => {
                    let map = input.array(0)?.as_map().clone();
                    (map.offsets().clone(), map.nulls().cloned())
                }
                _ => {
                    let list = list(input, 0)?;
                    (list.offsets().clone(), list.nulls().cloned())
                }
            };
            input.map_integers(|row| {
                let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                Ok((!is_null).then(|| count(range(&offsets, row).len())))
            })
        }),
        Fun::new("contains", 2..=2, |_| Ok(types::result(DataType::Boolean)), contains),
        Fun::new(
            "map_keys",
            1..=1,
            |args| list_of(&pairs(args.fields.first())?.0),
            |input| {
                let map = map(input, 0)?;
                entries_list(&map, map.keys().clone(), input)
            },
        ),
        Fun::new(
            "map_values",
            1..=1,
            |args| list_of(&pairs(args.fields.first())?.1),
            |input| {
                let map = map(input, 0)?;
                entries_list(&map, map.values().clone(), input)
            },
        ),
        Fun::new("map_entries", 1..=1, entries_field, |input| {
            let map = map(input, 0)?;
            let DataType::List(of) = input.returns.data_type() else { return wrong("map_entries takes a map") };
            let DataType::Struct(fields) = of.data_type() else { return wrong("map_entries takes a map") };
            let columns = vec![map.keys().clone(), map.values().clone()];
            let rows: ArrayRef = Arc::new(StructArray::try_new(fields.clone(), columns, None)?);
            entries_list(&map, rows, input)
        }),
        Fun::new(
            "map_from_entries",
            1..=1,
            |args| match types::element(args.data_type(0)).map(|of| of.data_type()) {
                Some(DataType::Struct(pair)) if pair.len() == 2 => {
                    Ok(types::result(types::map_of(renamed(&pair[0], "key"), renamed(&pair[1], "value"))))
                }
                _ => Err(DataFusionError::Plan(
                    "Unexpected parameters for function map_from_entries: an array of pairs is expected".into(),
                )),
            },
            |input| {
                let list = list(input, 0)?;
                let pair = list.values().as_struct();
                map_of_rows(
                    input,
                    pair.column(0),
                    pair.column(1),
                    (0..input.rows)
                        .map(|row| {
                            list.is_valid(row)
                                .then(|| range(list.value_offsets(), row).map(|at| (at, Some(at))).collect())
                        })
                        .collect(),
                )
            },
        ),
        Fun::new(
            "map_concat",
            2..=2,
            |args| {
                let (key, value) = pairs(args.fields.first())?;
                Ok(types::result(types::map_of(key, value)))
            },
            |input| {
                let (first, second) = (map(input, 0)?, map(input, 1)?);
                let shift = first.keys().len();
                let second_keys = cast(second.keys(), first.keys().data_type())?;
                let second_values = cast(second.values(), first.values().data_type())?;
                let keys = datafusion::arrow::compute::concat(&[first.keys().as_ref(), second_keys.as_ref()])?;
                let values = datafusion::arrow::compute::concat(&[first.values().as_ref(), second_values.as_ref()])?;
                map_of_rows(
                    input,
                    &keys,
                    &values,
                    (0..input.rows)
                        .map(|row| {
                            (first.is_valid(row) && second.is_valid(row)).then(|| {
                                let later = range(second.value_offsets(), row).map(|at| at + shift);
                                later.chain(range(first.value_offsets(), row)).map(|at| (at, Some(at))).collect()
                            })
                        })
                        .collect(),
                )
            },
        ),
        Fun::new(
            "trino_map_of",
            2..=2,
            |args| {
                let (key, value) = (element_field(args, 0), element_field(args, 1));
                Ok(types::result(types::map_of(renamed(&key, "key"), renamed(&value, "value"))))
            },
            |input| {
                let (keys, values) = (list(input, 0)?, list(input, 1)?);
                map_of_rows(
                    input,
                    keys.values(),
                    values.values(),
                    (0..input.rows)
                        .map(|row| {
                            keys.is_valid(row).then(|| {
                                range(keys.value_offsets(), row)
                                    .zip(range(values.value_offsets(), row))
                                    .map(|(key, value)| (key, Some(value)))
                                    .collect()
                            })
                        })
                        .collect(),
                )
            },
        ),
        Fun::new(
            "trino_count_values",
            1..=1,
            |args| {
                let key = element_field(args, 0);
                Ok(types::result(types::map_of(renamed(&key, "key"), Field::new("value", DataType::Int64, true))))
            },
            |input| {
                let keys = list(input, 0)?;
                let groups = grouped(&keys, input.rows)?;
                let counts = groups.iter().flatten().flatten().map(|group| count(group.len()));
                let counts: ArrayRef = Arc::new(counts.collect::<datafusion::arrow::array::Int64Array>());
                let mut next = 0..counts.len();
                map_of_rows(
                    input,
                    keys.values(),
                    &counts,
                    groups
                        .iter()
                        .map(|groups| {
                            groups.as_ref().map(|groups| groups.iter().map(|group| (group[0], next.next())).collect())
                        })
                        .collect(),
                )
            },
        ),
        Fun::new(
            "trino_multimap_of",
            2..=2,
            |args| {
                let (key, value) = (element_field(args, 0), element_field(args, 1));
                let values = Field::new("value", DataType::List(Arc::new(renamed(&value, "item"))), true);
                Ok(types::result(types::map_of(renamed(&key, "key"), values)))
            },
            |input| {
                let (keys, values) = (list(input, 0)?, list(input, 1)?);
                let groups = grouped(&keys, input.rows)?;
                let mut at = Vec::new();
                let mut lengths = Vec::new();
                for (row, groups) in groups.iter().enumerate() {
                    let (first_key, first_value) =
                        (range(keys.value_offsets(), row).start, range(values.value_offsets(), row).start);
                    for group in groups.iter().flatten() {
                        at.extend(group.iter().map(|key| Some(key - first_key + first_value)));
                        lengths.push(group.len());
                    }
                }
                let picked = pick(values.values(), &at)?;
                let field = Arc::new(Field::new("item", picked.data_type().clone(), true));
                let lists: ArrayRef =
                    Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), picked, None)?);
                let mut next = 0..lists.len();
                map_of_rows(
                    input,
                    keys.values(),
                    &lists,
                    groups
                        .iter()
                        .map(|groups| {
                            groups.as_ref().map(|groups| groups.iter().map(|group| (group[0], next.next())).collect())
                        })
                        .collect(),
                )
            },
        ),
    ]
}

fn literal(expr: &datafusion::logical_expr::Expr) -> Option<&str> {
    match expr {
        datafusion::logical_expr::Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn renamed(field: &Field, name: &str) -> Field {
    field.clone().with_name(name)
}

fn element_field(args: &Args<'_>, at: usize) -> Field {
    types::element(args.data_type(at))
        .map_or_else(|| Field::new("item", DataType::Utf8, true), |of| of.as_ref().clone())
}

fn list_of(field: &Field) -> Result<FieldRef> {
    Ok(types::result(DataType::List(Arc::new(renamed(field, "item").with_nullable(true)))))
}

/// The fields of a map's keys and values; a JSON text is a map of texts.
fn pairs(field: Option<&FieldRef>) -> Result<(Field, Field)> {
    let Some(field) = field else { return Err(DataFusionError::Plan("a map is expected".to_owned())) };
    match field.data_type() {
        DataType::Map(..) => Ok(fields(field.data_type())),
        data_type if types::is_text(data_type) || *data_type == DataType::Null => {
            let text = |name| Field::new(name, DataType::Utf8, true);
            Ok((text("key"), text("value")))
        }
        _ => Err(DataFusionError::Plan(format!("{} is no map", types::name(field)))),
    }
}

pub(super) fn fields(data_type: &DataType) -> (Field, Field) {
    match data_type {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => (renamed(&pair[0], "key"), renamed(&pair[1], "value")),
            _ => (Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)),
        },
        _ => (Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)),
    }
}

fn entries_field(args: &Args<'_>) -> Result<FieldRef> {
    let (key, value) = pairs(args.fields.first())?;
    let row = DataType::Struct(vec![renamed(&key, "field0"), renamed(&value, "field1")].into());
    list_of(&Field::new("item", row, true))
}

/// An argument as a map.
fn map(input: &Input, at: usize) -> Result<MapArray> {
    let array = input.array(at)?;
    if let DataType::Map(..) = array.data_type() {
        return Ok(array.as_map().clone());
    }
    let text = || Box::new(Type::Varchar(None));
    let to = Type::Map(text(), text());
    let array = cast_to(&array, &Field::new("", array.data_type().clone(), true), &to, true)?;
    Ok(array.as_map().clone())
}

/// An argument as a list.
pub(super) fn list(input: &Input, at: usize) -> Result<ListArray> {
    let array = input.array(at)?;
    let Some(of) = types::element(array.data_type()).cloned() else {
        return wrong(format!("{} is no array", types::name(&input.field(at))));
    };
    Ok(input.cast(at, &DataType::List(of))?.as_list::<i32>().clone())
}

fn entries_list(map: &MapArray, values: ArrayRef, input: &Input) -> Result<ArrayRef> {
    let DataType::List(of) = input.returns.data_type() else { return wrong("a map is expected") };
    let values = if values.data_type() == of.data_type() { values } else { cast(&values, of.data_type())? };
    Ok(Arc::new(ListArray::try_new(of.clone(), map.offsets().clone(), values, map.nulls().cloned())?))
}

/// Maps of picked keys and values, a row each. Of equal keys the first counts.
#[expect(clippy::type_complexity, reason = "rows of pairs of places, made in one expression by each caller")]
fn map_of_rows(
    input: &Input,
    keys: &ArrayRef,
    values: &ArrayRef,
    rows: Vec<Option<Vec<(usize, Option<usize>)>>>,
) -> Result<ArrayRef> {
    let DataType::Map(entries, _) = input.returns.data_type() else { return wrong("a map is expected") };
    let DataType::Struct(pair) = entries.data_type() else { return wrong("a map is expected") };
    let texts = super::Texts::of(keys, &Field::new("", keys.data_type().clone(), true))?;
    let (mut key_at, mut value_at, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in &rows {
        let mut seen = std::collections::HashSet::new();
        let before = key_at.len();
        for (key, value) in row.iter().flatten() {
            if texts.get(*key).is_some_and(|text| seen.insert(text)) {
                key_at.push(Some(*key));
                value_at.push(*value);
            }
        }
        lengths.push(key_at.len() - before);
        valid.push(row.is_some());
    }
    let keys = cast(&pick(keys, &key_at)?, pair[0].data_type())?;
    let values = cast(&pick(values, &value_at)?, pair[1].data_type())?;
    let pairs = StructArray::try_new(pair.clone(), vec![keys, values], None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, pairs, Some(NullBuffer::from(valid)), false)?))
}

/// For each row the places of equal elements, in the order of their first.
fn grouped(list: &ListArray, rows: usize) -> Result<Vec<Option<Vec<Vec<usize>>>>> {
    let texts = super::Texts::of(list.values(), &Field::new("", list.values().data_type().clone(), true))?;
    let mut all = Vec::with_capacity(rows);
    for row in 0..rows {
        if list.is_null(row) {
            all.push(None);
            continue;
        }
        let mut places: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for at in range(list.value_offsets(), row) {
            let Some(text) = texts.get(at) else { continue };
            match places.get(text) {
                Some(group) => groups[*group].push(at),
                None => {
                    places.insert(text, groups.len());
                    groups.push(vec![at]);
                }
            }
        }
        all.push(Some(groups));
    }
    Ok(all)
}

/// The result of `x.field`.
fn field_of(args: &Args<'_>) -> Result<FieldRef> {
    let name = args.constant(1).unwrap_or_default().to_owned();
    match args.data_type(0) {
        DataType::Struct(fields) => match fields.iter().find(|field| field.name() == &name) {
            Some(field) => Ok(field.clone()),
            None if ABSENT.contains(&name.as_str()) => Ok(types::result(DataType::Utf8)),
            None => {
                let known = fields.iter().map(|field| field.name().as_str());
                let meant =
                    query_lang::nearest(&name, known).map(|name| format!(". Did you mean '{}'?", names::shown(name)));
                Err(DataFusionError::Plan(format!("Column '{name}' cannot be resolved{}", meant.unwrap_or_default())))
            }
        },
        data_type if types::is_text(data_type) => Ok(types::result(DataType::Utf8)),
        DataType::Null => Ok(types::result(DataType::Null)),
        _ => Err(DataFusionError::Plan(format!(
            "Expression is not of type ROW: {}",
            args.fields.first().map_or_else(String::new, |field| types::name(field))
        ))),
    }
}

fn field(input: &Input) -> Result<ArrayRef> {
    let array = input.array(0)?;
    let names = input.texts(1)?;
    let name = names.constant().unwrap_or_default();
    match array.data_type() {
        DataType::Struct(_) => match array.as_struct().column_by_name(name) {
            // A member of a null row is null, whatever lies below.
            Some(column) => {
                let nulls = NullBuffer::union(array.nulls(), column.nulls());
                Ok(datafusion::arrow::array::make_array(column.to_data().into_builder().nulls(nulls).build()?))
            }
            None => Ok(datafusion::arrow::array::new_null_array(&DataType::Utf8, input.rows)),
        },
        data_type if types::is_text(data_type) => {
            let texts = input.texts(0)?;
            input.map_texts(|row| {
                let value = texts.get(row).and_then(|text| json::member_any_case(text, name)).and_then(json::plain);
                Ok(value.map(|value| Cow::Owned(value.into_owned())))
            })
        }
        data_type => Ok(datafusion::arrow::array::new_null_array(data_type, input.rows)),
    }
}

/// The result of `x[y]`.
fn value_field(args: &Args<'_>) -> Result<FieldRef> {
    if let Some(of) = types::element(args.data_type(0)) {
        return Ok(of.clone());
    }
    let of = pairs(args.fields.first()).map_err(|_| {
        let name = args.fields.first().map_or_else(String::new, |field| types::name(field));
        DataFusionError::Plan(format!(
            "Unexpected parameters ({name}) for function element_at. Expected: element_at(array or map, key)"
        ))
    })?;
    Ok(Arc::new(of.1))
}

/// The value of a member of a JSON object.
fn value_of<'a>(text: &'a str, key: &str) -> Option<Cow<'a, str>> {
    json::member(text, key).and_then(json::plain)
}

fn element_at(input: &Input) -> Result<ArrayRef> {
    let data_type = input.data_type(0);
    if types::is_text(&data_type) {
        let texts = input.texts(0)?;
        if input.data_type(1).is_numeric() {
            let at = input.integers(1)?;
            return input.map_texts(|row| {
                let Some((text, at)) = texts.get(row).zip(at(row)) else { return Ok(None) };
                let at = if at > 0 { at - 1 } else { at };
                Ok(json::element(text, at).and_then(json::plain).map(|value| Cow::Owned(value.into_owned())))
            });
        }
        let keys = input.texts(1)?;
        return input.map_texts(|row| {
            let value = texts.get(row).zip(keys.get(row)).and_then(|(text, key)| value_of(text, key));
            Ok(value.map(|value| Cow::Owned(value.into_owned())))
        });
    }
    if let DataType::Map(..) = data_type {
        let map = input.array(0)?.as_map().clone();
        let same = equal_to(input, map.keys(), map.value_offsets(), 1)?;
        let found: Vec<Option<usize>> = (0..input.rows)
            .map(|row| {
                if map.is_null(row) {
                    return None;
                }
                range(map.value_offsets(), row).find(|at| same.is_valid(*at) && same.value(*at))
            })
            .collect();
        return pick(map.values(), &found);
    }
    if data_type == DataType::Null {
        return Ok(datafusion::arrow::array::new_null_array(input.returns.data_type(), input.rows));
    }
    let list = list(input, 0)?;
    let at = input.integers(1)?;
    let mut found = Vec::with_capacity(input.rows);
    for row in 0..input.rows {
        let places = range(list.value_offsets(), row);
        found.push(match at(row) {
            Some(0) => return wrong("SQL array indices start at 1"),
            Some(at) if list.is_valid(row) => {
                let back = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
                let place = if at > 0 { places.start.checked_add(back - 1) } else { places.end.checked_sub(back) };
                place.filter(|place| places.contains(place))
            }
            _ => None,
        });
    }
    pick(list.values(), &found)
}

/// Which of the values of lists equal the row's value of an argument.
fn equal_to(input: &Input, values: &ArrayRef, offsets: &[i32], at: usize) -> Result<BooleanArray> {
    let needle = input.array(at)?;
    let mut rows = vec![None; values.len()];
    for row in 0..input.rows {
        let number = u64::try_from(row).ok();
        range(offsets, row).for_each(|at| rows[at] = number);
    }
    let rows: datafusion::arrow::array::UInt64Array = rows.into_iter().collect();
    let needles = take(&needle, &rows, None)?;
    let (needles, values) = if values.data_type() == needles.data_type() {
        (needles, values.clone())
    } else if types::is_text(values.data_type()) {
        (cast(&needles, &DataType::Utf8)?, cast(values, &DataType::Utf8)?)
    } else {
        (cast(&needles, values.data_type())?, values.clone())
    };
    Ok(eq(&values, &needles)?)
}

/// `contains(array, element)`, or `contains('10.0.0.0/8', address)`.
fn contains(input: &Input) -> Result<ArrayRef> {
    if types::is_text(&input.data_type(0)) {
        let (networks, addresses) = (input.texts(0)?, input.texts(1)?);
        return input.map_booleans(|row| match networks.get(row).zip(addresses.get(row)) {
            Some((network, _)) if json::is_array(network) => {
                let address = addresses.get(row).unwrap_or_default();
                Ok(Some(json::elements(network).any(|element| json::plain(element).as_deref() == Some(address))))
            }
            Some((network, address)) => match in_network(network, address) {
                Some(found) => Ok(Some(found)),
                None => wrong(format!("Invalid CIDR or address: '{network}', '{address}'")),
            },
            None => Ok(None),
        });
    }
    let list = list(input, 0)?;
    let same = equal_to(input, list.values(), list.value_offsets(), 1)?;
    let needle = input.array(1)?;
    input.map_booleans(|row| {
        if list.is_null(row) || needle.is_null(row) {
            return Ok(None);
        }
        let mut places = range(list.value_offsets(), row);
        let found = places.clone().any(|at| same.is_valid(at) && same.value(at));
        // A null among the elements leaves it open.
        let open = places.any(|at| same.is_null(at));
        Ok(if found {
            Some(true)
        } else if open {
            None
        } else {
            Some(false)
        })
    })
}

/// Whether an address is of a network. `None` if one of them is none.
fn in_network(network: &str, address: &str) -> Option<bool> {
    use std::net::IpAddr;
    let (base, length) = network.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let (base, address): (IpAddr, IpAddr) = (base.parse().ok()?, address.parse().ok()?);
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let ((base, width), (address, other)) = (bits(base), bits(address));
    if length > width {
        return None;
    }
    let shift = width - length;
    Some(width == other && (length == 0 || base >> shift == address >> shift))
}

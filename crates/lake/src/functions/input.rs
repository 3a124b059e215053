//! The arguments of a function on a batch, whatever their layout.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;

use super::{TEXT_BYTES_MAX, too_much};
use crate::show::Printer;
use crate::types;

/// Arguments on a batch.
pub(crate) struct Input {
    pub(crate) args: Vec<ColumnarValue>,
    pub(crate) fields: Vec<FieldRef>,
    pub(crate) rows: usize,
    pub(crate) returns: FieldRef,
}

/// Makes a column of texts that is not larger than a batch may be.
#[derive(Default)]
pub(crate) struct Bounded {
    builder: datafusion::arrow::array::StringBuilder,
    bytes: usize,
}

impl Bounded {
    /// Adds a value.
    pub(crate) fn push(&mut self, text: Option<&str>) -> Result<()> {
        self.bytes = self.bytes.saturating_add(text.map_or(0, str::len));
        if self.bytes > TEXT_BYTES_MAX {
            return too_much();
        }
        self.builder.append_option(text);
        Ok(())
    }

    /// The column.
    pub(crate) fn finish(mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// Texts of an argument, row by row.
pub(crate) enum Texts {
    Constant(Option<String>),
    Plain(StringArray),
    View(StringViewArray),
}

impl Texts {
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Texts::Constant(text) => text.as_deref(),
            Texts::Plain(array) => (!array.is_null(row)).then(|| array.value(row)),
            Texts::View(array) => (!array.is_null(row)).then(|| array.value(row)),
        }
    }

    /// The text, if it is the same in every row.
    pub(crate) fn constant(&self) -> Option<&str> {
        match self {
            Texts::Constant(text) => text.as_deref(),
            _ => None,
        }
    }

    /// A column of them, so many; not copied if it is one already.
    pub(crate) fn into_array(self, rows: usize) -> Result<ArrayRef> {
        if let Texts::Plain(array) = self {
            return Ok(Arc::new(array));
        }
        let mut builder = Bounded::default();
        for row in 0..rows {
            builder.push(self.get(row))?;
        }
        Ok(builder.finish())
    }

    /// A column's texts; values of other types as they are printed.
    pub(crate) fn of(array: &ArrayRef, field: &Field) -> Result<Texts> {
        Ok(match array.data_type() {
            DataType::Utf8 => Texts::Plain(array.as_string::<i32>().clone()),
            DataType::Utf8View => Texts::View(array.as_string_view().clone()),
            text if types::is_text(text) => Texts::Plain(cast(array, &DataType::Utf8)?.as_string::<i32>().clone()),
            DataType::Null => Texts::Constant(None),
            _ => {
                let printer = Printer::new(array, field, false)?;
                let texts = (0..array.len()).map(|row| printer.value(row)).collect::<Result<StringArray>>()?;
                Texts::Plain(texts)
            }
        })
    }
}

impl Input {
    /// Whether an argument was given.
    pub(crate) fn has(&self, at: usize) -> bool {
        at < self.args.len()
    }

    /// An argument's type.
    pub(crate) fn data_type(&self, at: usize) -> DataType {
        self.args.get(at).map_or(DataType::Null, ColumnarValue::data_type)
    }

    /// An argument's field.
    pub(crate) fn field(&self, at: usize) -> FieldRef {
        self.fields.get(at).cloned().unwrap_or_else(|| Arc::new(Field::new("", self.data_type(at), true)))
    }

    /// An argument as a column of its own type.
    pub(crate) fn array(&self, at: usize) -> Result<ArrayRef> {
        match self.args.get(at) {
            Some(arg) => arg.to_array(self.rows),
            None => Ok(datafusion::arrow::array::new_null_array(&DataType::Null, self.rows)),
        }
    }

    /// An argument as a column of another type.
    pub(crate) fn cast(&self, at: usize, to: &DataType) -> Result<ArrayRef> {
        let array = self.array(at)?;
        if array.data_type() == to { Ok(array) } else { Ok(cast(&array, to)?) }
    }

    /// An argument's texts.
    pub(crate) fn texts(&self, at: usize) -> Result<Texts> {
        match self.args.get(at) {
            Some(ColumnarValue::Scalar(value)) if types::is_text(&value.data_type()) => {
                Ok(Texts::Constant(value.try_as_str().flatten().map(str::to_owned)))
            }
            None | Some(ColumnarValue::Scalar(ScalarValue::Null)) => Ok(Texts::Constant(None)),
            Some(_) => Texts::of(&self.array(at)?, &self.field(at)),
        }
    }

    /// An argument's bytes.
    pub(crate) fn bytes(&self, at: usize) -> Result<BinaryArray> {
        Ok(self.cast(at, &DataType::Binary)?.as_binary::<i32>().clone())
    }

    /// An argument's whole numbers, row by row.
    pub(crate) fn integers(&self, at: usize) -> Result<impl Fn(usize) -> Option<i64> + use<>> {
        let array = self.cast(at, &DataType::Int64)?;
        let array = array.as_primitive::<Int64Type>().clone();
        Ok(move |row: usize| (!array.is_null(row)).then(|| array.value(row)))
    }

    /// An argument's numbers, row by row.
    pub(crate) fn doubles(&self, at: usize) -> Result<impl Fn(usize) -> Option<f64> + use<>> {
        let array = self.cast(at, &DataType::Float64)?;
        let array = array.as_primitive::<Float64Type>().clone();
        Ok(move |row: usize| (!array.is_null(row)).then(|| array.value(row)))
    }

    /// The same arguments, in one row only.
    pub(crate) fn row(&self, row: usize) -> Result<Input> {
        let args = self
            .args
            .iter()
            .map(|arg| {
                Ok(match arg {
                    ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(row, 1)),
                    ColumnarValue::Scalar(value) => ColumnarValue::Scalar(value.clone()),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Input { args, fields: self.fields.clone(), rows: 1, returns: self.returns.clone() })
    }

    /// A text for each row.
    pub(crate) fn map_texts<'a>(&self, row: impl Fn(usize) -> Result<Option<Cow<'a, str>>>) -> Result<ArrayRef> {
        let mut builder = Bounded::default();
        for at in 0..self.rows {
            builder.push(row(at)?.as_deref())?;
        }
        Ok(builder.finish())
    }

    /// A whole number for each row.
    pub(crate) fn map_integers(&self, row: impl Fn(usize) -> Result<Option<i64>>) -> Result<ArrayRef> {
        let values = (0..self.rows).map(row).collect::<Result<datafusion::arrow::array::Int64Array>>()?;
        Ok(Arc::new(values))
    }

    /// Yes or no for each row.
    pub(crate) fn map_booleans(&self, row: impl Fn(usize) -> Result<Option<bool>>) -> Result<ArrayRef> {
        let values = (0..self.rows).map(row).collect::<Result<datafusion::arrow::array::BooleanArray>>()?;
        Ok(Arc::new(values))
    }

    /// A list of texts for each row; the list's field is that of the result.
    pub(crate) fn map_lists<'a>(
        &self,
        row: impl Fn(usize) -> Result<Option<Vec<Option<Cow<'a, str>>>>>,
    ) -> Result<ArrayRef> {
        let field = match self.returns.data_type() {
            DataType::List(of) => of.clone(),
            _ => Arc::new(Field::new("item", DataType::Utf8, true)),
        };
        let values = datafusion::arrow::array::StringBuilder::new();
        let mut builder = datafusion::arrow::array::ListBuilder::new(values).with_field(field);
        for at in 0..self.rows {
            match row(at)? {
                Some(texts) => {
                    texts.into_iter().for_each(|text| builder.values().append_option(text));
                    builder.append(true);
                }
                None => builder.append(false),
            }
        }
        Ok(Arc::new(builder.finish()))
    }
}

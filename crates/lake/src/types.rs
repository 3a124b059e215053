//! Trino's types, and how they are told apart in Arrow, which has no JSON and no map that is a text: the field's metadata says so.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};

/// The key of the metadata.
pub(crate) const KEY: &str = "trino";
/// Text that is a JSON value.
pub(crate) const JSON: &str = "json";
/// Text that is a JSON object and shows itself as `map(varchar,varchar)`.
pub(crate) const MAP: &str = "map";
/// Text that is an address.
pub(crate) const IP: &str = "ipaddress";

/// Names of types, for those who miss one.
pub(crate) const NAMES: &[&str] = &[
    "array",
    "bigint",
    "boolean",
    "char",
    "date",
    "decimal",
    "double",
    "integer",
    "ipaddress",
    "json",
    "map",
    "real",
    "row",
    "smallint",
    "string",
    "timestamp",
    "tinyint",
    "varbinary",
    "varchar",
];

/// How deep types may be nested in a name.
const DEPTH_MAX: usize = 32;

/// The longest `char`, whose values are padded: Trino's.
const CHAR_LENGTH_MAX: usize = 65_536;

/// A type as statements name it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    Boolean,
    /// With so many bits.
    Integer(u8),
    Real,
    Double,
    Decimal(u8, i8),
    /// At most so many characters.
    Varchar(Option<usize>),
    Char(usize),
    Varbinary,
    Date,
    Timestamp,
    TimestampTz,
    Json,
    Ip,
    Array(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Row(Vec<(String, Type)>),
}

impl Type {
    /// Reads a type's name.
    pub(crate) fn parse(text: &str) -> Option<Type> {
        let mut reader = Reader { rest: text.trim(), depth: 0 };
        let parsed = reader.read()?;
        reader.rest.trim().is_empty().then_some(parsed)
    }

    /// The field that values of this type have.
    pub(crate) fn field(&self, name: &str) -> Field {
        let plain = |data_type: DataType| Field::new(name, data_type, true);
        match self {
            Type::Boolean => plain(DataType::Boolean),
            Type::Integer(8) => plain(DataType::Int8),
            Type::Integer(16) => plain(DataType::Int16),
            Type::Integer(32) => plain(DataType::Int32),
            Type::Integer(_) => plain(DataType::Int64),
            Type::Real => plain(DataType::Float32),
            Type::Double => plain(DataType::Float64),
            Type::Decimal(precision, scale) => plain(DataType::Decimal128(*precision, *scale)),
            Type::Varchar(_) | Type::Char(_) => plain(DataType::Utf8),
            Type::Varbinary => plain(DataType::Binary),
            Type::Date => plain(DataType::Date32),
            Type::Timestamp => plain(DataType::Timestamp(TimeUnit::Millisecond, None)),
            Type::TimestampTz => plain(DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))),
            Type::Json => tagged(plain(DataType::Utf8), JSON),
            Type::Ip => tagged(plain(DataType::Utf8), IP),
            Type::Array(of) => plain(DataType::List(Arc::new(of.field("item")))),
            Type::Map(key, value) => plain(map_of(key.field("key"), value.field("value"))),
            Type::Row(fields) => {
                let fields: Fields = fields.iter().map(|(name, of)| of.field(name)).collect();
                plain(DataType::Struct(fields))
            }
        }
    }
}

/// A map whose entries are called as the engine's functions expect.
pub(crate) fn map_of(key: Field, value: Field) -> DataType {
    let entries = DataType::Struct(vec![key.with_nullable(false), value.with_nullable(true)].into());
    DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
}

/// The field, marked as one of [`JSON`], [`MAP`], [`IP`].
pub(crate) fn tagged(field: Field, tag: &str) -> Field {
    field.with_metadata([(KEY.to_owned(), tag.to_owned())].into())
}

/// A nullable field of a function's result.
pub(crate) fn result(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("", data_type, true))
}

/// A nullable text that is marked.
pub(crate) fn tagged_text(tag: &str) -> FieldRef {
    Arc::new(tagged(Field::new("", DataType::Utf8, true), tag))
}

/// How a field is marked.
pub(crate) fn tag(field: &Field) -> Option<&str> {
    field.metadata().get(KEY).map(String::as_str)
}

/// Whether values are text of any layout.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, of) => is_text(of),
        _ => false,
    }
}

/// Whether values are lists of any layout.
pub(crate) fn element(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => Some(of),
        _ => None,
    }
}

/// Trino's name of a field's type.
pub(crate) fn name(field: &Field) -> String {
    let data_type = field.data_type();
    if is_text(data_type) {
        return match tag(field) {
            Some(JSON) => "json".to_owned(),
            Some(MAP) => "map(varchar,varchar)".to_owned(),
            Some(IP) => "ipaddress".to_owned(),
            _ => "varchar".to_owned(),
        };
    }
    match data_type {
        DataType::Null => "unknown".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 | DataType::UInt8 => "smallint".to_owned(),
        DataType::Int32 | DataType::UInt16 => "integer".to_owned(),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint".to_owned(),
        DataType::Float16 | DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("decimal({precision},{scale})")
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "varbinary".to_owned()
        }
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "time(3)".to_owned(),
        DataType::Timestamp(_, None) => "timestamp(3)".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp(3) with time zone".to_owned(),
        DataType::Interval(IntervalUnit::YearMonth) => "interval year to month".to_owned(),
        DataType::Interval(_) | DataType::Duration(_) => "interval day to second".to_owned(),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| format!("{} {}", field.name(), name(field))).collect();
            format!("row({})", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => format!("map({},{})", name(&pair[0]), name(&pair[1])),
            _ => "map(varchar,varchar)".to_owned(),
        },
        DataType::Dictionary(_, of) => name(&Field::new("", of.as_ref().clone(), true)),
        other => match element(other) {
            Some(of) => format!("array({})", name(of)),
            None => other.to_string().to_lowercase(),
        },
    }
}

/// Reads types from left to right.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn take(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        if self.take("\"") {
            let (word, rest) = self.rest.split_once('"')?;
            self.rest = rest;
            return Some(word.to_lowercase());
        }
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_lowercase())
    }

    /// `(1, 2)`, if it comes next.
    fn numbers(&mut self) -> Option<Vec<usize>> {
        let mut numbers = Vec::new();
        if self.take("(") {
            loop {
                numbers.push(self.word()?.parse().ok()?);
                if self.take(")") {
                    break;
                }
                if !self.take(",") {
                    return None;
                }
            }
        }
        Some(numbers)
    }

    fn read(&mut self) -> Option<Type> {
        self.depth += 1;
        let read = if self.depth > DEPTH_MAX { None } else { self.one() };
        self.depth -= 1;
        read
    }

    fn one(&mut self) -> Option<Type> {
        let word = self.word()?;
        let simple = match word.as_str() {
            "boolean" | "bool" => Type::Boolean,
            "tinyint" => Type::Integer(8),
            "smallint" => Type::Integer(16),
            "integer" | "int" => Type::Integer(32),
            "bigint" => Type::Integer(64),
            "real" | "float" => Type::Real,
            "double" => {
                let _ = self.take("precision");
                Type::Double
            }
            "decimal" | "numeric" | "dec" => {
                let numbers = self.numbers()?;
                let precision = u8::try_from(numbers.first().copied().unwrap_or(38)).ok()?;
                let scale = i8::try_from(numbers.get(1).copied().unwrap_or(0)).ok()?;
                (1..=38).contains(&precision).then_some(Type::Decimal(precision, scale))?
            }
            "varchar" | "string" | "text" => Type::Varchar(self.numbers()?.first().copied()),
            "char" => {
                let length = self.numbers()?.first().copied().unwrap_or(1);
                (length <= CHAR_LENGTH_MAX).then_some(Type::Char(length))?
            }
            "varbinary" | "bytea" | "binary" => Type::Varbinary,
            "date" => Type::Date,
            "timestamp" => {
                self.numbers()?;
                if self.take("with time zone") {
                    Type::TimestampTz
                } else {
                    let _ = self.take("without time zone");
                    Type::Timestamp
                }
            }
            "json" => Type::Json,
            "ipaddress" => Type::Ip,
            "array" => {
                let close = self.open()?;
                let of = self.read()?;
                self.take(close).then_some(Type::Array(Box::new(of)))?
            }
            "map" => {
                let close = self.open()?;
                let key = self.read()?;
                let value = if self.take(",") { self.read()? } else { return None };
                self.take(close).then_some(Type::Map(Box::new(key), Box::new(value)))?
            }
            "row" => {
                let close = self.open()?;
                let mut fields = Vec::new();
                loop {
                    let before = self.rest;
                    let named = self.word().and_then(|name| self.read().map(|of| (name, of)));
                    let field = match named {
                        Some(field) => field,
                        // A row's fields may have no names.
                        None => {
                            self.rest = before;
                            (format!("field{}", fields.len()), self.read()?)
                        }
                    };
                    fields.push(field);
                    if self.take(close) {
                        break;
                    }
                    if !self.take(",") {
                        return None;
                    }
                }
                Type::Row(fields)
            }
            _ => return None,
        };
        Some(simple)
    }

    /// The sign that closes the one that comes next.
    fn open(&mut self) -> Option<&'static str> {
        if self.take("(") { Some(")") } else { self.take("<").then_some(">") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_are_read_and_shown() {
        for (text, shown) in [
            ("bigint", "bigint"),
            ("VARCHAR(3)", "varchar"),
            ("timestamp(3) with time zone", "timestamp(3) with time zone"),
            ("timestamp", "timestamp(3)"),
            ("map(varchar, json)", "map(varchar,json)"),
            ("array(row(a bigint, b array<varchar>))", "array(row(a bigint, b array(varchar)))"),
            ("row(bigint, varchar)", "row(field0 bigint, field1 varchar)"),
            ("decimal(10, 2)", "decimal(10,2)"),
        ] {
            let parsed = Type::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(name(&parsed.field("x")), shown);
        }
        for bad in ["", "strin", "array", "array(", "map(varchar)", "varchar(3) x", "decimal(99)"] {
            assert_eq!(Type::parse(bad), None, "{bad}");
        }
    }
}

//! [`Value`] as a serde format to write to.

use base::Timestamp;
use bytes::Bytes;
use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{BridgeError, DEPTH_MAX, PathPart};
use crate::value::{Fields, Name, Value};

#[derive(Clone, Copy)]
pub(super) struct ValueSerializer {
    depth: usize,
}

impl ValueSerializer {
    pub(super) fn new() -> ValueSerializer {
        ValueSerializer { depth: 0 }
    }

    fn deeper(self) -> Result<ValueSerializer, BridgeError> {
        if self.depth == DEPTH_MAX {
            return Err(BridgeError::too_deep());
        }
        Ok(ValueSerializer { depth: self.depth + 1 })
    }
}

fn int<T: TryInto<i64> + std::fmt::Display + Copy>(number: T) -> Result<Value, BridgeError> {
    let fits = number.try_into().map(Value::Int);
    fits.map_err(|_| BridgeError::new(format_args!("{number} does not fit a 64-bit whole number with a sign")))
}

macro_rules! numbers {
    ($($method:ident $type:ty),* $(,)?) => {$(
        fn $method(self, v: $type) -> Result<Value, BridgeError> {
            int(v)
        }
    )*};
}

impl Serializer for ValueSerializer {
    type Ok = Value;
    type Error = BridgeError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    numbers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128,
    }

    fn serialize_bool(self, v: bool) -> Result<Value, BridgeError> {
        Ok(Value::Bool(v))
    }

    fn serialize_f32(self, v: f32) -> Result<Value, BridgeError> {
        Ok(Value::Double(f64::from(v)))
    }

    fn serialize_f64(self, v: f64) -> Result<Value, BridgeError> {
        Ok(Value::Double(v))
    }

    fn serialize_char(self, v: char) -> Result<Value, BridgeError> {
        Ok(Value::String(v.to_string()))
    }

    fn serialize_str(self, v: &str) -> Result<Value, BridgeError> {
        Ok(Value::String(v.to_owned()))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Value, BridgeError> {
        Ok(Value::Blob(Bytes::copy_from_slice(v)))
    }

    fn serialize_none(self) -> Result<Value, BridgeError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, BridgeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, BridgeError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, BridgeError> {
        Ok(Value::Struct(Fields::new()))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, BridgeError> {
        Ok(Value::String(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value, BridgeError> {
        match (value.serialize(self)?, name) {
            (Value::Int(ms), Timestamp::SERDE_NAME) => Ok(Value::Timestamp(Timestamp::from_ms(ms))),
            (value, _) => Ok(value),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, BridgeError> {
        let content = value.serialize(self.deeper()?).map_err(|e| e.under(PathPart::Member(variant.into())))?;
        Ok(Value::Struct(Fields(vec![(variant.into(), content)])))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items, BridgeError> {
        // A serializer's word on its length is a hint; do not reserve gigabytes for it.
        let items = Vec::with_capacity(len.unwrap_or(0).min(4096));
        Ok(Items { items, inner: self.deeper()?, variant: None })
    }

    fn serialize_tuple(self, len: usize) -> Result<Items, BridgeError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Items, BridgeError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items, BridgeError> {
        Ok(Items { variant: Some(variant), ..self.serialize_seq(Some(len))? })
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Entries, BridgeError> {
        Ok(Entries { fields: Fields::new(), key: None, inner: self.deeper()?, variant: None })
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Entries, BridgeError> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Entries, BridgeError> {
        Ok(Entries { variant: Some(variant), ..self.serialize_map(None)? })
    }
}

fn wrapped(variant: Option<&'static str>, content: Value) -> Value {
    match variant {
        Some(variant) => Value::Struct(Fields(vec![(variant.into(), content)])),
        None => content,
    }
}

pub(super) struct Items {
    items: Vec<Value>,
    inner: ValueSerializer,
    variant: Option<&'static str>,
}

impl Items {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), BridgeError> {
        let item = value.serialize(self.inner).map_err(|error| error.under(PathPart::Index(self.items.len())))?;
        self.items.push(item);
        Ok(())
    }
}

macro_rules! items {
    ($($of:ident $method:ident),* $(,)?) => {$(
        impl $of for Items {
            type Ok = Value;
            type Error = BridgeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), BridgeError> {
                self.add(value)
            }

            fn end(self) -> Result<Value, BridgeError> {
                Ok(wrapped(self.variant, Value::List(self.items)))
            }
        }
    )*};
}

items! {
    SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

pub(super) struct Entries {
    fields: Fields,
    key: Option<Name>,
    inner: ValueSerializer,
    variant: Option<&'static str>,
}

impl SerializeMap for Entries {
    type Ok = Value;
    type Error = BridgeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), BridgeError> {
        self.key = Some(key.serialize(KeySerializer)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), BridgeError> {
        let key = self.key.take().expect("serde gives the key first");
        let value = value.serialize(self.inner).map_err(|error| error.under(PathPart::Key(key.clone())))?;
        self.fields.0.push((key, value));
        Ok(())
    }

    fn end(self) -> Result<Value, BridgeError> {
        Ok(wrapped(self.variant, Value::Struct(self.fields)))
    }
}

macro_rules! members {
    ($($of:ident),*) => {$(
        impl $of for Entries {
            type Ok = Value;
            type Error = BridgeError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), BridgeError> {
                let value = value.serialize(self.inner).map_err(|error| error.under(PathPart::Member(name.into())))?;
                if value != Value::Null {
                    self.fields.push(name, value);
                }
                Ok(())
            }

            fn end(self) -> Result<Value, BridgeError> {
                Ok(wrapped(self.variant, Value::Struct(self.fields)))
            }
        }
    )*};
}

members!(SerializeStruct, SerializeStructVariant);

/// Takes what can be a map's key: text, whole numbers, and enumerations without data.
struct KeySerializer;

macro_rules! number_keys {
    ($($method:ident $type:ty),* $(,)?) => {$(
        fn $method(self, v: $type) -> Result<Name, BridgeError> {
            Ok(Name::from(v.to_string()))
        }
    )*};
}

macro_rules! not_keys {
    ($($method:ident ($($arg:ty),*) -> $result:ty),* $(,)?) => {$(
        fn $method(self, $(_: $arg),*) -> Result<$result, BridgeError> {
            Err(not_a_key())
        }
    )*};
}

fn not_a_key() -> BridgeError {
    BridgeError::new("a map's key must be a string")
}

impl Serializer for KeySerializer {
    type Ok = Name;
    type Error = BridgeError;
    type SerializeSeq = Impossible<Name, BridgeError>;
    type SerializeTuple = Impossible<Name, BridgeError>;
    type SerializeTupleStruct = Impossible<Name, BridgeError>;
    type SerializeTupleVariant = Impossible<Name, BridgeError>;
    type SerializeMap = Impossible<Name, BridgeError>;
    type SerializeStruct = Impossible<Name, BridgeError>;
    type SerializeStructVariant = Impossible<Name, BridgeError>;

    number_keys! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_char char,
    }

    fn serialize_str(self, v: &str) -> Result<Name, BridgeError> {
        Ok(Name::from(v))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Name, BridgeError> {
        Ok(Name::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Name, BridgeError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Name, BridgeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Name, BridgeError> {
        Err(not_a_key())
    }

    not_keys! {
        serialize_bool(bool) -> Name,
        serialize_f32(f32) -> Name,
        serialize_f64(f64) -> Name,
        serialize_bytes(&[u8]) -> Name,
        serialize_none() -> Name,
        serialize_unit() -> Name,
        serialize_unit_struct(&'static str) -> Name,
        serialize_seq(Option<usize>) -> Self::SerializeSeq,
        serialize_tuple(usize) -> Self::SerializeTuple,
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant,
        serialize_map(Option<usize>) -> Self::SerializeMap,
        serialize_struct(&'static str, usize) -> Self::SerializeStruct,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant,
    }
}

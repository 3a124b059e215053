//! [`Value`] as a serde format to read from.

use base::Timestamp;
use serde::de::value::{I64Deserializer, StringDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
};
use serde::de::{Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::{BridgeError, DEPTH_MAX, PathPart};
use crate::value::{Fields, Name, Value};

pub(super) struct ValueDeserializer {
    value: Value,
    depth: usize,
}

impl ValueDeserializer {
    pub(super) fn new(value: Value) -> ValueDeserializer {
        ValueDeserializer { value, depth: 0 }
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(v) => Unexpected::Bool(*v),
        Value::Int(v) => Unexpected::Signed(*v),
        Value::Double(v) => Unexpected::Float(*v),
        Value::String(v) => Unexpected::Str(v),
        Value::Blob(_) => Unexpected::Other("a blob"),
        Value::Timestamp(_) => Unexpected::Other("a timestamp"),
        Value::List(_) => Unexpected::Seq,
        Value::Struct(_) => Unexpected::Map,
    }
}

impl<'de> Deserializer<'de> for ValueDeserializer {
    type Error = BridgeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BridgeError> {
        if self.depth > DEPTH_MAX {
            return Err(BridgeError::too_deep());
        }
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(v) => visitor.visit_bool(v),
            Value::Int(v) => visitor.visit_i64(v),
            Value::Double(v) => visitor.visit_f64(v),
            Value::String(v) => visitor.visit_string(v),
            Value::Blob(v) => visitor.visit_byte_buf(v.into()),
            Value::Timestamp(v) => visitor.visit_newtype_struct(I64Deserializer::new(v.ms())),
            Value::List(items) => visitor.visit_seq(Items { items: items.into_iter(), at: 0, depth: self.depth + 1 }),
            Value::Struct(fields) => visitor.visit_map(Entries::new(fields, PathPart::Key, self.depth + 1)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BridgeError> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, BridgeError> {
        if name != Timestamp::SERDE_NAME {
            return visitor.visit_newtype_struct(self);
        }
        match self.value {
            Value::Timestamp(moment) => visitor.visit_newtype_struct(I64Deserializer::new(moment.ms())),
            other => Err(BridgeError::invalid_type(unexpected(&other), &"a timestamp")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BridgeError> {
        match self.value {
            Value::Struct(_) if self.depth > DEPTH_MAX => Err(BridgeError::too_deep()),
            Value::Struct(fields) => visitor.visit_map(Entries::new(fields, PathPart::Member, self.depth + 1)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BridgeError> {
        let depth = self.depth + 1;
        let (variant, content) = match self.value {
            Value::String(variant) => (variant, None),
            Value::Struct(fields) if fields.len() == 1 => {
                let (name, content) = fields.0.into_iter().next().expect("the length was checked");
                (name.to_string(), Some(content))
            }
            other => {
                let expected = "a string, or a structure with exactly one member";
                return Err(BridgeError::invalid_type(unexpected(&other), &expected));
            }
        };
        visitor.visit_enum(Variant { variant, content, depth })
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, BridgeError> {
        match self.value {
            Value::Struct(_) => visitor.visit_unit(),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BridgeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf
        unit seq tuple tuple_struct map identifier
    }
}

impl IntoDeserializer<'_, BridgeError> for ValueDeserializer {
    type Deserializer = ValueDeserializer;

    fn into_deserializer(self) -> ValueDeserializer {
        self
    }
}

struct Items {
    items: std::vec::IntoIter<Value>,
    at: usize,
    depth: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = BridgeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, BridgeError> {
        let Some(value) = self.items.next() else { return Ok(None) };
        let at = self.at;
        self.at += 1;
        let item = seed.deserialize(ValueDeserializer { value, depth: self.depth });
        item.map(Some).map_err(|error| error.under(PathPart::Index(at)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries {
    entries: std::vec::IntoIter<(Name, Value)>,
    current: Option<(Name, Value)>,
    step: fn(Name) -> PathPart,
    depth: usize,
}

impl Entries {
    fn new(fields: Fields, step: fn(Name) -> PathPart, depth: usize) -> Entries {
        Entries { entries: fields.0.into_iter(), current: None, step, depth }
    }
}

impl<'de> MapAccess<'de> for Entries {
    type Error = BridgeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, BridgeError> {
        self.current = self.entries.next();
        let Some((name, _)) = &self.current else { return Ok(None) };
        seed.deserialize(KeyDeserializer(name)).map(Some).map_err(|error| error.under((self.step)(name.clone())))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, BridgeError> {
        let (name, value) = self.current.take().expect("serde asks for the key first");
        let value = seed.deserialize(ValueDeserializer { value, depth: self.depth });
        value.map_err(|error| error.under((self.step)(name)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A member's name or a map's key: text, from which maps with numbers or enumerations for keys can be read too.
struct KeyDeserializer<'a>(&'a str);

macro_rules! number_keys {
    ($($method:ident $visit:ident $word:literal),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BridgeError> {
            match self.0.parse() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(BridgeError::invalid_type(Unexpected::Other("a key"), &$word)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyDeserializer<'_> {
    type Error = BridgeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BridgeError> {
        visitor.visit_str(self.0)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BridgeError> {
        StringDeserializer::new(self.0.to_owned()).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, BridgeError> {
        visitor.visit_newtype_struct(self)
    }

    number_keys! {
        deserialize_i32 visit_i32 "a whole number", deserialize_i64 visit_i64 "a whole number",
        deserialize_u32 visit_u32 "a whole number", deserialize_u64 visit_u64 "a whole number",
    }

    forward_to_deserialize_any! {
        bool i8 i16 u8 u16 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

struct Variant {
    variant: String,
    content: Option<Value>,
    depth: usize,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = BridgeError;
    type Variant = VariantContent;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, VariantContent), BridgeError> {
        let variant = seed.deserialize(KeyDeserializer(&self.variant))?;
        Ok((variant, VariantContent { variant: self.variant.into(), content: self.content, depth: self.depth }))
    }
}

struct VariantContent {
    variant: Name,
    content: Option<Value>,
    depth: usize,
}

impl VariantContent {
    fn with<T>(self, read: impl FnOnce(ValueDeserializer) -> Result<T, BridgeError>) -> Result<T, BridgeError> {
        let value = self.content.ok_or_else(|| BridgeError::invalid_type(Unexpected::UnitVariant, &"a structure"))?;
        read(ValueDeserializer { value, depth: self.depth }).map_err(|e| e.under(PathPart::Member(self.variant)))
    }
}

impl<'de> VariantAccess<'de> for VariantContent {
    type Error = BridgeError;

    fn unit_variant(self) -> Result<(), BridgeError> {
        match self.content {
            // A union may have members without content.
            None | Some(Value::Null) => Ok(()),
            Some(Value::Struct(fields)) if fields.is_empty() => Ok(()),
            Some(other) => Err(BridgeError::invalid_type(unexpected(&other), &"an empty structure")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, BridgeError> {
        self.with(|value| seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, BridgeError> {
        self.with(|value| value.deserialize_any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BridgeError> {
        self.with(|value| value.deserialize_struct("", fields, visitor))
    }
}

//! The limits of a text of JSON, kept while its tree is built.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::format::error::excerpt;
use crate::format::{FormatError, Limits};

/// What one text has had so far.
pub(super) struct Guard<'l> {
    limits: &'l Limits,
    values: usize,
    /// Which limit it has passed.
    pub(super) fault: Option<FormatError>,
}

impl<'l> Guard<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self { limits, values: 0, fault: None }
    }

    /// For a value that lies so deep in others.
    pub(super) fn at(&mut self, depth: usize) -> Nested<'_, 'l> {
        Nested { guard: self, depth }
    }
}

/// A value that is to be read, and how deep it lies.
pub(super) struct Nested<'g, 'l> {
    guard: &'g mut Guard<'l>,
    depth: usize,
}

impl<'l> Nested<'_, 'l> {
    fn fail<E: Error>(&mut self, fault: FormatError) -> E {
        self.guard.fault = Some(fault);
        E::custom("a limit")
    }

    /// What lies one deeper.
    fn inner(&mut self) -> Nested<'_, 'l> {
        Nested { guard: self.guard, depth: self.depth + 1 }
    }

    fn opens<E: Error>(&mut self) -> Result<(), E> {
        let most = self.guard.limits.depth;
        if self.depth >= most { Err(self.fail(FormatError::TooDeep { most, line: 0 })) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Nested<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<Value, D::Error> {
        self.guard.values += 1;
        let most = self.guard.limits.values;
        if self.guard.values > most {
            let field = "content".to_owned();
            return Err(self.fail(FormatError::TooMany { field, what: "values", most }));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.opens()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner())? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        self.opens()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.inner())?;
            if object.contains_key(&name) {
                // A name may be empty; then it is told as it is written.
                let field = if name.is_empty() { "\"\"".to_owned() } else { excerpt(&name) };
                return Err(self.fail(FormatError::Repeated { field }));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

//! Objects that callers send, as objects only.
//!
//! What serde derives for a struct reads a list of its members' values as well. No document says so, and nobody means it.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

fn read<T: DeserializeOwned, E: Error>(members: Map<String, Value>) -> Result<T, E> {
    serde_json::from_value(Value::Object(members)).map_err(E::custom)
}

/// For `deserialize_with`: an object.
pub(crate) fn one<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    read(Map::deserialize(from)?)
}

/// For `deserialize_with`: a list of objects, or null.
pub(crate) fn each<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<Vec<T>>, D::Error> {
    let items = Option::<Vec<Map<String, Value>>>::deserialize(from)?;
    items.map(|items| items.into_iter().map(read).collect()).transpose()
}

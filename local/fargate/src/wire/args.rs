//! Typed access to a request's members, once its shape is checked.

use serde_json::{Map, Value};

/// The members of a JSON object.
#[derive(Clone, Copy)]
pub(crate) struct Args<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Args<'a> {
    /// The members of `value`, or none if it is not an object.
    pub(crate) fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Args)
    }

    /// A member that is present and not null.
    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// A text that is not empty.
    pub(crate) fn named(self, name: &str) -> Option<&'a str> {
        self.text(name).filter(|text| !text.is_empty())
    }

    pub(crate) fn int(self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the shape check let whole numbers pass only"
        )]
        value.as_i64().or_else(|| value.as_f64().map(|n| n as i64))
    }

    pub(crate) fn flag(self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    pub(crate) fn object(self, name: &str) -> Option<Args<'a>> {
        self.get(name).and_then(Args::of)
    }

    /// A list's items; none if it is absent.
    pub(crate) fn list(self, name: &str) -> &'a [Value] {
        self.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn texts(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.list(name).iter().filter_map(Value::as_str)
    }

    /// A list's items that are objects.
    pub(crate) fn objects(self, name: &str) -> impl Iterator<Item = Args<'a>> {
        self.list(name).iter().filter_map(Args::of)
    }

    /// Whether a list of texts (like `include`) has this one.
    pub(crate) fn includes(self, name: &str, item: &str) -> bool {
        self.texts(name).any(|text| text == item)
    }
}

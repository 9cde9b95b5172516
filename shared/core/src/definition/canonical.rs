//! JSON in its one canonical form (RFC 8785), as the bytes that a fingerprint is made of.
//!
//! The `serde_json_canonicalizer` crate writes the same bytes, and a test holds this module to it; it takes ten times as
//! long, because it works on any `Serialize`, and every render ends here.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// The canonical form of `value`.
pub(super) fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 * 1024);
    write(&mut out, value);
    out
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push(b'[');
            separated(out, items.iter(), write);
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            // Sorted already unless serde_json keeps insertion order, or names are beyond ASCII.
            if members.keys().is_sorted_by(|a, b| by_utf16(a, b).is_lt()) {
                separated(out, members.iter(), write_member);
            } else {
                let mut members: Vec<(&String, &Value)> = members.iter().collect();
                members.sort_unstable_by(|(a, _), (b, _)| by_utf16(a, b));
                separated(out, members.into_iter(), write_member);
            }
            out.push(b'}');
        }
    }
}

fn write_member(out: &mut Vec<u8>, (name, value): (&String, &Value)) {
    write_text(out, name);
    out.push(b':');
    write(out, value);
}

fn separated<T>(out: &mut Vec<u8>, items: impl Iterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
}

fn by_utf16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() {
        a.cmp(b)
    } else {
        a.encode_utf16().cmp(b.encode_utf16())
    }
}

/// As ECMAScript prints the double that is nearest; whole numbers below 2^53 are themselves.
fn write_number(out: &mut Vec<u8>, number: &Number) {
    const EXACT: u64 = 1 << 53;
    match number.as_i64() {
        Some(whole) if whole.unsigned_abs() <= EXACT => out.extend_from_slice(whole.to_string().as_bytes()),
        _ => {
            let double = number.as_f64().unwrap_or_default();
            out.extend_from_slice(ryu_js::Buffer::new().format(double).as_bytes());
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    out.push(b'"');
    // Nearly every text is plain; looking at all of it without a way out compiles to vector instructions.
    if text.bytes().fold(false, |any, byte| any | special(byte)) {
        for byte in text.bytes() {
            if special(byte) {
                write_escape(out, byte);
            } else {
                out.push(byte);
            }
        }
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-10_000i64..10_000).prop_map(Value::from),
            any::<f64>().prop_map(|number| if number.is_finite() { json!(number) } else { json!(0.5) }),
            any::<String>().prop_map(Value::from),
            "[\u{0}-\u{ff}\"\\\\]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_an_independent_implementation(value in any_json()) {
            prop_assert_eq!(canonical(&value), serde_json_canonicalizer::to_vec(&value).unwrap());
        }
    }

    #[test]
    fn names_are_ordered_by_utf16_and_not_by_code_point() {
        let value = json!({"\u{ff0a}": 1, "\u{1f600}": 2, "a": 3});
        assert_eq!(canonical(&value), "{\"a\":3,\"\u{1f600}\":2,\"\u{ff0a}\":1}".as_bytes());
    }

    #[test]
    fn numbers_that_are_equal_look_equal() {
        assert_eq!(
            canonical(&json!([512, 512.0, -0.0, 1e21, 0.000_001])),
            b"[512,512,0,1e+21,0.000001]"
        );
    }
}

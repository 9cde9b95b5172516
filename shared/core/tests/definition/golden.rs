//! Every base with every overlay, as readable differences; and their fingerprints, which no later version may change.
//!
//! `UPDATE_EXPECT=1 cargo test -p berth-core` writes the files anew.

use std::fmt::Write;

use berth_core::definition::{Definition, RenderError, difference, render};
use expect_test::expect_file;
use serde_json::{Value, json};

use crate::stand::{BASES, acme_files, base, layout, overlay, overlays, response};

fn with(name: &str, value: &Value) -> Result<Definition, RenderError> {
    render(&base(name), &layout(name), &overlay(value), Some(&acme_files()), None)
}

/// The request less the one tag that changes with everything.
fn shown(definition: &Definition) -> Value {
    let mut request = definition.request().clone();
    request["tags"]
        .as_array_mut()
        .unwrap()
        .retain(|tag| tag["key"] != "berth:fingerprint");
    request
}

fn described(name: &str) -> Value {
    let mut response = response(name);
    response["taskDefinition"]["tags"] = response["tags"].take();
    response["taskDefinition"].take()
}

fn lines(before: &Value, after: &Value) -> String {
    let lines: Vec<String> = difference(before, after).iter().map(ToString::to_string).collect();
    if lines.is_empty() {
        "(none)\n".to_owned()
    } else {
        lines.join("\n") + "\n"
    }
}

#[test]
fn each_base_with_each_overlay() {
    for (name, _) in BASES {
        let clone = with(name, &json!({})).unwrap();
        let unknown = clone.unknown().join(", ");
        let clone = shown(&clone);
        let mut text = String::new();
        writeln!(
            text,
            "# Carried without being known: {}",
            if unknown.is_empty() { "nothing" } else { &unknown }
        )
        .unwrap();
        write!(
            text,
            "\n# From the base to its clone without an overlay\n{}",
            lines(&described(name), &clone)
        )
        .unwrap();
        for (title, value) in overlays().into_iter().skip(1) {
            let difference = match with(name, &value) {
                Ok(definition) => lines(&clone, &shown(&definition)),
                Err(error) => format!("error: {error}\n"),
            };
            write!(text, "\n# From that to overlay `{title}`\n{difference}").unwrap();
        }
        expect_file![format!("goldens/{name}.txt")].assert_eq(&text);
    }
}

#[test]
fn fingerprints_are_the_same_in_every_version() {
    let mut table = String::new();
    for (name, _) in BASES {
        writeln!(table, "{:<16} {:<13} {}", name, "(base)", base(name).fingerprint()).unwrap();
        for (title, value) in overlays() {
            let fingerprint =
                with(name, &value).map_or("-".to_owned(), |definition| definition.fingerprint().to_string());
            writeln!(table, "{name:<16} {title:<13} {fingerprint}").unwrap();
        }
    }
    expect_file!["goldens/fingerprints.txt"].assert_eq(&table);
}

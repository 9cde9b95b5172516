//! A template's text as a value: YAML, with CloudFormation's short forms (`!Ref x`) written out (`{"Ref": "x"}`).

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

use super::TemplateError;

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Value, TemplateError> {
    let documents = Yaml::load_from_str(text).map_err(|error| TemplateError::new("the YAML", error.to_string()))?;
    let [document] = documents.as_slice() else {
        return Err(TemplateError::new("the YAML", "a template is one document"));
    };
    value(document)
}

fn value(node: &Yaml<'_>) -> Result<Value, TemplateError> {
    match node {
        Yaml::Value(scalar) => Ok(plain(scalar)),
        Yaml::Representation(text, ..) => Ok(Value::String(text.to_string())),
        Yaml::Sequence(items) => items.iter().map(value).collect::<Result<Vec<_>, _>>().map(Value::Array),
        Yaml::Mapping(members) => {
            let members = members.iter().map(|(key, member)| {
                let key = match value(key)? {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                Ok((key, value(member)?))
            });
            members.collect::<Result<Map<_, _>, TemplateError>>().map(Value::Object)
        }
        Yaml::Tagged(tag, inner) => Ok(written_out(&tag.suffix, value(inner)?)),
        Yaml::Alias(_) | Yaml::BadValue => Err(TemplateError::new(
            "the YAML",
            "aliases and malformed values are not understood",
        )),
    }
}

fn plain(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(flag) => json!(flag),
        Scalar::Integer(number) => json!(number),
        Scalar::FloatingPoint(number) => json!(number.into_inner()),
        Scalar::String(text) => json!(text),
    }
}

/// The long form of a short one (CloudFormation User Guide, "Intrinsic function reference").
fn written_out(tag: &str, argument: Value) -> Value {
    match (tag, argument) {
        ("Ref" | "Condition", argument) => json!({ tag: argument }),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').unwrap_or((&path, ""));
            json!({"Fn::GetAtt": [resource, attribute]})
        }
        (tag, argument) => json!({ format!("Fn::{tag}"): argument }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_written_out() {
        let text = "a: !Ref X\nb: !GetAtt Q.Arn\nc: !Sub \"${X}-1\"\nd: !If [C, !Ref X, !Ref AWS::NoValue]\ne: 12\nf: !Sub '12'\n";
        let expected = json!({
            "a": {"Ref": "X"},
            "b": {"Fn::GetAtt": ["Q", "Arn"]},
            "c": {"Fn::Sub": "${X}-1"},
            "d": {"Fn::If": ["C", {"Ref": "X"}, {"Ref": "AWS::NoValue"}]},
            "e": 12,
            "f": {"Fn::Sub": "12"},
        });
        assert_eq!(parse(text).expect("a value"), expected);
    }

    #[test]
    fn what_is_no_yaml_is_an_error() {
        assert!(parse("a: [1,\nb").is_err());
    }
}

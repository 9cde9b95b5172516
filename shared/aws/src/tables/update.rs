//! One conditional `UpdateItem`.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::error::CallError;

/// A row as `DynamoDB` returns it.
pub type Item = HashMap<String, AttributeValue>;

/// What became of a conditional write.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// It was written; this is the row after it.
    Written(T),
    /// Its condition did not hold; this is the row that was found, if there is one. Losing a race is an ordinary
    /// outcome, not an error.
    Refused(Option<T>),
}

impl<T> Outcome<T> {
    /// The same outcome with its row converted.
    pub fn try_map<U>(self, convert: impl Fn(T) -> Result<U, CallError>) -> Result<Outcome<U>, CallError> {
        Ok(match self {
            Self::Written(row) => Outcome::Written(convert(row)?),
            Self::Refused(row) => Outcome::Refused(row.map(convert).transpose()?),
        })
    }
}

/// An `UpdateItem` in the making: assignments, removals and the conditions under which they hold.
///
/// Attribute names are dotted paths (`applied.generation`); every name and value is passed by placeholder, so none can
/// clash with `DynamoDB`'s reserved words.
#[derive(Clone, Debug, Default)]
pub struct Update {
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Update {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// `SET attribute = value`.
    #[must_use]
    pub fn set(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.sets.push(format!("{name} = {value}"));
        self
    }

    /// `SET attribute = value`, or `REMOVE attribute` where there is none.
    #[must_use]
    pub fn set_or_remove(self, attribute: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.set(attribute, value),
            None => self.remove(attribute),
        }
    }

    /// `SET attribute = if_not_exists(attribute, value)`.
    #[must_use]
    pub fn set_if_absent(mut self, attribute: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.sets.push(format!("{name} = if_not_exists({name}, {value})"));
        self
    }

    /// `SET attribute = attribute + number`, of an attribute that is there.
    #[must_use]
    pub fn increase(mut self, attribute: &str, number: AttributeValue) -> Self {
        let (name, number) = (self.name(attribute), self.value(number));
        self.sets.push(format!("{name} = {name} + {number}"));
        self
    }

    /// Appends to a list, which is made if it is not there.
    #[must_use]
    pub fn append(mut self, attribute: &str, item: AttributeValue) -> Self {
        let name = self.name(attribute);
        let (empty, item) = (
            self.value(AttributeValue::L(Vec::new())),
            self.value(AttributeValue::L(vec![item])),
        );
        self.sets
            .push(format!("{name} = list_append(if_not_exists({name}, {empty}), {item})"));
        self
    }

    /// `REMOVE attribute`.
    #[must_use]
    pub fn remove(mut self, attribute: &str) -> Self {
        let name = self.name(attribute);
        self.removes.push(name);
        self
    }

    /// Only if the row has this attribute.
    #[must_use]
    pub fn when_exists(mut self, attribute: &str) -> Self {
        let name = self.name(attribute);
        self.conditions.push(format!("attribute_exists({name})"));
        self
    }

    /// Only if the row does not have this attribute.
    #[must_use]
    pub fn when_absent(mut self, attribute: &str) -> Self {
        let name = self.name(attribute);
        self.conditions.push(format!("attribute_not_exists({name})"));
        self
    }

    /// Only if the attribute compares so to the value; `comparison` is one of `DynamoDB`'s comparators.
    #[must_use]
    pub fn when(mut self, attribute: &str, comparison: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.conditions.push(format!("{name} {comparison} {value}"));
        self
    }

    /// Only if the attribute is absent or compares so to the value.
    #[must_use]
    pub fn when_absent_or(mut self, attribute: &str, comparison: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(attribute), self.value(value));
        self.conditions
            .push(format!("(attribute_not_exists({name}) OR {name} {comparison} {value})"));
        self
    }

    /// Sends it. A refusal comes back with the row that was found, without another read.
    pub async fn send(self, client: &Client, table: &str, key: Item) -> Result<Outcome<Item>, CallError> {
        const ACTION: &str = "dynamodb:UpdateItem";
        let (expression, condition) = (self.expression(), self.conditions.join(" AND "));
        let sent = client
            .update_item()
            .table_name(table)
            .set_key(Some(key))
            .set_update_expression((!expression.is_empty()).then_some(expression))
            .set_condition_expression((!condition.is_empty()).then_some(condition))
            .set_expression_attribute_names((!self.names.is_empty()).then_some(self.names))
            .set_expression_attribute_values((!self.values.is_empty()).then_some(self.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(output) => Ok(Outcome::Written(output.attributes.unwrap_or_default())),
            Err(SdkError::ServiceError(context)) if context.err().is_conditional_check_failed_exception() => {
                let UpdateItemError::ConditionalCheckFailedException(failed) = context.into_err() else {
                    return Ok(Outcome::Refused(None));
                };
                Ok(Outcome::Refused(failed.item.filter(|item| !item.is_empty())))
            }
            Err(error) => Err(CallError::of(ACTION, error)),
        }
    }

    fn expression(&self) -> String {
        let clause = |verb: &str, parts: &[String]| (!parts.is_empty()).then(|| format!("{verb} {}", parts.join(", ")));
        [clause("SET", &self.sets), clause("REMOVE", &self.removes)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn name(&mut self, path: &str) -> String {
        let place = |part: &str| {
            let placeholder = format!("#{part}");
            self.names.insert(placeholder.clone(), part.to_owned());
            placeholder
        };
        path.split('.').map(place).collect::<Vec<_>>().join(".")
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }
}

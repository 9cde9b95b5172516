//! Intrinsic functions, parameters and conditions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::TemplateError;
use crate::cloud::StackResource;

/// Where a stack is deployed.
#[derive(Clone, Debug)]
pub struct Place {
    /// The stack's name. What it makes is named after it.
    pub stack: String,
    /// The account's 12 digits.
    pub account: String,
    /// The Region.
    pub region: String,
}

/// A value that may turn out not to be there (`AWS::NoValue`).
type Maybe = Result<Option<Value>, TemplateError>;

/// What names in a template mean.
pub(super) struct Scope<'a> {
    pub(super) place: &'a Place,
    template: &'a Value,
    parameters: BTreeMap<String, Value>,
}

impl<'a> Scope<'a> {
    /// The parameters are the given ones, and the template's defaults for the others.
    pub(super) fn new(
        template: &'a Value,
        place: &'a Place,
        given: &BTreeMap<String, String>,
    ) -> Result<Self, TemplateError> {
        let declared = template.get("Parameters").and_then(Value::as_object);
        if let Some(unknown) = given
            .keys()
            .find(|name| declared.is_none_or(|declared| !declared.contains_key(*name)))
        {
            return Err(TemplateError::new(unknown, "the template has no such parameter"));
        }
        let mut parameters = BTreeMap::new();
        for (name, declaration) in declared.into_iter().flatten() {
            let value = given.get(name).map(|text| Value::String(text.clone()));
            let value = value.or_else(|| declaration.get("Default").cloned());
            let value =
                value.ok_or_else(|| TemplateError::new(name, "the parameter has no default and was not given"))?;
            let text = text_of(&value)
                .ok_or_else(|| TemplateError::new(name, "the parameter's default is not a text or number"))?;
            let is_list = declaration.get("Type").and_then(Value::as_str) == Some("CommaDelimitedList");
            let value = if is_list {
                text.split(',')
                    .map(|item| Value::String(item.trim().to_owned()))
                    .collect()
            } else {
                Value::String(text)
            };
            parameters.insert(name.clone(), value);
        }
        Ok(Self {
            place,
            template,
            parameters,
        })
    }

    /// The values of all parameters, as texts.
    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        let texts = self.parameters.iter().map(|(name, value)| {
            let items = value
                .as_array()
                .map(|items| items.iter().filter_map(text_of).collect::<Vec<_>>());
            let text = items.map_or_else(|| text_of(value).unwrap_or_default(), |items| items.join(","));
            (name.clone(), text)
        });
        texts.collect()
    }

    /// What a deploy makes of these resources: those whose conditions hold, and the schedules of functions, which the
    /// transform makes resources of their own of (SAM, "Generated CloudFormation resources").
    pub(super) fn resources(&self, resources: &Map<String, Value>) -> Result<Vec<StackResource>, TemplateError> {
        let mut made = Vec::new();
        for (name, resource) in resources {
            let condition = resource.get("Condition").and_then(Value::as_str);
            if !condition.map_or(Ok(true), |condition| self.holds(condition))? {
                continue;
            }
            made.push(StackResource {
                logical: name.clone(),
                kind: self
                    .type_of(name)?
                    .replace("AWS::Serverless::Function", "AWS::Lambda::Function"),
                physical: self.resource_id(name)?,
            });
            let events = resource.pointer("/Properties/Events").and_then(Value::as_object);
            let scheduled = events
                .into_iter()
                .flatten()
                .filter(|(_, event)| event.get("Type").and_then(Value::as_str) == Some("ScheduleV2"));
            made.extend(scheduled.map(|(event, _)| StackResource {
                logical: format!("{name}{event}"),
                kind: "AWS::Scheduler::Schedule".to_owned(),
                physical: format!("{name}{event}"),
            }));
        }
        Ok(made)
    }

    /// A value with its functions replaced by what they stand for. Members without a value are left out.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, TemplateError> {
        self.maybe(value).map(Option::unwrap_or_default)
    }

    fn maybe(&self, value: &Value) -> Maybe {
        match value {
            Value::Array(items) => {
                let items: Result<Vec<Option<Value>>, _> = items.iter().map(|item| self.maybe(item)).collect();
                Ok(Some(Value::Array(items?.into_iter().flatten().collect())))
            }
            Value::Object(members) => match function_of(members) {
                Some((name, argument)) => self.function(name, argument),
                None => self.members(members),
            },
            plain => Ok(Some(plain.clone())),
        }
    }

    fn members(&self, members: &Map<String, Value>) -> Maybe {
        let mut resolved = Map::new();
        for (name, member) in members {
            if let Some(value) = self.maybe(member)? {
                resolved.insert(name.clone(), value);
            }
        }
        Ok(Some(Value::Object(resolved)))
    }

    fn function(&self, name: &str, argument: &Value) -> Maybe {
        match name {
            "Ref" => self.reference(&argument_text(argument)?),
            "Fn::GetAtt" => match argument.as_array().map(Vec::as_slice) {
                Some([Value::String(resource), Value::String(attribute)]) => {
                    self.attribute(resource, attribute).map(Some)
                }
                _ => Err(TemplateError::new("Fn::GetAtt", "it takes a resource and an attribute")),
            },
            "Fn::Sub" => self
                .substitute(&argument_text(argument)?)
                .map(|text| Some(Value::String(text))),
            "Fn::Join" => match argument.as_array().map(Vec::as_slice) {
                Some([Value::String(separator), list]) => {
                    let list = self.resolve(list)?;
                    let items: Vec<String> = list.as_array().into_iter().flatten().filter_map(text_of).collect();
                    Ok(Some(Value::String(items.join(separator))))
                }
                _ => Err(TemplateError::new("Fn::Join", "it takes a separator and a list")),
            },
            "Fn::If" => match argument.as_array().map(Vec::as_slice) {
                Some([Value::String(condition), yes, no]) => self.maybe(if self.holds(condition)? { yes } else { no }),
                _ => Err(TemplateError::new("Fn::If", "it takes a condition and two values")),
            },
            other => Err(TemplateError::new(other, "this function is not understood")),
        }
    }

    fn reference(&self, name: &str) -> Maybe {
        let place = self.place;
        let text = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => place.region.clone(),
            "AWS::AccountId" => place.account.clone(),
            "AWS::StackName" => place.stack.clone(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            _ => match self.parameters.get(name) {
                Some(value) => return Ok(Some(value.clone())),
                None => self.resource_id(name)?,
            },
        };
        Ok(Some(Value::String(text)))
    }

    /// What `Ref` of a resource gives (its own page in the CloudFormation resource reference, "Return values").
    fn resource_id(&self, name: &str) -> Result<String, TemplateError> {
        let physical = self.physical(name)?;
        Ok(match self.type_of(name)? {
            "AWS::Logs::LogGroup" => self.log_group(name)?,
            "AWS::SQS::Queue" => format!(
                "https://sqs.{}.amazonaws.com/{}/{physical}",
                self.place.region, self.place.account
            ),
            _ => physical,
        })
    }

    fn attribute(&self, name: &str, attribute: &str) -> Result<Value, TemplateError> {
        let Place { account, region, .. } = self.place;
        let physical = self.physical(name)?;
        let text = match (self.type_of(name)?, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => format!("arn:aws:dynamodb:{region}:{account}:table/{physical}"),
            ("AWS::SQS::Queue", "Arn") => format!("arn:aws:sqs:{region}:{account}:{physical}"),
            ("AWS::SQS::Queue", "QueueName") => physical,
            ("AWS::S3::Bucket", "Arn") => format!("arn:aws:s3:::{physical}"),
            ("AWS::Serverless::Function", "Arn") => format!("arn:aws:lambda:{region}:{account}:function:{physical}"),
            ("AWS::IAM::Role", "Arn") => self.arn(name)?,
            // "The ARN of the log group", which ends with `:*`.
            ("AWS::Logs::LogGroup", "Arn") => {
                let name = self.log_group(name)?;
                format!("arn:aws:logs:{region}:{account}:log-group:{name}:*")
            }
            (kind, attribute) => {
                return Err(TemplateError::new(
                    name,
                    format!("the attribute {attribute} of {kind} is not understood"),
                ));
            }
        };
        Ok(Value::String(text))
    }

    /// The name that a log group gives itself.
    fn log_group(&self, name: &str) -> Result<String, TemplateError> {
        let given = self.resource(name)?.pointer("/Properties/LogGroupName");
        let given = given.map(|given| self.resolve(given)).transpose()?;
        let given = given.as_ref().and_then(Value::as_str).map(ToOwned::to_owned);
        given.ok_or_else(|| TemplateError::new(name, "the log group has no name"))
    }

    /// The ARN of a role.
    pub(super) fn arn(&self, name: &str) -> Result<String, TemplateError> {
        Ok(format!(
            "arn:aws:iam::{}:role/{}",
            self.place.account,
            self.physical(name)?
        ))
    }

    /// The name that CloudFormation would make up, without its random end; a bucket's has no capitals.
    pub(super) fn physical(&self, name: &str) -> Result<String, TemplateError> {
        let resource = self.resource(name)?;
        let fifo = resource.pointer("/Properties/FifoQueue").and_then(Value::as_bool) == Some(true);
        let made_up = format!("{}-{name}{}", self.place.stack, if fifo { ".fifo" } else { "" });
        Ok(match self.type_of(name)? {
            "AWS::S3::Bucket" => made_up.to_lowercase(),
            _ => made_up,
        })
    }

    fn resource(&self, name: &str) -> Result<&'a Value, TemplateError> {
        let resource = self.template.get("Resources").and_then(|resources| resources.get(name));
        resource.ok_or_else(|| TemplateError::new(name, "the template has no such parameter or resource"))
    }

    fn type_of(&self, name: &str) -> Result<&'a str, TemplateError> {
        let kind = self.resource(name)?.get("Type").and_then(Value::as_str);
        kind.ok_or_else(|| TemplateError::new(name, "the resource has no Type"))
    }

    fn substitute(&self, text: &str) -> Result<String, TemplateError> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) = after
                .split_once('}')
                .ok_or_else(|| TemplateError::new(text, "a ${ is not closed"))?;
            let value = match name.split_once('.') {
                Some((resource, attribute)) => Some(self.attribute(resource, attribute)?),
                None => self.reference(name)?,
            };
            let value = value.as_ref().and_then(text_of);
            result.push_str(before);
            result.push_str(
                &value.ok_or_else(|| TemplateError::new(name, "it is not a text and cannot be substituted"))?,
            );
            rest = tail;
        }
        Ok(result + rest)
    }

    fn holds(&self, name: &str) -> Result<bool, TemplateError> {
        let condition = self
            .template
            .get("Conditions")
            .and_then(|conditions| conditions.get(name));
        self.condition(condition.ok_or_else(|| TemplateError::new(name, "the template has no such condition"))?)
    }

    fn condition(&self, value: &Value) -> Result<bool, TemplateError> {
        let function = value.as_object().and_then(|members| members.iter().next());
        let Some((name, arguments)) = function else {
            return Err(TemplateError::new("Conditions", "a condition is a function"));
        };
        match (name.as_str(), arguments.as_array().map(Vec::as_slice)) {
            ("Fn::Equals", Some([left, right])) => Ok(self.resolve(left)? == self.resolve(right)?),
            ("Fn::Not", Some([condition])) => self.condition(condition).map(|holds| !holds),
            (other, _) => Err(TemplateError::new(other, "this condition is not understood")),
        }
    }
}

fn argument_text(argument: &Value) -> Result<String, TemplateError> {
    let text = argument.as_str().map(ToOwned::to_owned);
    text.ok_or_else(|| TemplateError::new("a function", "its argument is not a text"))
}

fn function_of(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next()?;
    (members.len() == 1 && (name == "Ref" || name.starts_with("Fn::"))).then_some((name.as_str(), argument))
}

/// A scalar as CloudFormation passes it on.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

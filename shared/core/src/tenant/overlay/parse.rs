//! From JSON to an overlay, collecting every mistake with the place where it is.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    EnvName, EnvValue, FieldCode, FieldError, Idle, Image, Invalid, InvalidName, InvalidSize, Malformed, Overlay, Pin,
    Policy, Replace, SecretArn, Size, TemplateName,
};

const POLICIES: [(&str, Policy); 2] = [("auto", Policy::Auto), ("manual", Policy::Manual)];
const REPLACES: [(&str, Replace); 2] = [("strict", Replace::Strict), ("rolling", Replace::Rolling)];

const OVERLAY: &[&str] = &[
    "image", "size", "env", "secrets", "template", "idle", "policy", "replace", "pin",
];
const SIZE: &[&str] = &["cpu", "memory"];
const IDLE: &[&str] = &["after", "minUptime", "alwaysOn"];
const PIN: &[&str] = &["until"];

pub(super) fn overlay(value: &Value) -> Result<Overlay, Invalid> {
    let mut mistakes = Mistakes(Vec::new());
    let overlay = Place::root(value).overlay(&mut mistakes);
    if mistakes.0.is_empty() {
        Ok(overlay)
    } else {
        Err(Invalid { errors: mistakes.0 })
    }
}

pub(super) fn patched(overlay: &Overlay, patch: &Value) -> Result<Overlay, Invalid> {
    let mut value = to_json(overlay);
    merge(&mut value, patch);
    self::overlay(&value)
}

/// RFC 7396, section 2. Nulls of the patch stay, for they read as absent.
fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

pub(super) fn to_json(overlay: &Overlay) -> Value {
    // Serialising fails for maps whose keys are not text; every key here is.
    serde_json::to_value(overlay).unwrap_or_default()
}

/// What was wrong so far.
struct Mistakes(Vec<FieldError>);

/// A value and where it stands.
struct Place<'a> {
    pointer: String,
    value: &'a Value,
}

impl<'a> Place<'a> {
    fn root(value: &'a Value) -> Self {
        let pointer = String::new();
        Self { pointer, value }
    }

    fn wrong(&self, mistakes: &mut Mistakes, code: FieldCode, message: impl Into<String>) {
        let pointer = self.pointer.clone();
        let message = message.into();
        mistakes.0.push(FieldError { code, pointer, message });
    }

    /// Its members; `None` after a complaint if it is not an object.
    fn members(&self, mistakes: &mut Mistakes) -> Option<Vec<(&'a str, Place<'a>)>> {
        let Some(members) = self.value.as_object() else {
            self.wrong(mistakes, FieldCode::WrongType, "must be an object");
            return None;
        };
        let place = |(name, value): (&'a String, &'a Value)| {
            let token = name.replace('~', "~0").replace('/', "~1");
            let pointer = format!("{}/{token}", self.pointer);
            (name.as_str(), Place { pointer, value })
        };
        Some(members.iter().map(place).collect())
    }

    /// Its members of these names that are not null, each that has another name being a mistake, null or not:
    /// who clears `imgae` meant to clear something.
    fn known(&self, mistakes: &mut Mistakes, names: &[&str]) -> Option<Vec<(&'a str, Place<'a>)>> {
        let (known, unknown): (Vec<_>, Vec<_>) = self
            .members(mistakes)?
            .into_iter()
            .partition(|(name, _)| names.contains(name));
        for (_, place) in unknown {
            let message = format!("there is no such member; there are {}", names.join(", "));
            place.wrong(mistakes, FieldCode::UnknownField, message);
        }
        Some(known.into_iter().filter(|(_, place)| !place.value.is_null()).collect())
    }

    fn overlay(&self, mistakes: &mut Mistakes) -> Overlay {
        let mut overlay = Overlay::default();
        for (name, place) in self.known(mistakes, OVERLAY).unwrap_or_default() {
            match name {
                "image" => overlay.image = place.text::<Image>(mistakes),
                "size" => overlay.size = place.size(mistakes),
                "env" => overlay.env = place.by_name::<EnvValue>(mistakes),
                "secrets" => overlay.secrets = place.by_name::<SecretArn>(mistakes),
                "template" => overlay.template = place.text::<TemplateName>(mistakes),
                "idle" => overlay.idle = place.idle(mistakes),
                "policy" => overlay.policy = place.choice(mistakes, &POLICIES),
                "replace" => overlay.replace = place.choice(mistakes, &REPLACES),
                "pin" => overlay.pin = place.pin(mistakes),
                _ => {}
            }
        }
        for name in overlay.secrets.keys().filter(|name| overlay.env.contains_key(name)) {
            let pointer = format!("/secrets/{name}");
            let message = "this name is in env as well; a variable has one source".to_owned();
            mistakes.0.push(FieldError {
                code: FieldCode::Duplicate,
                pointer,
                message,
            });
        }
        overlay
    }

    fn text<T: FromStr<Err = Malformed>>(&self, mistakes: &mut Mistakes) -> Option<T> {
        let Some(text) = self.value.as_str() else {
            self.wrong(mistakes, FieldCode::WrongType, "must be a string");
            return None;
        };
        text.parse()
            .map_err(|error: Malformed| self.wrong(mistakes, FieldCode::Malformed, error.to_string()))
            .ok()
    }

    fn by_name<T: FromStr<Err = Malformed>>(&self, mistakes: &mut Mistakes) -> BTreeMap<EnvName, T> {
        let mut entries = BTreeMap::new();
        for (name, place) in self.members(mistakes).unwrap_or_default() {
            let value = match place.value {
                Value::Null => None,
                _ => place.text(mistakes),
            };
            match name.parse::<EnvName>() {
                Ok(name) => entries.extend(value.map(|value| (name, value))),
                Err(error) => place.wrong(mistakes, name_code(error), error.to_string()),
            }
        }
        entries
    }

    fn choice<T: Copy>(&self, mistakes: &mut Mistakes, choices: &[(&str, T)]) -> Option<T> {
        let found = choices.iter().find(|(name, _)| self.value.as_str() == Some(*name));
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            let code = if self.value.is_string() {
                FieldCode::Malformed
            } else {
                FieldCode::WrongType
            };
            self.wrong(mistakes, code, format!("must be {}", names.join(" or ")));
        }
        found.map(|(_, choice)| *choice)
    }

    fn number(&self, mistakes: &mut Mistakes) -> Option<u32> {
        let number = self.value.as_u64().and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            let code = if self.value.is_number() {
                FieldCode::OutOfRange
            } else {
                FieldCode::WrongType
            };
            self.wrong(mistakes, code, "must be a whole number that is not negative");
        }
        number
    }

    fn seconds(&self, mistakes: &mut Mistakes, least: Duration, most: Duration) -> Option<Duration> {
        let span = Duration::from_secs(self.number(mistakes)?.into());
        if (least..=most).contains(&span) {
            return Some(span);
        }
        let message = format!("must be {} to {} seconds", least.as_secs(), most.as_secs());
        self.wrong(mistakes, FieldCode::OutOfRange, message);
        None
    }

    fn size(&self, mistakes: &mut Mistakes) -> Option<Size> {
        let (mut cpu, mut memory) = (None, None);
        let before = mistakes.0.len();
        for (name, place) in self.known(mistakes, SIZE)? {
            match name {
                "cpu" => cpu = place.number(mistakes),
                "memory" => memory = place.number(mistakes),
                _ => {}
            }
        }
        match (cpu, memory) {
            (Some(cpu), Some(memory)) => Size::new(cpu, memory)
                .map_err(|error| self.wrong_size(mistakes, error))
                .ok(),
            _ if mistakes.0.len() > before => None,
            _ => {
                self.wrong(
                    mistakes,
                    FieldCode::Missing,
                    "needs cpu (units, 1024 to a vCPU) and memory (MiB)",
                );
                None
            }
        }
    }

    fn wrong_size(&self, mistakes: &mut Mistakes, error: InvalidSize) {
        let member = match error {
            InvalidSize::Cpu { .. } => "/cpu",
            InvalidSize::Memory { .. } => "/memory",
            InvalidSize::Form => "",
        };
        let pointer = format!("{}{member}", self.pointer);
        let message = error.to_string();
        mistakes.0.push(FieldError {
            code: FieldCode::InvalidSize,
            pointer,
            message,
        });
    }

    fn idle(&self, mistakes: &mut Mistakes) -> Idle {
        let mut idle = Idle::default();
        for (name, place) in self.known(mistakes, IDLE).unwrap_or_default() {
            match name {
                "after" => idle.after = place.seconds(mistakes, Idle::AFTER_LEAST, Idle::AFTER_MOST),
                "minUptime" => idle.min_uptime = place.seconds(mistakes, Duration::ZERO, Idle::MIN_UPTIME_MOST),
                "alwaysOn" => idle.always_on = place.truth(mistakes),
                _ => {}
            }
        }
        idle
    }

    fn truth(&self, mistakes: &mut Mistakes) -> Option<bool> {
        let truth = self.value.as_bool();
        if truth.is_none() {
            self.wrong(mistakes, FieldCode::WrongType, "must be true or false");
        }
        truth
    }

    fn pin(&self, mistakes: &mut Mistakes) -> Option<Pin> {
        let mut pin = Pin::default();
        for (_, place) in self.known(mistakes, PIN)? {
            pin.until = place.instant(mistakes);
        }
        Some(pin)
    }

    fn instant(&self, mistakes: &mut Mistakes) -> Option<Timestamp> {
        let instant = self.value.as_str().and_then(|text| text.parse().ok());
        if instant.is_none() {
            let code = if self.value.is_string() {
                FieldCode::Malformed
            } else {
                FieldCode::WrongType
            };
            self.wrong(mistakes, code, "must be a time such as 2027-01-31T00:00:00Z (RFC 3339)");
        }
        instant
    }
}

fn name_code(error: InvalidName) -> FieldCode {
    match error {
        InvalidName::Reserved => FieldCode::Reserved,
        InvalidName::Malformed(_) => FieldCode::Malformed,
    }
}

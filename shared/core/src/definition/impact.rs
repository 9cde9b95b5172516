//! What a new base changes for those who render over it, and what stays theirs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::Base;
use super::difference::{Change, difference};
use super::layout::{AccessPoint, Layout};
use super::render::render;
use crate::template::BundleAt;
use crate::tenant::Overlay;

/// A difference between two bases, and for how many it is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// What differs between the bases.
    #[serde(flatten)]
    pub change: Change,
    /// How many tenants keep what they have there, because it is their own.
    pub kept_by: u32,
}

/// What differs between two bases, and how many of these tenants' own definitions do not change in each place.
///
/// A tenant whose definition does not render over one of the two counts nowhere: preflight tells of it.
pub fn impact<'a>(
    before: &Base,
    after: &Base,
    layout: &Layout,
    overlays: impl IntoIterator<Item = &'a Overlay>,
) -> Vec<Effect> {
    let mut alike: BTreeMap<String, (&Overlay, u32)> = BTreeMap::new();
    for overlay in overlays {
        let (_, count) = alike.entry(overlay.to_json().to_string()).or_insert((overlay, 0));
        *count += 1;
    }
    let mut effects: Vec<Effect> = difference(&content(before), &content(after))
        .into_iter()
        .map(|change| Effect { change, kept_by: 0 })
        .collect();
    for (overlay, count) in alike.into_values() {
        let Some(changed) = changed_for(before, after, layout, overlay) else {
            continue;
        };
        for effect in &mut effects {
            if !changed.contains(effect.change.path()) {
                effect.kept_by += count;
            }
        }
    }
    effects
}

/// A base as definitions have it.
fn content(base: &Base) -> Value {
    let tags: Vec<Value> = base
        .tags()
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    let mut content = base.request().clone();
    content.insert("tags".to_owned(), tags.into());
    content.into()
}

/// Where a tenant's own definition changes.
fn changed_for(before: &Base, after: &Base, layout: &Layout, overlay: &Overlay) -> Option<BTreeSet<String>> {
    let (files, bundle) = (AccessPoint::longest(), BundleAt::longest());
    let rendered = |base| render(base, layout, overlay, Some(&files), Some(&bundle)).ok();
    let changes = difference(rendered(before)?.request(), rendered(after)?.request());
    Some(changes.iter().map(|change| change.path().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(image: &str, memory: &str, env: &Value) -> Base {
        let main = json!({"name": "main", "essential": true, "image": image, "environment": env});
        let definition = json!({"family": "base", "cpu": "256", "memory": memory, "containerDefinitions": [main]});
        Base::from_response(json!({"taskDefinition": definition})).unwrap()
    }

    fn overlay(json: &Value) -> Overlay {
        Overlay::parse(json).unwrap()
    }

    #[test]
    fn what_is_a_tenants_own_does_not_change_for_it() {
        let before = base("app:1", "512", &json!([]));
        let after = base("app:2", "1024", &json!([{"name": "MODE", "value": "new"}]));
        let none = overlay(&json!({}));
        let image = overlay(&json!({"image": "own:7", "idle": {"after": 600}}));
        let size = overlay(&json!({"size": {"cpu": 512, "memory": 2048}}));
        let arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:mode-AbCdEf";
        let secret = overlay(&json!({"secrets": {"MODE": arn}}));
        let tenants = [&none, &image, &image, &size, &secret];
        let told: Vec<(String, u32)> = impact(&before, &after, &Layout::default(), tenants)
            .iter()
            .map(|effect| (effect.change.to_string(), effect.kept_by))
            .collect();
        let expected = [
            ("+ containerDefinitions[main].environment[MODE]: (not shown)", 1),
            (r#"~ containerDefinitions[main].image: "app:1" -> "app:2""#, 2),
            (r#"~ memory: "512" -> "1024""#, 1),
        ];
        assert_eq!(told, expected.map(|(line, kept)| (line.to_owned(), kept)));
    }

    #[test]
    fn it_is_told_as_json_without_the_values_of_variables() {
        let before = base("app:1", "512", &json!([]));
        let after = base("app:1", "512", &json!([{"name": "MODE", "value": "s3cret"}]));
        let told = serde_json::to_value(impact(&before, &after, &Layout::default(), [])).unwrap();
        let path = "containerDefinitions[main].environment[MODE]";
        assert_eq!(
            told,
            json!([{"kind": "added", "path": path, "value": "(not shown)", "keptBy": 0}])
        );
    }
}

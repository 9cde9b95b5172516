//! What a tenant is given of a template, and what if there is nothing to give.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bundle::BundleDigest;
use super::contents::InvalidTemplate;
use crate::plan::Failure;
use crate::tenant::{Generation, TemplateName, Tenant};

/// The step that stages a bundle.
pub(crate) const ASSETS: &str = "assets";

/// The bundle that a tenant is given from one generation on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivered {
    /// Of which template.
    pub template: TemplateName,
    /// Which bundle.
    pub digest: BundleDigest,
    /// For which generation it was settled.
    pub generation: Generation,
    /// Why it is an earlier one: the template was not one when it was looked at. Absent if it is the template's present content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}

/// What a look at a template came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staged {
    /// Its present content is this bundle, which is there to be fetched.
    Now(BundleDigest),
    /// It is not a template now.
    Not {
        /// Why not.
        why: InvalidTemplate,
        /// The bundle that the tenant was given of it last, if it is still there to be fetched.
        last: Option<BundleDigest>,
    },
}

/// What a tenant whose overlay names this template is given in its present generation. The bundle that was delivered last
/// stays in force if the template is gone or is not one any more; if there is none, there is no start.
pub fn delivery(tenant: &Tenant, template: &TemplateName, staged: Staged) -> Result<Delivered, Failure> {
    let (digest, kept) = match staged {
        Staged::Now(digest) => (digest, None),
        Staged::Not { why, last: Some(last) } => (last, Some(why.to_string())),
        Staged::Not { why, last: None } => {
            return Err(Failure {
                code: "no_template",
                message: format!(
                    "the template {template} cannot be delivered, and no bundle of it that was delivered before is left: \
                     {why}; then retry"
                ),
                step: ASSETS,
            });
        }
    };
    Ok(Delivered {
        template: template.clone(),
        digest,
        generation: tenant.intent.generation,
        kept,
    })
}

impl Tenant {
    /// The bundle that it was given last, if it is of this template.
    pub fn delivered(&self, template: &TemplateName) -> Option<&Delivered> {
        self.made.bundle.as_ref().filter(|bundle| bundle.template == *template)
    }

    /// The bundle of this template for the present generation, if nothing has to be looked at to know it. Whoever is pinned
    /// keeps its definition, and with it its bundle.
    pub fn settled_bundle(&self, template: &TemplateName, now: Timestamp) -> Option<&Delivered> {
        let pinned = self.overlay.pin.is_some_and(|pin| pin.holds(now));
        self.delivered(template)
            .filter(|bundle| pinned || bundle.generation == self.intent.generation)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tenant(changes: &Value) -> Tenant {
        let mut row = json!({
            "tenantId": "acme", "incarnation": 1, "overlay": {"template": "seo"}, "overlayVersion": 1, "intent": "running",
            "generation": 4, "intentReason": "wake", "intentBy": "ada", "intentAt": "1970-01-01T00:00:00Z",
            "observed": null, "stopped": null, "dueAt": null,
        });
        row.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        serde_json::from_value(row).unwrap()
    }

    fn digest(kind: u8) -> BundleDigest {
        format!("{kind:064x}").parse().unwrap()
    }

    fn name(text: &str) -> TemplateName {
        text.parse().unwrap()
    }

    fn bundle(generation: u8) -> Value {
        json!({"template": "seo", "digest": digest(1), "generation": generation})
    }

    #[test]
    fn s7_the_last_bundle_stays_in_force_and_says_why() {
        let acme = tenant(&json!({"bundle": bundle(3)}));
        let (why, last) = (InvalidTemplate::Missing, Some(digest(1)));
        let kept = delivery(&acme, &name("seo"), Staged::Not { why, last }).unwrap();
        assert_eq!((kept.digest, kept.generation), (digest(1), acme.intent.generation));
        assert!(kept.kept.unwrap().contains("no object"));
        let now = delivery(&acme, &name("seo"), Staged::Now(digest(2))).unwrap();
        assert_eq!((now.digest, now.kept), (digest(2), None));
    }

    #[test]
    fn s7_what_cannot_be_delivered_is_not_started_and_says_so() {
        let (why, last) = (InvalidTemplate::NoConfig, None);
        let failure = delivery(&tenant(&json!({})), &name("seo"), Staged::Not { why, last }).unwrap_err();
        assert_eq!((failure.code, failure.step), ("no_template", "assets"));
        assert!(
            failure.message.contains("seo") && failure.message.contains("config.yaml"),
            "{failure:?}"
        );
    }

    #[test]
    fn s7_a_bundle_is_settled_once_for_a_generation_and_for_good_while_pinned() {
        let now = Timestamp::from_second(60).unwrap();
        let settled = |changes: &Value| {
            let acme = tenant(changes);
            acme.settled_bundle(&name("seo"), now).map(|bundle| bundle.digest)
        };
        assert_eq!(settled(&json!({"bundle": bundle(4)})), Some(digest(1)));
        assert_eq!(settled(&json!({"bundle": bundle(3)})), None);
        let pinned = |until: &str| json!({"template": "seo", "pin": {"until": until}});
        let before = json!({"bundle": bundle(3), "overlay": pinned("1970-01-01T00:01:01Z")});
        assert_eq!(settled(&before), Some(digest(1)));
        let after = json!({"bundle": bundle(3), "overlay": pinned("1970-01-01T00:01:00Z")});
        assert_eq!(settled(&after), None);
        let other = tenant(&json!({"bundle": bundle(4)}));
        assert_eq!(
            other.settled_bundle(&name("other"), now),
            None,
            "it is of another template"
        );
    }
}

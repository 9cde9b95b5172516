use serde_json::json;

use super::*;

#[test]
fn what_is_written_is_read_back() {
    let whole = json!({
        "image": "repo/app:2", "size": {"cpu": 512, "memory": 2048}, "env": {"A": "1"},
        "secrets": {"B": "arn:aws:ssm:us-east-1:123456789012:parameter/b"}, "template": "seo-agent",
        "idle": {"after": 1800, "minUptime": 300, "alwaysOn": false}, "policy": "auto", "replace": "strict",
        "pin": {"until": "2027-01-31T00:00:00Z"}
    });
    assert_eq!(Overlay::parse(&whole).unwrap().to_json(), whole);
    assert_eq!(Overlay::parse(&json!({})).unwrap(), Overlay::default());
}

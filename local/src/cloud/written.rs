//! Which rows were written, for whoever watches a fleet change.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;

/// A row that was written, or that somebody tried to write: a condition that failed is known to the caller alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written {
    /// Of which table.
    pub table: String,
    /// Of which tenant, if its key says so.
    pub tenant: Option<String>,
}

/// What was written since somebody asked last; nothing is kept until somebody asks.
#[derive(Debug, Default)]
pub(super) struct Writes(Option<BTreeSet<Written>>);

impl Writes {
    /// Keeps what a call of `DynamoDB` writes.
    pub(super) fn note(&mut self, action: &str, body: &Bytes) {
        let Some(kept) = &mut self.0 else { return };
        let key = match action {
            "PutItem" => "Item",
            "UpdateItem" | "DeleteItem" => "Key",
            _ => return,
        };
        let Ok(input) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        let text = |path: &str| input.pointer(path).and_then(Value::as_str).map(str::to_owned);
        if let Some(table) = text("/TableName") {
            let tenant = text(&format!("/{key}/tenantId/S"));
            kept.insert(Written { table, tenant });
        }
    }

    /// What was written since this was asked last.
    pub(super) fn take(&mut self) -> BTreeSet<Written> {
        self.0.replace(BTreeSet::new()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_once_and_only_to_whoever_asks() {
        let update = Bytes::from(r#"{"TableName": "t", "Key": {"tenantId": {"S": "acme"}}}"#);
        let put = Bytes::from(r#"{"TableName": "f", "Item": {"kind": {"S": "release"}}}"#);
        let mut writes = Writes::default();
        writes.note("UpdateItem", &update);
        assert!(writes.take().is_empty());
        writes.note("UpdateItem", &update);
        writes.note("UpdateItem", &update);
        writes.note("PutItem", &put);
        writes.note("GetItem", &update);
        let told: Vec<_> = writes.take().into_iter().map(|row| (row.table, row.tenant)).collect();
        let expected = [("f".to_owned(), None), ("t".to_owned(), Some("acme".to_owned()))];
        assert_eq!(told, expected);
        assert!(writes.take().is_empty());
    }
}

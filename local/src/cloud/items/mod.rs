//! `DynamoDB` for the simulation: items in memory, and as much of the API as the functions call.
//!
//! The embedded engine spends most of a call on SQL and on what nobody asks for here. This one is compared with it, call by
//! call, over whole runs: see the tests of the simulation. An action or expression that is not here is refused.

mod expression;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::reply::{Failure, json_reply, reply};
use expression::{Given, compare, holds, projected, updated};

/// An item, with each value in `DynamoDB`'s own JSON.
type Item = Map<String, Value>;

/// What an item is found by: the text of its partition key, and of its sort key if the table has one.
type Key = (String, String);

const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

/// The tables of the account.
#[derive(Debug, Default)]
pub struct Items {
    tables: BTreeMap<String, Table>,
}

#[derive(Debug)]
struct Table {
    hash: String,
    range: Option<String>,
    indexes: Vec<Index>,
    rows: BTreeMap<Key, Row>,
}

#[derive(Debug)]
struct Row {
    item: Item,
    /// Where a parallel scan comes across it: the first of its 4,096 places that this one is.
    place: u32,
}

/// A global secondary index.
#[derive(Debug)]
struct Index {
    name: String,
    hash: String,
    range: String,
    /// The attributes that it shows besides the keys; `None` if it shows all.
    shows: Option<Vec<String>>,
}

/// The members of the inputs that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    table_name: String,
    index_name: Option<String>,
    key: Item,
    item: Item,
    update_expression: String,
    condition_expression: String,
    key_condition_expression: String,
    filter_expression: String,
    projection_expression: String,
    expression_attribute_names: Map<String, Value>,
    expression_attribute_values: Map<String, Value>,
    return_values: String,
    return_values_on_condition_check_failure: String,
    exclusive_start_key: Option<Item>,
    limit: Option<usize>,
    scan_index_forward: Option<bool>,
    segment: Option<u32>,
    total_segments: Option<u32>,
}

/// The members of `CreateTable` that are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Creation {
    table_name: String,
    key_schema: Vec<KeyPart>,
    #[serde(default)]
    global_secondary_indexes: Vec<IndexCreation>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyPart {
    attribute_name: String,
    key_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexCreation {
    index_name: String,
    key_schema: Vec<KeyPart>,
    projection: Projection,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Projection {
    projection_type: String,
    #[serde(default)]
    non_key_attributes: Vec<String>,
}

/// What a call is answered with: an output, or an error and the item that it was about.
type Answer = Result<Value, (Failure, Option<Item>)>;

impl Items {
    pub(super) fn call(&mut self, action: &str, body: &Bytes) -> Response<Bytes> {
        match self.answer(action, body) {
            Err((failure, Some(item))) => {
                let body = json!({"__type": failure.code, "message": failure.message, "Item": item});
                reply(StatusCode::BAD_REQUEST, MEDIA_TYPE, body.to_string())
            }
            Err((failure, None)) => json_reply(Err(failure), MEDIA_TYPE),
            Ok(output) => json_reply(Ok(output), MEDIA_TYPE),
        }
    }

    fn answer(&mut self, action: &str, body: &Bytes) -> Answer {
        if action == "CreateTable" {
            return Ok(self.create(&read(body)?));
        }
        let input: Input = read(body)?;
        let table = self.tables.get_mut(&input.table_name);
        let missing = || Failure::new("ResourceNotFoundException", "Requested resource not found");
        let table = table.ok_or_else(|| (missing(), None))?;
        match action {
            "DescribeTable" => Ok(json!({"Table": {"TableName": input.table_name, "TableStatus": "ACTIVE"}})),
            // Nothing that a run writes expires before it ends.
            "UpdateTimeToLive" => Ok(json!({})),
            "GetItem" => table.get(&input),
            "PutItem" => table.put(input),
            "UpdateItem" => table.update(&input),
            "DeleteItem" => table.delete(&input),
            "Query" => table.query(&input),
            "Scan" => table.scan(&input),
            _ => Err((Failure::new("UnknownOperationException", ""), None)),
        }
    }

    fn create(&mut self, creation: &Creation) -> Value {
        let part = |schema: &[KeyPart], kind: &str| {
            let part = schema.iter().find(|part| part.key_type == kind);
            part.map(|part| part.attribute_name.clone())
        };
        let indexes = creation.global_secondary_indexes.iter().map(|index| Index {
            name: index.index_name.clone(),
            hash: part(&index.key_schema, "HASH").unwrap_or_default(),
            range: part(&index.key_schema, "RANGE").unwrap_or_default(),
            shows: (index.projection.projection_type != "ALL").then(|| index.projection.non_key_attributes.clone()),
        });
        let table = Table {
            hash: part(&creation.key_schema, "HASH").unwrap_or_default(),
            range: part(&creation.key_schema, "RANGE"),
            indexes: indexes.collect(),
            rows: BTreeMap::new(),
        };
        self.tables.insert(creation.table_name.clone(), table);
        json!({"TableDescription": {"TableName": creation.table_name, "TableStatus": "ACTIVE"}})
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Result<T, (Failure, Option<Item>)> {
    let unread = |error: serde_json::Error| Failure::new("SerializationException", error.to_string());
    serde_json::from_slice(body).map_err(|error| (unread(error), None))
}

impl Input {
    fn given(&self) -> Given<'_> {
        Given {
            names: &self.expression_attribute_names,
            values: &self.expression_attribute_values,
        }
    }

    /// The condition holds of the item that is there, or the refusal shows it if that was asked for.
    fn check(&self, found: Option<&Item>) -> Result<(), (Failure, Option<Item>)> {
        let held = holds(&self.condition_expression, self.given(), found).map_err(|failure| (failure, None))?;
        if held {
            return Ok(());
        }
        let code = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
        let shown = found.filter(|_| self.return_values_on_condition_check_failure == "ALL_OLD");
        Err((Failure::new(code, "The conditional request failed"), shown.cloned()))
    }
}

impl Table {
    fn key(&self, item: &Item) -> Key {
        let text = |name: &str| {
            let typed = item
                .get(name)
                .and_then(Value::as_object)
                .and_then(|typed| typed.values().next());
            typed.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        (text(&self.hash), self.range.as_deref().map(text).unwrap_or_default())
    }

    fn item(&self, key: &Key) -> Option<&Item> {
        self.rows.get(key).map(|row| &row.item)
    }

    fn insert(&mut self, key: Key, item: Item) {
        let place = place(&key.0);
        self.rows.insert(key, Row { item, place });
    }

    fn get(&self, input: &Input) -> Answer {
        let Some(item) = self.item(&self.key(&input.key)) else {
            return Ok(json!({}));
        };
        let shown = match input.projection_expression.as_str() {
            "" => item.clone(),
            projection => projected(projection, input.given(), item).map_err(|failure| (failure, None))?,
        };
        Ok(json!({"Item": shown}))
    }

    fn put(&mut self, input: Input) -> Answer {
        let key = self.key(&input.item);
        input.check(self.item(&key))?;
        self.insert(key, input.item);
        Ok(json!({}))
    }

    fn update(&mut self, input: &Input) -> Answer {
        let key = self.key(&input.key);
        let found = self.item(&key);
        input.check(found)?;
        let before = found.unwrap_or(&input.key);
        let after = updated(&input.update_expression, input.given(), before).map_err(|failure| (failure, None))?;
        let answer = match input.return_values.as_str() {
            "ALL_NEW" => json!({"Attributes": after}),
            _ => json!({}),
        };
        self.insert(key, after);
        Ok(answer)
    }

    fn delete(&mut self, input: &Input) -> Answer {
        let key = self.key(&input.key);
        input.check(self.item(&key))?;
        self.rows.remove(&key);
        Ok(json!({}))
    }

    fn query(&self, input: &Input) -> Answer {
        let mut found = Vec::new();
        for row in self.rows.values() {
            if holds(&input.key_condition_expression, input.given(), Some(&row.item))
                .map_err(|failure| (failure, None))?
            {
                found.push(&row.item);
            }
        }
        let index = input.index_name.as_deref();
        let index = index.and_then(|name| self.indexes.iter().find(|index| index.name == name));
        if let Some(index) = index {
            // What has no sort key is not in the index; rows come by it, and by their own keys where it is equal.
            found.retain(|item| item.contains_key(&index.range));
            found.sort_by(|a, b| {
                let both = a.get(&index.range).zip(b.get(&index.range));
                both.and_then(|(a, b)| compare(a, b))
                    .unwrap_or(std::cmp::Ordering::Equal)
            });
        }
        if input.scan_index_forward == Some(false) {
            found.reverse();
        }
        self.page(input, &found, index)
    }

    fn scan(&self, input: &Input) -> Answer {
        let mut rows: Vec<&Row> = self.rows.values().collect();
        if let (Some(segment), Some(total)) = (input.segment, input.total_segments) {
            let bounds = (PLACES * segment).div_ceil(total)..(PLACES * (segment + 1)).div_ceil(total);
            rows.retain(|row| bounds.contains(&(row.place >> 12)));
            rows.sort_by_key(|row| row.place);
        }
        let items: Vec<&Item> = rows.into_iter().map(|row| &row.item).collect();
        self.page(input, &items, None)
    }

    /// What is behind the start key, up to the limit, less what the filter leaves out.
    fn page(&self, input: &Input, found: &[&Item], index: Option<&Index>) -> Answer {
        let after = match &input.exclusive_start_key {
            Some(start) => {
                let start = self.key(start);
                let behind = found.iter().position(|item| self.key(item) == start);
                behind.map_or(found.len(), |place| place + 1)
            }
            None => 0,
        };
        let limit = input.limit.unwrap_or(usize::MAX);
        let page: Vec<&Item> = found.iter().skip(after).take(limit).copied().collect();
        let more = found.len() > after.saturating_add(page.len());
        let mut items = Vec::new();
        for item in &page {
            if holds(&input.filter_expression, input.given(), Some(item)).map_err(|failure| (failure, None))? {
                items.push(index.map_or_else(|| (*item).clone(), |index| self.shown(index, item)));
            }
        }
        let mut answer = json!({"Count": items.len(), "Items": items, "ScannedCount": page.len()});
        if let (true, Some(last), Some(members)) = (page.len() == limit || more, page.last(), answer.as_object_mut()) {
            let is_key = |name: &String| *name == self.hash || Some(name) == self.range.as_ref();
            let key = last.iter().filter(|(name, _)| is_key(name));
            let key: Item = key.map(|(name, value)| (name.clone(), value.clone())).collect();
            members.insert("LastEvaluatedKey".to_owned(), Value::Object(key));
        }
        Ok(answer)
    }

    /// What an index shows of an item.
    fn shown(&self, index: &Index, item: &Item) -> Item {
        let Some(more) = &index.shows else { return item.clone() };
        let keys = [
            Some(&self.hash),
            self.range.as_ref(),
            Some(&index.hash),
            Some(&index.range),
        ];
        let names = keys.into_iter().flatten().chain(more);
        let shown = names.filter_map(|name| Some((name.clone(), item.get(name)?.clone())));
        shown.collect()
    }
}

/// In how many places a parallel scan divides a table.
const PLACES: u32 = 4_096;

/// Where a partition key is among 16,777,216: segments are of the same rows as with the embedded engine.
fn place(key: &str) -> u32 {
    let digest = md5::compute(["Outliers", key].concat());
    let [first, second, third, ..] = digest.0;
    u32::from_be_bytes([0, first, second, third])
}

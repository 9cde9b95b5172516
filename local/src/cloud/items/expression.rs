//! Expressions, as far as the functions write them.
//!
//! Source: Amazon `DynamoDB` Developer Guide, "Using expressions in `DynamoDB`". There are comparisons, `AND`, `OR`, `NOT`,
//! parentheses, `attribute_exists`, `attribute_not_exists`, `SET` with sums, differences, `if_not_exists` and `list_append`, and
//! `REMOVE`. Whatever else there is to write is refused, so that nobody relies on it unseen.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::Item;
use crate::cloud::reply::Failure;

/// What the names and values of an expression stand for.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) names: &'a Map<String, Value>,
    pub(super) values: &'a Map<String, Value>,
}

/// A part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A name, a placeholder, a keyword, or a path of them.
    Word(&'a str),
    /// A parenthesis, a comma, a comparator, a plus or a minus.
    Sign(&'a str),
}

/// Where the attributes of a condition are found, and what is left of it.
struct Reader<'a> {
    rest: &'a str,
    given: Given<'a>,
}

/// Whether a condition holds of an item. One without text does.
pub(super) fn holds(condition: &str, given: Given<'_>, item: Option<&Item>) -> Result<bool, Failure> {
    if condition.is_empty() {
        return Ok(true);
    }
    let mut reader = Reader { rest: condition, given };
    let held = reader.or(item)?;
    match reader.next() {
        None => Ok(held),
        Some(token) => Err(refused(format!("{token:?} is too much in {condition:?}"))),
    }
}

/// What an update makes of an item.
pub(super) fn updated(update: &str, given: Given<'_>, before: &Item) -> Result<Item, Failure> {
    let mut after = before.clone();
    let mut reader = Reader { rest: update, given };
    while let Some(token) = reader.next() {
        match token {
            Token::Word("SET") => reader.each(|reader| {
                let path = reader.path()?;
                reader.expect("=")?;
                let value = reader.value(before)?;
                set(&mut after, &path, value)
            })?,
            Token::Word("REMOVE") => reader.each(|reader| {
                let path = reader.path()?;
                remove(&mut after, &path);
                Ok(())
            })?,
            other => return Err(refused(format!("{other:?} begins no clause of {update:?}"))),
        }
    }
    Ok(after)
}

/// The attributes that a projection names, of an item.
pub(super) fn projected(projection: &str, given: Given<'_>, item: &Item) -> Result<Item, Failure> {
    let mut shown = Item::new();
    let mut reader = Reader {
        rest: projection,
        given,
    };
    reader.each(|reader| {
        if let [name] = reader.path()?.as_slice()
            && let Some(value) = item.get(*name)
        {
            shown.insert((*name).to_owned(), value.clone());
        }
        Ok(())
    })?;
    Ok(shown)
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        self.rest = self.rest.trim_start();
        let signs = ["<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "+", "-"];
        for sign in signs {
            if let Some(rest) = self.rest.strip_prefix(sign) {
                self.rest = rest;
                return Some(Token::Sign(sign));
            }
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || "<>=(),+-".contains(c));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!word.is_empty()).then_some(Token::Word(word))
    }

    fn peek(&mut self) -> Option<Token<'a>> {
        let rest = self.rest;
        let token = self.next();
        self.rest = rest;
        token
    }

    fn takes(&mut self, token: Token<'_>) -> bool {
        let taken = self.peek() == Some(token);
        if taken {
            self.next();
        }
        taken
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Failure> {
        if self.takes(Token::Sign(sign)) {
            return Ok(());
        }
        Err(refused(format!("{sign:?} is missing before {:?}", self.rest)))
    }

    /// Reads what is separated by commas.
    fn each(&mut self, mut read: impl FnMut(&mut Self) -> Result<(), Failure>) -> Result<(), Failure> {
        read(self)?;
        while self.takes(Token::Sign(",")) {
            read(self)?;
        }
        Ok(())
    }

    fn or(&mut self, item: Option<&Item>) -> Result<bool, Failure> {
        let mut held = self.and(item)?;
        while self.takes(Token::Word("OR")) {
            held |= self.and(item)?;
        }
        Ok(held)
    }

    fn and(&mut self, item: Option<&Item>) -> Result<bool, Failure> {
        let mut held = self.not(item)?;
        while self.takes(Token::Word("AND")) {
            held &= self.not(item)?;
        }
        Ok(held)
    }

    fn not(&mut self, item: Option<&Item>) -> Result<bool, Failure> {
        if self.takes(Token::Word("NOT")) {
            return Ok(!self.not(item)?);
        }
        if self.takes(Token::Sign("(")) {
            let held = self.or(item)?;
            self.expect(")")?;
            return Ok(held);
        }
        for (function, wanted) in [("attribute_exists", true), ("attribute_not_exists", false)] {
            if self.takes(Token::Word(function)) {
                self.expect("(")?;
                let path = self.path()?;
                self.expect(")")?;
                return Ok(item.and_then(|item| at(item, &path)).is_some() == wanted);
            }
        }
        self.comparison(item)
    }

    fn comparison(&mut self, item: Option<&Item>) -> Result<bool, Failure> {
        let left = self.operand(item)?;
        let Some(Token::Sign(comparator)) = self.next() else {
            return Err(refused(format!("a comparator is missing before {:?}", self.rest)));
        };
        let right = self.operand(item)?;
        let (Some(left), Some(right)) = (left, right) else {
            // What is not there differs from everything, and compares with nothing.
            return Ok(comparator == "<>");
        };
        let order = compare(left, right);
        Ok(match comparator {
            "=" => order == Some(Ordering::Equal),
            "<>" => order != Some(Ordering::Equal),
            "<" => order == Some(Ordering::Less),
            "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            ">" => order == Some(Ordering::Greater),
            ">=" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            other => return Err(refused(format!("{other:?} is no comparator"))),
        })
    }

    fn operand<'i>(&mut self, item: Option<&'i Item>) -> Result<Option<&'i Value>, Failure>
    where
        'a: 'i,
    {
        if let Some(Token::Word(word)) = self.peek()
            && word.starts_with(':')
        {
            self.next();
            return self.given.value(word).map(Some);
        }
        let path = self.path()?;
        Ok(item.and_then(|item| at(item, &path)))
    }

    /// What is assigned; it is read of the item as it was before.
    fn value(&mut self, before: &Item) -> Result<Value, Failure> {
        let first = self.term(before)?;
        let sum = if self.takes(Token::Sign("+")) {
            i128::checked_add
        } else if self.takes(Token::Sign("-")) {
            i128::checked_sub
        } else {
            return Ok(first);
        };
        let second = self.term(before)?;
        let numbers = typed(&first, "N")
            .and_then(number)
            .zip(typed(&second, "N").and_then(number));
        let sum = numbers.and_then(|(first, second)| sum(first, second));
        let sum = sum.ok_or_else(|| refused("An operand in the update expression has an incorrect data type"))?;
        Ok(json!({ "N": sum.to_string() }))
    }

    fn term(&mut self, before: &Item) -> Result<Value, Failure> {
        if self.takes(Token::Word("if_not_exists")) {
            self.expect("(")?;
            let path = self.path()?;
            self.expect(",")?;
            let other = self.value(before)?;
            self.expect(")")?;
            return Ok(at(before, &path).cloned().unwrap_or(other));
        }
        if self.takes(Token::Word("list_append")) {
            self.expect("(")?;
            let first = self.value(before)?;
            self.expect(",")?;
            let second = self.value(before)?;
            self.expect(")")?;
            let list = |value: &Value| value.get("L").and_then(Value::as_array).cloned();
            let both = list(&first).zip(list(&second));
            let (mut first, second) = both.ok_or_else(|| refused("list_append of what is no list"))?;
            first.extend(second);
            return Ok(Value::Object(
                [("L".to_owned(), Value::Array(first))].into_iter().collect(),
            ));
        }
        let found = self.operand(Some(before))?;
        found
            .cloned()
            .ok_or_else(|| refused("an assignment of what is not there"))
    }

    /// A path: the names that lead to an attribute.
    fn path(&mut self) -> Result<Vec<&'a str>, Failure> {
        match self.next() {
            Some(Token::Word(word)) => word.split('.').map(|part| self.given.name(part)).collect(),
            other => Err(refused(format!("{other:?} is no attribute"))),
        }
    }
}

impl<'a> Given<'a> {
    fn name(self, part: &'a str) -> Result<&'a str, Failure> {
        if !part.starts_with('#') {
            return Ok(part);
        }
        let name = self.names.get(part).and_then(Value::as_str);
        name.ok_or_else(|| refused(format!("{part} stands for nothing")))
    }

    fn value(self, placeholder: &str) -> Result<&'a Value, Failure> {
        let value = self.values.get(placeholder);
        value.ok_or_else(|| refused(format!("{placeholder} stands for nothing")))
    }
}

fn refused(why: impl Into<String>) -> Failure {
    Failure::new("ValidationException", why)
}

fn at<'i>(item: &'i Item, path: &[&str]) -> Option<&'i Value> {
    let (first, inner) = path.split_first()?;
    inner
        .iter()
        .try_fold(item.get(*first)?, |value, name| value.get("M")?.get(name))
}

fn set(item: &mut Item, path: &[&str], value: Value) -> Result<(), Failure> {
    let mut members = item;
    let Some((last, outer)) = path.split_last() else {
        return Ok(());
    };
    for name in outer {
        let inner = members
            .get_mut(*name)
            .and_then(|value| value.get_mut("M")?.as_object_mut());
        members = inner
            .ok_or_else(|| refused("The document path provided in the update expression is invalid for update"))?;
    }
    members.insert((*last).to_owned(), value);
    Ok(())
}

fn remove(item: &mut Item, path: &[&str]) {
    let mut members = item;
    let Some((last, outer)) = path.split_last() else {
        return;
    };
    for name in outer {
        match members
            .get_mut(*name)
            .and_then(|value| value.get_mut("M")?.as_object_mut())
        {
            Some(inner) => members = inner,
            None => return,
        }
    }
    members.remove(*last);
}

/// How two values compare; values of different types do not.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (typed(left, "N"), typed(right, "N")) {
        return number(left).zip(number(right)).map(|(left, right)| left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (typed(left, "S"), typed(right, "S")) {
        return Some(left.cmp(right));
    }
    (left == right).then_some(Ordering::Equal)
}

fn typed<'v>(value: &'v Value, kind: &str) -> Option<&'v str> {
    value.get(kind)?.as_str()
}

/// A number; the functions compare whole ones only.
fn number(text: &str) -> Option<i128> {
    text.parse().ok()
}

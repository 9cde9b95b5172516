//! Answers in pages. A token says after which key the next page begins, so that what is added or removed between
//! two pages neither repeats nor hides anything else.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::args::Args;
use crate::wire::error::ApiError;

/// One page of keys, and the token of the next one.
pub(crate) struct Page<K> {
    pub(crate) keys: Vec<K>,
    pub(crate) next: Option<String>,
}

/// The page of ascending `keys` that a request with `maxResults` and `nextToken` asks for.
pub(crate) fn page<K: Ord + Serialize + DeserializeOwned>(
    keys: impl Iterator<Item = K>,
    args: Args<'_>,
    default: usize,
) -> Result<Page<K>, ApiError> {
    let size = match args.int("maxResults") {
        None => default,
        Some(n) => match usize::try_from(n) {
            Ok(n @ 1..=100) => n,
            _ => return Err(ApiError::parameter("maxResults must be between 1 and 100.")),
        },
    };
    let after = match args.named("nextToken") {
        None => None,
        Some(token) => Some(
            open(token)
                .ok_or_else(|| ApiError::parameter("Invalid token. The nextToken is not one of this list's."))?,
        ),
    };
    Ok(take(keys, after.as_ref(), size))
}

/// The first `size` of ascending `keys` that come after `after`.
pub(crate) fn take<K: Ord + Serialize>(keys: impl Iterator<Item = K>, after: Option<&K>, size: usize) -> Page<K> {
    let mut rest = keys.skip_while(|key| after.is_some_and(|after| key <= after));
    let keys: Vec<K> = rest.by_ref().take(size).collect();
    let next = match (rest.next(), keys.last()) {
        (Some(_), Some(last)) => seal(last),
        _ => None,
    };
    Page { keys, next }
}

/// A key as an opaque token.
fn seal(key: &impl Serialize) -> Option<String> {
    use std::fmt::Write;
    let text = serde_json::to_vec(key).ok()?;
    let mut token = String::with_capacity(2 * text.len());
    text.iter().try_for_each(|byte| write!(token, "{byte:02x}")).ok()?;
    Some(token)
}

/// The key of a token that `seal` made.
pub(crate) fn open<K: DeserializeOwned>(token: &str) -> Option<K> {
    let digits: Option<Vec<u8>> = token
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    serde_json::from_slice(&digits?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pages_join_to_the_whole_even_if_a_key_of_the_last_page_is_gone() {
        let first = take([1, 3, 5, 7].into_iter(), None, 2);
        assert_eq!(first.keys, [1, 3]);
        let after: u32 = open(&first.next.unwrap()).unwrap();
        let second = take([1, 4, 5, 7].into_iter(), Some(&after), 5);
        assert_eq!(second.keys, [4, 5, 7]);
        assert_eq!(second.next, None);
    }

    #[test]
    fn sizes_are_1_to_100_and_tokens_are_ours() {
        let ask = |body: serde_json::Value| {
            page(0..200_u32, Args(body.as_object().unwrap()), 10)
                .map(|page| page.keys.len())
                .map_err(|e| e.code)
        };
        assert_eq!(ask(json!({})), Ok(10));
        assert_eq!(ask(json!({"maxResults": 1})), Ok(1));
        assert_eq!(ask(json!({"maxResults": 100})), Ok(100));
        for body in [
            json!({"maxResults": 0}),
            json!({"maxResults": 101}),
            json!({"nextToken": "zz"}),
        ] {
            assert_eq!(ask(body), Err("InvalidParameterException".to_owned()));
        }
    }
}

use http::Request;

use super::*;

fn call(
    buckets: &mut Buckets,
    action: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Response<Bytes> {
    let method = if action.starts_with("Put") || action.starts_with("Create") {
        "PUT"
    } else {
        "GET"
    };
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::from_static(body.as_bytes())).expect("a request");
    buckets.call(action, &request, Timestamp::UNIX_EPOCH)
}

fn with_bucket() -> Buckets {
    let mut buckets = Buckets::default();
    assert_eq!(
        call(&mut buckets, "CreateBucket", "/assets", &[], "").status(),
        StatusCode::OK
    );
    buckets
}

#[test]
fn a_put_can_be_made_to_need_what_was_read() {
    let mut buckets = with_bucket();
    let mut put = |headers: &[(&str, &str)], body| call(&mut buckets, "PutObject", "/assets/k", headers, body);
    let first = put(&[("if-none-match", "*")], "one");
    assert_eq!(first.status(), StatusCode::OK);
    let etag = first.headers()["etag"].to_str().expect("text").to_owned();
    assert_eq!(
        put(&[("if-none-match", "*")], "two").status(),
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        put(&[("if-match", "\"other\"")], "two").status(),
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(put(&[("if-match", &etag)], "two").status(), StatusCode::OK);
    assert_eq!(
        put(&[("if-match", &etag)], "three").status(),
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(call(&mut buckets, "GetObject", "/assets/k", &[], "").body(), "two");
}

#[test]
fn what_is_listed_ends_with_the_prefix_and_pages_join() {
    let mut buckets = with_bucket();
    for key in ["a/1", "a/2", "a/3", "b/1"] {
        call(&mut buckets, "PutObject", &format!("/assets/{key}"), &[], "x");
    }
    let page = |buckets: &mut Buckets, query: &str| {
        let response = call(
            buckets,
            "ListObjectsV2",
            &format!("/assets?list-type=2&prefix=a%2F{query}"),
            &[],
            "",
        );
        String::from_utf8(response.body().to_vec()).expect("text")
    };
    let first = page(&mut buckets, "&max-keys=2");
    assert!(first.contains("<Key>a/2</Key>") && !first.contains("a/3"), "{first}");
    let (_, rest) = first.split_once("<NextContinuationToken>").expect("a token");
    let (token, _) = rest.split_once('<').expect("its end");
    let second = page(&mut buckets, &format!("&max-keys=2&continuation-token={token}"));
    assert!(
        second.contains("<Key>a/3</Key>") && !second.contains("a/2") && !second.contains("b/1"),
        "{second}"
    );
    assert!(second.contains("<IsTruncated>false</IsTruncated>"), "{second}");
}

#[test]
fn a_bucket_with_objects_is_not_deleted() {
    let mut buckets = with_bucket();
    call(&mut buckets, "PutObject", "/assets/k", &[], "x");
    assert_eq!(
        call(&mut buckets, "DeleteBucket", "/assets", &[], "").status(),
        StatusCode::CONFLICT
    );
    assert_eq!(
        call(&mut buckets, "GetObject", "/nothing/k", &[], "").status(),
        StatusCode::NOT_FOUND
    );
}

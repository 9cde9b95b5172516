//! The page at `/`: files that are in this binary, and nothing from anywhere else.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};

/// What a browser may do with the page: read and run what is served here, talk to this very server, and nothing else.
/// No script makes markup of text but the vendored renderer's own templates.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types lit-html";

/// What the page is told here: the API is where the page is, and the world is the viewer's own.
const CONFIG: &str = r#"{"api":"","local":true}"#;

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    /// Its path, from the page's own address.
    pub(crate) path: &'static str,
    /// What is in it.
    pub(crate) text: &'static str,
}

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(File { path: $path, text: include_str!(concat!("../../web/", $path)) }),*]
    };
}

/// The page, without its configuration.
pub(crate) const FILES: &[File] = files![
    "index.html",
    "assets/activity.js",
    "assets/api.js",
    "assets/app.js",
    "assets/charts.js",
    "assets/drawer.js",
    "assets/fleet.js",
    "assets/icon.svg",
    "assets/map.js",
    "assets/rollouts.js",
    "assets/store.js",
    "assets/style.css",
    "assets/sync.js",
    "assets/tenant-form.js",
    "assets/ui.js",
    "assets/vendor/LICENSE",
    "assets/vendor/directive-helpers.js",
    "assets/vendor/directive.js",
    "assets/vendor/directives/repeat.js",
    "assets/vendor/lit-html.js",
    "assets/words.js",
    "assets/world.js",
];

/// The answer to a request for the page; `None` if it is for something else.
pub(super) fn answer<B>(request: &Request<B>) -> Option<Response<Bytes>> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return None;
    }
    let path = match request.uri().path().strip_prefix('/')? {
        "" => "index.html",
        "config.json" => return Some(reply("config.json", CONFIG)),
        path => path,
    };
    if let Some(file) = FILES.iter().find(|file| file.path == path) {
        return Some(reply(file.path, file.text));
    }
    path.starts_with("assets/").then(|| {
        let mut missing = reply("missing.txt", "there is no such file\n");
        *missing.status_mut() = StatusCode::NOT_FOUND;
        missing
    })
}

fn reply(path: &str, text: &'static str) -> Response<Bytes> {
    let headers = [
        (header::CONTENT_TYPE, media_type(path)),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        // The next `berth` may have another page.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(headers);
    response
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn asked(method: Method, path: &str) -> Option<Response<Bytes>> {
        answer(&Request::builder().method(method).uri(path).body(()).unwrap())
    }

    fn found(directory: &Path, root: &Path, all: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found(&path, root, all);
            } else {
                all.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_served() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
        let mut there = Vec::new();
        found(&root, &root, &mut there);
        there.sort();
        let mut served: Vec<&str> = FILES.iter().map(|file| file.path).collect();
        served.sort_unstable();
        assert_eq!(served, there);
    }

    #[test]
    fn the_page_may_only_talk_to_where_it_came_from() {
        let page = asked(Method::GET, "/").unwrap();
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("connect-src 'self'") && !policy.contains("unsafe"),
            "{policy}"
        );
        let script = asked(Method::GET, "/assets/app.js").unwrap();
        assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
    }

    #[test]
    fn what_is_not_the_page_is_left_to_the_api() {
        assert!(asked(Method::GET, "/tenants").is_none());
        assert!(asked(Method::POST, "/").is_none());
        assert_eq!(asked(Method::GET, "/assets/../Cargo.toml").unwrap().status(), 404);
    }
}

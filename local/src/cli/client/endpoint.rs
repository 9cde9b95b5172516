//! Where an API is.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;

/// The address of an API: scheme, host and, for a stage that is not `$default`, a path; without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    text: String,
    host: String,
}

impl Endpoint {
    /// The Region, if it is an API Gateway's own address (`<id>.execute-api.<region>.amazonaws.com`).
    pub(crate) fn region(&self) -> Option<&str> {
        let mut labels = self.host.split('.').skip(1);
        (labels.next()? == "execute-api").then_some(())?;
        labels.next().filter(|_| self.host.contains(".amazonaws."))
    }

    /// Scheme and host, which is what a browser means by an origin.
    pub(crate) fn origin(&self) -> &str {
        let begin = self.text.find("://").map_or(0, |at| at + 3);
        let end = self
            .text
            .get(begin..)
            .and_then(|rest| rest.find('/'))
            .map_or(self.text.len(), |at| begin + at);
        self.text.get(..end).unwrap_or(&self.text)
    }

    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        ["127.0.0.1", "localhost", "[::1]"].contains(&self.host.as_str())
    }

    /// Whether what is sent can be read on the way.
    pub(crate) fn is_open(&self) -> bool {
        self.text.starts_with("http:") && !self.is_local()
    }

    /// The address of a path.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("the endpoint {text:?} {why}; write it like https://api.example.com");
        let uri: Uri = text.parse().map_err(|_| wrong("is not an address"))?;
        let known = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
        if !known {
            return Err(wrong("does not begin with http:// or https://"));
        }
        if uri.query().is_some() {
            return Err(wrong("has a query"));
        }
        let host = uri
            .host()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| wrong("has no host"))?;
        Ok(Self {
            text: text.trim_end_matches('/').to_owned(),
            host: host.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read() {
        let endpoint: Endpoint = "https://abc.execute-api.eu-west-1.amazonaws.com/live/".parse().unwrap();
        assert_eq!(endpoint.region(), Some("eu-west-1"));
        assert_eq!(endpoint.origin(), "https://abc.execute-api.eu-west-1.amazonaws.com");
        assert_eq!(
            endpoint.at("/tenants"),
            "https://abc.execute-api.eu-west-1.amazonaws.com/live/tenants"
        );
        let endpoint: Endpoint = "http://127.0.0.1:7070".parse().unwrap();
        assert_eq!(
            (endpoint.region(), endpoint.is_local(), endpoint.is_open()),
            (None, true, false)
        );
        let endpoint: Endpoint = "http://execute-api.example.com".parse().unwrap();
        assert_eq!((endpoint.region(), endpoint.is_open()), (None, true));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "berth",
            "127.0.0.1:7070",
            "ftp://x",
            "http://",
            "https://a/?b=c",
            "http://a b",
        ] {
            let told = text.parse::<Endpoint>().unwrap_err();
            assert!(told.contains(text) && told.contains("https://"), "{told}");
        }
    }
}

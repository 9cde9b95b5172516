//! Which API a command talks to, and as whom: flags, then environment variables, then a profile, then `berth up`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde::Deserialize;

use super::client::Endpoint;
use super::trouble::Trouble;
use crate::template::yaml_value;

/// Where `berth up` listens if nobody says otherwise.
const LOCAL: &str = "http://127.0.0.1:7070";

/// Where the API is, and who asks.
#[derive(Args, Clone, Debug, Default)]
pub struct Connection {
    /// Address of the API; else `BERTH_ENDPOINT`, the profile's, or that of `berth up`.
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    pub endpoint: Option<String>,
    /// Profile of the configuration file; else `BERTH_PROFILE`, or the file's own choice.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Connection")]
    pub profile: Option<String>,
    /// File with a bearer token; else `BERTH_TOKEN`, or the profile's.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection")]
    pub token_file: Option<PathBuf>,
}

/// The variables of this process.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// As they are now. What is not text is as good as absent.
    pub fn of_process() -> Self {
        let texts =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(texts.collect())
    }

    /// A variable that says something.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn home(&self) -> PathBuf {
        PathBuf::from(self.get("HOME").unwrap_or("/"))
    }

    /// Where the configuration is: `BERTH_CONFIG`, or `berth/config.yaml` where the XDG Base Directory Specification has
    /// configurations.
    fn config_file(&self) -> PathBuf {
        let of_user = || {
            self.get("XDG_CONFIG_HOME")
                .map_or_else(|| self.home().join(".config"), PathBuf::from)
        };
        let named = self.get("BERTH_CONFIG").map(PathBuf::from);
        named.unwrap_or_else(|| of_user().join("berth").join("config.yaml"))
    }
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    /// The profile that is used when nobody names one.
    profile: Option<String>,
    profiles: BTreeMap<String, Profile>,
}

/// One API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(crate) struct Profile {
    endpoint: Option<String>,
    auth: Option<Kind>,
    token_file: Option<PathBuf>,
    token_command: Option<String>,
    /// The Region of the API and of everything that the stack has made.
    pub(crate) region: Option<String>,
    /// The profile of the AWS configuration whose credentials are used.
    #[serde(rename = "awsProfile")]
    pub(crate) credentials: Option<String>,
    /// The name of the CloudFormation stack.
    pub(crate) stack: Option<String>,
}

/// How a request says who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    None,
    Bearer,
    Iam,
}

/// Which API a command talks to, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) identity: Identity,
    pub(crate) profile: Profile,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Nobody says.
    Nobody,
    /// Whoever the token is of.
    Bearer(String),
    /// Whoever the AWS credentials are of.
    Iam,
}

/// A token is as good as a password, and is not shown.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Bearer(_) => "Bearer",
            Self::Iam => "Iam",
        })
    }
}

impl Target {
    /// What flags, variables and the configuration file say together.
    pub(crate) fn find(asked: &Connection, environment: &Environment) -> Result<Self, Trouble> {
        let profile = profile(asked, environment)?;
        let endpoint = asked.endpoint.as_deref().or(environment.get("BERTH_ENDPOINT"));
        let endpoint = endpoint.or(profile.endpoint.as_deref()).unwrap_or(LOCAL);
        let endpoint: Endpoint = endpoint.parse().map_err(Trouble::Usage)?;
        let identity = identity(asked, environment, &profile, &endpoint)?;
        Ok(Self {
            endpoint,
            identity,
            profile,
        })
    }
}

fn profile(asked: &Connection, environment: &Environment) -> Result<Profile, Trouble> {
    let path = environment.config_file();
    let mut file = read(&path)?;
    let named = asked.profile.as_deref().or(environment.get("BERTH_PROFILE"));
    let Some(name) = named.map(str::to_owned).or_else(|| file.profile.take()) else {
        return Ok(Profile::default());
    };
    file.profiles.remove(&name).ok_or_else(|| {
        let known: Vec<&str> = file.profiles.keys().map(String::as_str).collect();
        let path = path.display();
        Trouble::Usage(match known.as_slice() {
            [] => format!("there is no profile {name:?}: {path} has none; docs/cli.md shows how to write one"),
            known => format!("there is no profile {name:?} in {path}; it has {}", known.join(", ")),
        })
    })
}

fn read(path: &Path) -> Result<File, Trouble> {
    let wrong = |why: &dyn std::fmt::Display| Trouble::Usage(format!("{} cannot be used: {why}", path.display()));
    let text = match fs::read_to_string(path) {
        Ok(text) if says_nothing(&text) => return Ok(File::default()),
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => return Err(wrong(&error)),
    };
    let value = yaml_value(&text).map_err(|error| wrong(&error))?;
    serde_json::from_value(value).map_err(|error| wrong(&error))
}

fn says_nothing(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start);
    lines.all(|line| line.is_empty() || line.starts_with('#'))
}

/// A token that is at hand is used. Else it is what the profile says; an API Gateway of AWS is signed for, and anything
/// else is told nothing.
fn identity(
    asked: &Connection,
    environment: &Environment,
    profile: &Profile,
    endpoint: &Endpoint,
) -> Result<Identity, Trouble> {
    if let Some(path) = &asked.token_file {
        return token_of_file(path).map(Identity::Bearer);
    }
    if let Some(text) = environment.get("BERTH_TOKEN") {
        return token("BERTH_TOKEN", text).map(Identity::Bearer);
    }
    let usual = if profile.token_file.is_some() || profile.token_command.is_some() {
        Kind::Bearer
    } else if endpoint.region().is_some() {
        Kind::Iam
    } else {
        Kind::None
    };
    match profile.auth.unwrap_or(usual) {
        Kind::None => Ok(Identity::Nobody),
        Kind::Iam => Ok(Identity::Iam),
        Kind::Bearer => token_of_profile(environment, profile).map(Identity::Bearer),
    }
}

fn token_of_profile(environment: &Environment, profile: &Profile) -> Result<String, Trouble> {
    if let Some(path) = &profile.token_file {
        let path = path
            .strip_prefix("~")
            .map_or_else(|_| path.clone(), |rest| environment.home().join(rest));
        return token_of_file(&path);
    }
    let command = profile.token_command.as_deref().ok_or_else(|| {
        Trouble::Usage(
            "the profile says `auth: bearer` and not where the token is: add tokenFile or tokenCommand".to_owned(),
        )
    })?;
    let wrong = |why: String| Trouble::Usage(format!("tokenCommand ({command}) gave no token: {why}"));
    let output = Command::new("sh")
        .args(["-c", command])
        .stderr(std::process::Stdio::inherit())
        .output();
    let output = output.map_err(|error| wrong(error.to_string()))?;
    if !output.status.success() {
        return Err(wrong(output.status.to_string()));
    }
    token("tokenCommand", &String::from_utf8_lossy(&output.stdout))
}

fn token_of_file(path: &Path) -> Result<String, Trouble> {
    let text = fs::read_to_string(path);
    let text =
        text.map_err(|error| Trouble::Usage(format!("the token in {} cannot be read: {error}", path.display())))?;
    token(&path.display().to_string(), &text)
}

/// A token as a header can have it: one word of visible ASCII (RFC 6750, section 2.1).
fn token(whence: &str, text: &str) -> Result<String, Trouble> {
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Trouble::Usage(format!(
            "what {whence} has is not a token: it must be one word"
        )));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration file that is gone when the test is.
    struct Config(PathBuf);

    impl Config {
        fn new(name: &str, text: &str) -> Self {
            let path = std::env::temp_dir().join(format!("berth-config-{name}-{}.yaml", std::process::id()));
            fs::write(&path, text).unwrap();
            Self(path)
        }

        fn environment(&self, more: &[(&str, &str)]) -> Environment {
            let file = ("BERTH_CONFIG", self.0.to_str().unwrap());
            let all = [file].into_iter().chain(more.iter().copied());
            Environment(all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        }

        fn find(&self, asked: &Connection, more: &[(&str, &str)]) -> Result<(String, Identity), String> {
            let target = Target::find(asked, &self.environment(more)).map_err(|trouble| trouble.to_string())?;
            Ok((target.endpoint.to_string(), target.identity))
        }
    }

    impl Drop for Config {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    const TWO: &str = "
profile: staging
profiles:
  staging: { endpoint: 'https://staging.example.com/', tokenCommand: 'echo s3cret' }
  production:
    endpoint: https://abc.execute-api.eu-central-1.amazonaws.com
    awsProfile: prod
";

    fn named(profile: &str) -> Connection {
        Connection {
            profile: Some(profile.to_owned()),
            ..Connection::default()
        }
    }

    fn bearer(token: &str) -> Identity {
        Identity::Bearer(token.to_owned())
    }

    #[test]
    fn without_a_word_it_is_berth_up() {
        let config = Config::new("empty", "\n  # nothing yet\n");
        assert_eq!(
            config.find(&Connection::default(), &[]),
            Ok((LOCAL.to_owned(), Identity::Nobody))
        );
    }

    #[test]
    fn a_profile_says_where_and_as_whom() {
        let config = Config::new("two", TWO);
        let staging = ("https://staging.example.com".to_owned(), bearer("s3cret"));
        assert_eq!(config.find(&Connection::default(), &[]), Ok(staging.clone()));
        assert_eq!(
            config.find(&named("staging"), &[("BERTH_PROFILE", "production")]),
            Ok(staging)
        );
        let production = "https://abc.execute-api.eu-central-1.amazonaws.com".to_owned();
        let found = config.find(&Connection::default(), &[("BERTH_PROFILE", "production")]);
        assert_eq!(found, Ok((production, Identity::Iam)));
    }

    #[test]
    fn flags_and_variables_come_first() {
        let config = Config::new("first", TWO);
        let asked = Connection {
            endpoint: Some("http://localhost:1".to_owned()),
            ..named("production")
        };
        assert_eq!(
            config.find(&asked, &[]),
            Ok(("http://localhost:1".to_owned(), Identity::Nobody))
        );
        let more = [("BERTH_ENDPOINT", "http://localhost:2"), ("BERTH_TOKEN", "t")];
        assert_eq!(
            config.find(&asked, &more),
            Ok(("http://localhost:1".to_owned(), bearer("t")))
        );
        assert_eq!(
            config.find(&named("staging"), &more),
            Ok(("http://localhost:2".to_owned(), bearer("t")))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let config = Config::new("wrong", TWO);
        let told = config.find(&named("prod"), &[]).unwrap_err();
        assert!(told.contains("production, staging"), "{told}");
        let config = Config::new("typo", "profiles: { a: { endpont: x } }");
        let told = config.find(&named("a"), &[]).unwrap_err();
        assert!(told.contains("endpont") && told.contains("config-typo"), "{told}");
        let config = Config::new("token", "profiles: { a: { auth: bearer } }");
        let told = config.find(&named("a"), &[]).unwrap_err();
        assert!(told.contains("tokenFile"), "{told}");
        let config = Config::new("false", "profiles: { a: { tokenCommand: 'false' } }");
        let told = config.find(&named("a"), &[]).unwrap_err();
        assert!(told.contains("gave no token"), "{told}");
    }

    #[test]
    fn a_token_is_never_shown() {
        assert_eq!(format!("{:?}", bearer("s3cret")), "Bearer");
        let told = token("the file", "two words").unwrap_err().to_string();
        assert!(!told.contains("words"), "{told}");
    }
}

//! Which hosts may be asked over HTTP, and how.

use std::net::IpAddr;

use octollm_core::{Fault, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use super::file::HostRule;
use super::{paths, refused_at};

/// Methods that a policy may name.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The hosts that may be asked.
#[derive(Clone, Default)]
pub(in crate::executor) struct Hosts(Vec<Host>);

/// A host that may be asked, and how.
#[derive(Clone)]
pub(in crate::executor) struct Host {
    /// As the rule has it.
    written: String,
    name: Name,
    /// Whether a program may speak to it as it likes.
    tunnel: bool,
    scheme_plain: bool,
    port: Option<u16>,
    methods: Vec<Method>,
    paths: Vec<String>,
    /// Whether it may be on this machine or a private network.
    pub(in crate::executor) private: bool,
    headers: HeaderMap,
    bearer_env: Option<String>,
}

#[derive(Clone, PartialEq)]
enum Name {
    Exactly(String),
    Below(String),
    Address(IpAddr),
}

impl Hosts {
    pub(super) fn compile(rules: &[HostRule], faults: &mut Vec<Fault>) -> Self {
        let compiled = rules.iter().enumerate().map(|(index, rule)| Host::compile(rule, index, faults));
        Self(compiled.collect())
    }

    pub(in crate::executor) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a rule by which the host of this address may be read from. It may be near only where the address says so.
    pub(in crate::executor) fn open(&mut self, url: &Url) {
        let Some(host) = url.host_str() else { return };
        let literal: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        self.0.push(Host {
            written: host.to_owned(),
            name: literal.map_or_else(|| Name::Exactly(host.to_owned()), Name::Address),
            tunnel: false,
            scheme_plain: url.scheme() == "http",
            port: url.port(),
            methods: vec![Method::GET],
            paths: Vec::new(),
            private: literal.is_some() || host == "localhost",
            headers: HeaderMap::new(),
            bearer_env: None,
        });
    }

    /// Those rules whose hosts are named so, for a program that may reach no others.
    pub(in crate::executor) fn only(&self, names: &[String]) -> Self {
        Self(self.0.iter().filter(|host| names.contains(&host.written)).cloned().collect())
    }

    /// Whether a program may be given this host, by the name that a rule has: why not.
    pub(super) fn for_programs(&self, name: &str) -> std::result::Result<(), &'static str> {
        let mut named = self.0.iter().filter(|host| host.written == name).peekable();
        if named.peek().is_none() {
            return Err("must be the `host` of a rule under `[[hosts]]`");
        }
        if named.any(|host| !host.tunnel && !host.scheme_plain) {
            return Err(
                "needs `tunnel = true` in its rule: of `https` no method and no path can be seen (or \
                        `plain = true`, for `http`)",
            );
        }
        Ok(())
    }

    /// The rule by which a program may speak to this host as it likes.
    ///
    /// # Errors
    /// `unauthorized`: no rule allows that.
    pub(in crate::executor) fn tunnelling(&self, policy: &str, url: &Url) -> Result<&Host> {
        let port = url.port_or_known_default();
        let may =
            |host: &&Host| host.tunnel && host.name.is_of(url) && port == Some(host.port.unwrap_or(443));
        match self.0.iter().find(may) {
            Some(host) => Ok(host),
            None => {
                Err(refused_at(policy, "/url", "has a host or a port that it does not open for this program"))
            }
        }
    }

    /// The rule by which this may be sent.
    ///
    /// # Errors
    /// `unauthorized`: which part of it no rule allows.
    pub(in crate::executor) fn allowing(&self, policy: &str, method: &Method, url: &Url) -> Result<&Host> {
        let refused = |place, detail: &str| Err(refused_at(policy, place, detail));
        let named: Vec<_> = self.0.iter().filter(|host| host.name.is_of(url)).collect();
        if named.is_empty() {
            return refused("/url", "has a host that it does not have");
        }
        let served: Vec<_> = named.into_iter().filter(|host| host.is_served_at(url)).collect();
        if served.is_empty() {
            return refused("/url", "has a scheme or a port that it does not have for this host");
        }
        let fits = |host: &Host| paths::fit(&host.paths, url.path());
        let unclear = served.iter().any(|host| fits(host) == paths::Fit::Unclear);
        let reached: Vec<_> = served.into_iter().filter(|host| fits(host) == paths::Fit::Below).collect();
        if reached.is_empty() {
            return refused(
                "/url",
                if unclear { paths::UNCLEAR } else { "has a path that it does not have for this host" },
            );
        }
        match reached.into_iter().find(|host| host.methods.contains(method)) {
            Some(host) => Ok(host),
            None => refused("/method", "is none that it has for this host"),
        }
    }
}

impl Host {
    fn compile(rule: &HostRule, index: usize, faults: &mut Vec<Fault>) -> Self {
        let mut fault =
            |field: &str, detail: &str| faults.push(Fault::new(format!("hosts[{index}].{field}"), detail));
        let name = Name::read(&rule.host);
        if name.is_none() {
            fault("host", "must be a host's name in lower case, `*.` and such a name, or an IP address");
        }
        if rule.private && (rule.port.is_none() || matches!(name, Some(Name::Below(_)))) {
            fault("private", "must stand beside one host and its `port`");
        }
        if rule.tunnel && !(rule.paths.is_empty() && rule.headers.is_empty() && rule.bearer_env.is_none()) {
            fault(
                "tunnel",
                "shows neither paths nor headers: let `paths`, `headers` and `bearer_env` be absent",
            );
        }
        let methods = rule.methods.iter().map(|method| {
            METHODS.contains(&method.as_str()).then(|| Method::from_bytes(method.as_bytes()).ok()).flatten()
        });
        let methods: Option<Vec<_>> = methods.collect();
        if methods.as_ref().is_none_or(Vec::is_empty) {
            fault("methods", &format!("must be some of {}", METHODS.join(", ")));
        }
        if rule.paths.iter().any(|path| !path.starts_with('/')) {
            fault("paths", "must begin with `/`");
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &rule.headers {
            match (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
                (Ok(name), Ok(mut value)) if name != reqwest::header::HOST => {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
                _ => fault("headers", "must be names and values that HTTP allows, other than `host`"),
            }
        }
        Self {
            written: rule.host.clone(),
            name: name.unwrap_or(Name::Exactly(String::new())),
            tunnel: rule.tunnel,
            scheme_plain: rule.plain,
            port: rule.port,
            methods: methods.unwrap_or_default(),
            paths: rule.paths.clone(),
            private: rule.private,
            headers,
            bearer_env: rule.bearer_env.clone(),
        }
    }

    fn is_served_at(&self, url: &Url) -> bool {
        let scheme = url.scheme() == "https" || (self.scheme_plain && url.scheme() == "http");
        let usual = if url.scheme() == "http" { 80 } else { 443 };
        scheme && url.port_or_known_default() == Some(self.port.unwrap_or(usual))
    }

    /// The headers that go to this host and to no other.
    pub(in crate::executor) fn headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        let token = self.bearer_env.as_ref().and_then(|name| std::env::var(name).ok());
        if let Some(Ok(mut value)) = token.map(|token| HeaderValue::try_from(format!("Bearer {token}"))) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        headers
    }
}

impl Name {
    fn read(text: &str) -> Option<Self> {
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Some(Self::Address(address));
        }
        let (name, below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let label = |label: &str| {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            !label.is_empty() && label.len() <= 63 && label.bytes().all(plain)
        };
        let fine = name.len() <= 253 && name.split('.').all(label);
        // A name that ends in a number is an address, written in an unusual way.
        let numeric = name
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x"));
        (fine && !numeric)
            .then(|| if below { Self::Below(name.to_owned()) } else { Self::Exactly(name.to_owned()) })
    }

    fn is_of(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        match (self, address) {
            (Self::Address(wanted), Some(address)) => *wanted == address,
            (Self::Exactly(name), None) => host == name,
            (Self::Below(name), None) => {
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(toml: &str) -> Hosts {
        #[derive(serde::Deserialize)]
        struct List {
            hosts: Vec<HostRule>,
        }
        let list: List = toml::from_str(toml).unwrap();
        let mut faults = Vec::new();
        let hosts = Hosts::compile(&list.hosts, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        hosts
    }

    fn place(hosts: &Hosts, method: &str, url: &str) -> Option<String> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = hosts.allowing("test", &method, &url.parse().unwrap());
        answer.err().map(|error| error.faults()[0].pointer.clone())
    }

    #[test]
    fn a_host_is_asked_in_the_ways_that_are_written_down() {
        let hosts = hosts(
            "[[hosts]]\nhost = 'api.example.com'\npaths = ['/v1', '/open/']\nmethods = ['GET', 'POST']\n\
             [[hosts]]\nhost = '*.example.org'\n[[hosts]]\nhost = '127.0.0.1'\nport = 8080\nplain = true\nprivate = true",
        );
        for (method, url) in [
            ("GET", "https://api.example.com/v1"),
            ("POST", "https://api.example.com/v1/x?y=1"),
            ("GET", "https://API.example.com/open/x"),
            ("HEAD", "https://a.b.example.org/"),
            ("GET", "http://127.0.0.1:8080/"),
            ("GET", "http://0x7f.1:8080/"),
        ] {
            assert_eq!(place(&hosts, method, url), None, "{url}");
        }
        for (method, url, wrong) in [
            ("GET", "https://example.com/", "/url"),
            ("GET", "https://api.example.com.evil.com/v1", "/url"),
            ("GET", "https://evil.com/?api.example.com", "/url"),
            ("GET", "https://api.example.com@evil.com/v1", "/url"),
            ("GET", "http://api.example.com/v1", "/url"),
            ("GET", "https://api.example.com:8443/v1", "/url"),
            ("GET", "https://api.example.com/v10", "/url"),
            ("GET", "https://api.example.com/v1/%2e%2e/admin", "/url"),
            ("GET", "https://api.example.com/v1/../admin", "/url"),
            ("DELETE", "https://api.example.com/v1", "/method"),
            ("POST", "https://a.example.org/", "/method"),
            ("GET", "https://example.org/", "/url"),
            ("GET", "https://notexample.org/", "/url"),
            ("GET", "http://127.0.0.1/", "/url"),
            ("GET", "http://127.0.0.2:8080/", "/url"),
        ] {
            assert_eq!(place(&hosts, method, url).as_deref(), Some(wrong), "{url}");
        }
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_named() {
        let rule = |toml: &str| -> HostRule { toml::from_str(toml).unwrap() };
        let mut faults = Vec::new();
        let rules = [
            rule("host = 'Example.com'"),
            rule("host = '0x7f.0x1'"),
            rule("host = 'a.com'\nprivate = true"),
            rule("host = 'a.com'\nmethods = ['TRACE']"),
            rule("host = 'a.com'\npaths = ['x']"),
            rule("host = 'a.com'\nheaders = { host = 'b.com' }"),
            rule("host = 'a.com'\ntunnel = true\npaths = ['/x']"),
        ];
        Hosts::compile(&rules, &mut faults);
        let places: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(
            places,
            [
                "hosts[0].host",
                "hosts[1].host",
                "hosts[2].private",
                "hosts[3].methods",
                "hosts[4].paths",
                "hosts[5].headers",
                "hosts[6].tunnel"
            ]
        );
    }
}

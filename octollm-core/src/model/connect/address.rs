//! `OLLAMA_HOST`, which Ollama itself reads in many forms.

use reqwest::Url;

/// The base URL that `value` means: a host, `host:port`, `:port` or a URL. What is missing is taken from the usual
/// address. An address to listen on (`0.0.0.0`) is asked on this machine.
pub(super) fn of_host(value: &str, usual: Option<&str>) -> Option<String> {
    let usual = Url::parse(usual?).ok()?;
    let usual_port = usual.port_or_known_default()?;
    let has_scheme = value.contains("://");
    let text = if has_scheme {
        value.to_owned()
    } else if value.matches(':').count() > 1 && !value.starts_with('[') {
        format!("http://[{value}]")
    } else if let Some(port) = value.strip_prefix(':') {
        format!("http://127.0.0.1:{port}")
    } else {
        format!("http://{value}")
    };
    let mut url = Url::parse(&text).ok()?;
    if matches!(url.host_str()?, "0.0.0.0" | "[::]") {
        url.set_host(Some("127.0.0.1")).ok()?;
    }
    // With a scheme its own port is meant, without one Ollama's.
    if !has_scheme && url.port().is_none() {
        url.set_port(Some(usual_port)).ok()?;
    }
    if matches!(url.path(), "" | "/") {
        url.set_path(usual.path());
    }
    Some(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_ollama_reads_is_read() {
        let cases = [
            ("127.0.0.1", "http://127.0.0.1:11434/v1"),
            ("box:8080", "http://box:8080/v1"),
            (":5000", "http://127.0.0.1:5000/v1"),
            ("0.0.0.0", "http://127.0.0.1:11434/v1"),
            ("0.0.0.0:11435", "http://127.0.0.1:11435/v1"),
            ("[::1]:7", "http://[::1]:7/v1"),
            ("::1", "http://[::1]:11434/v1"),
            ("http://box:8080", "http://box:8080/v1"),
            ("https://box.example/", "https://box.example/v1"),
            ("https://box.example/ollama/v1", "https://box.example/ollama/v1"),
        ];
        for (value, expected) in cases {
            let url = of_host(value, Some("http://127.0.0.1:11434/v1"));
            assert_eq!(url.as_deref(), Some(expected), "{value}");
        }
        assert_eq!(of_host("not a host", Some("http://127.0.0.1:11434/v1")), None);
    }
}

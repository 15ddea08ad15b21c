//! When to come back, in the dialects of several vendors.
//!
//! `Retry-After` is the standard; OpenAI and Azure also send milliseconds, and most vendors say for each of their
//! limits what is left of it and when it is full again.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::header::HeaderMap;

use crate::http_client;
use crate::task::Timestamp;

/// Nobody is told to wait longer than this.
const LONGEST: Duration = Duration::from_secs(3600);

/// What is left of a limit, and when it is full again.
const LIMITS: [(&str, &str); 8] = [
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
];

/// When to come back, if the provider says; an hour at most.
pub(super) fn wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let exact = text(headers, "retry-after-ms").and_then(|text| text.parse::<f64>().ok());
    let exact = exact.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
    let standard = http_client::retry_after(headers, now);
    exact.or(standard).or_else(|| used_up(headers, now)).map(|wait| wait.min(LONGEST))
}

/// When the last of the limits that are used up is full again.
fn used_up(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let resets = LIMITS.iter().filter(|(left, _)| text(headers, left) == Some("0"));
    resets.filter_map(|(_, reset)| until(text(headers, reset)?, now)).max()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// `1s`, `6m0s`, `20ms`; an RFC 3339 time; seconds; seconds or milliseconds since 1970.
fn until(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        return from_number(number, now);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Duration::try_from(at.duration_since(now)).unwrap_or_default());
    }
    text.parse::<SignedDuration>().ok().and_then(|wait| Duration::try_from(wait).ok())
}

fn from_number(number: f64, now: Timestamp) -> Option<Duration> {
    let since_1970 = now.as_second() as f64;
    let seconds = match number {
        // Later than 2001, in milliseconds.
        ms if ms > 1e12 => ms / 1000.0 - since_1970,
        s if s > 1e9 => s - since_1970,
        s => s,
    };
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn wait_of(headers: &[(&'static str, &str)]) -> Option<u128> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        wait(&headers.collect(), now).map(|wait| wait.as_millis())
    }

    #[test]
    fn milliseconds_are_more_exact_than_seconds() {
        assert_eq!(wait_of(&[("retry-after", "2"), ("retry-after-ms", "1500")]), Some(1500));
        assert_eq!(wait_of(&[("retry-after", "2"), ("retry-after-ms", "soon")]), Some(2000));
        assert_eq!(wait_of(&[("retry-after", "Sun, 22 Nov 2026 12:00:30 GMT")]), Some(30_000));
        assert_eq!(wait_of(&[("retry-after", "99999999")]), Some(3_600_000));
        assert_eq!(wait_of(&[]), None);
    }

    #[test]
    fn the_last_limit_that_is_used_up_decides() {
        let openai = [
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "6m0s"),
            ("x-ratelimit-remaining-tokens", "120"),
            ("x-ratelimit-reset-tokens", "59m"),
        ];
        assert_eq!(wait_of(&openai), Some(360_000));
        let anthropic = [
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-11-22T12:00:10Z"),
            ("anthropic-ratelimit-output-tokens-remaining", "0"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-11-22T12:00:45Z"),
        ];
        assert_eq!(wait_of(&anthropic), Some(45_000));
    }

    #[test]
    fn resets_are_read_in_every_form() {
        let cases = [
            ("20ms", Some(20)),
            ("7.66s", Some(7660)),
            ("2m59.56s", Some(179_560)),
            ("30", Some(30_000)),
            ("1795348815000", Some(15_000)),
            ("1795348815", Some(15_000)),
            ("2026-11-22T11:00:00Z", Some(0)),
            ("tomorrow", None),
        ];
        for (reset, expected) in cases {
            let headers = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)];
            assert_eq!(wait_of(&headers), expected, "{reset}");
        }
    }
}

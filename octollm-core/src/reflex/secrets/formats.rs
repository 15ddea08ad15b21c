//! Tokens whose format their issuer has published: a prefix, an alphabet, a length.

use super::{Secret, entropy};
use crate::reflex::Severity;

/// What a token is made of after its prefix.
#[derive(Debug, Clone, Copy)]
enum Alphabet {
    Hex,
    /// Upper case and digits.
    Upper,
    Alnum,
    /// Letters, digits, `_` and `-`.
    Base64Url,
    /// Base64url and dots.
    Dotted,
    /// Base64 with `+` and `/`; up to two `=` may end it.
    Base64,
    /// Hashes of passwords as crypt(3) writes them: base64 with `.`, and fields apart by `$`.
    Crypt,
    /// A block between `-----BEGIN` and `-----END`.
    Pem,
    /// The lines of a key file of `PuTTY`, up to its `Private-MAC`.
    Ppk,
    /// Three parts of base64url, the first two of JSON.
    Jwt,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted | Self::Jwt => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'),
            Self::Crypt => byte.is_ascii_alphanumeric() || b"./$=,+".contains(&byte),
            Self::Pem | Self::Ppk => false,
        }
    }
}

/// A format of tokens.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) prefix: &'static str,
    pub(super) type_name: &'static str,
    alphabet: Alphabet,
    /// Fewest characters after the prefix.
    least: usize,
    /// Most of them.
    most: usize,
    severity: Severity,
}

const fn format(
    prefix: &'static str,
    type_name: &'static str,
    alphabet: Alphabet,
    least: usize,
    most: usize,
) -> Format {
    Format { prefix, type_name, alphabet, least, most, severity: Severity::Critical }
}

const fn mild(mut format: Format) -> Format {
    format.severity = Severity::Medium;
    format
}

/// Longest token in bytes.
const MAX_TOKEN: usize = 4096;

use Alphabet::{Alnum, Base64, Base64Url, Crypt, Dotted, Hex, Jwt, Pem, Ppk, Upper};

/// The formats, by issuer.
pub(super) const FORMATS: &[Format] = &[
    format("AKIA", "aws_access_key", Upper, 16, 16),
    format("ASIA", "aws_access_key", Upper, 16, 16),
    format("ABIA", "aws_access_key", Upper, 16, 16),
    format("ACCA", "aws_access_key", Upper, 16, 16),
    format("AIza", "google_api_key", Base64Url, 35, 35),
    format("GOCSPX-", "google_oauth_secret", Base64Url, 24, 40),
    format("ya29.", "google_oauth_token", Base64Url, 30, 2048),
    format("AccountKey=", "azure_storage_key", Base64, 86, 88),
    format("SharedAccessKey=", "azure_shared_key", Base64, 43, 88),
    format("dop_v1_", "digitalocean_token", Hex, 64, 64),
    format("doo_v1_", "digitalocean_token", Hex, 64, 64),
    format("dor_v1_", "digitalocean_token", Hex, 64, 64),
    format("LTAI", "alibaba_access_key", Alnum, 16, 20),
    format("HRKU-", "heroku_api_key", Base64Url, 36, 80),
    format("hvs.", "vault_token", Base64Url, 24, 200),
    format("hvb.", "vault_token", Base64Url, 24, 300),
    format("dapi", "databricks_token", Hex, 32, 34),
    format("pscale_tkn_", "planetscale_token", Dotted, 32, 64),
    format("pscale_pw_", "planetscale_password", Dotted, 32, 64),
    format("sbp_", "supabase_token", Hex, 40, 40),
    format("tskey-", "tailscale_key", Base64Url, 20, 80),
    format("nfp_", "netlify_token", Alnum, 36, 40),
    format("ghp_", "github_token", Alnum, 36, 255),
    format("gho_", "github_token", Alnum, 36, 255),
    format("ghu_", "github_token", Alnum, 36, 255),
    format("ghs_", "github_token", Alnum, 36, 255),
    format("ghr_", "github_token", Alnum, 36, 255),
    format("github_pat_", "github_token", Base64Url, 50, 255),
    format("glpat-", "gitlab_token", Dotted, 20, 64),
    format("gldt-", "gitlab_token", Base64Url, 20, 64),
    format("glrt-", "gitlab_token", Base64Url, 20, 64),
    format("glptt-", "gitlab_token", Hex, 40, 40),
    format("glcbt-", "gitlab_token", Base64Url, 20, 64),
    format("gloas-", "gitlab_token", Hex, 64, 64),
    format("ATATT3", "atlassian_token", Base64, 80, 250),
    format("ATBB", "bitbucket_token", Alnum, 32, 36),
    format("npm_", "npm_token", Alnum, 36, 36),
    format("pypi-AgE", "pypi_token", Base64Url, 50, 300),
    format("dckr_pat_", "docker_token", Base64Url, 27, 64),
    format("cio", "crates_io_token", Alnum, 32, 32),
    format("rubygems_", "rubygems_token", Hex, 48, 48),
    format("pul-", "pulumi_token", Hex, 40, 40),
    format("sk_live_", "stripe_key", Alnum, 16, 247),
    format("rk_live_", "stripe_key", Alnum, 16, 247),
    mild(format("sk_test_", "stripe_test_key", Alnum, 16, 247)),
    mild(format("rk_test_", "stripe_test_key", Alnum, 16, 247)),
    mild(format("pk_live_", "stripe_publishable_key", Alnum, 16, 247)),
    format("whsec_", "stripe_webhook_secret", Base64, 24, 128),
    format("sq0atp-", "square_token", Base64Url, 22, 22),
    format("sq0csp-", "square_secret", Base64Url, 43, 43),
    format("access_token$production$", "braintree_token", Dotted, 32, 80),
    format("shpat_", "shopify_token", Hex, 32, 32),
    format("shpca_", "shopify_token", Hex, 32, 32),
    format("shppa_", "shopify_token", Hex, 32, 32),
    format("shpss_", "shopify_secret", Hex, 32, 32),
    format("xoxb-", "slack_token", Base64Url, 20, 200),
    format("xoxp-", "slack_token", Base64Url, 20, 200),
    format("xoxa-", "slack_token", Base64Url, 20, 200),
    format("xoxr-", "slack_token", Base64Url, 20, 200),
    format("xoxs-", "slack_token", Base64Url, 20, 200),
    format("xoxe.", "slack_token", Dotted, 20, 300),
    format("xapp-", "slack_token", Base64Url, 20, 200),
    format("hooks.slack.com/services/", "slack_webhook", Base64, 30, 80),
    format("discord.com/api/webhooks/", "discord_webhook", Base64Path, 60, 120),
    format("discordapp.com/api/webhooks/", "discord_webhook", Base64Path, 60, 120),
    format(":AA", "telegram_bot_token", Base64Url, 33, 33),
    format("SG.", "sendgrid_key", Dotted, 60, 70),
    format("key-", "mailgun_key", Hex, 32, 32),
    format("SK", "twilio_key", Hex, 32, 32),
    format("sk-proj-", "openai_key", Base64Url, 40, 200),
    format("sk-svcacct-", "openai_key", Base64Url, 40, 200),
    format("sk-admin-", "openai_key", Base64Url, 40, 200),
    format("sk-ant-", "anthropic_key", Base64Url, 32, 200),
    format("sk-or-v1-", "openrouter_key", Hex, 64, 64),
    format("sk-", "openai_key", Alnum, 32, 64),
    format("hf_", "huggingface_token", Alnum, 34, 40),
    format("r8_", "replicate_token", Alnum, 37, 40),
    format("gsk_", "groq_key", Alnum, 48, 60),
    format("xai-", "xai_key", Alnum, 60, 100),
    format("pplx-", "perplexity_key", Alnum, 40, 60),
    format("nvapi-", "nvidia_key", Base64Url, 60, 80),
    format("tgp_v1_", "together_key", Base64Url, 40, 60),
    format("fw_", "fireworks_key", Alnum, 22, 30),
    format("lsv2_", "langsmith_key", Base64Url, 40, 80),
    format("csk-", "cerebras_key", Alnum, 40, 60),
    format("tvly-", "tavily_key", Base64Url, 32, 60),
    format("jina_", "jina_key", Base64Url, 60, 64),
    format("e2b_", "e2b_key", Hex, 40, 40),
    format("sk_", "elevenlabs_key", Hex, 48, 48),
    format("pcsk_", "pinecone_key", Base64Url, 60, 80),
    format("lin_api_", "linear_key", Alnum, 40, 40),
    format("ntn_", "notion_token", Alnum, 43, 50),
    format("figd_", "figma_token", Base64Url, 40, 60),
    format("PMAK-", "postman_key", Base64Url, 59, 59),
    format("NRAK-", "newrelic_key", Upper, 27, 27),
    format("glsa_", "grafana_token", Base64Url, 41, 41),
    format("glc_", "grafana_token", Base64, 32, 400),
    format("sntrys_", "sentry_token", Base64, 60, 400),
    format("sntryu_", "sentry_token", Hex, 64, 64),
    format("phx_", "posthog_key", Alnum, 40, 60),
    format("CFPAT-", "contentful_token", Base64Url, 43, 43),
    format("pat-na1-", "hubspot_token", Base64Url, 36, 36),
    format("pat-eu1-", "hubspot_token", Base64Url, 36, 36),
    format("EAA", "facebook_token", Alnum, 90, 400),
    format("dp.st.", "doppler_token", Dotted, 43, 80),
    format("dp.pt.", "doppler_token", Alnum, 43, 44),
    format("AGE-SECRET-KEY-1", "age_key", Upper, 58, 58),
    format("ops_eyJ", "onepassword_token", Base64Url, 100, 2000),
    format("eyJ", "jwt", Jwt, 30, MAX_TOKEN),
    format("secret_", "notion_token", Alnum, 43, 43),
    format("$1$", "password_hash", Crypt, 24, 40),
    format("$5$", "password_hash", Crypt, 45, 90),
    format("$6$", "password_hash", Crypt, 88, 140),
    format("$y$", "password_hash", Crypt, 50, 140),
    format("$2a$", "password_hash", Crypt, 52, 56),
    format("$2b$", "password_hash", Crypt, 52, 56),
    format("$2y$", "password_hash", Crypt, 52, 56),
    format("$apr1$", "password_hash", Crypt, 24, 40),
    format("$argon2", "password_hash", Crypt, 60, 250),
    format("-----BEGIN ", "private_key", Pem, 0, usize::MAX),
    format("PuTTY-User-Key-File-", "private_key", Ppk, 0, usize::MAX),
];

use Alphabet::Base64 as Base64Path;

impl Format {
    /// Reads the token whose prefix stands at `start`.
    pub(super) fn read(&self, text: &[u8], start: usize) -> Option<Secret> {
        let body_start = start + self.prefix.len();
        // The automaton ignores case for the sake of words; prefixes have a case.
        if text.get(start..body_start)? != self.prefix.as_bytes() {
            return None;
        }
        match self.alphabet {
            Pem => return self.read_pem(text, start, body_start),
            Ppk => {
                let length = ppk_length(text.get(body_start..)?)?;
                return Some(self.secret(start, body_start + length, 0.99));
            }
            _ if self.prefix.starts_with(':') => return self.read_telegram(text, start, body_start),
            _ => {}
        }
        if self.is_glued(text, start) {
            return None;
        }
        let body = text.get(body_start..text.len().min(body_start + self.most + 1))?;
        let length = body.iter().take_while(|byte| self.alphabet.has(**byte)).count();
        let body = body.get(..length)?;
        let trimmed = body.len() - body.iter().rev().take_while(|byte| matches!(byte, b'.' | b'-')).count();
        let body = body.get(..trimmed)?;
        let fits = (self.least..=self.most).contains(&body.len());
        let whole = !matches!(self.alphabet, Jwt) || is_jwt(body);
        if !fits || !whole || is_filler(body) || !self.is_random(body) {
            return None;
        }
        let end = body_start + body.len();
        let padding =
            if matches!(self.alphabet, Base64) { text.get(end..text.len().min(end + 2))? } else { &[] };
        let padding = padding.iter().take_while(|byte| **byte == b'=').count();
        Some(self.secret(start, end + padding, 0.97))
    }

    /// Whether the prefix stands in the middle of something. This also keeps a text of nothing but prefixes cheap: of a
    /// run of the alphabet's characters only one prefix is read.
    fn is_glued(&self, text: &[u8], start: usize) -> bool {
        let before = start.checked_sub(1).and_then(|at| text.get(at));
        if matches!(self.alphabet, Crypt) {
            return before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'$');
        }
        before.is_some_and(|byte| self.alphabet.has(*byte) && !(*byte == b'/' && self.prefix.contains('/')))
    }

    /// Prefixes of a few letters begin ordinary words, too: those need a digit and some disorder, or more disorder and both cases.
    fn is_random(&self, body: &[u8]) -> bool {
        let telling = self.prefix.len() >= 6 || self.prefix.contains('_') && self.prefix.len() >= 4;
        let mixed = body.iter().any(u8::is_ascii_uppercase) && body.iter().any(u8::is_ascii_lowercase);
        telling || body.iter().any(u8::is_ascii_digit) && entropy(body) > 2.5 || mixed && entropy(body) > 3.5
    }

    /// `123456789:AA...`: digits stand before the prefix.
    fn read_telegram(&self, text: &[u8], at: usize, body_start: usize) -> Option<Secret> {
        let before = text.get(at.saturating_sub(11)..at)?;
        let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let body =
            text.get(body_start..)?.iter().take(self.most + 1).take_while(|byte| self.alphabet.has(**byte));
        let fits = (8..=10).contains(&digits) && body.count() == self.most;
        fits.then(|| self.secret(at - digits, body_start + self.most, 0.95))
    }

    fn read_pem(&self, text: &[u8], start: usize, body_start: usize) -> Option<Secret> {
        const TITLE: &[u8] = b"PRIVATE KEY";
        let head = text.get(body_start..text.len().min(body_start + 40))?;
        head.windows(TITLE.len()).take_while(|part| !part.starts_with(b"-")).find(|part| *part == TITLE)?;
        let end = body_start + key_length(text.get(body_start..)?);
        Some(self.secret(start, end, 0.99))
    }

    fn secret(&self, start: usize, end: usize, confidence: f32) -> Secret {
        let severity = self.severity;
        Secret {
            type_name: self.type_name,
            start,
            end,
            confidence,
            severity,
            explanation: "a token of a known format",
        }
    }
}

/// Bytes of a key: all that looks like its lines belongs to it, up to its end if that is there. Nothing is read behind that,
/// so that keys in a row are read once.
fn key_length(text: &[u8]) -> usize {
    const END: &[u8] = b"-----END ";
    let of_key = |byte: &u8| Base64.has(*byte) || b"=- \r\n\t\\:,".contains(byte);
    let ends = |at: usize, byte: &u8| {
        !of_key(byte) || *byte == b'-' && text.get(at..).is_some_and(|rest| rest.starts_with(END))
    };
    let Some(at) = text.iter().enumerate().position(|(at, byte)| ends(at, byte)) else { return text.len() };
    let rest = text.get(at..).unwrap_or_default();
    let Some(title) = rest.strip_prefix(END) else { return at };
    let title = title.get(..title.len().min(48)).unwrap_or_default();
    let close = title.windows(5).position(|part| part == b"-----").map(|close| close + 5);
    at + END.len() + close.unwrap_or(0)
}

/// Bytes of the lines of a key file of `PuTTY` behind its prefix (`2: ssh-rsa`): of its fields and of base64.
fn ppk_length(text: &[u8]) -> Option<usize> {
    const FIELDS: &[&[u8]] =
        &[b"Encryption:", b"Comment:", b"Public-Lines:", b"Key-Derivation:", b"Argon2-", b"Private-Lines:"];
    if !matches!(text, [b'1'..=b'9', b':', ..]) {
        return None;
    }
    let mut length = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let is_last = line.starts_with(b"Private-MAC:");
        let is_field = length == 0 || is_last || FIELDS.iter().any(|field| line.starts_with(field));
        if !is_field && !line.iter().all(|byte| Base64.has(*byte) || b"=\r\n".contains(byte)) {
            break;
        }
        length += line.len();
        if is_last {
            break;
        }
    }
    text.get(..length).map(|key| key.trim_ascii_end().len())
}

/// Three parts, of which the second is JSON, too (RFC 7519; an unsigned token ends with a dot).
fn is_jwt(body: &[u8]) -> bool {
    let mut parts = body.split(|byte| *byte == b'.');
    let (header, claims, signature) = (parts.next(), parts.next(), parts.next());
    header.is_some_and(|part| part.len() >= 10)
        && claims.is_some_and(|part| part.starts_with(b"eyJ"))
        && signature.is_none_or(|part| part.len() >= 16)
        && parts.next().is_none()
}

/// `xxxxxxxx`, `00000000`: what stands in documentation.
fn is_filler(body: &[u8]) -> bool {
    entropy(body.get(..body.len().min(64)).unwrap_or(body)) < 1.5 && body.len() > 1
}

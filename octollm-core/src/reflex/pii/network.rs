//! Addresses of people and computers on networks: e-mail, IPv4, IPv6, MAC.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::context::Topic;
use super::kinds::PiiType;
use super::numbers::{Gap, Group};
use super::reserved;
use super::scan::Scan;

/// Longest part before the `@` (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Longest domain (RFC 5321, 4.5.3.1.2).
const MAX_DOMAIN: usize = 253;
/// Longest IPv6 address as text.
const MAX_IP: usize = 45;

/// Ends of file names that follow an `@`, as in `icon@2x.png`.
const NOT_DOMAINS: &[&str] =
    &["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts", "html", "py", "so", "dll"];

impl Scan<'_> {
    /// The e-mail address around the `@` at `at`. Answers where to go on.
    pub(super) fn email(&mut self, at: usize) -> usize {
        self.email_around(at, at + 1).unwrap_or(at + 1)
    }

    /// The same around a `%40`, as an address stands in the address of a page.
    pub(super) fn encoded_email(&mut self, at: usize) -> usize {
        let encoded = self.slice(at, at + 3) == b"%40";
        encoded.then(|| self.email_around(at, at + 3)).flatten().unwrap_or(at + 1)
    }

    fn email_around(&mut self, local_end: usize, domain: usize) -> Option<usize> {
        let start = self.local_part(local_end);
        let end = self.domain(domain)?;
        // What a repository is cloned with is nobody's.
        if self.slice(start, local_end) == b"git" && matches!(self.byte(end), Some(b':' | b'/')) {
            return Some(end);
        }
        (start < local_end && self.take(PiiType::Email, start, end, 0.97)).then_some(end)
    }

    /// Where the part before the `@` begins. Only letters of scripts that have spaces count: in others the words touch the
    /// address.
    fn local_part(&self, at: usize) -> usize {
        let mut start = at;
        for (index, c) in self.text.get(..at).unwrap_or_default().char_indices().rev().take(MAX_LOCAL) {
            let fits = c.is_ascii_alphanumeric() || "._%+-'&/=?^{|}~!#$*`".contains(c) || is_letter(c);
            if !fits {
                break;
            }
            start = index;
        }
        // Quotes, brackets and the end of what stands before belong to the sentence, not to the address.
        let marks =
            self.slice(start, at).iter().take_while(|byte| b".'&/=?^{|}~!#$*`%-+".contains(byte)).count();
        let start = start + marks;
        let local = self.slice(start, at);
        let is_mark = |(index, byte): (usize, &u8)| {
            b"=/?&|`{}'*!$#".contains(byte) && !(*byte == b'\'' && is_elision(local, index))
        };
        let clean = local.iter().enumerate().rev().find(|found| is_mark(*found));
        clean.map_or(start, |(mark, _)| start + mark + 1)
    }

    /// Where the domain that begins at `start` ends.
    fn domain(&self, start: usize) -> Option<usize> {
        let text = self.text.get(start..)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-' || is_letter(c);
        let width: usize = text.chars().take(MAX_DOMAIN).take_while(|c| fits(*c)).map(char::len_utf8).sum();
        let mut domain = text.get(..width)?.trim_end_matches(['.', '-']);
        if let Some(cut) = domain.find("..") {
            domain = domain.get(..cut)?;
        }
        loop {
            let (host, last) = domain.rsplit_once('.')?;
            let top = before_dash(host, last);
            // What follows `example.com.` without a space is the next sentence, unless the whole domain is of that script.
            let one_script = top.is_ascii() || !host.bytes().any(|byte| byte.is_ascii_alphabetic());
            let lettered = top.chars().all(char::is_alphabetic) || is_punycode(top);
            let named = (2..=24).contains(&top.len()) && lettered && one_script;
            let file = NOT_DOMAINS.iter().any(|end| top.eq_ignore_ascii_case(end));
            if named && !file && !host.is_empty() && !host.starts_with(['.', '-']) {
                return Some(start + domain.len() - (last.len() - top.len()));
            }
            if file {
                return None;
            }
            domain = host;
        }
    }

    /// `192.0.2.1`
    pub(super) fn ip_v4(&mut self, groups: &[Group]) -> Option<usize> {
        let [first, _, _, last, ..] = groups else { return None };
        let dotted = groups.iter().skip(1).take(3).all(|group| group.gap == Gap::Dot);
        let continues = groups.get(4).is_some_and(|group| group.gap == Gap::Dot);
        if !dotted || continues || self.byte_before(first.start) == Some(b'.') {
            return None;
        }
        let address: Ipv4Addr = self.text.get(first.start..last.end)?.parse().ok()?;
        let small = address.octets().iter().all(|octet| *octet < 10);
        let version = small && !self.is_reached(first.start, last.end)
            || self.context(first.start, last.end).says(Topic::Thing);
        let alone = if version { 0.3 } else { 0.9 };
        let nobody = reserved::v4(address);
        // It is an address even where nobody is told of it: never a telephone number.
        (nobody || self.offer(PiiType::IpAddress, first.start, last.end, alone, 0.95) || version).then_some(4)
    }

    /// Whether what touches four numbers says that a computer is there: a scheme, a port, a line of a server's log.
    fn is_reached(&self, start: usize, end: usize) -> bool {
        let before = self.slice(start.saturating_sub(11), start);
        let after = self.slice(end, end + 6);
        before.ends_with(b"://")
            || before.eq_ignore_ascii_case(b"nameserver ")
            || matches!(after, [b':', b'0'..=b'9', ..])
            || after.starts_with(b" port ")
            || after.starts_with(b" - - [")
    }

    /// An IPv6 or MAC address that begins with the hexadecimal group at `start`. Answers its end.
    pub(super) fn hexadecimal_address(&mut self, start: usize) -> Option<usize> {
        if matches!(self.byte_before(start), Some(b':' | b'-' | b'.')) {
            return None;
        }
        self.mac(start).or_else(|| self.dotted_mac(start)).or_else(|| self.ip_v6(start))
    }

    /// An IPv6 address that begins with `::`, such as `::ffff:192.0.2.1`.
    pub(super) fn compressed_ip(&mut self, at: usize) -> usize {
        let begins = self.byte(at + 1) == Some(b':')
            && !self
                .byte_before(at)
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || b":_>)]".contains(&byte));
        if begins { self.ip_v6(at).unwrap_or(at + 1) } else { at + 1 }
    }

    fn ip_v6(&mut self, start: usize) -> Option<usize> {
        let reach = self.slice(start, start + MAX_IP);
        let width = reach.iter().take_while(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte)).count();
        let mut end = start + width;
        while end > start && (self.byte_before(end) == Some(b'.') || self.lonely_colon(end)) {
            end -= 1;
        }
        let address: Ipv6Addr = self.text.get(start..end)?.parse().ok()?;
        if self.byte(end).is_some_and(|next| next.is_ascii_alphanumeric() || b"_(<".contains(&next)) {
            return None;
        }
        if reserved::v6(address) {
            return Some(end);
        }
        let digits = self.slice(start, end).iter().filter(|byte| byte.is_ascii_hexdigit()).count();
        let telling = digits >= 5 && self.slice(start, end).iter().any(u8::is_ascii_digit);
        let alone = if telling { 0.9 } else { 0.3 };
        self.offer(PiiType::IpAddress, start, end, alone, 0.95).then_some(end)
    }

    /// Whether what ends here ends with a colon that belongs to the sentence.
    fn lonely_colon(&self, end: usize) -> bool {
        self.byte_before(end) == Some(b':') && self.byte_before(end - 1) != Some(b':')
    }

    /// `00:1b:44:11:3a:b7`, `00-1B-44-11-3A-B7`
    fn mac(&mut self, start: usize) -> Option<usize> {
        let separator = self.byte(start + 2).filter(|byte| matches!(byte, b':' | b'-'))?;
        let text = self.bytes.get(start..start + 17)?;
        let fits = text
            .iter()
            .enumerate()
            .all(|(at, byte)| if at % 3 == 2 { *byte == separator } else { byte.is_ascii_hexdigit() });
        let next = self.byte(start + 17);
        let goes_on = next.is_some_and(|byte| byte.is_ascii_alphanumeric())
            || next == Some(separator) && self.byte(start + 18).is_some_and(|byte| byte.is_ascii_hexdigit());
        if fits && !goes_on && reserved::mac(text) {
            return Some(start + 17);
        }
        // `10:20:30:40:50:60` counts.
        let lettered = text.iter().any(u8::is_ascii_alphabetic) || text.starts_with(b"00");
        let alone = if lettered { 0.9 } else { 0.4 };
        (fits && !goes_on && self.offer(PiiType::MacAddress, start, start + 17, alone, 0.95))
            .then_some(start + 17)
    }

    /// `001a.2b3c.4d5e`, as network equipment prints it.
    fn dotted_mac(&mut self, start: usize) -> Option<usize> {
        let text: &[u8; 14] = self.slice(start, start + 14).first_chunk()?;
        let fits = text.iter().enumerate().all(|(at, byte)| match at {
            4 | 9 => *byte == b'.',
            _ => byte.is_ascii_hexdigit(),
        });
        let end = start + text.len();
        let goes_on = self.byte(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            || self.byte(end) == Some(b'.')
                && self.byte(end + 1).is_some_and(|byte| byte.is_ascii_alphanumeric());
        if fits && !goes_on && reserved::mac(text) {
            return Some(end);
        }
        // Numbers alone are decimals and versions, letters alone are words.
        let mixed = text.iter().any(u8::is_ascii_digit) && text.iter().any(u8::is_ascii_alphabetic);
        (fits && !goes_on && self.offer(PiiType::MacAddress, start, end, if mixed { 0.8 } else { 0.3 }, 0.95))
            .then_some(end)
    }
}

/// The last part of a domain without what a dash joins to it: `com` of `com--bob`. `react@18.2.0.beta-1` is no address, and
/// `xn--p1ai` is a whole name.
fn before_dash<'t>(host: &str, last: &'t str) -> &'t str {
    let is_name = host.chars().any(char::is_alphabetic) && !last.starts_with("xn--");
    last.split_once('-').filter(|_| is_name).map_or(last, |(top, _)| top)
}

/// `xn--p1ai`: a name of another script in ASCII (RFC 5890, 2.3.2.1).
fn is_punycode(name: &str) -> bool {
    name.strip_prefix("xn--")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// A letter of an address beyond ASCII: Latin, Greek, Cyrillic.
fn is_letter(c: char) -> bool {
    matches!(c, '\u{C0}'..='\u{24F}' | '\u{370}'..='\u{52F}') && c.is_alphabetic()
}

/// Whether the apostrophe in this place belongs to a name: `O'Neil`, `d'Arc`. In `f'jane` it opens a string.
fn is_elision(local: &[u8], at: usize) -> bool {
    let before = local.get(..at).unwrap_or_default();
    matches!(before, [rest @ .., b'O' | b'o' | b'D' | b'd' | b'l' | b'L']
        if !rest.last().is_some_and(u8::is_ascii_alphanumeric))
        && local.get(at + 1).is_some_and(u8::is_ascii_alphabetic)
}

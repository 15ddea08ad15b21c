//! Addresses of computers that identify nobody.
//!
//! What every computer calls itself, what a whole network listens to, and masks are in every log and every manual, and lead
//! to nobody. All else is kept: an address of a private network or of a link names a device there, and the blocks for
//! documentation (RFC 5737, RFC 3849) stand for real addresses, as `example.com` does in an e-mail address.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Where clouds tell a machine about itself.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Whether an IPv4 address identifies nobody.
pub(super) const fn v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // RFC 5771, section 4, and RFC 2365, section 6.1: groups that do not leave the network.
    let local_group = a == 224 && b == 0 && c == 0 || a == 239 && b == 255;
    a == 0
        || address.is_loopback()
        || address.to_bits() == METADATA.to_bits()
        || local_group
        || is_mask(address)
}

/// `255.255.255.0`, and the broadcast address, which looks like one.
const fn is_mask(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    bits.leading_ones() >= 8 && bits.leading_ones() + bits.trailing_zeros() == u32::BITS
}

/// Whether an IPv6 address identifies nobody. One that holds an IPv4 address is what that is.
pub(super) const fn v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return v4(mapped);
    }
    // RFC 4291, section 2.7: groups that are assigned for good.
    let known_group = address.segments()[0] >> 4 == 0xff0;
    address.is_unspecified() || address.is_loopback() || known_group
}

/// Whether a hardware address, as it is written, is everybody's or nobody's.
pub(super) fn mac(text: &[u8]) -> bool {
    let all = |digit| {
        text.iter().filter(|byte| byte.is_ascii_hexdigit()).all(|byte| byte.eq_ignore_ascii_case(digit))
    };
    all(&b'f') || all(&b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_computer_has_identifies_nobody() {
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "127.8.9.10",
            "169.254.169.254",
            "224.0.0.251",
            "239.255.255.250",
            "255.0.0.0",
            "255.255.240.0",
            "255.255.255.255",
        ] {
            assert!(v4(text.parse().unwrap()), "{text}");
        }
        for text in ["::", "::1", "ff02::fb", "::ffff:127.0.0.1"] {
            assert!(v6(text.parse().unwrap()), "{text}");
        }
        assert!(mac(b"ff:FF:ff:ff:ff:ff") && mac(b"00-00-00-00-00-00"));
    }

    #[test]
    fn what_names_a_device_somewhere_is_kept() {
        for text in [
            "10.0.0.7",
            "172.16.4.1",
            "192.168.17.4",
            "8.8.8.8",
            "100.64.0.9",
            "169.254.1.1",
            "203.0.113.9",
            "225.1.2.3",
            "255.255.0.255",
        ] {
            assert!(!v4(text.parse().unwrap()), "{text}");
        }
        for text in ["2606:2800:220:1::1", "fd12:3456::1", "fe80::1", "2001:db8::7", "::ffff:8.8.8.8"] {
            assert!(!v6(text.parse().unwrap()), "{text}");
        }
        assert!(!mac(b"00:1b:44:11:3a:b7"));
    }
}

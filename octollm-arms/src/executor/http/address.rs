//! Which addresses are out in the world.
//!
//! After the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and what updates it). For IPv6 only what is in
//! the space for global unicast counts, without the blocks in it that have another purpose or carry an IPv4 address:
//! so a v4-mapped or v4-compatible address is never out in the world.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Out in the world.
    Public,
    /// This machine, or a private network.
    Private(&'static str),
    /// Never the address of a service that may be asked: link-local (where clouds have their metadata), multicast, what
    /// stands for another address, what is reserved.
    Never(&'static str),
}

/// What this address is.
pub(super) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    use Reach::{Never, Private, Public};
    match address.octets() {
        [127, ..] => Private("loopback"),
        [10, ..] | [192, 168, ..] => Private("private"),
        [172, second, ..] if (16..32).contains(&second) => Private("private"),
        // Azure's and Alibaba's. The other clouds have theirs among the link-local addresses.
        [168, 63, 129, 16] | [100, 100, 100, 200] => Never("a metadata service"),
        [100, second, ..] if (64..128).contains(&second) => Private("shared by carriers"),
        [0, ..] => Never("this network"),
        [169, 254, ..] => Never("link-local"),
        [192, 0, 0, _] | [192, 88, 99, _] => Never("reserved for protocols"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Never("for documentation"),
        [198, 18 | 19, ..] => Never("for measurements"),
        [first, ..] if first >= 240 => Never("reserved"),
        [first, ..] if first >= 224 => Never("multicast"),
        _ => Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    use Reach::{Never, Private, Public};
    if address.is_loopback() {
        return Private("loopback");
    }
    match address.segments() {
        // What NAT64 makes of an IPv4 address is as near or far as that one is.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => match reach_v4(embedded(high, low)) {
            Public => Public,
            _ => Never("NAT64 of an address that is not public"),
        },
        // Amazon's services for its own machines, Google's metadata and Scaleway's.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42] => {
            Never("a metadata service")
        }
        [first, ..] if first & 0xfe00 == 0xfc00 => Private("private"),
        [first, ..] if first & 0xffc0 == 0xfe80 => Never("link-local"),
        [first, ..] if first & 0xff00 == 0xff00 => Never("multicast"),
        [0, 0, 0, 0, 0, 0xffff, ..] => Never("v4-mapped"),
        [0x2002, ..] => Never("6to4"),
        [0x2001, 0, ..] => Never("Teredo"),
        [0x2001, second, ..] if second < 0x200 => Never("reserved for protocols"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Never("for documentation"),
        [first, ..] if first & 0xe000 == 0x2000 => Public,
        _ => Never("not in use"),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_public() {
        for address in [
            "8.8.8.8",
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "64:ff9b::808:808",
        ] {
            assert_eq!(of(address), Reach::Public, "{address}");
        }
    }

    #[test]
    fn nothing_near_is_public() {
        let private = [
            "127.0.0.1",
            "127.255.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "fc00::1",
        ];
        for address in private {
            assert!(matches!(of(address), Reach::Private(_)), "{address}");
        }
        let never = [
            "0.0.0.0",
            "169.254.169.254",
            "224.0.0.1",
            "239.1.1.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.0.170",
            "198.18.0.1",
            "203.0.113.9",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a00:1",
            "2001::1",
            "2001:db8::1",
            "fec0::1",
            "100::1",
            "::ffff:0:127.0.0.1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "fd00:42::42",
            "168.63.129.16",
            "100.100.100.200",
        ];
        for address in never {
            assert!(matches!(of(address), Reach::Never(_)), "{address}");
        }
    }
}

//! What must not be reached. The filter refuses every socket that could have an address; the empty network namespace is
//! behind it, seen here by what it has: nothing.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use octollm_sandbox::{Layer, Sandbox};

use super::{landlock, stopped, stopped_inside};

#[test]
fn loopback_is_not_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let attack = format!("def attack(): socket.create_connection(('127.0.0.1', {port}), 5)");
    stopped("loopback", &attack, Layer::Seccomp, "EPERM");
    stopped_inside(&landlock(), "loopback", &attack, Layer::Seccomp, "EPERM");
    let attack = "def attack(): socket.create_server(('127.0.0.1', 0))";
    stopped("listening", attack, Layer::Seccomp, "EPERM");
}

/// Nothing is sent outside: there, only the socket is made.
#[test]
fn neither_the_metadata_address_nor_a_name_server_is_reached() {
    let kinds = [
        ("metadata", "AF_INET, socket.SOCK_STREAM", "('169.254.169.254', 80)"),
        ("dns", "AF_INET, socket.SOCK_DGRAM", "('127.0.0.53', 53)"),
        ("six", "AF_INET6, socket.SOCK_STREAM", "('::1', 80)"),
        ("netlink", "AF_NETLINK, socket.SOCK_RAW, 0", "(0, 0)"),
        ("datagram", "AF_UNIX, socket.SOCK_DGRAM", "'/dev/log'"),
        ("unix", "AF_UNIX, socket.SOCK_STREAM", "'/run/x'"),
    ];
    for (name, kind, address) in kinds {
        let socket = format!("def attack(): socket.socket(socket.{kind})");
        stopped(name, &socket, Layer::Seccomp, "EPERM");
        let attack = format!("def attack(): socket.socket(socket.{kind}).connect({address})");
        for sandbox in [Sandbox::default(), landlock()] {
            stopped_inside(&sandbox, name, &attack, Layer::Seccomp, "EPERM");
        }
    }
}

#[test]
fn raw_and_odd_sockets_are_not_made() {
    for (name, family, kind) in [
        ("raw", libc::AF_INET, libc::SOCK_RAW),
        ("packet", libc::AF_PACKET, libc::SOCK_RAW),
        ("vsock", libc::AF_VSOCK, libc::SOCK_STREAM),
        ("alg", libc::AF_ALG, libc::SOCK_SEQPACKET),
        ("bluetooth", libc::AF_BLUETOOTH, libc::SOCK_RAW),
        ("key", libc::AF_KEY, libc::SOCK_RAW),
        ("xdp", libc::AF_XDP, libc::SOCK_RAW),
    ] {
        let attack = format!("def attack(): call({}, {family}, {kind}, 0)", libc::SYS_socket);
        stopped_inside(&Sandbox::default(), name, &attack, Layer::Seccomp, "EPERM");
    }
    // A pair that could be given an address.
    let attack = "def attack(): socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)";
    stopped("datagram pair", attack, Layer::Seccomp, "EPERM");
}

#[test]
fn sockets_of_the_machine_are_not_reached() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    let name = super::word("octollm-attack");
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    // Shown with its folder, so that mounts do not keep it away.
    let sandbox = Sandbox::default().readable(folder.path());
    for address in [path.display().to_string(), format!("\\0{name}")] {
        let attack = format!("def attack(): socket.socket(socket.AF_UNIX).connect('{address}')");
        stopped("unix socket", &attack, Layer::Seccomp, "EPERM");
        stopped_inside(&sandbox, "unix socket that is shown", &attack, Layer::Seccomp, "EPERM");
        stopped_inside(&landlock(), "unix socket", &attack, Layer::Seccomp, "EPERM");
    }
    let attack = format!("def attack(): os.stat('{}')", path.display());
    stopped("unix socket by name", &attack, Layer::Mounts, "ENOENT");
}

/// A pair is connected for ever: no other address can be given to it, and it still serves asyncio.
#[test]
fn a_pair_cannot_be_turned_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket").display().to_string();
    let _listener = UnixListener::bind(&path).unwrap();
    let sandbox = Sandbox::default().readable(folder.path());
    for (name, line, errno) in [
        ("connect", format!("a.connect('{path}')"), "EPERM"),
        ("bind", "a.bind('/tmp/x')".to_owned(), "EPERM"),
        ("listen", "a.listen()".to_owned(), "EPERM"),
        ("address", format!("a.sendto(b'x', '{path}')"), "EISCONN"),
    ] {
        let attack = format!("def attack():\n    a, b = socket.socketpair()\n    {line}");
        stopped_inside(&sandbox, name, &attack, Layer::Seccomp, errno);
    }
}

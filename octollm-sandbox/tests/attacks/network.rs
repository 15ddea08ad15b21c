//! What must not be reached. The filter refuses every socket that could have an address; the empty network namespace is
//! behind it, seen here by what it has: nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use octollm_sandbox::{Control, Layer, Outcome, Sandbox};

use super::{landlock, python, stopped, stopped_inside, text};

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
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
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
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
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

/// With one port of its own loopback open, and this process behind it.
fn with_port(code: &str) -> Outcome {
    let control = Control::new().with_listener(|listener| {
        let serve = move || {
            for stream in listener.incoming() {
                let _ = stream.and_then(|mut stream| stream.write_all(b"served"));
            }
        };
        // Ends with the test's process: nobody is left who could connect.
        std::thread::spawn(serve);
    });
    Sandbox::default().run(&python(code).port(PORT), &control).unwrap()
}

const PORT: u16 = 3128;

#[test]
fn one_port_leads_to_the_caller_and_nothing_to_the_machine() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let unix = super::word("octollm-port");
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&unix).unwrap()).unwrap();
    // The machine's own process at the very port: the sandbox's loopback is another one.
    let _same = TcpListener::bind(("127.0.0.1", PORT));
    let tried = |name: &str, line: &str, expected: &str, layer: Layer| {
        let code = super::script(&format!(
            "tcp = lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)\ndef attack():\n    {line}"
        ));
        let outcome = with_port(&code);
        assert_eq!(text(&outcome), expected, "{name}: stopped by {layer} {}", super::errors(&outcome));
    };
    tried(
        "the proxy",
        "s = tcp(); s.connect(('127.0.0.1', 3128)); assert s.recv(9) == b'served'",
        "REACHED",
        Layer::Network,
    );
    for (name, line, errno, layer) in [
        ("another port", format!("tcp().connect(('127.0.0.1', {port}))"), "EACCES", Layer::Landlock),
        ("the metadata address", "tcp().connect(('169.254.169.254', 80))".into(), "EACCES", Layer::Landlock),
        ("that port elsewhere", "tcp().connect(('10.0.0.1', 3128))".into(), "ENETUNREACH", Layer::Namespaces),
        ("a name server", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)".into(), "EPERM", Layer::Seccomp),
        ("six", "socket.socket(socket.AF_INET6, socket.SOCK_STREAM)".into(), "EPERM", Layer::Seccomp),
        ("raw", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)".into(), "EPERM", Layer::Seccomp),
        ("netlink", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)".into(), "EPERM", Layer::Seccomp),
        (
            "an abstract socket",
            format!("socket.socket(socket.AF_UNIX).connect('\\0{unix}')"),
            "EPERM",
            Layer::Seccomp,
        ),
        ("listening", "tcp().listen()".into(), "EPERM", Layer::Seccomp),
        ("another address", "tcp().bind(('127.0.0.2', 3128))".into(), "EPERM", Layer::Seccomp),
        (
            "a multipath socket, of which Landlock knows nothing",
            "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)".into(),
            "EPERM",
            Layer::Seccomp,
        ),
        ("SCTP", "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)".into(), "EPERM", Layer::Seccomp),
        (
            "first data without connecting",
            "tcp().sendto(b'x', 0x20000000, ('127.0.0.1', 1))".into(),
            "EPERM",
            Layer::Seccomp,
        ),
    ] {
        tried(name, &line, &format!("STOPPED {errno}"), layer);
    }
}

/// A pair of the two kinds that may be made is no way to another kind, and a port needs a network of its own.
#[test]
fn a_port_opens_nothing_else() {
    let outcome =
        with_port(&super::script("def attack(): socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)"));
    assert_eq!(text(&outcome), "STOPPED EPERM");
    for sandbox in [landlock(), Sandbox::new(octollm_sandbox::Level::None)] {
        let error = sandbox.run(&python("").port(PORT), &Control::default()).unwrap_err();
        assert_eq!(error.layer(), Layer::Network);
    }
}

#[test]
fn nobody_connects_after_the_end() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let control = Control::new().with_listener(move |listener| sender.send(listener).unwrap());
    // It ends with its connection still waiting to be accepted, and a child that would go on connecting.
    let code = "import os, socket, time\ns = socket.create_connection(('127.0.0.1', 3128))\n\
        if os.fork() == 0:\n  os.setsid()\n  while True:\n    socket.create_connection(('127.0.0.1', 3128)); time.sleep(0.01)";
    Sandbox::default().run(&python(code).port(PORT), &control).unwrap();
    let listener = receiver.recv().unwrap();
    listener.set_nonblocking(true).unwrap();
    // What was made before the end is still in the queue, and closed; then there is nothing, now and later.
    while let Ok((mut stream, _)) = listener.accept() {
        stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)), "nobody is left to write");
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

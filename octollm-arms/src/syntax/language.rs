//! Languages by the names that people give them.

/// A language whose code can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// Bash, and what of the POSIX shell it reads.
    Bash,
    /// C, not C++.
    C,
    /// C++.
    Cpp,
    /// Go.
    Go,
    /// Java.
    Java,
    /// JavaScript, with JSX.
    JavaScript,
    /// JSON, RFC 8259: without comments.
    Json,
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// TypeScript.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
}

impl Language {
    /// The language that goes by this name: its own, a usual short form or file extension, with or without a version,
    /// in any case.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().trim_start_matches('.').to_lowercase();
        let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' ' | '-'));
        Some(match bare {
            "bash" | "sh" | "shell" | "shellscript" => Self::Bash,
            "c" | "ansi c" => Self::C,
            "c++" | "cpp" | "cxx" | "cc" | "hpp" | "hxx" | "cplusplus" => Self::Cpp,
            "go" | "golang" => Self::Go,
            "java" => Self::Java,
            "javascript" | "js" | "jsx" | "mjs" | "cjs" | "node" | "nodejs" | "node.js" | "ecmascript" => {
                Self::JavaScript
            }
            "json" => Self::Json,
            "python" | "py" | "cpython" => Self::Python,
            "rust" | "rs" => Self::Rust,
            "typescript" | "ts" | "mts" | "cts" => Self::TypeScript,
            "tsx" => Self::Tsx,
            _ => return None,
        })
    }

    /// The name in lower case, as it stands after a code fence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Go => "go",
            Self::Java => "java",
            Self::JavaScript => "javascript",
            Self::Json => "json",
            Self::Python => "python",
            Self::Rust => "rust",
            Self::TypeScript => "typescript",
            Self::Tsx => "tsx",
        }
    }
}

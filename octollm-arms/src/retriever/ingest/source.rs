//! What a file is called in the index.

use std::path::{Component, Path};

use crate::retriever::cite::is_address;

/// The path with `/` between its parts and without `.`; empty for the working directory itself.
pub(super) fn name(path: &Path) -> String {
    let mut name = String::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::RootDir => name.push('/'),
            part => {
                if !name.is_empty() && !name.ends_with('/') {
                    name.push('/');
                }
                name.push_str(&part.as_os_str().to_string_lossy());
            }
        }
    }
    name
}

/// Whether `name` is `root` or below it.
pub(super) fn is_below(root: &str, name: &str) -> bool {
    // Whatever folder it is, no page is in it.
    if is_address(name) {
        return name == root;
    }
    if root.is_empty() {
        return !Path::new(name).is_absolute() && name != ".." && !name.starts_with("../");
    }
    name.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || root.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_one_would_type() {
        for (path, expected) in [
            ("docs/", "docs"),
            ("./docs/./a.md", "docs/a.md"),
            (".", ""),
            ("../x", "../x"),
            ("/a//b", "/a/b"),
            ("/", "/"),
        ] {
            assert_eq!(name(Path::new(path)), expected);
        }
    }

    #[test]
    fn below_means_below() {
        assert!(
            is_below("docs", "docs/a.md")
                && is_below("docs", "docs")
                && is_below("", "a/b")
                && is_below("/", "/a")
        );
        assert!(
            !is_below("docs", "docs2/a.md")
                && !is_below("", "../a")
                && !is_below("", "/a")
                && !is_below("a/b", "a")
                && !is_below("", "https://example.org/a")
        );
    }
}

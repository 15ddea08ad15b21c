//! Whether the path of a URL lies below one that a rule names.
//!
//! Servers, and what stands before them, disagree about paths: `..;` is a parameter to one and a parent to another, `%252e` is
//! decoded once or twice, an overlong or full-width dot is a dot to some. So behind what the rule itself says nothing may
//! stand that can be read in more than one way.

/// Why a path is refused that begins well.
pub(super) const UNCLEAR: &str = "has a path that servers read in different ways (an encoded `/`, `.`, `%` or control \
    character, `;`, `//`): where a rule has `paths`, that may stand only in what `paths` itself says";

/// How a path stands to those of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is one of them, or lies below one.
    Below,
    /// It begins like one, and goes on in a way that is not the same to everybody.
    Unclear,
    Elsewhere,
}

/// How a URL's path stands to these beginnings. Without any, every path fits.
pub(super) fn fit(beginnings: &[String], path: &str) -> Fit {
    if beginnings.is_empty() {
        return Fit::Below;
    }
    let below = beginnings.iter().filter_map(|beginning| rest(beginning, path));
    below.fold(Fit::Elsewhere, |found, rest| match found {
        Fit::Below => found,
        _ if is_clear(rest) => Fit::Below,
        _ => Fit::Unclear,
    })
}

/// What stands behind this beginning, if the path has it as whole parts.
fn rest<'p>(beginning: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(beginning)?;
    (rest.is_empty() || beginning.ends_with('/') || rest.starts_with('/')).then(|| {
        // With the slash before it, so that two in a row are seen.
        path.get(path.len() - rest.len() - usize::from(beginning.ends_with('/'))..).unwrap_or(rest)
    })
}

fn is_clear(rest: &str) -> bool {
    let mut plain = Vec::with_capacity(rest.len());
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let digits =
            [bytes.next(), bytes.next()].map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
        let [Some(high), Some(low)] = digits else { return false };
        match u8::try_from(high * 16 + low) {
            Ok(b'/' | b'\\' | b'.' | b'%' | b';' | b'?' | b'#') | Err(_) => return false,
            Ok(byte) => plain.push(byte),
        }
    }
    let text = String::from_utf8(plain);
    text.is_ok_and(|text| {
        !text.contains([';', '\\']) && !text.contains("//") && !text.contains(stands_for_another)
    })
}

/// Control characters, and letters that some systems replace by a dot, a slash, a percent sign or a semicolon.
fn stands_for_another(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{2024}'..='\u{2026}' | '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{29f5}' | '\u{fe52}'
        )
        || matches!(
            character,
            '\u{fe54}'
                | '\u{fe68}'
                | '\u{fe6a}'
                | '\u{ff05}'
                | '\u{ff0e}'
                | '\u{ff0f}'
                | '\u{ff1b}'
                | '\u{ff3c}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_in_one_way_or_not_at_all() {
        let rule = ["/v1/", "/open", "/api/group%2Fname"].map(str::to_owned);
        for path in [
            "/v1/",
            "/v1/a.b/c",
            "/v1/gr%C3%BC%C3%9Fe%20x",
            "/v1/a@b,c:d=e",
            "/open",
            "/open/x",
            "/api/group%2Fname",
            "/api/group%2Fname/issues",
        ] {
            assert_eq!(fit(&rule, path), Fit::Below, "{path}");
        }
        for path in [
            "/v1/..;/admin",
            "/v1/x;y",
            "/v1/%252e%252e%252fadmin",
            "/v1/%c0%ae%c0%ae/x",
            "/v1/%2e%2e/x",
            "/v1/a%2Fb",
            "/v1/a%5cb",
            "/v1/.%00./admin",
            "/v1/x%0d%0aFoo:bar",
            "/v1/%EF%BC%8E%EF%BC%8E/x",
            "/v1/%u002e/x",
            "/v1/%",
            "/v1//admin",
            "/v1/a//b",
            "/open//x",
            "/v1/%C2%85",
            "/api/group%2Fname/a%2Fb",
        ] {
            assert_eq!(fit(&rule, path), Fit::Unclear, "{path}");
        }
        for path in ["/", "/v1", "/opened", "/admin", "/V1/x", "/%76%31/x", "/api/group%2fname"] {
            assert_eq!(fit(&rule, path), Fit::Elsewhere, "{path}");
        }
        assert_eq!(fit(&[], "/a/..;/%2e"), Fit::Below);
    }
}

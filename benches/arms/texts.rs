//! What the arms are given to look at.

/// English prose of about this many bytes, no two sentences alike, without anything to find.
pub(crate) fn prose(bytes: usize) -> String {
    let (who, what) = (["The keeper", "A harbour pilot", "The engineer"], ["lamp", "tide table", "fog bell"]);
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        let (who, what) = (who[number % 3], what[number / 3 % 3]);
        text.push_str(&format!(
            "{who} looked at the {what} for the {number}th time and wrote down what was seen. "
        ));
    }
    text
}

/// Python of about this many bytes, no two functions alike.
pub(crate) fn python(bytes: usize) -> String {
    let mut code = String::from("\"\"\"Tides.\"\"\"\n\nimport math\n\n");
    for number in 0.. {
        if code.len() >= bytes {
            break;
        }
        code.push_str(&format!(
            "def level_{number}(hours, height):\n    \"\"\"The level after so many hours.\"\"\"\n    if hours < {number}:\n        \
             return height * math.sin(hours / {})\n    for step in range(hours):\n        height -= step % {}\n    return height\n\n",
            number + 2,
            number + 3,
        ));
    }
    code
}

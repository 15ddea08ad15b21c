//! The template of docs/arms.md is a program: whoever copies it has one that builds.

#[test]
fn the_template_of_the_manual_is_the_example_that_is_built() {
    let manual = include_str!("../docs/arms.md");
    let (_, program) = include_str!("../examples/arm_template.rs").split_once("\n\n").unwrap_or_default();
    assert!(program.contains("fn main()"));
    assert!(manual.contains(&format!("```rust\n{program}```")), "docs/arms.md has another program");
}

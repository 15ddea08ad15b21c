use super::*;
use crate::model::{Price, TokenUsage};

fn table() -> Vendors {
    Vendors::built_in().unwrap()
}

#[test]
fn every_row_can_be_used_and_says_what_it_was_checked_against() {
    let table = table();
    assert_eq!(table.names().first(), Some(&"openai"));
    for (name, row) in table.iter() {
        assert!(!row.checked.is_empty(), "{name}");
        assert!(row.base_url.is_some() || !row.base_url_variables.is_empty(), "{name} has no address");
        if let Some(url) = &row.base_url {
            crate::http_client::parse_url(url).unwrap();
        }
        for (model, row) in &row.model {
            assert!(
                row.price.is_none() || row.source.contains("20"),
                "{name}/{model} has a price without source"
            );
        }
    }
}

#[test]
fn the_longest_name_that_fits_decides_and_the_vendor_fills_the_rest() {
    let table = table();
    let price = |model: &str| table.describe("openai", model).unwrap().0.price.map(|price| price.input);
    assert_eq!(price("gpt-4o-mini-2024-07-18"), Some(0.15));
    assert_eq!(price("gpt-4o-2024-11-20"), Some(2.5));
    assert_eq!(price("gpt-5-mini"), Some(0.25));
    assert_eq!(price("gpt-5-codex"), None);
    let (model, quirks) = table.describe("openai", "o3-mini").unwrap();
    assert!(model.features.tools);
    assert_eq!(quirks.sampling, Some(false));
    assert_eq!(quirks.max_tokens_field.as_deref(), Some("max_completion_tokens"));
}

#[test]
fn first_models_of_generation_four_have_no_native_schemas() {
    let table = table();
    let by = |model: &str| table.describe("anthropic", model).unwrap().1.schema_by;
    assert_eq!(by("claude-sonnet-4-20250514"), Some(SchemaBy::Tool));
    assert_eq!(by("claude-opus-4-1-20250805"), Some(SchemaBy::Tool));
    assert_eq!(by("claude-opus-4-8"), Some(SchemaBy::Native));
    assert_eq!(by("claude-of-tomorrow"), Some(SchemaBy::Native));
}

#[test]
fn local_models_cost_nothing_and_unknown_prices_are_absent() {
    assert_eq!(table().describe("ollama", "llama3.1").unwrap().0.price, Some(Price::FREE));
    assert_eq!(table().describe("groq", "some-model").unwrap().0.price, None);
}

#[test]
fn a_price_without_cache_rates_counts_cached_tokens_in_full() {
    let table = table().with_overrides("vendor.groq.model.m.price = { input = 2.0, output = 4.0 }").unwrap();
    let price = table.describe("groq", "m").unwrap().0.price.unwrap();
    let tokens =
        TokenUsage { input_tokens: 1_000_000, cached_input_tokens: 400_000, ..TokenUsage::default() };
    assert!((price.cost(tokens) - 2.0).abs() < 1e-9);
}

#[test]
fn an_operator_changes_fields_and_adds_vendors() {
    let table = table()
        .with_overrides(
            r#"
            [vendor.openai.model."gpt-4o-mini*"]
            price = { input = 0.01, output = 0.02 }

            [vendor.mine]
            wire = "openai"
            base_url = "http://10.0.0.7:9000/v1"
            "#,
        )
        .unwrap();
    let (model, _) = table.describe("openai", "gpt-4o-mini").unwrap();
    assert_eq!(model.price.map(|price| price.input), Some(0.01));
    assert_eq!(model.context_tokens, Some(128_000), "what the file leaves out stays");
    assert_eq!(table.get("mine").unwrap().path, "chat/completions");
}

#[test]
fn mistakes_in_a_table_are_told_with_their_place() {
    for mistake in ["vendor = 3", "not toml at all", "[vendor.x]\nwire = \"openai\"\ncolour = 1"] {
        let error = table().with_overrides(mistake).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured);
        assert!(error.hint().is_some(), "{mistake}");
    }
}

#[test]
fn an_unknown_vendor_lists_those_there_are() {
    let error = table().get("opnai").unwrap_err();
    assert!(error.hint().unwrap().starts_with("the vendors are: openai, anthropic,"), "{error:?}");
    assert!(!table().get("sk-1234 5678").unwrap_err().to_string().contains("1234"));
}

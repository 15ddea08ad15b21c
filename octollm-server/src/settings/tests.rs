use super::*;

fn sources(folder: &Path, environment: &[(&str, &str)]) -> Sources {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Sources { folder: folder.into(), environment, ..Sources::default() }
}

#[test]
fn the_later_source_wins_and_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("octollm.toml"),
        "api_port = 1\nmax_concurrent_tasks = 5\ntask_timeout_seconds = 20",
    )
    .unwrap();
    std::fs::write(folder.path().join(".env"), "API_PORT=2\nMAX_CONCURRENT_TASKS=6\nOTHER=x\n").unwrap();
    let mut sources = sources(folder.path(), &[("API_PORT", "3"), ("LOG_LEVEL", "")]);
    sources.flags.push(("API_PORT", "4".into()));
    let settings = Settings::load(&sources).unwrap();
    assert_eq!((settings.config.api_port, settings.origin("API_PORT")), (4, &Origin::Flag));
    assert_eq!(
        (settings.config.max_concurrent_tasks, settings.origin("MAX_CONCURRENT_TASKS")),
        (6, &Origin::DotEnv)
    );
    assert_eq!(settings.config.task_timeout_seconds, 20);
    assert!(matches!(settings.origin("TASK_TIMEOUT_SECONDS"), Origin::File(_)));
    assert_eq!(settings.origin("LOG_LEVEL"), &Origin::Default);
}

#[test]
fn vendors_of_an_own_file_have_variables_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("vendors.toml");
    std::fs::write(
        &table,
        "[vendor.house]\nwire = \"openai\"\nbase_url = \"https://models.example.org/v1\"\nkey_variables = [\"HOUSE_API_KEY\"]",
    )
    .unwrap();
    let configuration = format!("llm_vendors = {table:?}\nhouse_api_key = \"k\"");
    std::fs::write(folder.path().join("octollm.toml"), configuration).unwrap();
    let settings = Settings::load(&sources(folder.path(), &[])).unwrap();
    assert_eq!(settings.models["HOUSE_API_KEY"], "k");
    std::fs::remove_file(&table).unwrap();
    let error = Settings::load(&sources(folder.path(), &[])).unwrap_err();
    assert_eq!((error.kind(), error.context("file")), (ErrorKind::NotConfigured, table.to_str()));
}

#[test]
fn a_bad_value_names_variable_origin_value_and_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(folder.path(), &[("API_PORT", "many"), ("ARM_REGISTRY", "me:secret@host")]);
    let error = Settings::load(&sources).unwrap_err();
    insta::assert_snapshot!(error, @r#"the configuration is invalid; API_PORT (environment): must be a port, 0 to 65535 (0 takes a free one), not `many`; ARM_REGISTRY (environment): must be http:// or https:// URLs, separated by commas"#);
}

#[test]
fn what_a_program_says_is_read_strictly_and_before_flags() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = sources(folder.path(), &[("API_PORT", "1"), ("MAX_CONCURRENT_TASKS", "7")]);
    sources.program = vec![("api_port".into(), 2.into()), ("OPENAI_API_KEY".into(), "key".into())];
    let settings = Settings::load(&sources).unwrap();
    assert_eq!((settings.config.api_port, settings.origin("API_PORT")), (2, &Origin::Program));
    assert_eq!(settings.models["OPENAI_API_KEY"], "key");
    assert_eq!(settings.config.max_concurrent_tasks, 7);

    sources.program = vec![("api_prot".into(), 2.into()), ("PLAN_REUSE".into(), "maybe".into())];
    let error = Settings::load(&sources).unwrap_err();
    insta::assert_snapshot!(error, @"the configuration is invalid; api_prot (program): is not known; did you mean `api_port`?; PLAN_REUSE (program): must be on or off, not `maybe`");
}

#[test]
fn an_unknown_name_in_the_file_is_refused_with_the_nearest_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("octollm.toml");
    std::fs::write(&file, "api_prot = 1\nzzz = 2\nredis_url = 'redis://x'").unwrap();
    let error = Settings::load(&sources(folder.path(), &[])).unwrap_err();
    let text = error.to_string().replace(&file.display().to_string(), "FILE");
    insta::assert_snapshot!(text, @r#"the configuration is invalid; api_prot (FILE): is not known; did you mean `api_port`?; zzz (FILE): is not known; known are octollm_home, octollm_embedder, octollm_vault_key, octollm_executor_policy, api_host, api_port, max_concurrent_tasks, task_timeout_seconds, arm_registry, arm_registry_url, arm_discovery_interval_seconds, plan_reuse, octollm_prompts_dir, llm_cache, llm_cache_hours, answer_cache, answer_cache_max_kb, reflex_policy, reflex, guardian_policy, retriever_data_folders, web_search_provider, web_search_url, web_search_api_key, rate_limit_client, rate_limit_key, rate_limit_route, rate_limit_on_failure, log_level, environment"#);
}

#[test]
fn a_section_is_read_with_the_place_of_each_fault_and_is_no_variable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("octollm.toml");
    std::fs::write(&file, "reflex_policy = 'strict'\n[reflex.pii]\nuser = 'flag'").unwrap();
    let settings = Settings::load(&sources(folder.path(), &[("REFLEX", "somebody's")])).unwrap();
    assert_eq!(settings.config.policy().unwrap().preset.name(), "strict");
    assert_eq!(settings.config.reflex["pii"]["user"], "flag");

    std::fs::write(&file, "[reflex]\ncolour = 1\n[reflex.pii]\nuser = 'maybe'").unwrap();
    let error = Settings::load(&sources(folder.path(), &[("REFLEX_POLICY", "lax")])).unwrap_err();
    let text = error.to_string().replace(&file.display().to_string(), "FILE");
    insta::assert_snapshot!(text, @r#"the configuration is invalid; REFLEX_POLICY (environment): must be default, strict, lenient or off, not `lax`; reflex (FILE): `colour` is not known; known are policy, secrets, pii, injection, style, locales, names, without, min_confidence, allow, custom; reflex.pii.user (FILE): must be off, flag, redact or refuse, not "maybe""#);
}

#[test]
fn names_without_effect_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::load(&sources(folder.path(), &[("REDIS_URL", "redis://x")])).unwrap();
    assert_eq!(settings.ignored, [("REDIS_URL".to_owned(), Origin::Environment)]);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut missing = sources(folder.path(), &[]);
    missing.file = Some(folder.path().join("absent.toml"));
    assert_eq!(Settings::load(&missing).unwrap_err().kind(), ErrorKind::NotConfigured);

    std::fs::write(folder.path().join("octollm.toml"), "api_port = 1\napi_host = \n").unwrap();
    let error = Settings::load(&sources(folder.path(), &[])).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

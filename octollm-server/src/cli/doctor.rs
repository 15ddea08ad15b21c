//! `doctor`: what is configured, from where, and whether everything answers.

mod sandbox;

use octollm_arms::executor::Pages;
use octollm_arms::retriever::DEFAULT_COLLECTION;
use octollm_core::arm::HealthStatus;
use octollm_core::config::{Config, SETTINGS};
use octollm_core::model::{Models, Purpose};
use serde::Serialize;

use super::App;
use super::exit::{Exit, Outcome, Stop};
use super::output::plain;
use crate::session::{LocalOptions, Session};
use crate::store::{self, Store};
use crate::{executor, retriever};

#[derive(Serialize)]
struct Report {
    version: &'static str,
    healthy: bool,
    settings: Vec<Value>,
    /// Names that are set and have no effect yet.
    without_effect: Vec<Ignored>,
    checks: Vec<Check>,
    /// What the sandbox of each strength can be made of here.
    sandbox: Vec<sandbox::Strength>,
}

#[derive(Serialize)]
struct Value {
    name: String,
    value: String,
    from: String,
}

#[derive(Serialize)]
struct Ignored {
    name: String,
    from: String,
}

/// What one dependency answered.
#[derive(Serialize)]
struct Check {
    name: String,
    ok: bool,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn of<T>(
        name: impl Into<String>,
        outcome: octollm_core::Result<T>,
        detail: impl FnOnce(T) -> String,
    ) -> Self {
        let name = name.into();
        match outcome {
            Ok(value) => Self { name, ok: true, detail: detail(value), hint: None },
            Err(error) => {
                Self { name, ok: false, detail: error.to_string(), hint: error.hint().map(str::to_owned) }
            }
        }
    }
}

/// Looks at everything.
pub(super) async fn run(app: &App, json: bool) -> Outcome {
    let mut checks = checks(app).await;
    let sandbox = sandbox::probe().await;
    checks.extend(sandbox::check(&app.settings.config, &sandbox).await);
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        healthy: checks.iter().all(|check| check.ok),
        settings: settings(app),
        without_effect: without_effect(app),
        checks,
        sandbox,
    };
    if json {
        app.output.json(&report)?;
    } else {
        print(app, &report)?;
    }
    Ok(if report.healthy { Exit::Completed } else { Exit::Failed })
}

fn settings(app: &App) -> Vec<Value> {
    let config = &app.settings.config;
    let value = |name: &'static str| match (name, store::home(config)) {
        ("OCTOLLM_HOME", Ok(home)) => home.display().to_string(),
        _ => config.shown(name).unwrap_or_default(),
    };
    let own = SETTINGS.iter().map(|setting| (setting.name, value(setting.name)));
    // A vendor's variable is a key, or an address that may hold one: it is only said to be set.
    let of_models = app.settings.models.iter().map(|(name, value)| {
        let shown = if name.starts_with("LLM_") { value.as_str() } else { "***" };
        (name.as_str(), shown.to_owned())
    });
    own.chain(of_models)
        .map(|(name, value)| Value {
            name: name.to_owned(),
            value,
            from: app.settings.origin(name).to_string(),
        })
        .collect()
}

fn without_effect(app: &App) -> Vec<Ignored> {
    let ignored = app.settings.ignored.iter();
    ignored.map(|(name, origin)| Ignored { name: name.clone(), from: origin.to_string() }).collect()
}

async fn checks(app: &App) -> Vec<Check> {
    let config = &app.settings.config;
    let mut checks = Vec::new();
    let options = LocalOptions { arms: Some(Vec::new()), take_over: false, ..LocalOptions::default() };
    let session = Session::local(&app.settings, &options).await;
    match session {
        Ok(session) => {
            if let Some(store) = session.store() {
                checks.extend(stores(config, store).await);
            }
            checks.extend(arms(&session).await);
            checks.extend(session.models().map(models));
            checks.push(web_search(config));
            checks.push(data(config));
            checks.push(pages(config).await);
            checks.push(Check::of("close", session.close().await, |()| "everything is written".into()));
        }
        Err(error) => checks.push(Check::of::<()>("start", Err(error), |()| String::new())),
    }
    checks
}

async fn stores(config: &Config, store: &Store) -> Vec<Check> {
    let mut checks = vec![Check::of("database", store.check_integrity().await, |()| database(config))];
    for health in store.memory.health().await {
        checks.push(Check::of(format!("store {}", health.name), health.outcome, |()| "answers".into()));
    }
    let embedder = &store.memory.embedder;
    let tried = embedder.embed(&["does it answer?"]).await;
    checks.push(Check::of("embedder", tried, |_| format!("{}: {}", embedder.id(), embedder.describe())));
    checks.push(index(store).await);
    checks
}

/// Whether what is indexed can be searched with this embedder.
async fn index(store: &Store) -> Check {
    let wanted = store.memory.embedder.spec();
    match store.memory.vectors.spec(DEFAULT_COLLECTION).await {
        Ok(Some(found)) if found != wanted => Check {
            name: "index".into(),
            ok: false,
            detail: format!("was made with another embedder, {}: only words are searched", found.embedder),
            hint: Some("`octollm-server index DIR` embeds everything again, also what is not in DIR".into()),
        },
        found => Check::of("index", found, |found| match found {
            Some(_) => "was made with this embedder".into(),
            None => "nothing is indexed yet".into(),
        }),
    }
}

fn database(config: &Config) -> String {
    let path = store::path(config).unwrap_or_default();
    let bytes = std::fs::metadata(&path).map(|file| file.len()).unwrap_or_default();
    format!("{}, {} KiB, whole", path.display(), bytes.div_ceil(1024))
}

async fn arms(session: &Session) -> Vec<Check> {
    match session.orchestrator().arms().await {
        Ok(arms) => arms
            .into_iter()
            .map(|arm| Check {
                name: format!("arm {}", arm.descriptor.arm_id),
                ok: arm.health != HealthStatus::Unhealthy,
                detail: format!("{:?}, can {}", arm.health, arm.descriptor.capabilities.join(", "))
                    .to_lowercase(),
                hint: None,
            })
            .collect(),
        Err(error) => vec![Check::of::<()>("arms", Err(error), |()| String::new())],
    }
}

/// Who searches the web; nobody is asked, here: a question costs money or a place in a quota.
fn web_search(config: &Config) -> Check {
    Check::of("web search", retriever::web(config), |web| match web {
        Some(web) => format!("{} at {}", web.name(), web.address()),
        None => "off: WEB_SEARCH_PROVIDER names nobody".into(),
    })
}

/// What may be analysed.
fn data(config: &Config) -> Check {
    let folders = &config.retriever_data_folders;
    let opened = octollm_arms::retriever::DataFolders::open(folders);
    Check::of("data analysis", opened, |_| match folders.as_slice() {
        [] => "off: RETRIEVER_DATA_FOLDERS names no folder".into(),
        folders => folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", "),
    })
}

/// Which pages may be read.
async fn pages(config: &Config) -> Check {
    Check::of("web pages", executor::policy(config).await, |policy| match Pages::new(&policy).is_empty() {
        true => format!("off: policy {} opens no host", policy.label()),
        false => format!("from the hosts of policy {}", policy.label()),
    })
}

/// Which models are asked; none of them is, here.
fn models(models: &Models) -> Check {
    let purposes = [Purpose::General, Purpose::Intent, Purpose::Planning, Purpose::Coding, Purpose::Judging];
    let name = |purpose| models.for_purpose(purpose).map(|model| model.descriptor().name());
    let general = name(Purpose::General);
    let differing = purposes.into_iter().filter_map(|purpose| Some((purpose, name(purpose)?)));
    let differing = differing.filter(|(_, name)| Some(name) != general.as_ref());
    let differing = differing.map(|(purpose, name)| format!("{name} for {}", purpose.as_str()));
    let named: Vec<_> = general.clone().into_iter().chain(differing).collect();
    let hint = "set OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_HOST to plan free goals; see docs/models.md";
    Check {
        name: "models".into(),
        ok: true,
        detail: if named.is_empty() { "none: the rules plan".into() } else { named.join(", ") },
        hint: named.is_empty().then(|| hint.to_owned()),
    }
}

fn print(app: &App, report: &Report) -> Result<(), Stop> {
    let output = app.output;
    output.line(output.bold(&format!("octollm-server {}", report.version)))?;
    output.line(format!("\n{}", output.bold("Settings")))?;
    for setting in &report.settings {
        let value = if setting.value.is_empty() { "-" } else { &setting.value };
        output.line(format!("  {:<31} {:<32} {}", setting.name, plain(value), output.dim(&setting.from)))?;
    }
    for ignored in &report.without_effect {
        output.line(format!(
            "  {:<31} {:<32} {}",
            ignored.name,
            "has no effect yet",
            output.dim(&ignored.from)
        ))?;
    }
    output.line(format!("\n{}", output.bold("Checks")))?;
    for check in &report.checks {
        let mark = if check.ok { "ok  " } else { "FAIL" };
        output.line(format!("  {mark} {:<26} {}", plain(&check.name), plain(&check.detail)))?;
        if let Some(hint) = &check.hint {
            output.line(format!("       hint: {}", plain(hint)))?;
        }
    }
    sandbox::print(output, &report.sandbox)
}

//! From variables to the models that a program thinks with: which one for what, and who stands in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Providers;
use crate::error::{Error, Fault, Result};
use crate::model::layers::{Around, Link, LinkOptions, guarded, standard};
use crate::model::vendors::{self, Vendors};
use crate::model::{LanguageModel, Models, Purpose};

/// Purposes that may have a model of their own, and the variable that names it.
const OWN_MODELS: [(Purpose, &str); 4] = [
    (Purpose::Intent, "LLM_MODEL_INTENT"),
    (Purpose::Planning, "LLM_MODEL_PLANNING"),
    (Purpose::Coding, "LLM_MODEL_CODING"),
    (Purpose::Judging, "LLM_MODEL_JUDGING"),
];

/// Models that are asked, in this order, where the first one cannot answer; separated by commas. With a purpose behind
/// it (`LLM_FALLBACKS_PLANNING`) it counts for that purpose only.
const FALLBACKS: &str = "LLM_FALLBACKS";

/// Whether the usual ports of local model servers are asked where nothing else is configured: `on` (as if unset) or `off`.
const DISCOVERY: &str = "LLM_DISCOVERY";

/// Every variable that [`Models::from_variables`] reads besides the vendors' own.
const VARIABLES: [&str; 16] = [
    "LLM_MODEL",
    vendors::FILE,
    DISCOVERY,
    "LLM_MODEL_INTENT",
    "LLM_MODEL_PLANNING",
    "LLM_MODEL_CODING",
    "LLM_MODEL_JUDGING",
    "LLM_FALLBACKS",
    "LLM_FALLBACKS_INTENT",
    "LLM_FALLBACKS_PLANNING",
    "LLM_FALLBACKS_CODING",
    "LLM_FALLBACKS_JUDGING",
    "LLM_EMBEDDER",
    "LLM_FIRST_BYTE_SECONDS",
    "LLM_IDLE_SECONDS",
    "LLM_TOTAL_SECONDS",
];

impl Models {
    /// The models that these variables configure, in all their [layers](crate::model::layers); [`Models::none`] where
    /// nothing is configured and no local server answers. No model is asked anything yet.
    ///
    /// # Errors
    /// `invalid_input` with every bad value; `not_configured` for a model that is named and cannot be reached: an unknown
    /// vendor, a missing key.
    pub async fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self> {
        Self::from_variables_within(variables, &Around::default()).await
    }

    /// As [`from_variables`](Self::from_variables), each chain of models with this around it: who redacts, and where answers
    /// are kept.
    ///
    /// # Errors
    /// Those of [`from_variables`](Self::from_variables).
    pub async fn from_variables_within(
        variables: &BTreeMap<String, String>,
        around: &Around,
    ) -> Result<Self> {
        let vendors = match Vendors::file(variables) {
            Some(path) => Vendors::over_built_in(path, tokio::fs::read_to_string(path).await)?,
            None => Vendors::built_in()?,
        };
        let mut providers = Providers::from_variables(vendors, variables)?;
        if may_discover(variables)? {
            providers.discover().await;
        }
        let choice = Choice { providers: &providers, variables, around, links: BTreeMap::new() };
        choice.models()
    }

    /// As [`from_variables`](Self::from_variables), with this process's environment.
    ///
    /// # Errors
    /// Those of [`from_variables`](Self::from_variables).
    pub async fn from_environment() -> Result<Self> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::from_variables(&variables.collect()).await
    }

    /// The names of the variables that [`from_variables`](Self::from_variables) reads, keys and addresses of all built-in
    /// vendors among them.
    ///
    /// # Errors
    /// None as long as the library's tests pass.
    pub fn variables() -> Result<Vec<String>> {
        Ok(Self::variables_with(&Vendors::built_in()?))
    }

    /// As [`variables`](Self::variables), where the vendors are these.
    pub fn variables_with(vendors: &Vendors) -> Vec<String> {
        let of_vendors = vendors.iter().flat_map(|(_, vendor)| vendor.variables().map(str::to_owned));
        let mut names: Vec<_> = VARIABLES.iter().map(|name| (*name).to_owned()).chain(of_vendors).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

struct Choice<'a> {
    providers: &'a Providers,
    variables: &'a BTreeMap<String, String>,
    /// What surrounds every chain.
    around: &'a Around,
    /// What models of one vendor share.
    links: BTreeMap<String, Link>,
}

impl Choice<'_> {
    fn models(mut self) -> Result<Models> {
        let mut models = match self.providers.default_model() {
            Some(name) => Models::new(self.chain("LLM_MODEL", &name, Purpose::General)?),
            None => Models::none(),
        };
        for (purpose, variable) in OWN_MODELS {
            let own = self.read(variable).map(str::to_owned);
            let has_fallbacks = self.read(&of_purpose(purpose)).is_some();
            let name = own.or_else(|| has_fallbacks.then(|| self.providers.default_model()).flatten());
            if let Some(name) = name {
                models = models.with(purpose, self.chain(variable, &name, purpose)?);
            }
        }
        Ok(models)
    }

    /// A model and those that stand in for it.
    fn chain(&mut self, variable: &str, name: &str, purpose: Purpose) -> Result<Arc<dyn LanguageModel>> {
        let own = of_purpose(purpose);
        let (source, fallbacks) = match self.read(&own) {
            Some(names) => (own.clone(), names.to_owned()),
            None => (FALLBACKS.to_owned(), self.read(FALLBACKS).unwrap_or_default().to_owned()),
        };
        let first = self.model(variable, name)?;
        let names =
            fallbacks.split(',').map(str::trim).filter(|fallback| !fallback.is_empty() && *fallback != name);
        let fallbacks: Result<Vec<_>> = names.map(|fallback| self.model(&source, fallback)).collect();
        Ok(standard(first, fallbacks?, self.around))
    }

    fn model(&mut self, variable: &str, name: &str) -> Result<Arc<dyn LanguageModel>> {
        let model = self
            .providers
            .model(name)
            .map_err(|error| error.with_context("variable", variable.to_owned()))?;
        let vendor = model.descriptor().vendor.clone();
        let rates = self.providers.vendors().get(&vendor)?.limits.into();
        let link = self.links.entry(vendor);
        let link = link.or_insert_with(|| Link::new(&LinkOptions { rates, ..LinkOptions::default() }));
        Ok(guarded(model, link))
    }

    fn read(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

fn may_discover(variables: &BTreeMap<String, String>) -> Result<bool> {
    match variables.get(DISCOVERY).map(|value| value.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "on" | "true" | "yes" | "1") => Ok(true),
        Some("off" | "false" | "no" | "0") => Ok(false),
        Some(_) => {
            let fault = Fault::new(format!("/{DISCOVERY}"), "must be on or off");
            Err(Error::invalid("the configuration of language models is invalid", vec![fault]))
        }
    }
}

fn of_purpose(purpose: Purpose) -> String {
    format!("{FALLBACKS}_{}", purpose.as_str().to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    async fn models(variables: &[(&str, &str)]) -> Result<Models> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Models::from_variables(&variables.collect()).await
    }

    fn name(models: &Models, purpose: Purpose) -> String {
        models.require(purpose).unwrap().descriptor().name()
    }

    #[tokio::test]
    async fn a_key_is_enough_and_purposes_may_differ() {
        let variables = [
            ("OPENAI_API_KEY", "sk-test"),
            ("LLM_MODEL_PLANNING", "gpt-4o"),
            ("LLM_FALLBACKS", "anthropic/claude-sonnet-4-5"),
            ("ANTHROPIC_API_KEY", "sk-ant-test"),
        ];
        let models = models(&variables).await.unwrap();
        assert_eq!(name(&models, Purpose::Planning), "openai/gpt-4o");
        assert!(name(&models, Purpose::Coding).starts_with("openai/"));
        assert!(!format!("{models:?}").contains("sk-"));
    }

    #[tokio::test]
    async fn a_model_without_its_key_names_the_variable_that_asks_for_it() {
        let variables = [("OPENAI_API_KEY", "sk-test"), ("LLM_FALLBACKS", "anthropic/claude-sonnet-4-5")];
        let error = models(&variables).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured);
        assert_eq!(error.context("variable"), Some("LLM_FALLBACKS"));
    }

    #[tokio::test]
    async fn local_servers_are_not_looked_for_where_that_is_switched_off() {
        assert!(models(&[("LLM_DISCOVERY", "off")]).await.unwrap().is_empty());
        let error = models(&[("LLM_DISCOVERY", "perhaps")]).await.unwrap_err();
        assert_eq!(error.faults()[0].pointer, "/LLM_DISCOVERY");
    }

    #[tokio::test]
    async fn an_operators_file_adds_vendors_and_their_variables() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let table = "[vendor.house]\nwire = \"openai\"\nbase_url = \"https://models.example.org/v1\"\n\
            key_variables = [\"HOUSE_API_KEY\"]\ndefault_model = \"small\"\nlimits = { concurrent = 2 }";
        std::fs::write(path, table).unwrap();
        let set = [("LLM_VENDORS", path), ("HOUSE_API_KEY", "k")];
        assert_eq!(name(&models(&set).await.unwrap(), Purpose::General), "house/small");
        let variables = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let vendors = Vendors::from_variables(&variables.into()).unwrap();
        assert_eq!(vendors.get("house").unwrap().limits.concurrent.unwrap().get(), 2);
        assert!(Models::variables_with(&vendors).contains(&"HOUSE_API_KEY".to_owned()));

        std::fs::write(path, "[vendor.openai]\nlimits = { concurrent = 0 }").unwrap();
        let error = models(&set).await.unwrap_err();
        assert_eq!((error.kind(), error.context("file")), (ErrorKind::NotConfigured, Some(path)));
        let error = models(&[("LLM_VENDORS", "/no/such/file")]).await.unwrap_err();
        assert_eq!((error.kind(), error.context("file")), (ErrorKind::NotConfigured, Some("/no/such/file")));
    }

    #[test]
    fn the_guides_variables_are_known() {
        let names = Models::variables().unwrap();
        for name in
            ["OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "OLLAMA_HOST", "LLM_MODEL_INTENT", "LLM_FALLBACKS"]
        {
            assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
        }
    }
}

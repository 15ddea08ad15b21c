//! What a model's folder holds, and whether this can compute it.
//!
//! A model that is computed in another way than it was trained still gives vectors, only bad ones. So whatever a folder
//! says about its model and is not known here is refused.

use std::io::Read;
use std::path::{Path, PathBuf};

use candle_transformers::models::bert;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};

const CONFIG: &str = "config.json";
pub(super) const TOKENIZER: &str = "tokenizer.json";
pub(super) const WEIGHTS: &str = "model.safetensors";
const MODULES: &str = "modules.json";
const POOLING: &str = "1_Pooling/config.json";
const SENTENCES: &str = "sentence_bert_config.json";

/// Bytes that a file may have: more than any encoder that is of use on a CPU, so that a wrong file does not fill memory.
const MAX_BYTES: u64 = 4 << 30;

/// Tokens that a text must have room for, the marks around it included.
const LEAST_TOKENS: usize = 8;

/// Changes with whatever this library does to a model's output.
const VERSION: &str = "v1";

const HINT: &str = "name a folder as sentence-transformers saves it, with config.json, tokenizer.json and \
                    model.safetensors of a BERT model such as all-MiniLM-L6-v2";

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Their mean.
    Mean,
    /// That of the mark before the text.
    First,
}

/// A model's files, read and looked at.
pub(super) struct Folder {
    path: PathBuf,
    pub(super) config: bert::Config,
    pub(super) tokenizer: Vec<u8>,
    pub(super) weights: Vec<u8>,
    pub(super) pooling: Pooling,
    /// Tokens of a text that the model reads, the marks around it included.
    pub(super) max_tokens: usize,
    digest: Sha256,
}

/// `sentence_bert_config.json`
#[derive(Deserialize, Default)]
struct Sentences {
    max_seq_length: Option<usize>,
}

/// An entry of `modules.json`
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

/// `1_Pooling/config.json`
#[derive(Deserialize)]
struct PoolingModes {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_sqrt_len_tokens: bool,
    #[serde(default)]
    pooling_mode_weightedmean_tokens: bool,
    #[serde(default)]
    pooling_mode_lasttoken: bool,
}

impl Folder {
    pub(super) fn read(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            return Err(Error::new(
                ErrorKind::NotConfigured,
                "there is no such folder of an embedding model",
            )
            .with_context("folder", path.display().to_string())
            .with_hint(HINT));
        }
        let files = Files { path };
        let raw_config = files.read(CONFIG)?;
        let config: bert::Config = files.parse(CONFIG, &raw_config)?;
        check(&config).map_err(|reason| unusable(path, CONFIG, reason))?;
        check_modules(files.optional(MODULES)?).map_err(|reason| unusable(path, MODULES, reason))?;
        let pooling = pooling(files.optional(POOLING)?).map_err(|reason| unusable(path, POOLING, reason))?;
        let sentences: Sentences = files.optional(SENTENCES)?.unwrap_or_default();
        let max_tokens = sentences.max_seq_length.unwrap_or(usize::MAX).min(config.max_position_embeddings);
        if max_tokens < LEAST_TOKENS {
            return Err(unusable(path, SENTENCES, format!("max_seq_length must be {LEAST_TOKENS} or more")));
        }
        let (tokenizer, weights) = (files.read(TOKENIZER)?, files.read(WEIGHTS)?);
        let mut digest = Sha256::new_with_prefix(format!("{pooling:?} {max_tokens} "));
        for file in [&raw_config, &tokenizer, &weights] {
            digest.update((file.len() as u64).to_le_bytes());
            digest.update(file);
        }
        Ok(Self { path: path.to_owned(), config, tokenizer, weights, pooling, max_tokens, digest })
    }

    /// Names everything that the vectors depend on, and not where the folder lies.
    pub(super) fn id(&self) -> String {
        let digest: String =
            self.digest.clone().finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("bert-{digest}-{}-{VERSION}", self.config.hidden_size)
    }

    pub(super) fn unusable(&self, file: &str, reason: impl Into<String>) -> Error {
        unusable(&self.path, file, reason)
    }
}

struct Files<'a> {
    path: &'a Path,
}

impl Files<'_> {
    fn read(&self, name: &str) -> Result<Vec<u8>> {
        self.find(name)?.ok_or_else(|| unusable(self.path, name, "it is missing"))
    }

    fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.find(name)?.map(|bytes| self.parse(name, &bytes)).transpose()
    }

    fn parse<T: DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> Result<T> {
        serde_json::from_slice(bytes).map_err(|cause| unusable(self.path, name, cause.to_string()))
    }

    /// The file's bytes; `None` if there is no such file.
    fn find(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path.join(name);
        let file = match std::fs::metadata(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => Err(cause.to_string()),
            Ok(file) if !file.is_file() => Err("it is not a file".to_owned()),
            Ok(file) if file.len() > MAX_BYTES => Err("it is larger than 4 GiB".to_owned()),
            Ok(file) => Ok(file),
        };
        let file = file.map_err(|reason| unusable(self.path, name, reason))?;
        let mut bytes = Vec::with_capacity(file.len() as usize);
        let read = std::fs::File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
        read.map_err(|cause| unusable(self.path, name, cause.to_string()))?;
        Ok(Some(bytes))
    }
}

fn check(config: &bert::Config) -> Result<(), String> {
    if let Some(other) = config.model_type.as_deref().filter(|kind| *kind != "bert") {
        return Err(format!("model_type must be bert, not {other}"));
    }
    let sizes = [
        ("vocab_size", config.vocab_size),
        ("hidden_size", config.hidden_size),
        ("num_hidden_layers", config.num_hidden_layers),
        ("num_attention_heads", config.num_attention_heads),
        ("intermediate_size", config.intermediate_size),
        ("type_vocab_size", config.type_vocab_size),
    ];
    if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
        return Err(format!("{name} must be 1 or more"));
    }
    if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
        return Err("hidden_size must be a multiple of num_attention_heads".to_owned());
    }
    if config.max_position_embeddings < LEAST_TOKENS {
        return Err(format!("max_position_embeddings must be {LEAST_TOKENS} or more"));
    }
    Ok(())
}

/// Refuses what is computed after the encoder besides pooling and normalising.
fn check_modules(modules: Option<Vec<Module>>) -> Result<(), String> {
    for module in modules.unwrap_or_default() {
        let kind = module.kind.rsplit('.').next().unwrap_or_default();
        if !["Transformer", "Pooling", "Normalize"].contains(&kind) {
            return Err(format!("a module of type {kind} is not known"));
        }
    }
    Ok(())
}

fn pooling(modes: Option<PoolingModes>) -> Result<Pooling, String> {
    let Some(modes) = modes else { return Ok(Pooling::Mean) };
    let others = modes.pooling_mode_max_tokens
        || modes.pooling_mode_mean_sqrt_len_tokens
        || modes.pooling_mode_weightedmean_tokens
        || modes.pooling_mode_lasttoken;
    match (modes.pooling_mode_mean_tokens, modes.pooling_mode_cls_token, others) {
        (true, false, false) => Ok(Pooling::Mean),
        (false, true, false) => Ok(Pooling::First),
        _ => Err("the pooling must be pooling_mode_mean_tokens or pooling_mode_cls_token".to_owned()),
    }
}

fn unusable(folder: &Path, file: &str, reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::NotConfigured, "the embedding model cannot be used")
        .with_context("file", folder.join(file).display().to_string())
        .with_context("reason", reason)
        .with_hint(HINT)
}

//! With a model of one small layer, written here: what is read, what is refused, how a batch is computed. What a real
//! model finds is tested in `tests/minilm.rs`.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const WIDTH: usize = 8;
const INNER: usize = 16;
const POSITIONS: usize = 24;
const WORDS: [&str; 12] =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "arm", "brain", "octopus", "tide", "##s", "sea", "deep", "."];

/// A folder as sentence-transformers saves it.
struct Small(TempDir);

impl Small {
    fn new() -> Self {
        let small = Self(TempDir::new().unwrap());
        small.write("config.json", &config());
        small.write("tokenizer.json", &tokenizer());
        small.write("sentence_bert_config.json", &json!({"max_seq_length": 16, "do_lower_case": false}));
        candle_core::safetensors::save(&weights(), small.path().join("model.safetensors")).unwrap();
        small
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, document: &Value) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, document.to_string()).unwrap();
    }

    async fn open(&self) -> CandleEmbedder {
        CandleEmbedder::open(self.path()).await.unwrap()
    }

    /// What is said of the folder, without where it is.
    async fn refusal(&self) -> String {
        let Err(error) = CandleEmbedder::open(self.path()).await else { panic!("the folder was accepted") };
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error:?}");
        assert!(error.hint().unwrap().contains("model.safetensors"));
        error.to_string().replace(&self.path().display().to_string(), "DIR")
    }
}

fn config() -> Value {
    json!({
        "model_type": "bert", "vocab_size": WORDS.len(), "hidden_size": WIDTH, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": INNER, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "initializer_range": 0.02,
        "layer_norm_eps": 1e-12, "pad_token_id": 0
    })
}

fn tokenizer() -> Value {
    let vocabulary: serde_json::Map<String, Value> =
        WORDS.iter().zip(0..).map(|(word, id)| ((*word).to_owned(), Value::from(id))).collect();
    let mark = |word: &str, id: u32| json!({"id": word, "ids": [id], "tokens": [word]});
    json!({
        "version": "1.0",
        "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [],
            "special_tokens": {"[CLS]": mark("[CLS]", 2), "[SEP]": mark("[SEP]", 3)}
        },
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary}
    })
}

fn weights() -> HashMap<String, Tensor> {
    let mut tensors = HashMap::new();
    let mut state = 1_u32;
    // Between -1 and 1, the same on every run.
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut add = |name: &str, shape: &[usize]| {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
        tensors.insert(name.to_owned(), Tensor::from_vec(values, shape, &Device::Cpu).unwrap());
    };
    for (name, rows) in [("word", WORDS.len()), ("position", POSITIONS), ("token_type", 2)] {
        add(&format!("embeddings.{name}_embeddings.weight"), &[rows, WIDTH]);
    }
    let layer = "encoder.layer.0";
    for (name, out, inner) in [
        ("attention.self.query", WIDTH, WIDTH),
        ("attention.self.key", WIDTH, WIDTH),
        ("attention.self.value", WIDTH, WIDTH),
        ("attention.output.dense", WIDTH, WIDTH),
        ("intermediate.dense", INNER, WIDTH),
        ("output.dense", WIDTH, INNER),
    ] {
        add(&format!("{layer}.{name}.weight"), &[out, inner]);
        add(&format!("{layer}.{name}.bias"), &[out]);
    }
    for name in ["embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output"] {
        add(&format!("{name}.LayerNorm.weight"), &[WIDTH]);
        add(&format!("{name}.LayerNorm.bias"), &[WIDTH]);
    }
    tensors
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[tokio::test]
async fn a_text_has_the_same_vector_alone_and_in_any_batch() {
    let embedder = Small::new().open().await;
    let texts: Vec<String> =
        (0..400).map(|n| "octopus arms deep sea . ".repeat(n % 7 + 1) + "tide").collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = embedder.embed(&texts).await.unwrap();
    for (text, vector) in texts.iter().zip(&together).take(14) {
        let alone = embedder.embed(&[text]).await.unwrap().remove(0);
        assert!(furthest(&alone, vector) < 1e-4, "{text}");
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
    }
    assert!(cosine(&together[0], &together[3]) < 0.999, "texts of other words have other vectors");
}

#[tokio::test]
async fn nothing_to_embed_is_the_zero_vector() {
    let embedder = Small::new().open().await;
    let vectors = embedder.embed(&["", "tide", " \n\t\0"]).await.unwrap();
    let zero = vec![0.0; WIDTH];
    assert_eq!((&vectors[0], &vectors[2]), (&zero, &zero));
    assert_ne!(vectors[1], zero);
    assert!(embedder.embed(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_text_is_read_up_to_the_length_that_the_folder_states() {
    let small = Small::new();
    let texts = |count: usize| ["sea ".repeat(count - 1) + "octopus", "sea ".repeat(count - 1) + "brain"];
    let differ = async |count: usize| {
        let texts = texts(count);
        let vectors = small.open().await.embed(&[texts[0].as_str(), texts[1].as_str()]).await.unwrap();
        furthest(&vectors[0], &vectors[1]) > 1e-3
    };
    assert!(differ(14).await, "16 tokens, with the marks before and after");
    assert!(!differ(15).await);
    assert!(!differ(200_000).await);
    std::fs::remove_file(small.path().join("sentence_bert_config.json")).unwrap();
    assert!(differ(POSITIONS - 2).await, "as many as the model has positions");
    assert!(!differ(POSITIONS - 1).await);
}

#[tokio::test]
async fn the_id_depends_on_the_files_and_not_on_the_place() {
    let small = Small::new();
    let id = small.open().await.id().to_owned();
    assert!(id.starts_with("bert-") && id.ends_with("-8-v1"), "{id}");
    assert_eq!(Small::new().open().await.id(), id);

    small.write("sentence_bert_config.json", &json!({"max_seq_length": 12}));
    assert_ne!(small.open().await.id(), id, "another length");
    let other = Small::new();
    let mut changed = weights();
    changed.insert(
        "embeddings.LayerNorm.bias".into(),
        Tensor::from_vec(vec![0.5f32; 8], 8, &Device::Cpu).unwrap(),
    );
    candle_core::safetensors::save(&changed, other.path().join("model.safetensors")).unwrap();
    assert_ne!(other.open().await.id(), id, "other weights");
}

#[tokio::test]
async fn pooling_is_what_the_folder_says() {
    let (mean, first) = (Small::new(), Small::new());
    mean.write("1_Pooling/config.json", &json!({"pooling_mode_mean_tokens": true}));
    first.write("1_Pooling/config.json", &json!({"pooling_mode_cls_token": true}));
    let text = ["octopus arms"];
    let mean = mean.open().await.embed(&text).await.unwrap().remove(0);
    let first = first.open().await.embed(&text).await.unwrap().remove(0);
    assert!(furthest(&mean, &first) > 1e-3);
    assert_eq!(
        Small::new().open().await.embed(&text).await.unwrap().remove(0),
        mean,
        "the mean unless it is said"
    );
}

#[tokio::test]
async fn a_missing_folder_or_file_is_named() {
    let small = Small::new();
    let absent = small.path().join("absent");
    let Err(error) = CandleEmbedder::open(&absent).await else { panic!("there is no folder") };
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    assert!(error.to_string().contains(&absent.display().to_string()), "{error}");

    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let small = Small::new();
        std::fs::remove_file(small.path().join(file)).unwrap();
        assert_eq!(
            small.refusal().await,
            format!("the embedding model cannot be used (file: DIR/{file}, reason: it is missing)")
        );
        std::fs::create_dir(small.path().join(file)).unwrap();
        assert!(small.refusal().await.contains("it is not a file"));
    }
}

#[tokio::test]
async fn what_cannot_be_computed_is_refused() {
    for (key, value, said) in [
        ("model_type", json!("xlm-roberta"), "model_type must be bert"),
        ("num_attention_heads", json!(0), "num_attention_heads must be 1 or more"),
        ("num_attention_heads", json!(3), "hidden_size must be a multiple"),
        ("hidden_act", json!("swish"), "unknown variant `swish`"),
        ("hidden_size", json!("wide"), "invalid type"),
        ("max_position_embeddings", json!(4), "max_position_embeddings must be 8 or more"),
    ] {
        let small = Small::new();
        let mut config = config();
        config[key] = value;
        small.write("config.json", &config);
        let refusal = small.refusal().await;
        assert!(refusal.contains("DIR/config.json") && refusal.contains(said), "{refusal}");
    }
    for (file, document, said) in [
        ("1_Pooling/config.json", json!({"pooling_mode_max_tokens": true}), "the pooling must be"),
        ("modules.json", json!([{"type": "sentence_transformers.models.Dense"}]), "Dense is not known"),
        ("sentence_bert_config.json", json!({"max_seq_length": 2}), "max_seq_length must be 8 or more"),
        ("tokenizer.json", json!({"version": "1.0"}), "reason: "),
    ] {
        let small = Small::new();
        small.write(file, &document);
        let refusal = small.refusal().await;
        assert!(refusal.contains(file) && refusal.contains(said), "{refusal}");
    }
}

#[tokio::test]
async fn broken_or_foreign_weights_are_refused() {
    let small = Small::new();
    let path = small.path().join("model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 4, 100, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let refusal = small.refusal().await;
        assert!(refusal.contains("DIR/model.safetensors"), "{length}: {refusal}");
    }
    std::fs::write(&path, &whole).unwrap();
    for (key, value) in [("hidden_size", 16), ("num_hidden_layers", 2), ("vocab_size", 13)] {
        let mut config = config();
        config[key] = value.into();
        small.write("config.json", &config);
        let refusal = small.refusal().await;
        assert!(refusal.contains("DIR/model.safetensors"), "{key}: {refusal}");
    }
    let mut config = config();
    config["vocab_size"] = 5.into();
    small.write("config.json", &config);
    assert!(small.refusal().await.contains("it has 12 tokens, the model 5"));
}

#[tokio::test]
async fn weights_that_are_no_numbers_are_an_error_and_no_vector() {
    let small = Small::new();
    let mut broken = weights();
    let nothing = Tensor::from_vec(vec![f32::NAN; WIDTH], WIDTH, &Device::Cpu).unwrap();
    broken.insert("embeddings.LayerNorm.bias".into(), nothing);
    candle_core::safetensors::save(&broken, small.path().join("model.safetensors")).unwrap();
    let error = small.open().await.embed(&["tide"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.hint().unwrap().contains("damaged"));
}

#[tokio::test]
async fn who_gives_up_waiting_takes_nobody_elses_turn() {
    let embedder = Arc::new(Small::new().open().await);
    let texts = vec!["octopus arms deep sea tides brain"; 5_000];
    let impatient = {
        let embedder = Arc::clone(&embedder);
        tokio::spawn(async move { embedder.embed(&texts).await })
    };
    while embedder.turn.available_permits() == 1 {
        tokio::task::yield_now().await;
    }
    impatient.abort();
    assert!(impatient.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(embedder.embed(&["tide"]).await.unwrap().len(), 1);
    assert_eq!(embedder.turn.available_permits(), 1);
}

#[test]
fn batches_hold_every_text_once_and_are_bounded() {
    let text = |length: usize| Tokens { ids: vec![0; length], types: vec![0; length] };
    let lengths = (0..500).map(|n| if n % 10 == 0 { 0 } else { n * 7 % 256 });
    let tokens: Vec<Tokens> = lengths.map(text).collect();
    let empty: Vec<usize> = (0..tokens.len()).filter(|place| tokens[*place].len() == 0).collect();
    let mut seen = empty;
    for (places, batch) in batches(tokens.clone()) {
        let longest = batch.iter().map(Tokens::len).max().unwrap();
        assert!(batch.len() == 1 || batch.len() * longest <= BATCH_TOKENS);
        assert!(places.iter().zip(&batch).all(|(place, text)| tokens[*place] == *text));
        seen.extend(places);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..500).collect::<Vec<_>>());
}

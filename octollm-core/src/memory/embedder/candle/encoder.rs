//! From tokens to one vector a text: the BERT encoder, then its pooling, then length 1.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::BertModel;

use super::folder::{Folder, Pooling, WEIGHTS};
use super::tokens::Tokens;
use crate::error::{Error, ErrorKind, Result};

/// A loaded model.
pub(super) struct Encoder {
    model: BertModel,
    pooling: Pooling,
    padding: u32,
}

impl Encoder {
    pub(super) fn load(mut folder: Folder) -> Result<Self> {
        let weights = std::mem::take(&mut folder.weights);
        let load = || {
            let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
            BertModel::load(weights, &folder.config)
        };
        let model = load().map_err(|cause| folder.unusable(WEIGHTS, first_line(&cause)))?;
        let padding = u32::try_from(folder.config.pad_token_id).unwrap_or_default();
        Ok(Self { model, pooling: folder.pooling, padding })
    }

    /// One vector of length 1 for each text; none of them is empty.
    pub(super) fn embed(&self, texts: &[Tokens]) -> Result<Vec<Vec<f32>>> {
        let pooled = self.pooled(texts).and_then(|pooled| pooled.to_vec2::<f32>()).map_err(|cause| {
            Error::new(ErrorKind::Internal, "the embedding model failed").with_source(cause)
        })?;
        pooled.into_iter().map(normalised).collect()
    }

    fn pooled(&self, texts: &[Tokens]) -> candle_core::Result<Tensor> {
        let longest = texts.iter().map(Tokens::len).max().unwrap_or_default();
        let ids = padded(texts, longest, self.padding, |text| &text.ids)?;
        let types = padded(texts, longest, 0, |text| &text.types)?;
        let ones: Vec<Vec<u32>> = texts.iter().map(|text| vec![1; text.len()]).collect();
        let mask = padded(&ones, longest, 0, |ones| ones)?;
        let hidden = self.model.forward(&ids, &types, Some(&mask))?;
        match self.pooling {
            Pooling::First => hidden.narrow(1, 0, 1)?.squeeze(1),
            // A sum points where the mean does, and only the direction is kept.
            Pooling::Mean => hidden.broadcast_mul(&mask.unsqueeze(2)?.to_dtype(DType::F32)?)?.sum(1),
        }
    }
}

/// Rows of the same length.
fn padded<T>(
    texts: &[T],
    length: usize,
    padding: u32,
    row: impl Fn(&T) -> &Vec<u32>,
) -> candle_core::Result<Tensor> {
    let mut values = Vec::with_capacity(texts.len() * length);
    for (index, text) in texts.iter().enumerate() {
        values.extend_from_slice(row(text));
        values.resize((index + 1) * length, padding);
    }
    Tensor::from_vec(values, (texts.len(), length), &Device::Cpu)
}

fn normalised(mut vector: Vec<f32>) -> Result<Vec<f32>> {
    let norm = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if !norm.is_finite() || norm == 0.0 {
        return Err(Error::new(
            ErrorKind::Internal,
            "the embedding model computed a vector without a direction",
        )
        .with_hint("its weights may be damaged: copy the model's folder again"));
    }
    vector.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32);
    Ok(vector)
}

/// What went wrong, without the traces that may follow.
fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

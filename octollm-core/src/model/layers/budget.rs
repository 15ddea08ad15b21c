//! Spends no more than the call's allowance.
//!
//! Before a call the most that it can cost is set aside: its input, estimated from above, and the longest answer that
//! it may give. Where less is left than the longest answer, the answer's limit is lowered to what is left; only where
//! not even a short answer is left, the call is refused. After the call what it did use is settled: as the provider
//! counts it, or as estimated from what was seen where the provider does not say or the stream was dropped. A call
//! that failed before it began costs nothing.

use std::sync::Arc;

use async_trait::async_trait;

use super::tally::Tally;
use super::watch::{Ending, Watcher, watched};
use crate::error::{Error, ErrorKind, Result};
use crate::model::estimate::input_tokens;
use crate::model::{
    Allowance, Delta, LanguageModel, ModelDescriptor, ModelRequest, ModelStream, Price, Reservation,
    TokenUsage,
};
use crate::task::Grant;

/// The longest answer of a model that states none.
const LONGEST_ANSWER: u32 = 8_192;

/// An answer of fewer tokens is no answer.
const SHORTEST_ANSWER: u32 = 16;

/// Another call of the same step may reserve in between; after so many times it is refused.
const TRIES: usize = 8;

/// Reserves before each call and settles after it, against the request's [`Allowance`]. A request without one passes.
pub struct Budget {
    model: Arc<dyn LanguageModel>,
}

impl Budget {
    /// `model`, within each call's allowance, priced by its own descriptor.
    pub fn new(model: Arc<dyn LanguageModel>) -> Self {
        Self { model }
    }
}

#[async_trait]
impl LanguageModel for Budget {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn stream(&self, request: &ModelRequest) -> Result<ModelStream> {
        let Some(allowance) = &request.context.allowance else { return self.model.stream(request).await };
        let input = input_tokens(request);
        let (reservation, cap) = reserve(allowance, self.descriptor(), request, input)?;
        let capped;
        let request = if cap == request.max_output_tokens {
            request
        } else {
            capped = ModelRequest { max_output_tokens: cap, ..request.clone() };
            &capped
        };
        let stream = self.model.stream(request).await?;
        let descriptor = self.descriptor().clone();
        Ok(watched(stream, Bill { reservation, descriptor, tally: Tally::new(input) }))
    }
}

/// Sets aside what the call can cost, and says how long its answer may be.
fn reserve(
    allowance: &Arc<Allowance>,
    descriptor: &ModelDescriptor,
    request: &ModelRequest,
    input: u64,
) -> Result<(Reservation, Option<u32>)> {
    let longest = request.max_output_tokens.or(descriptor.max_output_tokens).unwrap_or(LONGEST_ANSWER);
    let mut tries = 0;
    loop {
        tries += 1;
        let left = allowance.left();
        let price = price(descriptor, &left)?;
        let room = room(&left, price, input);
        let output = longest.min(room.max(SHORTEST_ANSWER.min(longest)));
        let tokens =
            TokenUsage { input_tokens: input, output_tokens: output.into(), ..TokenUsage::default() };
        match allowance.reserve(input.saturating_add(output.into()), price.cost(tokens)) {
            Ok(reservation) if output < longest => return Ok((reservation, Some(output))),
            Ok(reservation) => return Ok((reservation, request.max_output_tokens)),
            Err(_) if room >= SHORTEST_ANSWER && tries < TRIES => {}
            Err(error) => return Err(error.with_context("model", descriptor.name())),
        }
    }
}

/// What a token costs. A ceiling on money can be kept only where that is known.
fn price(descriptor: &ModelDescriptor, left: &Grant) -> Result<Price> {
    match descriptor.price {
        Some(price) => Ok(price),
        None if left.cost_usd.is_none() => Ok(Price::FREE),
        None => Err(Error::new(
            ErrorKind::NotConfigured,
            "the task has a ceiling on money, and what this model costs is not known",
        )
        .with_context("model", descriptor.name())
        .with_hint("state the model's price, or bound the task by `max_tokens` instead of `max_cost_usd`")),
    }
}

/// Tokens that the answer may have within what is left.
fn room(left: &Grant, price: Price, input: u64) -> u32 {
    let by_tokens = left.tokens.map(|tokens| tokens.saturating_sub(input));
    let by_money = left.cost_usd.filter(|_| price.output > 0.0).map(|usd| {
        let rest = usd - price.cost(TokenUsage { input_tokens: input, ..TokenUsage::default() });
        // Saturating: a negative rest is no room, a huge one is room enough.
        (rest * 1e6 / price.output) as u64
    });
    let room = by_tokens.unwrap_or(u64::MAX).min(by_money.unwrap_or(u64::MAX));
    u32::try_from(room).unwrap_or(u32::MAX)
}

/// What a call has used so far.
struct Bill {
    reservation: Reservation,
    descriptor: ModelDescriptor,
    tally: Tally,
}

impl Watcher for Bill {
    fn delta(&mut self, delta: &Delta) {
        self.tally.delta(delta);
    }

    fn end(self, ending: Ending<'_>) {
        self.reservation.settle(&self.descriptor.usage(self.tally.used(ending)));
    }
}

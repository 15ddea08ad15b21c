//! What the model calls of one step (or of the brain, for one task) may spend together, and what they have spent.
//!
//! A [`Grant`] says what a step may spend; several calls of one step, some of them at once, share it. So each call
//! reserves the most that it can cost before it is made, and settles for what it did cost. What was reserved and
//! never settled (the call was dropped) goes back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::task::{Grant, Usage};

/// A step's money and tokens, shared by its calls.
#[derive(Debug, Default)]
pub struct Allowance {
    grant: Grant,
    account: Mutex<Account>,
    /// Whose money it is; what is reserved and used here is so there, too.
    of: Option<Arc<Self>>,
}

#[derive(Debug, Default)]
struct Account {
    reserved_tokens: u64,
    reserved_usd: f64,
    used: Usage,
}

impl Allowance {
    /// What a step may spend.
    pub fn new(grant: Grant) -> Arc<Self> {
        Arc::new(Self { grant, account: Mutex::default(), of: None })
    }

    /// What somebody may spend who works for the one whose allowance this is: all that is left of it, from the same purse.
    /// What is used is counted in both.
    pub fn within(whole: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self { grant: Grant::default(), account: Mutex::default(), of: Some(whole.clone()) })
    }

    /// Sets this much aside for one call.
    ///
    /// # Errors
    /// `budget_exceeded` if less is left; it says how much.
    pub fn reserve(self: &Arc<Self>, tokens: u64, cost_usd: f64) -> Result<Reservation> {
        let of = self.of.as_ref().map(|whole| whole.reserve(tokens, cost_usd).map(Box::new)).transpose()?;
        let mut account = self.account();
        let (left_tokens, left_usd) = self.rest(&account);
        if left_tokens.is_some_and(|left| left < tokens) || left_usd.is_some_and(|left| left < cost_usd) {
            return Err(exceeded(tokens, cost_usd, left_tokens, left_usd));
        }
        account.reserved_tokens = account.reserved_tokens.saturating_add(tokens);
        account.reserved_usd += cost_usd;
        drop(account);
        Ok(Reservation { allowance: self.clone(), tokens, cost_usd, of })
    }

    /// Tokens that are left, neither used nor reserved; absent where no ceiling binds.
    pub fn tokens_left(&self) -> Option<u64> {
        self.left().tokens
    }

    /// What is left, neither used nor reserved; another call may reserve of it at any time.
    pub fn left(&self) -> Grant {
        if let Some(whole) = &self.of {
            return whole.left();
        }
        let (tokens, cost_usd) = self.rest(&self.account());
        Grant { tokens, cost_usd }
    }

    /// What was used so far.
    pub fn used(&self) -> Usage {
        self.account().used.clone()
    }

    /// Counts what was used without a reservation: a cache hit, a judge's call that reports afterwards.
    pub fn add(&self, usage: &Usage) {
        self.account().used.add(usage);
        if let Some(whole) = &self.of {
            whole.add(usage);
        }
    }

    fn rest(&self, account: &Account) -> (Option<u64>, Option<f64>) {
        let tokens = account.used.tokens().saturating_add(account.reserved_tokens);
        let usd = account.used.cost_usd + account.reserved_usd;
        (
            self.grant.tokens.map(|most| most.saturating_sub(tokens)),
            self.grant.cost_usd.map(|most| (most - usd).max(0.0)),
        )
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one call has set aside. Dropped unsettled, it goes back.
#[derive(Debug)]
#[must_use = "dropping it gives back what was reserved"]
pub struct Reservation {
    allowance: Arc<Allowance>,
    tokens: u64,
    cost_usd: f64,
    /// The same, of the purse that it comes from; given back with it.
    of: Option<Box<Self>>,
}

impl Reservation {
    /// The call is over and used this much, which may be more than was reserved.
    pub fn settle(mut self, usage: &Usage) {
        self.allowance.account().used.add(usage);
        if let Some(of) = self.of.take() {
            of.settle(usage);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut account = self.allowance.account();
        account.reserved_tokens = account.reserved_tokens.saturating_sub(self.tokens);
        account.reserved_usd = (account.reserved_usd - self.cost_usd).max(0.0);
    }
}

fn exceeded(tokens: u64, cost_usd: f64, left_tokens: Option<u64>, left_usd: Option<f64>) -> Error {
    let mut error = Error::new(ErrorKind::BudgetExceeded, "the budget does not allow this call of a model")
        .with_hint("raise the task's `budget`, or ask for a shorter answer");
    if let Some(left) = left_tokens {
        error = error.with_context("tokens", format!("{tokens} needed, {left} left"));
    }
    if let Some(left) = left_usd {
        error = error.with_context("cost_usd", format!("{cost_usd:.6} needed, {left:.6} left"));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(tokens: u64, cost_usd: f64) -> Usage {
        Usage { input_tokens: tokens, cost_usd, ..Usage::default() }
    }

    #[test]
    fn what_is_reserved_cannot_be_reserved_again() {
        let allowance = Allowance::new(Grant { tokens: Some(100), cost_usd: None });
        let first = allowance.reserve(60, 0.0).unwrap();
        let refused = allowance.reserve(60, 0.0).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BudgetExceeded);
        drop(first);
        allowance.reserve(60, 0.0).unwrap().settle(&used(10, 0.0));
        assert_eq!(allowance.tokens_left(), Some(90));
    }

    #[test]
    fn money_binds_as_tokens_do() {
        let allowance = Allowance::new(Grant { tokens: None, cost_usd: Some(0.01) });
        allowance.reserve(1_000_000, 0.006).unwrap().settle(&used(5, 0.006));
        assert_eq!(allowance.reserve(1, 0.005).unwrap_err().kind(), ErrorKind::BudgetExceeded);
        assert!(allowance.reserve(1, 0.004).is_ok());
    }

    #[test]
    fn who_works_for_another_spends_from_the_same_purse() {
        let whole = Allowance::new(Grant { tokens: Some(100), cost_usd: None });
        let (one, two) = (Allowance::within(&whole), Allowance::within(&whole));
        let held = one.reserve(60, 0.0).unwrap();
        assert_eq!(two.reserve(60, 0.0).unwrap_err().kind(), ErrorKind::BudgetExceeded);
        assert_eq!(two.tokens_left(), Some(40));
        held.settle(&used(30, 0.0));
        two.add(&used(5, 0.0));
        assert_eq!((whole.tokens_left(), whole.used().input_tokens), (Some(65), 35));
        assert_eq!((one.used().input_tokens, two.used().input_tokens), (30, 5));
        drop(two.reserve(65, 0.0).unwrap());
        assert_eq!(whole.tokens_left(), Some(65), "what was not settled goes back on all levels");
    }

    #[test]
    fn a_call_that_cost_more_than_reserved_is_counted_in_full() {
        let allowance = Allowance::new(Grant { tokens: Some(100), cost_usd: None });
        allowance.reserve(10, 0.0).unwrap().settle(&used(250, 0.0));
        assert_eq!(allowance.tokens_left(), Some(0));
        assert_eq!(allowance.used().input_tokens, 250);
    }
}

use proptest::prelude::*;

use super::*;

const OPTIONS: BreakerOptions =
    BreakerOptions { failures: 3, open_for: Duration::from_secs(1), longest: Duration::from_secs(5) };

fn opened(now: Instant) -> Breaker {
    let breaker = Breaker::new(OPTIONS);
    for _ in 0..OPTIONS.failures {
        breaker.try_acquire(now).unwrap().failure(now);
    }
    breaker
}

#[test]
fn opens_after_failures_in_a_row_only() {
    let now = Instant::now();
    let breaker = Breaker::new(OPTIONS);
    for _ in 0..10 {
        breaker.try_acquire(now).unwrap().failure(now);
        breaker.try_acquire(now).unwrap().failure(now);
        breaker.try_acquire(now).unwrap().success();
    }
    assert_eq!(breaker.state(now), BreakerState::Closed);
    assert_eq!(opened(now).state(now), BreakerState::Open);
}

#[test]
fn stays_open_twice_as_long_after_each_failed_probe() {
    let mut now = Instant::now();
    let breaker = opened(now);
    for seconds in [1, 2, 4, 5, 5] {
        let RetryAfter(left) = breaker.try_acquire(now).unwrap_err();
        assert_eq!(left, Duration::from_secs(seconds));
        now += left;
        assert_eq!(breaker.state(now), BreakerState::HalfOpen);
        breaker.try_acquire(now).unwrap().failure(now);
    }
}

#[test]
fn one_probe_closes_it_and_growth_starts_over() {
    let start = Instant::now();
    let breaker = opened(start);
    let now = start + Duration::from_secs(1);
    let probe = breaker.try_acquire(now).unwrap();
    assert!(probe.is_probe());
    assert!(breaker.try_acquire(now).is_err(), "a second probe");
    probe.success();
    assert_eq!(breaker.state(now), BreakerState::Closed);
    for _ in 0..OPTIONS.failures {
        breaker.try_acquire(now).unwrap().failure(now);
    }
    assert_eq!(breaker.try_acquire(now).unwrap_err(), RetryAfter(Duration::from_secs(1)));
}

#[test]
fn a_cancelled_probe_gives_its_place_back() {
    let start = Instant::now();
    let breaker = opened(start);
    let now = start + Duration::from_secs(1);
    drop(breaker.try_acquire(now).unwrap());
    assert_eq!(breaker.state(now), BreakerState::HalfOpen);
    assert!(breaker.try_acquire(now).unwrap().is_probe());
}

#[test]
fn outcomes_of_an_earlier_era_say_nothing() {
    let now = Instant::now();
    let breaker = Breaker::new(OPTIONS);
    let late: Vec<_> = (0..4).map(|_| breaker.try_acquire(now).unwrap()).collect();
    for _ in 0..OPTIONS.failures {
        breaker.try_acquire(now).unwrap().failure(now);
    }
    let later = now + Duration::from_millis(900);
    for (index, permit) in late.into_iter().enumerate() {
        if index % 2 == 0 { permit.success() } else { permit.failure(later) }
    }
    assert_eq!(breaker.try_acquire(later).unwrap_err(), RetryAfter(Duration::from_millis(100)));
}

#[test]
fn a_hint_lets_a_probe_through_but_does_not_close() {
    let now = Instant::now();
    let breaker = opened(now);
    breaker.hint_recovered(now);
    let probe = breaker.try_acquire(now).unwrap();
    assert!(probe.is_probe());
    probe.failure(now);
    assert_eq!(breaker.try_acquire(now).unwrap_err(), RetryAfter(Duration::from_secs(2)));
    let closed = Breaker::new(OPTIONS);
    closed.hint_recovered(now);
    assert_eq!(closed.state(now), BreakerState::Closed);
}

#[derive(Debug, Clone)]
enum Op {
    Acquire,
    Success(usize),
    Failure(usize),
    Cancel(usize),
    Wait(u64),
    Hint,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => Just(Op::Acquire),
        1 => (0usize..8).prop_map(Op::Success),
        3 => (0usize..8).prop_map(Op::Failure),
        2 => (0usize..8).prop_map(Op::Cancel),
        2 => (0u64..3000).prop_map(Op::Wait),
        1 => Just(Op::Hint),
    ];
    proptest::collection::vec(op, 0..120)
}

fn take(held: &mut Vec<BreakerPermit>, index: usize) -> Option<BreakerPermit> {
    if held.is_empty() { None } else { Some(held.swap_remove(index % held.len())) }
}

/// Asks for a permit and checks that the answer follows from the state.
fn acquire(breaker: &Breaker, held: &mut Vec<BreakerPermit>, now: Instant) {
    let state = breaker.state(now);
    match breaker.try_acquire(now) {
        Ok(permit) => {
            assert_ne!(state, BreakerState::Open, "let through while open");
            assert_eq!(permit.is_probe(), state == BreakerState::HalfOpen);
            held.push(permit);
        }
        Err(RetryAfter(left)) => {
            assert_ne!(state, BreakerState::Closed, "refused while closed");
            assert!(!left.is_zero() && left <= OPTIONS.longest);
        }
    }
}

proptest! {
    #[test]
    fn its_laws_hold_in_any_order_of_events(ops in ops()) {
        let breaker = Breaker::new(OPTIONS);
        let mut now = Instant::now();
        let mut held = Vec::new();
        for op in ops {
            match op {
                Op::Acquire => acquire(&breaker, &mut held, now),
                Op::Success(index) => if let Some(permit) = take(&mut held, index) { permit.success() },
                Op::Failure(index) => if let Some(permit) = take(&mut held, index) { permit.failure(now) },
                Op::Cancel(index) => drop(take(&mut held, index)),
                Op::Wait(millis) => now += Duration::from_millis(millis),
                Op::Hint => breaker.hint_recovered(now),
            }
            let era = lock(&breaker.0.inner).era;
            let probes = held.iter().filter(|permit| permit.probe && permit.era == era).count();
            prop_assert!(probes <= 1, "{probes} probes at once");
        }
        // Whatever happened, once nobody holds a permit it can be tried again within the longest time.
        held.clear();
        prop_assert!(breaker.try_acquire(now + OPTIONS.longest).is_ok());
    }
}

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;

const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Medium, Priority::High, Priority::Critical];

fn order(arrivals: &[(&'static str, Priority, u64)]) -> Vec<&'static str> {
    let start = Instant::now();
    let mut queue = Queue::default();
    for (name, priority, seconds) in arrivals {
        queue.join(start + Duration::from_secs(*seconds), LEVEL * *priority as u32, *name);
    }
    std::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn higher_priorities_pass_and_equals_keep_their_order() {
    let arrivals = [
        ("low", Priority::Low, 0),
        ("first", Priority::Medium, 0),
        ("second", Priority::Medium, 0),
        ("critical", Priority::Critical, 5),
        ("high", Priority::High, 5),
    ];
    assert_eq!(order(&arrivals), ["critical", "high", "first", "second", "low"]);
}

#[test]
fn who_has_waited_long_enough_is_not_passed() {
    let arrivals =
        [("low", Priority::Low, 0), ("just", Priority::Critical, 89), ("late", Priority::Critical, 91)];
    assert_eq!(order(&arrivals), ["just", "low", "late"]);
}

#[tokio::test]
async fn places_are_counted_and_handed_on() {
    let gate = Gate::new(2, 10);
    let first = gate.acquire(Priority::Low).await.unwrap();
    let second = gate.try_acquire().unwrap();
    assert!(gate.try_acquire().is_none());
    let mut third = Box::pin(gate.acquire(Priority::Low));
    assert!(third.as_mut().now_or_never().is_none());
    assert_eq!((gate.in_use(), gate.waiting()), (2, 1));
    drop(first);
    let third = third.await.unwrap();
    assert_eq!((gate.in_use(), gate.waiting()), (2, 0));
    drop((second, third));
    assert_eq!(gate.in_use(), 0);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_with_a_time_to_come_back() {
    let gate = Gate::new(1, 1);
    let _inside = gate.try_acquire().unwrap();
    let mut waiting = Box::pin(gate.acquire(Priority::Low));
    assert!(waiting.as_mut().now_or_never().is_none());
    let error = gate.acquire(Priority::Critical).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.retry_after().unwrap() >= Duration::from_secs(1));
    drop(waiting);
    assert!(gate.acquire(Priority::Low).now_or_never().is_none(), "its room in the queue is free again");
}

#[tokio::test]
async fn a_place_given_to_one_that_left_passes_on() {
    let gate = Gate::new(1, 10);
    let inside = gate.try_acquire().unwrap();
    let mut leaving = Box::pin(gate.acquire(Priority::High));
    let mut staying = Box::pin(gate.acquire(Priority::Low));
    assert!(leaving.as_mut().now_or_never().is_none());
    assert!(staying.as_mut().now_or_never().is_none());
    drop(inside);
    // The place is in the message to `leaving`, which never looks at it.
    drop(leaving);
    assert!(staying.now_or_never().unwrap().is_ok());
    assert_eq!((gate.in_use(), gate.waiting()), (0, 0));
}

/// A waiter is cancelled after its ticket was taken and before the place was sent to it.
#[tokio::test]
async fn a_place_that_cannot_be_delivered_passes_on() {
    let gate = Gate::new(1, 10);
    let inside = gate.try_acquire().unwrap();
    for _ in 0..3 {
        let (sender, _) = oneshot::channel();
        lock(&gate.0.state).queue.join(Instant::now(), LEVEL, sender);
    }
    let mut staying = Box::pin(gate.acquire(Priority::Low));
    assert!(staying.as_mut().now_or_never().is_none());
    drop(inside);
    assert!(staying.now_or_never().unwrap().is_ok());
    assert_eq!((gate.in_use(), gate.waiting()), (0, 0));
}

#[tokio::test]
async fn resizing_lets_in_at_once_and_throws_nobody_out() {
    let gate = Gate::new(0, 10);
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(gate.acquire(Priority::Medium))).collect();
    assert!(waiting.iter_mut().all(|waiter| waiter.as_mut().now_or_never().is_none()));
    gate.resize(2);
    let inside: Vec<_> = waiting.iter_mut().filter_map(|waiter| waiter.as_mut().now_or_never()).collect();
    assert_eq!((inside.len(), gate.in_use(), gate.waiting()), (2, 2, 1));
    gate.resize(1);
    assert_eq!(gate.in_use(), 2);
    drop(inside);
    assert_eq!((gate.in_use(), gate.waiting()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_that_come_go_and_are_cancelled_lose_nothing() {
    let gate = Gate::new(7, usize::MAX);
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..4000usize)
        .map(|number| {
            let (gate, inside, most) = (gate.clone(), Arc::clone(&inside), Arc::clone(&most));
            tokio::spawn(async move {
                let _permit = gate.acquire(PRIORITIES[number % 4]).await.unwrap();
                let _inside = Inside::enter(&inside, &most);
                for _ in 0..number % 5 {
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for (number, task) in tasks.iter().enumerate() {
        if number % 3 == 0 {
            task.abort();
            tokio::task::yield_now().await;
        }
    }
    let everybody = futures_util::future::join_all(tasks);
    let ends = tokio::time::timeout(Duration::from_secs(60), everybody).await.expect("a wake-up was lost");
    let done = ends.iter().filter(|end| end.is_ok()).count();
    assert!(done >= 4000 - 4000_usize.div_ceil(3));
    assert!(most.load(Ordering::SeqCst) <= 7, "more inside than places");
    assert_eq!((gate.in_use(), gate.waiting()), (0, 0));
}

struct Inside<'a>(&'a AtomicUsize);

impl<'a> Inside<'a> {
    fn enter(inside: &'a AtomicUsize, most: &AtomicUsize) -> Self {
        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Self(inside)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

proptest! {
    /// No lost place and no idle one, whatever the order of coming, leaving, being cancelled and resizing.
    #[test]
    fn places_are_neither_lost_nor_left_empty(ops in proptest::collection::vec((0u8..5, 0usize..6), 0..100)) {
        let gate = Gate::new(2, 1000);
        let (mut inside, mut waiting) = (Vec::new(), Vec::new());
        for (op, number) in ops {
            match op {
                0 | 1 => {
                    let own = gate.clone();
                    let priority = PRIORITIES[number % 4];
                    waiting.push(async move { own.acquire(priority).await }.boxed());
                }
                2 if !inside.is_empty() => drop(inside.swap_remove(number % inside.len())),
                3 if !waiting.is_empty() => drop(waiting.swap_remove(number % waiting.len())),
                4 => gate.resize(number),
                _ => {}
            }
            if op != 3 {
                let polled = std::mem::take(&mut waiting).into_iter();
                for mut waiter in polled {
                    match waiter.as_mut().now_or_never() {
                        Some(permit) => inside.push(permit.unwrap()),
                        None => waiting.push(waiter),
                    }
                }
                prop_assert_eq!(gate.in_use(), inside.len());
                prop_assert_eq!(gate.waiting(), waiting.len());
            }
            prop_assert!(gate.in_use() >= gate.limit() || gate.waiting() == 0, "a place is empty while somebody waits");
        }
        drop((inside, waiting));
        prop_assert_eq!((gate.in_use(), gate.waiting()), (0, 0));
    }
}

//! How much somebody may ask in a time, and the arithmetic that says whether there is room: GCRA, the generic cell rate
//! algorithm (ITU-T I.371). It needs one number for each who asks, the *theoretical arrival time*, and is exact: in any
//! stretch of time `t` no more than `burst + t * requests / per` pass.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What somebody may ask in a time: `60/minute`, `10/second burst 50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quota {
    requests: NonZeroU32,
    unit: Unit,
    burst: NonZeroU32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Unit {
    const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }
}

impl Quota {
    /// How it is written.
    pub const FORM: &str = "NUMBER/second, /minute, /hour or /day, and then, if you like, `burst NUMBER`";

    /// Nanoseconds between two requests at a steady pace.
    const fn interval(&self) -> u64 {
        self.unit.seconds() * 1_000_000_000 / self.requests.get() as u64
    }

    /// How many may come at once.
    pub const fn burst(&self) -> u32 {
        self.burst.get()
    }

    /// Whether there is room for one more at `now`, given the theoretical arrival time that the last answer left (0 for
    /// nobody yet), all in nanoseconds of one clock: the new one, or how long to wait.
    ///
    /// # Errors
    /// How long to wait until there is room.
    pub fn admit(&self, now: u64, arrival: u64) -> Result<u64, Duration> {
        let next = arrival.max(now).saturating_add(self.interval());
        let ahead = self.interval().saturating_mul(self.burst.get().into());
        match next.saturating_sub(now).checked_sub(ahead).filter(|wait| *wait > 0) {
            None => Ok(next),
            Some(wait) => Err(Duration::from_nanos(wait)),
        }
    }
}

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("must be {}", Self::FORM);
        let text = text.trim().to_ascii_lowercase();
        let (rate, burst) =
            text.split_once("burst").map_or((&*text, None), |(rate, burst)| (rate, Some(burst)));
        let (requests, unit) = rate.split_once('/').ok_or_else(wrong)?;
        let requests: NonZeroU32 = requests.trim().parse().map_err(|_| wrong())?;
        let unit = Unit::ALL.into_iter().find(|known| known.name() == unit.trim()).ok_or_else(wrong)?;
        let burst = match burst {
            Some(burst) => burst.trim().parse().map_err(|_| wrong())?,
            None => requests,
        };
        let quota = Self { requests, unit, burst };
        // More than one in a nanosecond cannot be told from no limit.
        if quota.interval() == 0 { Err(wrong()) } else { Ok(quota) }
    }
}

impl TryFrom<String> for Quota {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Quota> for String {
    fn from(quota: Quota) -> Self {
        quota.to_string()
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, self.unit.name())?;
        if self.burst == self.requests { Ok(()) } else { write!(f, " burst {}", self.burst) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn quota(text: &str) -> Quota {
        text.parse().unwrap()
    }

    #[test]
    fn it_reads_what_it_writes() {
        for text in ["60/minute", "10/second burst 50", "1/day"] {
            assert_eq!(quota(text).to_string(), text);
        }
        assert_eq!(quota(" 60 / Minute burst 60 "), quota("60/minute"));
        for wrong in
            ["60", "60/fortnight", "0/second", "-1/second", "5/second burst 0", "", "4000000000/second x"]
        {
            assert!(wrong.parse::<Quota>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_burst_passes_and_then_the_steady_pace() {
        let quota = quota("1/second burst 3");
        let mut arrival = 0;
        for _ in 0..3 {
            arrival = quota.admit(5 * SECOND, arrival).unwrap();
        }
        assert_eq!(quota.admit(5 * SECOND, arrival), Err(Duration::from_secs(1)));
        assert_eq!(quota.admit(5 * SECOND + SECOND / 4, arrival), Err(Duration::from_millis(750)));
        assert!(quota.admit(6 * SECOND, arrival).is_ok(), "the time that was named is enough");
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_has_more_than_is_allowed(
            gaps in proptest::collection::vec(0u64..800_000_000, 1..200), requests in 1u32..20, burst in 1u32..10,
        ) {
            let quota = quota(&format!("{requests}/second burst {burst}"));
            let (mut now, mut arrival, mut passed) = (0, 0, Vec::new());
            for gap in gaps {
                now += gap;
                if let Ok(next) = quota.admit(now, arrival) {
                    arrival = next;
                    passed.push(now);
                }
            }
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let most = u64::from(burst) + (to - from) / quota.interval();
                    prop_assert!(((last - first) as u64) < most);
                }
            }
        }

        #[test]
        fn the_time_that_is_named_is_exact(used in 0u64..50, requests in 1u32..50, burst in 1u32..50, now in 0u64..1 << 40) {
            let quota = quota(&format!("{requests}/minute burst {burst}"));
            let arrival = now + used * quota.interval();
            if let Err(wait) = quota.admit(now, arrival) {
                let wait = wait.as_nanos() as u64;
                prop_assert!(quota.admit(now + wait, arrival).is_ok());
                prop_assert!(quota.admit(now + wait - 1, arrival).is_err());
            }
        }
    }
}

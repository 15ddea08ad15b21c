//! What a model is told about the arms: enough to plan with, in as few words as that takes.
//!
//! The same arms are told in the same words for long, so that a provider's prompt cache knows them: what an arm has done
//! so far is told roughly, for its exact figures change with every step.

use std::fmt::Write;

use serde_json::Value;

use crate::arm::{ArmDescriptor, ArmInfo, HealthStatus, SideEffects};
use crate::memory::ArmStats;
use crate::schema::{notation, on_one_line, outline};

/// Bytes that the types of all arms take at most; those of arms that do not seem to be needed are left out first.
const TYPES: usize = 48_000;
/// Characters of what an arm says of itself.
const DESCRIPTION: usize = 600;
/// Calls from which on a rate of success means something.
const TELLING: u64 = 10;

/// The arms, as a planner sees them; those with a capability that is `wanted` are never told without their types, as long
/// as they fit. One that only plans is no part of a plan.
pub(in crate::orchestrator) fn arms(arms: &[ArmInfo], wanted: &[String]) -> String {
    let arms = arms.iter().filter(|arm| arm.descriptor.capabilities != ["planning"]);
    let mut told: Vec<(&ArmInfo, Option<String>)> = arms.map(|arm| (arm, None)).collect();
    let mut left = TYPES;
    for needed in [true, false] {
        for (arm, types) in &mut told {
            if types.is_none() && (is_wanted(arm, wanted) || !needed) {
                *types = Some(types_of(&arm.descriptor)).filter(|types| types.len() <= left);
                left -= types.as_ref().map_or(0, String::len);
            }
        }
    }
    told.iter().map(|(arm, types)| entry(arm, types.as_deref())).collect::<Vec<_>>().join("\n")
}

/// The capabilities that there are: a line for each arm, what it can and what it does.
pub(in crate::orchestrator) fn capabilities(arms: &[ArmInfo]) -> String {
    let line = |arm: &ArmInfo| format!("{}: {}", names(&arm.descriptor), does(&arm.descriptor));
    arms.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn is_wanted(arm: &ArmInfo, wanted: &[String]) -> bool {
    arm.descriptor.capabilities.iter().any(|capability| wanted.contains(capability))
}

fn names(arm: &ArmDescriptor) -> String {
    arm.capabilities.join(", ")
}

fn does(arm: &ArmDescriptor) -> String {
    on_one_line(arm.description.as_deref().unwrap_or(&arm.name), DESCRIPTION)
}

fn entry(arm: &ArmInfo, types: Option<&str>) -> String {
    let who = &arm.descriptor;
    let mut told = format!("{}: {}\n  capabilities: {}\n", who.arm_id, does(who), names(who));
    // Writing to a string cannot fail.
    writeln!(
        told,
        "  cost {} of 5; {}; {}; usually {}",
        who.cost_tier,
        effects(who.side_effects),
        record(arm),
        duration(if arm.stats.total > 0 { arm.stats.avg_duration_ms } else { who.average_latency_ms as f64 })
    )
    .ok();
    told + types.unwrap_or("  types not shown\n")
}

/// What goes in, so that a model can make it; and the outline of what comes out, so that it can refer to it.
fn types_of(arm: &ArmDescriptor) -> String {
    let mut types = String::new();
    for (name, schema, write) in [
        ("input", &arm.input_schema, notation as fn(&Value) -> String),
        ("output", &arm.output_schema, outline),
    ] {
        if !schema.is_null() {
            // Writing to a string cannot fail.
            writeln!(types, "  {name}: {}", write(schema).replace('\n', "\n  ")).ok();
        }
    }
    types
}

fn effects(effects: SideEffects) -> &'static str {
    match effects {
        SideEffects::None => "no side effects",
        SideEffects::Idempotent => "idempotent side effects",
        SideEffects::Unsafe => "unsafe side effects",
    }
}

/// How it is and how often it succeeded, to a tenth.
fn record(arm: &ArmInfo) -> String {
    let health = match arm.health {
        HealthStatus::Healthy => "",
        HealthStatus::Degraded => "degraded; ",
        HealthStatus::Unhealthy => "unhealthy; ",
    };
    let ArmStats { total, success, .. } = arm.stats;
    if total < TELLING {
        return format!("{health}hardly tried yet");
    }
    format!("{health}succeeded in {} of 10 calls", (success * 10 + total / 2) / total)
}

/// A duration to one digit.
fn duration(ms: f64) -> String {
    if ms < 1.0 {
        return "under 1 ms".into();
    }
    let digit = 10_f64.powf(ms.log10().floor());
    let ms = (ms / digit).round() * digit;
    if ms >= 1_000.0 { format!("{} s", ms / 1_000.0) } else { format!("{ms} ms") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arm(id: &str, does: &str) -> ArmInfo {
        let mut arm = ArmDescriptor::new(id, [format!("{id}_things")]);
        arm.description = Some(does.into());
        arm.input_schema =
            json!({"type": "object", "required": ["place"], "properties": {"place": {"type": "string"}}});
        ArmInfo::from(arm)
    }

    #[test]
    fn an_arm_is_told_with_its_types_and_its_record() {
        let mut weather = arm("weather", "Knows\n  the weather");
        weather.stats = ArmStats { total: 200, success: 187, avg_duration_ms: 1_437.2 };
        weather.health = HealthStatus::Degraded;
        let planner = ArmDescriptor::new("planner", ["planning"]).into();
        insta::assert_snapshot!(arms(&[weather, planner], &[]), @"
        weather: Knows the weather
          capabilities: weather_things
          cost 3 of 5; idempotent side effects; degraded; succeeded in 9 of 10 calls; usually 1 s
          input: {
            place: string
          }
        ");
    }

    /// A prompt that is the same is cheaper.
    #[test]
    fn a_call_more_changes_no_word() {
        let after = |total, success, avg_duration_ms| {
            let mut arm = arm("weather", "Knows the weather");
            arm.stats = ArmStats { total, success, avg_duration_ms };
            arms(&[arm], &[])
        };
        assert_eq!(after(200, 187, 1_437.2), after(201, 188, 1_410.0));
        assert_ne!(after(200, 187, 1_437.2), after(200, 100, 1_437.2));
        assert!(after(3, 0, 0.2).contains("hardly tried yet; usually under 1 ms"));
    }

    #[test]
    fn the_types_of_what_is_needed_come_first() {
        let mut many: Vec<ArmInfo> = (0..40).map(|n| arm(&format!("arm{n}"), "Does things")).collect();
        for arm in &mut many {
            let names = (0..100).map(|n| (format!("a_property_{n}"), json!({"type": "string"})));
            arm.descriptor.input_schema =
                json!({"type": "object", "properties": Value::Object(names.collect())});
        }
        let told = arms(&many, &["arm39_things".into()]);
        let shown = |name: &str| {
            let from = told.split(&format!("{name}: Does things")).nth(1).unwrap();
            !from.split("Does things").next().unwrap().contains("types not shown")
        };
        assert!(told.len() < TYPES + 40 * 200 && shown("arm39") && shown("arm0") && !shown("arm38"));
    }

    #[test]
    fn a_line_says_what_an_arm_can() {
        let told = capabilities(&[arm("files", "finds files"), arm("pages", "finds\npages")]);
        assert_eq!(told, "files_things: finds files\npages_things: finds pages");
    }
}

//! A value of a Parquet file as JSON: dates and times in the form of ISO 8601.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::data_type::Decimal;
use parquet::record::Field;
use parquet::schema::types::ColumnDescriptor;
use serde_json::{Number, Value};

/// Digits that a floating-point number keeps.
const EXACT_DIGITS: i32 = 15;

/// The value, or none where it is none of its type.
pub(super) fn json(field: &Field, column: &ColumnDescriptor) -> Option<Value> {
    match (field, column.logical_type_ref()) {
        (Field::Long(number), Some(LogicalType::Timestamp(kind))) if matches!(kind.unit, TimeUnit::NANOS) => {
            moment(i128::from(*number), column)
        }
        (Field::Long(number), Some(LogicalType::Time(_))) => time(*number),
        (Field::TimestampMillis(number), _) => moment(i128::from(*number) * 1_000_000, column),
        (Field::TimestampMicros(number), _) => moment(i128::from(*number) * 1_000, column),
        (Field::TimeMillis(number), _) => time(i64::from(*number) * 1_000_000),
        (Field::TimeMicros(number), _) => time(number.checked_mul(1_000)?),
        (Field::Date(days), _) => {
            let span = SignedDuration::from_hours(i64::from(*days) * 24);
            Some(Date::constant(1970, 1, 1).checked_add(span).ok()?.to_string().into())
        }
        (Field::Decimal(number), _) => decimal(number),
        (Field::Float(number), _) => Some(number.to_string().parse().ok().and_then(Number::from_f64).into()),
        // Old writers do not say of texts that they are.
        (Field::Bytes(bytes), _) if column.physical_type() == Type::BYTE_ARRAY => {
            let text = std::str::from_utf8(bytes.data()).ok().map(Value::from);
            Some(text.unwrap_or_else(|| field.to_json_value()))
        }
        _ => Some(field.to_json_value()),
    }
}

/// Whether no value of this column can be written.
pub(super) fn is_foreign(column: &ColumnDescriptor) -> bool {
    column.converted_type() == ConvertedType::INTERVAL
}

/// In UTC (`Z`), unless the column says that its times are those of some place.
fn moment(nanoseconds: i128, column: &ColumnDescriptor) -> Option<Value> {
    let moment = Timestamp::from_nanosecond(nanoseconds).ok()?;
    let local =
        matches!(column.logical_type_ref(), Some(LogicalType::Timestamp(kind)) if !kind.is_adjusted_to_u_t_c);
    let text = if local { TimeZone::UTC.to_datetime(moment).to_string() } else { moment.to_string() };
    Some(text.into())
}

fn time(nanoseconds: i64) -> Option<Value> {
    let time = Time::midnight().checked_add(SignedDuration::from_nanos(nanoseconds)).ok()?;
    (nanoseconds >= 0).then(|| time.to_string().into())
}

/// A number where that keeps all digits, otherwise text.
fn decimal(decimal: &Decimal) -> Option<Value> {
    let bytes = decimal.data();
    let first = *bytes.first()?;
    let fill = if first & 0x80 == 0 { 0 } else { 0xff };
    let mut wide = [fill; 16];
    wide.get_mut(16_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    let number = i128::from_be_bytes(wide);
    let scale = usize::try_from(decimal.scale()).ok().filter(|scale| *scale <= 38)?;
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let text = if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") };
    if decimal.precision() > EXACT_DIGITS {
        return Some(text.into());
    }
    Some(serde_json::from_str(&text).unwrap_or_else(|_| text.into()))
}

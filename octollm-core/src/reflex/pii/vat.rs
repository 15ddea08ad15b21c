//! VAT numbers of European countries: a country, then a number whose check digits are the country's own (the algorithms that the
//! countries publish for VIES; HMRC's for the United Kingdom).

use super::checks::{self, digits, luhn, weighted};

/// Characters of the longest one, with its country.
pub(super) const LONGEST: usize = 14;

/// How many characters follow the country, the longest first. None for countries that are not checked.
pub(super) const fn lengths(country: [u8; 2]) -> &'static [usize] {
    match &country {
        b"DK" | b"FI" | b"HU" | b"LU" | b"SI" => &[8],
        b"IE" => &[9, 8],
        b"AT" | b"DE" | b"EL" | b"ES" | b"GB" | b"PT" | b"XI" => &[9],
        b"BE" | b"PL" | b"SK" => &[10],
        b"FR" | b"HR" | b"IT" => &[11],
        b"NL" | b"SE" => &[12],
        _ => &[],
    }
}

/// Whether a number in capitals, without separators and with its country before it, can be genuine.
pub(super) fn is_valid(vat: &[u8]) -> bool {
    let Some((country, number)) = vat.split_first_chunk::<2>() else { return false };
    match country {
        b"AT" => number.strip_prefix(b"U").is_some_and(austrian),
        b"BE" => belgian(number),
        b"DE" => digits::<9>(number).is_some_and(|values| values[0] != 0 && checks::mod_11_10(&values)),
        b"HR" => digits::<11>(number).is_some_and(|values| checks::mod_11_10(&values)),
        b"DK" => digits::<8>(number).is_some_and(|values| {
            values[0] != 0 && weighted(&values, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
        }),
        b"EL" => digits::<9>(number).is_some_and(|values| {
            weighted(&values, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == values[8] && values != [0; 9]
        }),
        b"ES" => checks::es_nif(number) || spanish_company(number),
        b"FI" => digits::<8>(number).is_some_and(|values| {
            weighted(&values, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11) && values != [0; 8]
        }),
        b"FR" => french(number),
        b"GB" | b"XI" => british(number),
        b"HU" => digits::<8>(number).is_some_and(|values| {
            (10 - weighted(&values, &[9, 7, 3, 1, 9, 7, 3]) % 10) % 10 == values[7] && values[0] != 0
        }),
        b"IE" => irish(number),
        b"IT" => {
            number.len() == 11
                && number.iter().all(u8::is_ascii_digit)
                && luhn(number)
                && number != [b'0'; 11]
        }
        b"LU" => digits::<8>(number).is_some_and(|values| {
            value(values.get(..6).unwrap_or_default()) % 89 == value(values.get(6..).unwrap_or_default())
                && values[0] != 0
        }),
        b"NL" => dutch(vat, number),
        b"PL" => digits::<10>(number).is_some_and(|values| {
            weighted(&values, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == values[9] && values[0] != 0
        }),
        b"PT" => digits::<9>(number).is_some_and(|values| {
            let rest = weighted(&values, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            values[8] == if rest < 2 { 0 } else { 11 - rest } && values[0] != 0
        }),
        b"SE" => swedish(number),
        b"SI" => digits::<8>(number).is_some_and(|values| {
            // 10 is written as 0; 11 is never issued.
            let check = 11 - weighted(&values, &[8, 7, 6, 5, 4, 3, 2]) % 11;
            check != 11 && check % 10 == values[7] && values[0] != 0
        }),
        b"SK" => {
            digits::<10>(number).is_some_and(|values| value(&values).is_multiple_of(11) && values[0] != 0)
        }
        _ => false,
    }
}

fn value(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 10 + u64::from(*digit))
}

fn austrian(number: &[u8]) -> bool {
    digits::<8>(number).is_some_and(|values| {
        let sum: u32 =
            values.iter().take(7).enumerate().map(|(at, digit)| digit_sum(digit * (1 + at as u32 % 2))).sum();
        (10 - (sum + 4) % 10) % 10 == values[7]
    })
}

const fn digit_sum(number: u32) -> u32 {
    number / 10 + number % 10
}

fn belgian(number: &[u8]) -> bool {
    digits::<10>(number).is_some_and(|values| {
        let (head, check) = values.split_at(8);
        values[0] <= 1 && value(head) > 0 && 97 - value(head) % 97 == value(check)
    })
}

fn french(number: &[u8]) -> bool {
    let Some((key, siren)) = number.split_at_checked(2) else { return false };
    let (Some(key), Some(values)) = (digits::<2>(key), digits::<9>(siren)) else { return false };
    luhn(siren) && value(&values) > 0 && (12 + 3 * (value(&values) % 97)) % 97 == value(&key)
}

fn british(number: &[u8]) -> bool {
    digits::<9>(number).is_some_and(|values| {
        let sum = weighted(&values, &[8, 7, 6, 5, 4, 3, 2, 10, 1]);
        values.iter().any(|digit| *digit != 0) && (sum.is_multiple_of(97) || (sum + 55).is_multiple_of(97))
    })
}

fn irish(number: &[u8]) -> bool {
    let Some((head, letters)) = number.split_at_checked(7) else { return false };
    let (Some(values), [check, more @ ..]) = (digits::<7>(head), letters) else { return false };
    let second = match more {
        [] => 0,
        [letter @ b'A'..=b'I'] => u32::from(letter - b'A') + 1,
        [b'W'] => 0,
        _ => return false,
    };
    let sum = weighted(&values, &[8, 7, 6, 5, 4, 3, 2]) + 9 * second;
    b"WABCDEFGHIJKLMNOPQRSTUV".get(sum as usize % 23) == Some(check)
}

/// `B12345674`: a company's, with a digit or a letter at its end.
fn spanish_company(number: &[u8]) -> bool {
    let [kind @ (b'A'..=b'H' | b'J' | b'N' | b'P'..=b'S' | b'U' | b'V' | b'W'), middle @ .., check] = number
    else {
        return false;
    };
    let Some(values) = digits::<7>(middle) else { return false };
    let sum: u32 = values
        .iter()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit_sum(digit * 2) } else { *digit })
        .sum();
    let control = (10 - sum % 10) % 10;
    let letter = b"JABCDEFGHI".get(control as usize) == Some(check);
    let digit = u32::from(check.wrapping_sub(b'0')) == control;
    if b"PQRSNW".contains(kind) { letter } else { digit || letter && !b"ABEH".contains(kind) }
}

/// A company's is its RSIN, which passes the test of eleven; a person's passes MOD 97-10 with the country (since 2020).
fn dutch(vat: &[u8], number: &[u8]) -> bool {
    let Some((head, [b'B', suffix @ ..])) = number.split_at_checked(9) else { return false };
    let numeric = digits::<9>(head).is_some() && digits::<2>(suffix).is_some_and(|values| value(&values) > 0);
    let rest = vat.iter().fold(0u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.wrapping_sub(b'A')) + 10) % 97,
    });
    numeric && (checks::nl_bsn(head) || rest == 1)
}

fn swedish(number: &[u8]) -> bool {
    let Some((head, tail)) = number.split_at_checked(10) else { return false };
    let tail = digits::<2>(tail).map_or(0, |values| value(&values));
    head.iter().all(u8::is_ascii_digit) && luhn(head) && (1..=94).contains(&tail) && !head.starts_with(b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_pass_and_a_changed_digit_does_not() {
        for vat in [
            "ATU13585627",
            "BE0428759497",
            "DE136695976",
            "DK13585628",
            "EL094259216",
            "ESA13585625",
            "ESX5910266W",
            "FI20774740",
            "FR40303265045",
            "GB980780684",
            "HR33392005961",
            "HU12892312",
            "IE6433435F",
            "IE3628739UA",
            "IT00743110157",
            "LU15027442",
            "NL004495445B01",
            "NL000099998B57",
            "PL8567346215",
            "PT501964843",
            "SE123456789701",
            "SI50223054",
            "SK2022749619",
        ] {
            assert!(is_valid(vat.as_bytes()), "{vat}");
            let digit =
                vat.bytes().rposition(|byte| byte.is_ascii_digit() && !vat.starts_with("SE")).unwrap_or(11);
            let mut wrong = vat.as_bytes().to_vec();
            wrong[digit] = if wrong[digit] == b'9' { b'0' } else { wrong[digit] + 1 };
            let dutch_suffix = vat.starts_with("NL0044");
            assert!(dutch_suffix || !is_valid(&wrong), "{vat}");
            let country = [vat.as_bytes()[0], vat.as_bytes()[1]];
            assert!(lengths(country).contains(&(vat.len() - 2)), "{vat}");
        }
    }

    #[test]
    fn a_slovenian_check_digit_of_ten_is_written_as_nought() {
        assert!(is_valid(b"SI10000020"));
        assert!(!is_valid(b"SI10000021"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "DE", "DE0", "US123456789", "DE12345678é", "GB000000000", "ITAAAAAAAAAAA", "NL123456789X01"]
        {
            assert!(!is_valid(text.as_bytes()), "{text}");
        }
    }
}

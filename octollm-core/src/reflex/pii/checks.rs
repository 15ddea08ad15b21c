//! Check digits and other arithmetic of identifiers. Each function takes digits or characters as they stand, without
//! separators, and answers whether they can be genuine.

/// The values of ASCII digits; `None` if anything else is among them.
pub(super) fn digits<const N: usize>(text: &[u8]) -> Option<[u32; N]> {
    let text: &[u8; N] = text.try_into().ok()?;
    text.iter().all(u8::is_ascii_digit).then(|| text.map(|digit| u32::from(digit - b'0')))
}

pub(super) fn weighted<const N: usize>(digits: &[u32; N], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Luhn's formula (ISO/IEC 7812-1, annex B).
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let value = u32::from(digit.wrapping_sub(b'0'));
            let value = if at % 2 == 1 { value * 2 } else { value };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 7064 MOD 97-10 over an IBAN in upper case (ISO 13616: the first four characters go to the end).
pub(super) fn iban_mod_97(iban: &[u8]) -> bool {
    let Some((head, tail)) = iban.split_at_checked(4) else { return false };
    let rest = tail.iter().chain(head).try_fold(0u32, |rest, byte| match byte {
        b'0'..=b'9' => Some((rest * 10 + u32::from(byte - b'0')) % 97),
        b'A'..=b'Z' => Some((rest * 100 + u32::from(byte - b'A') + 10) % 97),
        _ => None,
    });
    rest == Some(1)
}

#[rustfmt::skip]
const IBAN_LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16), (b"BG", 22),
    (b"BH", 22), (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22), (b"CY", 28), (b"CZ", 24), (b"DE", 22),
    (b"DK", 18), (b"DO", 28), (b"EE", 20), (b"EG", 29), (b"ES", 24), (b"FI", 18), (b"FO", 18), (b"FR", 27),
    (b"GB", 22), (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27), (b"GT", 28), (b"HR", 21), (b"HU", 28),
    (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26), (b"IT", 27), (b"JO", 30), (b"KW", 30), (b"KZ", 20),
    (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20), (b"LV", 21), (b"LY", 25), (b"MC", 27),
    (b"MD", 24), (b"ME", 22), (b"MK", 19), (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NL", 18), (b"NO", 15),
    (b"PK", 24), (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24), (b"RS", 22), (b"SA", 24),
    (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24), (b"SM", 27), (b"ST", 25), (b"SV", 28),
    (b"TL", 23), (b"TN", 24), (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20),
];

/// How long an IBAN of this country is (SWIFT's IBAN registry).
pub(super) fn iban_length(country: &[u8]) -> Option<usize> {
    IBAN_LENGTHS.iter().find(|(code, _)| *code == country).map(|(_, length)| *length)
}

/// Whether the digits begin like a card of a known network and have its length (ISO/IEC 7812 and the networks' tables).
pub(super) fn card_network(digits: &[u8]) -> bool {
    let prefix = |length: usize| {
        digits
            .get(..length)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u32>().ok())
            .unwrap_or(0)
    };
    matches!(
        (digits.len(), prefix(1), prefix(2), prefix(3), prefix(4)),
        (13 | 16 | 19, 4, ..)
            | (16, _, 51..=55, ..)
            | (16, _, _, _, 2221..=2720)
            | (15, _, 34 | 37, ..)
            | (14..=19, _, 36 | 38 | 39, ..)
            | (14..=19, _, _, 300..=305, _)
            | (16..=19, _, 65, ..)
            | (16..=19, _, _, 644..=649, _)
            | (16..=19, _, _, _, 6011)
            | (16..=19, _, 62, ..)
            | (16..=19, _, _, _, 3528..=3589)
            | (16, _, _, _, 2200..=2204)
            | (13..=19, _, 50 | 56..=58, ..)
            | (15, _, _, _, 2014 | 2149)
            | (15, _, _, _, 1800)
            | (13..=19, _, 63 | 67, ..)
    )
}

/// Whether a US social security number can have been issued (SSA, since 2011: no area 000, 666 or 9xx), and is none of
/// the two that were printed in advertisements.
pub(super) fn us_ssn(digits: &[u8]) -> bool {
    let Some([a, b, c, d, e, f, g, h, i]) = self::digits::<9>(digits) else { return false };
    let (area, group, serial) = (a * 100 + b * 10 + c, d * 10 + e, f * 1000 + g * 100 + h * 10 + i);
    let printed = matches!((area, group, serial), (78, 5, 1120) | (219, 9, 9999));
    !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0 && !printed
}

/// A US taxpayer number: 9xx with a group that the IRS issues.
pub(super) fn us_itin(digits: &[u8]) -> bool {
    let Some([9, _, _, d, e, ..]) = self::digits::<9>(digits) else { return false };
    matches!(d * 10 + e, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// A US routing number: a range that the ABA gives out, and its checksum.
pub(super) fn us_routing(digits: &[u8]) -> bool {
    let Some(values) = self::digits::<9>(digits) else { return false };
    let [a, b, ..] = values;
    matches!(a * 10 + b, 1..=12 | 21..=32 | 61..=72 | 80)
        && weighted(&values, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// A UK NHS number: modulus 11 (NHS Data Dictionary).
pub(super) fn uk_nhs(digits: &[u8]) -> bool {
    let Some(values) = self::digits::<10>(digits) else { return false };
    let check = (11 - weighted(&values, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    let [.., last] = values;
    check == last && values.iter().any(|digit| *digit != values[0])
}

/// A UK national insurance number: two letters that HMRC gives out, six digits, A to D.
pub(super) fn uk_nino(text: &[u8]) -> bool {
    let [a, b, middle @ .., last] = text else { return false };
    let prefix = [*a, *b];
    middle.len() == 6
        && middle.iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(last)
        && prefix.iter().all(u8::is_ascii_uppercase)
        && !b"DFIQUV".contains(a)
        && !b"DFIQUVO".contains(b)
        && ![*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"].contains(&prefix)
}

/// A UK driving licence number: five of the surname, a birth date within, initials, checks (DVLA's format).
pub(super) fn uk_driver_licence(text: &[u8]) -> bool {
    let (Some(name), Some(date), Some(tail)) = (text.get(..5), text.get(5..11), text.get(11..)) else {
        return false;
    };
    let Some([_, m1, m2, d1, d2, _]) = digits::<6>(date) else { return false };
    let (month, day) = (m1 * 10 + m2, d1 * 10 + d2);
    let letters = name.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    letters > 0
        && name.iter().skip(letters).all(|byte| *byte == b'9')
        && matches!(month, 1..=12 | 51..=62)
        && (1..=31).contains(&day)
        && matches!(tail, [i, j, k, x, y] if (i.is_ascii_uppercase()) && (j.is_ascii_uppercase() || *j == b'9')
            && k.is_ascii_digit() && x.is_ascii_uppercase() && y.is_ascii_uppercase())
}

/// A Spanish DNI or NIE: the letter is the number modulo 23.
pub(super) fn es_nif(text: &[u8]) -> bool {
    let Some((letter, number)) = text.split_last() else { return false };
    let first = match number.first() {
        Some(b'X') => 0,
        Some(b'Y') => 1,
        Some(b'Z') => 2,
        Some(digit) if digit.is_ascii_digit() => u32::from(digit - b'0'),
        _ => return false,
    };
    let Some(rest) = digits::<7>(number.get(1..).unwrap_or_default()) else { return false };
    let value = rest.iter().fold(first, |value, digit| value * 10 + digit);
    b"TRWAGMYFPDXBNJZSQVHLCKE".get(value as usize % 23) == Some(letter)
}

/// An Italian fiscal code: 16 characters, the last a check character (Ministerial Decree 23 December 1976).
pub(super) fn it_fiscal_code(text: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    const SHAPE: &[u8; 16] = b"AAAAAA00A00A000A";
    if text.len() != SHAPE.len() {
        return false;
    }
    let fits = text.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'A' => byte.is_ascii_uppercase(),
        // Digits may be replaced by letters where two people would share a code.
        _ => byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte),
    });
    let value = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte.wrapping_sub(b'A') };
    let sum: u32 = text.iter().take(15).enumerate().fold(0, |sum, (at, byte)| {
        let value = value(*byte);
        sum + if at % 2 == 0 { ODD.get(usize::from(value)).copied().unwrap_or(0) } else { u32::from(value) }
    });
    let digits = [6, 7, 9, 10].iter().filter(|at| text.get(**at).is_some_and(u8::is_ascii_digit)).count();
    fits && digits >= 2 && text.last().is_some_and(|last| u32::from(last - b'A') == sum % 26)
}

/// ISO 7064 MOD 11,10; the last digit checks the others.
pub(super) fn mod_11_10<const N: usize>(digits: &[u32; N]) -> bool {
    let Some((check, others)) = digits.split_last() else { return false };
    let product = others.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == *check
}

/// A German tax number: ISO 7064 MOD 11,10, and one digit twice or thrice among the first ten.
pub(super) fn de_tax_id(digits: &[u8]) -> bool {
    let Some(values) = self::digits::<11>(digits) else { return false };
    let [first, ..] = values;
    let repeats = (0..10).map(|digit| values.iter().take(10).filter(|value| **value == digit).count()).max();
    first != 0 && mod_11_10(&values) && matches!(repeats, Some(2 | 3))
}

/// A French NIR: sex, year, month, place, order, and a key modulo 97 (INSEE).
pub(super) fn fr_nir(digits: &[u8]) -> bool {
    let Some(values) = self::digits::<15>(digits) else { return false };
    let [sex, _, _, m1, m2, ..] = values;
    let number = values.iter().take(13).fold(0u64, |number, digit| number * 10 + u64::from(*digit));
    let [.., k1, k2] = values;
    matches!(sex, 1 | 2 | 7 | 8)
        && matches!(m1 * 10 + m2, 1..=12 | 20..=42 | 50..=99)
        && 97 - number % 97 == u64::from(k1 * 10 + k2)
}

/// A Polish PESEL: a date of birth, and a check digit.
pub(super) fn pl_pesel(digits: &[u8]) -> bool {
    let Some(values) = self::digits::<11>(digits) else { return false };
    let [_, _, m1, m2, d1, d2, ..] = values;
    let (month, day) = (m1 * 10 + m2, d1 * 10 + d2);
    matches!(month % 20, 1..=12)
        && (1..=31).contains(&day)
        && weighted(&values, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// A Dutch BSN: the test of eleven.
pub(super) fn nl_bsn(digits: &[u8]) -> bool {
    let Some(values) = self::digits::<9>(digits) else { return false };
    let [.., last] = values;
    let sum = weighted(&values, &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum > 0 && sum % 11 == last
}

/// Whether year, month and day are a day of the last 130 years or so.
pub(super) fn is_date(year: u32, month: u32, day: u32) -> bool {
    (1900..=2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_pass_and_a_changed_digit_does_not() {
        type Check = fn(&[u8]) -> bool;
        let cases: &[(Check, &str, &str)] = &[
            (luhn, "4111111111111111", "4111111111111112"),
            (iban_mod_97, "GB82WEST12345698765432", "GB82WEST12345698765433"),
            (us_routing, "021000021", "021000022"),
            (uk_nhs, "9434765919", "9434765918"),
            (uk_nino, "AB123456C", "QQ123456C"),
            (uk_driver_licence, "MORGA657054SM9IJ", "MORGA697054SM9IJ"),
            (es_nif, "12345678Z", "12345678A"),
            (es_nif, "X1234567L", "Y1234567L"),
            (it_fiscal_code, "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
            (de_tax_id, "86095742719", "86095742718"),
            (fr_nir, "255081416802538", "255081416802539"),
            (pl_pesel, "44051401359", "44051401358"),
            (nl_bsn, "111222333", "111222334"),
            (us_ssn, "123456789", "666456789"),
            (us_itin, "912701234", "912671234"),
            (card_network, "2223000048400011", "9999999999999999"),
        ];
        for (check, good, bad) in cases {
            assert!(check(good.as_bytes()), "{good}");
            assert!(!check(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn wrong_lengths_and_other_characters_are_refused() {
        for text in ["", "1", "é", "12345678é", "0000000000"] {
            for check in
                [us_ssn, us_itin, us_routing, uk_nhs, es_nif, it_fiscal_code, de_tax_id, fr_nir, nl_bsn]
            {
                assert!(!check(text.as_bytes()), "{text}");
            }
        }
    }
}

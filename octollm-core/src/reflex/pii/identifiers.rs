//! Identifiers of letters and digits: IBAN, BIC, national numbers with letters, addresses of crypto-currencies, documents.

use sha3::{Digest, Keccak256};

use super::checks;
use super::kinds::PiiType;
use super::scan::{Scan, Token};
use super::vat;

/// Longest IBAN.
const MAX_IBAN: usize = 34;

impl Scan<'_> {
    /// Looks at a token of letters and digits. Answers where to go on.
    pub(super) fn identifier(&mut self, token: Token) -> usize {
        if let Some(end) = self.iban(token).or_else(|| self.vat(token)).or_else(|| self.nino(token)) {
            return end;
        }
        if self.national(token) || self.crypto(token) {
            return token.end;
        }
        if matches!(token.len(), 8 | 11) && token.upper + token.digits == token.len() {
            self.bic(token);
        }
        if let Some(end) = self.bech32(token) {
            return end;
        }
        if let Some(start) = self.announced_number(token) {
            return self.numbers(start);
        }
        let named = self.slice(token.start, token.end).contains(&b'_');
        let document = if named { None } else { self.document(token.start, token.end) };
        document.unwrap_or(token.end)
    }

    /// Where the number begins that touches the word that announces it: `SSN536-90-4399`.
    fn announced_number(&self, token: Token) -> Option<usize> {
        let text = self.slice(token.start, token.end);
        let (word, number) = text.split_at_checked(text.len() - token.digits)?;
        let announces =
            [&b"ssn"[..], b"tel", b"phone", b"fax"].iter().any(|name| word.eq_ignore_ascii_case(name));
        (announces && number.iter().all(u8::is_ascii_digit)).then_some(token.start + word.len())
    }

    /// `GB82 WEST 1234 5698 7654 32`
    fn iban(&mut self, token: Token) -> Option<usize> {
        let announced = self.slice(token.start, token.start + 4).eq_ignore_ascii_case(b"iban");
        let start = token.start + if announced { 4 } else { 0 };
        let head = self.slice(start, start + 4);
        let [a, b, c, d] = head else { return None };
        if !(a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_digit() && d.is_ascii_digit()) {
            return None;
        }
        let length = checks::iban_length(&[a.to_ascii_uppercase(), b.to_ascii_uppercase()])?;
        let (iban, end) = self.spaced(start, length, b" -.")?;
        let iban = iban.get(..length)?;
        if checks::iban_mod_97(iban) {
            return self.offer(PiiType::Iban, start, end, 0.97, 0.99).then_some(end);
        }
        // Not valid, but somebody calls it an account: mistyped, or made up.
        self.offer(PiiType::Iban, start, end, 0.0, 0.6).then_some(end)
    }

    /// `DE136695976`, `BE 0428.759.497`
    pub(super) fn vat(&mut self, token: Token) -> Option<usize> {
        let country = *self.slice(token.start, token.start + 2).first_chunk::<2>()?;
        for length in vat::lengths(country) {
            let Some((number, end)) = self.spaced(token.start, length + 2, b" -.") else { continue };
            if vat::is_valid(number.get(..length + 2)?) {
                // One in eleven numbers has the right check digit by chance; a letter in its place is telling.
                let lettered = number.get(2..vat::LONGEST)?.iter().any(u8::is_ascii_uppercase);
                let alone = if lettered { 0.6 } else { 0.3 };
                return self.offer(PiiType::EuVat, token.start, end, alone, 0.95).then_some(end);
            }
        }
        None
    }

    /// The next `length` letters and digits in upper case, of one token or of groups with single separators.
    fn spaced(&self, start: usize, length: usize, separators: &[u8]) -> Option<([u8; MAX_IBAN], usize)> {
        let mut text = [0; MAX_IBAN];
        let (mut at, mut filled) = (start, 0);
        while filled < length {
            let byte = self.byte(at)?;
            if byte.is_ascii_alphanumeric() {
                *text.get_mut(filled)? = byte.to_ascii_uppercase();
                filled += 1;
            } else if !separators.contains(&byte) || !self.byte_before(at)?.is_ascii_alphanumeric() {
                return None;
            }
            at += 1;
        }
        let ends = !self.byte(at).is_some_and(|next| next.is_ascii_alphanumeric() || next == b'_');
        ends.then_some((text, at))
    }

    /// `AB 12 34 56 C`
    pub(super) fn nino(&mut self, token: Token) -> Option<usize> {
        let head = self.slice(token.start, token.start + 2);
        if !head.iter().all(u8::is_ascii_alphabetic) {
            return None;
        }
        let (nino, end) = self.spaced(token.start, 9, b" -")?;
        let valid = checks::uk_nino(nino.get(..9)?);
        let alone = self.if_in_capitals(token, 0.75);
        (valid && self.offer(PiiType::UkNino, token.start, end, alone, 0.97)).then_some(end)
    }

    /// How sure a number with a few letters is without context: in small letters it may be the name of a computer, or a part of a hash.
    fn if_in_capitals(&self, token: Token, alone: f32) -> f32 {
        let small = self.slice(token.start, token.end).iter().any(u8::is_ascii_lowercase);
        if small { 0.3 } else { alone }
    }

    fn national(&mut self, token: Token) -> bool {
        let mut upper = [0u8; 18];
        let text = self.slice(token.start, token.end);
        let Some(upper) = upper.get_mut(..text.len()) else { return false };
        upper.copy_from_slice(text);
        upper.make_ascii_uppercase();
        let (start, end) = (token.start, token.end);
        match upper.len() {
            9 => {
                let alone = self.if_in_capitals(token, 0.8);
                checks::es_nif(upper) && self.offer(PiiType::EsNif, start, end, alone, 0.97)
            }
            16 if checks::it_fiscal_code(upper) => self.take(PiiType::ItFiscalCode, start, end, 0.97),
            16 | 18 => {
                let licence = upper.get(..16).is_some_and(checks::uk_driver_licence);
                licence && self.offer(PiiType::UkDriverLicence, start, end, 0.75, 0.97)
            }
            _ => false,
        }
    }

    /// `X-1234567-L`
    pub(super) fn nie(&mut self, token: Token) -> Option<usize> {
        let (nie, end) = self.spaced(token.start, 9, b"-")?;
        let valid = checks::es_nif(nie.get(..9)?);
        (valid && self.offer(PiiType::EsNif, token.start, end, 0.8, 0.97)).then_some(end)
    }

    fn crypto(&mut self, token: Token) -> bool {
        let text = self.slice(token.start, token.end);
        match (text, text.len()) {
            ([b'0', b'x' | b'X', hex @ ..], 42) if hex.iter().all(u8::is_ascii_hexdigit) => {
                let confidence = if follows_eip_55(hex) { 0.98 } else { 0.6 };
                self.take(PiiType::EthAddress, token.start, token.end, confidence)
            }
            ([b'1' | b'3', ..], 25..=35) => {
                bs58::decode(text).with_check(None).into_vec().is_ok_and(|bytes| bytes.len() == 21)
                    && self.take(PiiType::BtcAddress, token.start, token.end, 0.99)
            }
            _ => false,
        }
    }

    /// `bc1q...` (BIP 173 and 350).
    fn bech32(&mut self, token: Token) -> Option<usize> {
        let head = self.slice(token.start, token.start + 3);
        if !(14..=74).contains(&token.len())
            || !(head.eq_ignore_ascii_case(b"bc1") || head.eq_ignore_ascii_case(b"tb1"))
        {
            return None;
        }
        let valid = bech32::segwit::decode(self.text.get(token.start..token.end)?).is_ok();
        (valid && self.take(PiiType::BtcAddress, token.start, token.end, 0.99)).then_some(token.end)
    }

    /// `DEUTDEFF500`, only beside a word that says so. Answers where to go on.
    pub(super) fn bic(&mut self, token: Token) -> usize {
        let text = self.slice(token.start, token.end);
        let letters = text.iter().take(6).all(u8::is_ascii_uppercase);
        let country = text
            .get(4..6)
            .is_some_and(|code| checks::iban_length(code).is_some() || OTHER_COUNTRIES.contains(&code));
        if letters && country {
            self.offer(PiiType::Bic, token.start, token.end, 0.0, 0.9);
        }
        token.end
    }
}

/// Countries with banks and without IBAN.
const OTHER_COUNTRIES: &[&[u8]] = &[
    b"US", b"CA", b"AU", b"NZ", b"JP", b"CN", b"IN", b"SG", b"HK", b"KR", b"MX", b"ZA", b"TH", b"MY", b"ID",
    b"PH", b"VN", b"TW", b"AR", b"CL", b"CO", b"PE", b"NG", b"KE", b"RU", b"MA", b"BD", b"BM", b"BO", b"BW",
    b"CI", b"CM", b"DZ", b"EC", b"ET", b"GH", b"JM", b"KH", b"KY", b"LK", b"MM", b"MN", b"MO", b"MZ", b"NP",
    b"OM", b"PA", b"PR", b"PY", b"RW", b"SN", b"TT", b"TZ", b"UG", b"UY", b"UZ", b"VE", b"ZM", b"ZW",
];

/// Whether the case of the letters is the checksum (EIP-55). An address in one case has none and passes.
fn follows_eip_55(hex: &[u8]) -> bool {
    let one_case = !hex.iter().any(u8::is_ascii_uppercase) || !hex.iter().any(u8::is_ascii_lowercase);
    if one_case {
        return true;
    }
    let hash = Keccak256::digest(hex.to_ascii_lowercase());
    hex.iter().enumerate().all(|(at, byte)| {
        let nibble = hash.get(at / 2).map_or(0, |byte| if at % 2 == 0 { byte >> 4 } else { byte & 15 });
        !byte.is_ascii_alphabetic() || byte.is_ascii_uppercase() == (nibble >= 8)
    })
}

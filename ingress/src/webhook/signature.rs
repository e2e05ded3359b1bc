//! Is this delivery GitHub's? HMAC-SHA256 over the raw bytes, in constant time, against every secret that is current.
//! Only this module can make a [`SignedBody`], and only a `SignedBody` can be parsed: nothing reads what isn't signed.

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::answer::Refusal;
use super::body::Held;

/// The header that counts. `X-Hub-Signature`, with SHA-1, is not looked at.
const HEADER: &str = "x-hub-signature-256";

/// What the header claims the HMAC to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claimed([u8; 32]);

impl Claimed {
    /// Reads the one signature header there must be.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut values = headers.get_all(HEADER).iter();
        match (values.next(), values.next()) {
            (None, _) => Err(Refusal::SignatureMissing),
            (Some(_), Some(_)) => Err(Refusal::SignatureTwice),
            (Some(value), None) => Self::parse(value.as_bytes()).ok_or(Refusal::SignatureMalformed),
        }
    }

    /// `sha256=` and 64 lower-case hex digits, as GitHub writes it; nothing else has the same meaning.
    fn parse(text: &[u8]) -> Option<Self> {
        let digits = text.strip_prefix(b"sha256=")?;
        if digits.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        let mut mac = [0; 32];
        hex::decode_to_slice(digits, &mut mac).ok()?;
        Some(Self(mac))
    }
}

/// The current webhook secrets, ready to compute with.
pub(crate) struct Secrets(Vec<Hmac<Sha256>>);

impl Secrets {
    /// One keyed HMAC per secret, so that a request doesn't pay for the key.
    pub(crate) fn new(secrets: &[SecretString]) -> Self {
        // HMAC takes keys of any length, so no secret is lost here.
        Self(secrets.iter().filter_map(|s| Hmac::new_from_slice(s.expose_secret().as_bytes()).ok()).collect())
    }

    /// Lets the body through if any secret made the signature.
    pub(crate) fn verify(&self, claimed: Claimed, body: Held) -> Result<SignedBody, Refusal> {
        let matches = |key: &Hmac<Sha256>| key.clone().chain_update(body.bytes()).verify_slice(&claimed.0).is_ok();
        if self.0.iter().any(matches) { Ok(SignedBody(body)) } else { Err(Refusal::SignatureWrong) }
    }
}

/// A body that somebody who knows a secret has signed.
pub(crate) struct SignedBody(Held);

impl SignedBody {
    /// The raw bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// A body as if it had been signed, for tests of what comes after.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn for_test(bytes: impl Into<bytes::Bytes>) -> Self {
        Self(Held::new(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// From GitHub's documentation, "Validating webhook deliveries".
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn verify(secrets: &[&str], header: &[u8], body: &[u8]) -> Result<(), Refusal> {
        let secrets: Vec<_> = secrets.iter().map(|s| SecretString::from(*s)).collect();
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(header).unwrap());
        let claimed = Claimed::from_headers(&headers)?;
        Secrets::new(&secrets).verify(claimed, Held::new(body.to_vec().into())).map(|_| ())
    }

    #[test]
    fn the_documented_vector_passes_and_any_flipped_bit_does_not() {
        assert_eq!(verify(&[SECRET], SIGNATURE.as_bytes(), BODY), Ok(()));
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify(&[SECRET], SIGNATURE.as_bytes(), &body), Err(Refusal::SignatureWrong), "body bit {bit}");
        }
        for bit in 0..SIGNATURE.len() * 8 {
            let mut header = SIGNATURE.as_bytes().to_vec();
            header[bit / 8] ^= 1 << (bit % 8);
            if HeaderValue::from_bytes(&header).is_ok() {
                assert!(verify(&[SECRET], &header, BODY).is_err(), "signature bit {bit}");
            }
        }
    }

    #[test]
    fn any_current_secret_will_do_and_a_former_one_will_not() {
        assert_eq!(verify(&["new", SECRET], SIGNATURE.as_bytes(), BODY), Ok(()));
        assert_eq!(verify(&[SECRET, "new"], SIGNATURE.as_bytes(), BODY), Ok(()));
        assert_eq!(verify(&["new"], SIGNATURE.as_bytes(), BODY), Err(Refusal::SignatureWrong));
        assert_eq!(verify(&[], SIGNATURE.as_bytes(), BODY), Err(Refusal::SignatureWrong));
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        let digits = SIGNATURE.trim_start_matches("sha256=");
        for bad in [
            String::new(),
            digits.to_owned(),
            format!("sha1={}", &digits[..40]),
            format!("sha1={digits}"),
            format!("SHA256={digits}"),
            format!("sha256={}", &digits[..62]),
            format!("sha256={}", &digits[..63]),
            format!("sha256={digits}00"),
            format!("sha256={}", digits.to_uppercase()),
            format!("sha256={}zz", &digits[..62]),
            format!("sha256= {digits}"),
            format!("sha256={digits},{digits}"),
        ] {
            assert_eq!(verify(&[SECRET], bad.as_bytes(), BODY), Err(Refusal::SignatureMalformed), "{bad}");
        }
        assert_eq!(Claimed::from_headers(&HeaderMap::new()), Err(Refusal::SignatureMissing));
    }

    #[test]
    fn two_headers_are_refused_even_if_both_are_right() {
        let mut headers = HeaderMap::new();
        headers.append(HEADER, HeaderValue::from_static(SIGNATURE));
        headers.append(HEADER, HeaderValue::from_static(SIGNATURE));
        assert_eq!(Claimed::from_headers(&headers), Err(Refusal::SignatureTwice));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_panic_or_means_two_things(header in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Some(Claimed(mac)) = Claimed::parse(&header) {
                prop_assert_eq!(format!("sha256={}", hex::encode(mac)).into_bytes(), header);
            }
        }

        #[test]
        fn only_the_secret_that_signed_verifies(secret in ".{1,80}", other in ".{1,80}", body: Vec<u8>) {
            let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&body).finalize();
            let header = format!("sha256={}", hex::encode(mac.into_bytes()));
            prop_assert_eq!(verify(&[&secret], header.as_bytes(), &body), Ok(()));
            // HMAC pads a short key with zeros, so that keys which differ only by them are one.
            if secret.trim_end_matches('\0') != other.trim_end_matches('\0') {
                prop_assert_eq!(verify(&[&other], header.as_bytes(), &body), Err(Refusal::SignatureWrong));
            }
        }
    }
}

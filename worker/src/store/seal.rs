//! Sealing what must not be readable at rest: XChaCha20-Poly1305 with a random nonce, bound to what it belongs to, so
//! that a sealed value can't be moved to another place.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use eco_coder_shared::env::Env;
use sha2::{Digest, Sha256};

const NONCE: usize = 24;

/// A 32-byte key. Shows nothing in `Debug`.
#[derive(Clone)]
pub struct SealKey {
    cipher: XChaCha20Poly1305,
    /// Of the key, for [`mark`](SealKey::mark).
    marks: [u8; 32],
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey")
    }
}

/// The value was sealed with another key, for another place, or was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value can't be opened: it was sealed with another key (store.session_key), or was changed")]
pub struct CannotOpen;

impl SealKey {
    /// From its bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        let marks = Sha256::new().chain_update(b"eco-coder marks").chain_update(key).finalize().into();
        Self { cipher: XChaCha20Poly1305::new(key.into()), marks }
    }

    /// A word of 16 hex digits that belongs to `place`, and that nobody without the key can know.
    pub fn mark(&self, place: &str) -> String {
        let digest = Sha256::new().chain_update(self.marks).chain_update(place).finalize();
        hex::encode(&digest[..8])
    }

    /// Seals `value` for `place`.
    pub fn seal(&self, env: &dyn Env, place: &str, value: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        env.fill_random(&mut nonce);
        let payload = Payload { msg: value, aad: place.as_bytes() };
        // Sealing fails only for values of over 256 GB.
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what was sealed for `place`.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(CannotOpen)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| CannotOpen)
    }
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::env::SystemEnv;

    use super::*;

    #[test]
    fn a_sealed_value_opens_only_with_its_key_in_its_place_unchanged() {
        let key = SealKey::new(&[7; 32]);
        let sealed = key.seal(&SystemEnv, "here", b"what a model said");
        assert!(!sealed.windows(5).any(|w| w == b"model"));
        assert_eq!(key.open("here", &sealed).unwrap(), b"what a model said");
        assert_eq!(key.open("there", &sealed), Err(CannotOpen));
        assert_eq!(SealKey::new(&[8; 32]).open("here", &sealed), Err(CannotOpen));
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert_eq!(key.open("here", &changed), Err(CannotOpen), "byte {i}");
        }
        assert_eq!(key.open("here", &sealed[..10]), Err(CannotOpen));
    }

    #[test]
    fn a_mark_is_of_its_key_and_its_place() {
        let key = SealKey::new(&[7; 32]);
        assert_eq!(key.mark("here"), SealKey::new(&[7; 32]).mark("here"));
        assert_ne!(key.mark("here"), key.mark("there"));
        assert_ne!(key.mark("here"), SealKey::new(&[8; 32]).mark("here"));
        assert_eq!(key.mark("here").len(), 16);
    }
}

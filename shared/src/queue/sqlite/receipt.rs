//! Receipts: which message, and which of its receives.

use crate::queue::{EntryError, Receipt};

/// Names one receive. A later receive changes count and token, so that an earlier receipt matches no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    /// The message's row.
    pub(super) id: i64,
    /// Its receive count then.
    pub(super) receives: u32,
    /// Random, so that a receipt can't be made up.
    pub(super) token: i64,
}

impl Ticket {
    pub(super) fn receipt(self) -> Receipt {
        Receipt(format!("{}.{}.{:016x}", self.id, self.receives, self.token))
    }

    pub(super) fn parse(receipt: &Receipt) -> Result<Self, EntryError> {
        let read = |text: &str| {
            let mut parts = text.splitn(3, '.');
            let id = parts.next()?.parse().ok()?;
            let receives = parts.next()?.parse().ok()?;
            let token = u64::from_str_radix(parts.next()?, 16).ok()?.cast_signed();
            Some(Self { id, receives, token })
        };
        read(&receipt.0).ok_or_else(|| EntryError::Invalid("the receipt is not one of this queue's".into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_receipt_is_read_back(id: i64, receives: u32, token: i64) {
            let ticket = Ticket { id, receives, token };
            prop_assert_eq!(Ticket::parse(&ticket.receipt()), Ok(ticket));
        }

        #[test]
        fn other_text_is_refused_without_a_panic(text in "\\PC{0,40}") {
            if let Ok(ticket) = Ticket::parse(&Receipt(text)) {
                prop_assert_eq!(Ticket::parse(&ticket.receipt()), Ok(ticket));
            }
        }
    }
}

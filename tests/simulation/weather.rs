//! What goes wrong, and how often: each seed has a kind of trouble and a strength of it. And what is left out on purpose.

use super::dice::Dice;

/// Chances in 10,000, for each call or delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Its kind, for people.
    pub name: &'static str,
    /// Nothing in it is a failure: whoever waits is charged nothing.
    pub only_waiting: bool,
    /// A delivery never comes.
    pub dropped: u32,
    /// It comes twice, or once more with another id.
    pub doubled: u32,
    /// It comes late, after later ones.
    pub late: u32,
    /// The ingress can't store it, or doesn't learn that it could.
    pub refused: u32,
    /// The queue's answer to a worker is lost, or it doesn't take the call.
    pub queue: u32,
    /// The store doesn't answer a call, which it performed or not.
    pub store: u32,
    /// A worker's process ends at a call, before or after it is performed.
    pub crash: u32,
    /// It stands still at a call, for longer than a lease or shorter.
    pub freeze: u32,
    /// Its clock jumps at a call.
    pub jump: u32,
    /// It is asked to end at a call, and started again.
    pub asked_to_end: u32,
    /// GitHub limits the rate.
    pub limit: u32,
    /// GitHub answers 5xx or cuts the connection, and performed the call or not.
    pub broken: u32,
    /// GitHub answers after the caller has gone, or is slow.
    pub slow: u32,
    /// What GitHub answers is some seconds old.
    pub stale: u32,
    /// The model is throttled.
    pub model_limit: u32,
    /// The model fails.
    pub model_broken: u32,
}

impl Weather {
    /// Nothing goes wrong.
    pub const FAIR: Self = Self {
        name: "fair",
        only_waiting: true,
        dropped: 0,
        doubled: 0,
        late: 0,
        refused: 0,
        queue: 0,
        store: 0,
        crash: 0,
        freeze: 0,
        jump: 0,
        asked_to_end: 0,
        limit: 0,
        broken: 0,
        slow: 0,
        stale: 0,
        model_limit: 0,
        model_broken: 0,
    };

    /// Whatever GitHub shows is some seconds old.
    pub const LAGGING: Self = Self { name: "lagging", stale: 10_000, ..Self::FAIR };

    /// How many kinds there are: a seed's is the rest of its division by this.
    pub const KINDS: u64 = 6;

    /// Of this seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "weather");
        let mut some = |most: u32| u32::try_from(dice.between(u64::from(most / 3), u64::from(most))).unwrap_or(most);
        let deliveries = Self { doubled: some(3000), late: some(5000), stale: some(1500), ..Self::FAIR };
        let waiting = Self { slow: 0, ..deliveries };
        match seed % Self::KINDS {
            0 => Self { name: "deliveries", dropped: some(2000), queue: some(800), asked_to_end: some(60), ..waiting },
            1 => Self { name: "limits", limit: some(1500), model_limit: some(4000), queue: some(300), ..waiting },
            2 => Self { name: "crashes", only_waiting: false, crash: some(800), refused: some(500), ..deliveries },
            3 => Self {
                name: "lost answers",
                only_waiting: false,
                broken: some(5000),
                store: some(400),
                queue: some(800),
                model_broken: some(2500),
                ..deliveries
            },
            4 => Self {
                name: "standstill",
                only_waiting: false,
                freeze: some(900),
                jump: some(200),
                slow: some(1000),
                ..deliveries
            },
            _ => Self {
                name: "storm",
                only_waiting: false,
                dropped: some(1000),
                refused: some(500),
                queue: some(400),
                store: some(200),
                crash: some(250),
                freeze: some(250),
                jump: some(100),
                asked_to_end: some(40),
                limit: some(200),
                broken: some(1000),
                slow: some(400),
                model_limit: some(500),
                model_broken: some(300),
                ..deliveries
            },
        }
    }
}

/// A rule of the protocol that is left out, between the product and its engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deliberate {
    /// A hint that finds its pull request busy is acked: the holder will see to it.
    AcksBusy,
    /// Whoever asks is told that the epoch is its own.
    Unfenced,
    /// A create whose answer is lost is sent again at once.
    RepeatsPost,
    /// A list shows one comment of ours at most: nobody looks for others after a create.
    ListsOne,
    /// The fresh hint of a late write is not sent.
    SilentWhenLate,
    /// Who has to wait is charged as if it had failed.
    ChargesWaiting,
    /// What is hidden is visible again at once.
    ForgetsHiding,
}

impl Deliberate {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 7] = [
        ("acks-busy", Self::AcksBusy),
        ("unfenced", Self::Unfenced),
        ("repeats-post", Self::RepeatsPost),
        ("lists-one", Self::ListsOne),
        ("silent-when-late", Self::SilentWhenLate),
        ("charges-waiting", Self::ChargesWaiting),
        ("forgets-hiding", Self::ForgetsHiding),
    ];
}

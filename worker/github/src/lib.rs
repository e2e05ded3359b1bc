//! GitHub's REST API as Eco-Coder needs it: a typed client over a transport seam, with sign-in, rate limits, retries
//! where they are safe, and a parser of patches. Decides nothing about reviews; keeps nothing between processes.
//!
//! Start at [`GitHub`]; its endpoints are in [`app`], [`artifacts`], [`checks`], [`users`], [`pulls`], [`contents`], [`comments`],
//! [`reviews`], [`statuses`], [`deliveries`] and [`installations`].

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]

pub mod app;
pub mod artifacts;
pub mod auth;
pub mod checks;
pub mod client;
pub mod comments;
pub mod contents;
pub mod deliveries;
pub mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod git;
pub mod http;
pub mod installations;
pub mod limits;
pub mod pace;
mod pages;
pub mod patch;
pub mod pulls;
pub mod reviews;
pub mod seen;
pub mod statuses;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transport;
pub mod users;

pub use app::{App, AppInfo};
pub use artifacts::Artifact;
pub use auth::{Auth, StaticToken, TokenSource};
pub use checks::{CheckName, CheckState, CheckText, Conclusion};
pub use client::{GitHub, Settings};
pub use comments::IssueComment;
pub use contents::Content;
pub use deliveries::HookDelivery;
pub use error::ApiError;
pub use git::git_root;
pub use http::{HttpSettings, HttpTransport, SetupError};
pub use installations::InstallationInfo;
pub use limits::Quota;
pub use pace::Pace;
pub use pulls::{ChangedFile, FileList, FileStatus, ListedPull, Pull, PullState};
pub use reviews::{NewReviewComment, ReviewComment};
pub use seen::{Page, Seen};
pub use statuses::{Status, StatusState};
pub use transport::{Caller, Transport, TransportError};
pub use users::User;

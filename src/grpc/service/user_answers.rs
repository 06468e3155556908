//! Answers to `GetUser`.

use bytes::Bytes;
use tonic::Status;

use crate::{
    domain::RoomId,
    grpc::{
        messages::{
            outgoing::{Outgoing, encoded},
            page::PAGE_BYTES_MAX,
            pieces::{PIECE_BYTES, Pieces},
            token::{ResumeToken, encode_user_rooms_token},
            user::UserRef,
        },
        metrics::GrpcMetrics,
        send_turns::SHORT_BYTES,
    },
    pb,
    roster::{Roster, UserPage},
};

use super::{turns::Turns, users_pages::UsersPages};

/// The most rooms that an answer lists. To look them up takes less than a millisecond, in which
/// no callback is applied.
pub(super) const ROOMS_MAX: usize = 1000;

/// The most rooms that are looked up without waiting for a turn: nearly every user is in fewer.
const LIGHT_ROOMS_MAX: usize = 64;

/// Makes answers to `GetUser`.
#[derive(Debug)]
pub(super) struct UserAnswers {
    turns: Turns,
    metrics: GrpcMetrics,
}

impl UserAnswers {
    pub(super) fn new(turns: Turns, metrics: GrpcMetrics) -> Self {
        Self { turns, metrics }
    }

    /// A user with the rooms after `after`, at most `rooms_max`. There are fewer if too many bytes
    /// of answers were not read yet, which `answers` counts: an open call holds either bytes that
    /// are counted or few.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if the user is in many rooms and too many such calls are running, or if
    /// not even a short answer would be short.
    pub(super) async fn answer(
        &self,
        answers: &UsersPages,
        roster: &Roster,
        user: &UserRef,
        after: Option<RoomId>,
        rooms_max: usize,
    ) -> Result<Outgoing<pb::GetUserResponse>, Status> {
        let read = |rooms_max| roster.user_page(&user.app, &user.user, after.as_ref(), rooms_max);
        let mut page = read(rooms_max.min(LIGHT_ROOMS_MAX));
        let is_heavy = rooms_max > LIGHT_ROOMS_MAX && page.continue_after.is_some();
        let _turn = match is_heavy {
            true => Some(self.turns.take().await?),
            false => None,
        };
        if is_heavy {
            page = read(rooms_max);
        }
        let whole = encode(roster, user, &page, PAGE_BYTES_MAX);
        if whole.len() <= SHORT_BYTES {
            return Ok(sent(whole));
        }
        if let Some(counted) = answers.count(&whole) {
            return Ok(sent(counted));
        }
        drop(whole);
        self.metrics.answers_shortened.inc();
        let short = encode(roster, user, &page, SHORT_BYTES);
        if short.len() > PIECE_BYTES {
            return Err(Status::resource_exhausted(
                "too many answers were not read yet: try again",
            ));
        }
        Ok(sent(short))
    }
}

/// The bytes of an answer whose user takes about `bytes_max` bytes. It has one room at least, if
/// there is any.
fn encode(roster: &Roster, user: &UserRef, page: &UserPage, bytes_max: usize) -> Bytes {
    let (message, cut_after) = user.to_user_within(&page.view, bytes_max);
    let token = |last: &RoomId| {
        encode_user_rooms_token(user.app.as_str(), user.user.as_str(), last.as_str())
    };
    let last = cut_after.as_ref().or(page.continue_after.as_ref());
    encoded(&pb::GetUserResponse {
        user: Some(message),
        revision: page.revision,
        resume_token: ResumeToken::at(roster, page.revision).encode(),
        next_page_token: last.map(token).unwrap_or_default(),
    })
}

fn sent(bytes: Bytes) -> Outgoing<pb::GetUserResponse> {
    Outgoing::Encoded(Pieces::from(bytes))
}

#[cfg(test)]
mod tests;

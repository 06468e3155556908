//! Members, and their logins.

use crate::{
    domain::{LeaveReason, Profile, SessionId, Time, UserId, cut_shown},
    reconcile::Member,
    stored,
};

use super::check::{StoredError, millis, required};

pub(super) fn to_record(member: &Member) -> stored::Member {
    stored::Member {
        user_id: member.user().as_str().to_owned(),
        session_id: member.session().as_str().to_owned(),
        login: Some(login_to_record(member)),
    }
}

pub(super) fn from_record(record: stored::Member) -> Result<Member, StoredError> {
    let login = required(record.login, "Member.login")?;
    let user = record.user_id.as_str().into();
    login_from_record(&user, &record.session_id.as_str().into(), login)
}

/// A login, without the user.
pub(super) fn login_to_record(member: &Member) -> stored::Login {
    let profile = member.profile();
    stored::Login {
        at: millis(member.login_at()),
        profile: Some(stored::Profile {
            nickname: profile.nickname.to_owned(),
            role: stored::Role::from(profile.role).into(),
            platform: profile.platform.to_owned(),
            custom_data: profile.custom_data.to_owned(),
        }),
    }
}

pub(super) fn login_from_record(
    user: &UserId,
    session: &SessionId,
    record: stored::Login,
) -> Result<Member, StoredError> {
    let profile = required(record.profile, "Login.profile")?;
    // Earlier versions stored longer texts. Entries that are read again have them cut.
    let profile = Profile {
        nickname: cut_shown(&profile.nickname).into(),
        role: stored::Role::decode(profile.role, "Profile.role")?,
        platform: cut_shown(&profile.platform).into(),
        custom_data: cut_shown(&profile.custom_data).into(),
    };
    let login_at = Time::from_millis(record.at);
    Ok(Member::new(user, session, login_at, &profile))
}

pub(super) fn left_to_record(
    member: &Member,
    reason: LeaveReason,
    at: Option<Time>,
) -> stored::MemberLeft {
    stored::MemberLeft {
        member: Some(to_record(member)),
        reason: stored::LeaveReason::from(reason).into(),
        at: millis(at),
    }
}

pub(super) fn left_from_record(
    record: stored::MemberLeft,
) -> Result<(Member, LeaveReason, Option<Time>), StoredError> {
    let member = required(record.member, "MemberLeft.member")?;
    let reason = stored::LeaveReason::decode(record.reason, "MemberLeft.reason")?;
    let member = from_record(member)?;
    Ok((member, reason, Time::from_millis(record.at)))
}

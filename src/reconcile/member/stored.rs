//! Logins and members as data folders hold them.

use crate::{
    domain::{LeaveReason, Profile, SessionId, Time, UserId},
    reconcile::Member,
    stored::{self, StoredError, millis, required},
};

impl Member {
    pub(crate) fn to_stored(&self) -> stored::Member {
        stored::Member {
            user_id: self.user().as_str().to_owned(),
            session_id: self.session().as_str().to_owned(),
            login: Some(self.to_stored_login()),
        }
    }

    pub(crate) fn from_stored(member: stored::Member) -> Result<Self, StoredError> {
        let login = required(member.login, "Member.login")?;
        let user = member.user_id.as_str().into();
        Self::from_stored_login(&user, &member.session_id.as_str().into(), login)
    }

    /// What is not said by whose login it is.
    pub(crate) fn to_stored_login(&self) -> stored::Login {
        let profile = self.profile();
        stored::Login {
            at: millis(self.login_at()),
            profile: Some(stored::Profile {
                nickname: profile.nickname.to_owned(),
                role: stored::Role::from(profile.role).into(),
                platform: profile.platform.to_owned(),
                custom_data: profile.custom_data.to_owned(),
            }),
        }
    }

    pub(crate) fn from_stored_login(
        user: &UserId,
        session: &SessionId,
        login: stored::Login,
    ) -> Result<Self, StoredError> {
        let profile = required(login.profile, "Login.profile")?;
        let profile = Profile {
            nickname: profile.nickname.into(),
            role: stored::Role::decode(profile.role, "Profile.role")?,
            platform: profile.platform.into(),
            custom_data: profile.custom_data.into(),
        };
        let login_at = Time::from_millis(login.at);
        Ok(Self::new(user, session, login_at, &profile))
    }
}

impl stored::MemberLeft {
    pub(crate) fn of(member: &Member, reason: LeaveReason, at: Option<Time>) -> Self {
        Self {
            member: Some(member.to_stored()),
            reason: stored::LeaveReason::from(reason).into(),
            at: millis(at),
        }
    }

    pub(crate) fn into_parts(self) -> Result<(Member, LeaveReason, Option<Time>), StoredError> {
        let member = required(self.member, "MemberLeft.member")?;
        let reason = stored::LeaveReason::decode(self.reason, "MemberLeft.reason")?;
        let member = Member::from_stored(member)?;
        Ok((member, reason, Time::from_millis(self.at)))
    }
}

//! A member: a login that makes a user present, in one allocation.

mod stored;

use std::fmt;

use crate::domain::{Login, Profile, Role, SessionId, SessionRef, Time, UserId, texts::Texts};

/// Texts of a member: user, session, nickname, platform and custom data.
const TEXTS: usize = 5;
/// What follows them: the role, and the login time in milliseconds, 0 if unknown.
const TAIL: usize = 1 + size_of::<u64>();

/// Roles, each at its own number.
const ROLES: [Role; 4] = [Role::Unspecified, Role::Host, Role::Audience, Role::Admin];

/// A user who is present, as of the login that decides.
///
/// All of it is in the one allocation of the user's id, which clones share: there
/// are more members than of anything else. So the id alone, where it is kept, keeps
/// the rest with it.
#[derive(Clone)]
pub struct Member(UserId);

/// How a member appears to others: a [`Profile`], whose order is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileRef<'a> {
    /// The name shown to others.
    pub nickname: &'a str,
    /// What the user may do.
    pub role: Role,
    /// The kind of device, in the vendor's word.
    pub platform: &'a str,
    /// What the app's client attached to its login.
    pub custom_data: &'a str,
}

impl Member {
    /// Who, under which session, since when, and how the user appears to others.
    pub fn new(
        user: &UserId,
        session: &SessionId,
        login_at: Option<Time>,
        profile: &Profile,
    ) -> Self {
        let Profile {
            nickname,
            role,
            platform,
            custom_data,
        } = profile;
        let (user, session) = (user.as_str(), session.as_str());
        let mut tail = [*role as u8; TAIL];
        tail[1..].copy_from_slice(&login_at.map_or(0, Time::as_millis).to_le_bytes());
        let texts = [user, session, nickname, platform, custom_data];
        Self(UserId::of(Texts::join(&texts, &tail)))
    }

    /// Who.
    pub fn user(&self) -> &UserId {
        &self.0
    }

    /// Under which session.
    pub fn session(&self) -> SessionRef<'_> {
        SessionRef::of(self.texts().nth(1).unwrap_or_default())
    }

    /// Since when.
    pub fn login_at(&self) -> Option<Time> {
        let [_, millis @ ..] = self.tail();
        Time::from_millis(u64::from_le_bytes(millis))
    }

    /// What the user may do.
    pub fn role(&self) -> Role {
        let [role, ..] = self.tail();
        ROLES.get(usize::from(role)).copied().unwrap_or_default()
    }

    /// How the user appears to others.
    pub fn profile(&self) -> ProfileRef<'_> {
        let mut texts = self.texts().skip(2);
        let mut next = || texts.next().unwrap_or_default();
        let (nickname, platform, custom_data) = (next(), next(), next());
        ProfileRef {
            nickname,
            role: self.role(),
            platform,
            custom_data,
        }
    }

    /// The length of all its texts.
    pub(crate) fn text_bytes(&self) -> usize {
        self.0.texts().text_bytes(TEXTS, TAIL)
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.texts().split(TEXTS, TAIL)
    }

    fn tail(&self) -> [u8; TAIL] {
        self.0.texts().tail().copied().unwrap_or_default()
    }
}

impl From<&Login> for Member {
    fn from(login: &Login) -> Self {
        Self::new(&login.user, &login.session, login.at, &login.profile)
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.0.texts().is(other.0.texts())
    }
}

impl Eq for Member {}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("user", self.user())
            .field("session", &self.session())
            .field("login_at", &self.login_at())
            .field("profile", &self.profile())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn profiles() -> impl Strategy<Value = Profile> {
        let texts = prop::array::uniform3(prop_oneof![Just(String::new()), any::<String>()]);
        (texts, prop::sample::select(&ROLES[..])).prop_map(|(texts, role)| {
            let [nickname, platform, custom_data] = texts.map(String::into_boxed_str);
            Profile {
                nickname,
                role,
                platform,
                custom_data,
            }
        })
    }

    fn of(profile: &Profile) -> Member {
        Member::new(&"u".into(), &"s".into(), None, profile)
    }

    #[test]
    fn a_member_takes_a_pointer() {
        assert_eq!(size_of::<Option<Member>>(), size_of::<usize>());
    }

    proptest! {
        #[test]
        fn a_member_is_what_it_was_made_of(
            user in any::<String>(),
            session in any::<String>(),
            millis in any::<u64>(),
            profile in profiles(),
        ) {
            let (user, session) = (UserId::from(&*user), SessionId::from(&*session));
            let login_at = Time::from_millis(millis);
            let member = Member::new(&user, &session, login_at, &profile);
            prop_assert_eq!(member.user(), &user);
            prop_assert_eq!(member.session(), session.borrowed());
            prop_assert_eq!(member.login_at(), login_at);
            let ProfileRef { nickname, role, platform, custom_data } = member.profile();
            prop_assert_eq!(nickname, &*profile.nickname);
            prop_assert_eq!((role, member.role()), (profile.role, profile.role));
            prop_assert_eq!(platform, &*profile.platform);
            prop_assert_eq!(custom_data, &*profile.custom_data);
        }

        #[test]
        fn members_are_ordered_and_equal_as_their_profiles_are(
            a in profiles(),
            b in profiles(),
        ) {
            prop_assert_eq!(of(&a).profile().cmp(&of(&b).profile()), a.cmp(&b));
            prop_assert_eq!(of(&a) == of(&b), a == b);
        }
    }
}

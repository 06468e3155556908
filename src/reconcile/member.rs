//! A member: the login that makes a user present, in one allocation.

mod packed;

use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
};

use crate::domain::{Login, Profile, Role, SessionId, SessionIdRef, Time, UserId, UserIdRef};

use self::packed::{MemberFields, PackedMember};

pub use self::packed::ProfileRef;

/// A user who is present, with the data of the login that makes them present.
///
/// A member has the size of a pointer. There are more members than values of any other
/// type, so the data of a member is in one allocation, which its clones share.
#[derive(Clone, PartialEq, Eq)]
pub struct Member(PackedMember);

impl Member {
    /// The member that a login of `user` at `login_at` makes.
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
        Self(PackedMember::new(MemberFields {
            login_at,
            user: user.borrowed(),
            session: session.borrowed(),
            profile: ProfileRef {
                nickname,
                role: *role,
                platform,
                custom_data,
            },
        }))
    }

    /// The id of the user.
    pub fn user(&self) -> UserIdRef<'_> {
        self.0.user()
    }

    /// The id of the session.
    pub fn session(&self) -> SessionIdRef<'_> {
        self.0.fields().session
    }

    /// When the user logged in, if known.
    pub fn login_at(&self) -> Option<Time> {
        self.0.login_at()
    }

    /// What the user may do.
    pub fn role(&self) -> Role {
        self.0.fields().profile.role
    }

    /// How the user appears to others.
    pub fn profile(&self) -> ProfileRef<'_> {
        self.0.fields().profile
    }

    /// The length of the packed member, in bytes.
    pub(super) fn packed_bytes(&self) -> usize {
        self.0.len()
    }

    /// How many clones share the member.
    #[cfg(test)]
    pub(crate) fn shared_by(&self) -> usize {
        self.0.shared_by()
    }

    /// The length of all texts of the member together, in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        let MemberFields {
            login_at: _,
            user,
            session,
            profile,
        } = self.0.fields();
        let ProfileRef {
            nickname,
            role: _,
            platform,
            custom_data,
        } = profile;
        let texts = [
            user.as_str(),
            session.as_str(),
            nickname,
            platform,
            custom_data,
        ];
        texts.iter().map(|text| text.len()).sum()
    }
}

impl From<&Login> for Member {
    fn from(login: &Login) -> Self {
        Self::new(&login.user, &login.session, login.at, &login.profile)
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("user", &self.user())
            .field("session", &self.session())
            .field("login_at", &self.login_at())
            .field("profile", &self.profile())
            .finish()
    }
}

/// A user as the key of a map whose values belong to a login of that user. It is equal and
/// hashed as the [`UserId`] is.
///
/// It has the size of a pointer and shares the member's allocation, so that the map needs
/// no second copy of the id. It therefore keeps the whole member in memory: where a key
/// outlives the login, a [`UserId`] is the better key.
#[derive(Clone)]
pub struct UserKey(Member);

impl UserKey {
    /// The id of the user.
    pub fn user(&self) -> UserIdRef<'_> {
        self.0.user()
    }

    /// Whether the key shares the allocation of this member.
    pub(super) fn shares(&self, member: &Member) -> bool {
        self.0.0.is_same_allocation(&member.0)
    }
}

impl From<&Member> for UserKey {
    fn from(member: &Member) -> Self {
        Self(member.clone())
    }
}

impl From<UserIdRef<'_>> for UserKey {
    /// The key of a user without a known login. This allocates.
    fn from(user: UserIdRef<'_>) -> Self {
        Self(Member(PackedMember::new(MemberFields {
            login_at: None,
            user,
            session: SessionIdRef::from_id_text(""),
            profile: ProfileRef::default(),
        })))
    }
}

impl PartialEq for UserKey {
    fn eq(&self, other: &Self) -> bool {
        self.user() == other.user()
    }
}

impl Eq for UserKey {}

impl Hash for UserKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.user().hash(state);
    }
}

impl Borrow<str> for UserKey {
    fn borrow(&self) -> &str {
        self.user().as_str()
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.user().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{packed::ROLES, *};

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

    #[test]
    fn a_key_is_of_its_user() {
        let key = UserKey::from(UserId::from("ann").borrowed());
        let profile = Profile {
            custom_data: "other".into(),
            ..Profile::default()
        };
        let member = Member::new(&"ann".into(), &"7".into(), Some(Time::MIN), &profile);
        assert_eq!(key, UserKey::from(&member));
        let keys = std::collections::HashSet::from([key]);
        assert!(keys.contains("ann") && !keys.contains("bob"));
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
            prop_assert_eq!(member.user(), user.borrowed());
            prop_assert_eq!(member.session(), session.borrowed());
            prop_assert_eq!(member.login_at(), login_at);
            let ProfileRef { nickname, role, platform, custom_data } = member.profile();
            prop_assert_eq!(nickname, &*profile.nickname);
            prop_assert_eq!((role, member.role()), (profile.role, profile.role));
            prop_assert_eq!(platform, &*profile.platform);
            prop_assert_eq!(custom_data, &*profile.custom_data);
            let texts = [nickname, platform, custom_data, user.as_str(), session.as_str()];
            prop_assert_eq!(member.text_bytes(), texts.concat().len());
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

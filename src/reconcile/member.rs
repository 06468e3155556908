//! A member: a login that makes a user present, in one allocation.

mod stored;

use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
};

use arcstr::ArcStr;

use crate::domain::{Login, Profile, Role, SessionId, SessionIdRef, Time, UserId, UserIdRef};

/// Roles, each at its own number.
const ROLES: [Role; 4] = [Role::Unspecified, Role::Host, Role::Audience, Role::Admin];

/// A user who is present, as of the login that decides.
///
/// It takes a pointer. There are more members than of anything else, so all of a
/// member is in one allocation, which clones share: see `Packed`.
#[derive(Clone, PartialEq, Eq)]
pub struct Member(ArcStr);

/// How a member appears to others: a [`Profile`], whose order is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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

/// All of a member, taken apart.
struct Fields<'a> {
    login_at: Option<Time>,
    user: UserIdRef<'a>,
    session: SessionIdRef<'a>,
    profile: ProfileRef<'a>,
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
        Self::pack(&Fields {
            login_at,
            user: user.borrowed(),
            session: session.borrowed(),
            profile: ProfileRef {
                nickname,
                role: *role,
                platform,
                custom_data,
            },
        })
    }

    /// Who.
    pub fn user(&self) -> UserIdRef<'_> {
        let mut packed = Packed(&self.0);
        packed.time();
        packed.user()
    }

    /// Under which session.
    pub fn session(&self) -> SessionIdRef<'_> {
        self.fields().session
    }

    /// Since when.
    pub fn login_at(&self) -> Option<Time> {
        Packed(&self.0).time()
    }

    /// What the user may do.
    pub fn role(&self) -> Role {
        self.fields().profile.role
    }

    /// How the user appears to others.
    pub fn profile(&self) -> ProfileRef<'_> {
        self.fields().profile
    }

    /// The length of all its texts, in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        let Fields {
            login_at: _,
            user,
            session,
            profile,
        } = self.fields();
        let texts = [
            user.as_str(),
            session.as_str(),
            profile.nickname,
            profile.platform,
            profile.custom_data,
        ];
        texts.iter().map(|text| text.len()).sum()
    }

    fn pack(fields: &Fields<'_>) -> Self {
        let Fields {
            login_at,
            user,
            session,
            profile,
        } = fields;
        let (user, session) = (user.as_str(), session.as_str());
        let texts = [user, session, profile.nickname, profile.platform];
        let length: usize = texts.iter().map(|text| text.len()).sum();
        let mut packed = String::with_capacity(NUMBERS_MAX + length + profile.custom_data.len());
        push_number(&mut packed, login_at.map_or(0, Time::as_millis));
        for text in texts {
            push_number(&mut packed, text.len() as u64);
            packed.push_str(text);
        }
        push_number(&mut packed, profile.role as u64);
        packed.push_str(profile.custom_data);
        Self(ArcStr::from(packed))
    }

    fn fields(&self) -> Fields<'_> {
        let mut packed = Packed(&self.0);
        Fields {
            login_at: packed.time(),
            user: packed.user(),
            session: SessionIdRef::from_id_text(packed.text()),
            profile: ProfileRef {
                nickname: packed.text(),
                platform: packed.text(),
                role: packed.role(),
                custom_data: packed.0,
            },
        }
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

/// A user as the key of a map whose values are about a login of theirs. Equal,
/// ordered and hashed as the [`UserId`] is.
///
/// It takes a pointer and shares the member's allocation, so that the map needs no
/// second copy of the id. It keeps all of the member, therefore: where a key outlives
/// the login, a [`UserId`] is the better key.
#[derive(Clone)]
pub struct UserKey(Member);

impl UserKey {
    /// Who.
    pub fn user(&self) -> UserIdRef<'_> {
        self.0.user()
    }
}

impl From<&Member> for UserKey {
    fn from(member: &Member) -> Self {
        Self(member.clone())
    }
}

impl From<UserIdRef<'_>> for UserKey {
    /// The key of a user of whom no login is known. Allocates.
    fn from(user: UserIdRef<'_>) -> Self {
        let (session, profile) = (SessionIdRef::from_id_text(""), ProfileRef::default());
        Self(Member::pack(&Fields {
            login_at: None,
            user,
            session,
            profile,
        }))
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

/// What is left to read of a packed member. In this order: the login time in
/// milliseconds, 0 if unknown; user, session, nickname and platform, each after its
/// length in bytes; the role's number; the custom data, to the end.
///
/// Numbers are spelled in ASCII, so all of it is text, and a part of it is a text
/// without being checked again.
struct Packed<'a>(&'a str);

/// Bits of a number in each of its characters, the lowest first. They are in the low
/// bits of the character; the bit above them says that another character follows.
const BITS: u32 = 6;
const MORE: u8 = 1 << BITS;

/// What the numbers of a member take at most, where no text has a mebibyte.
const NUMBERS_MAX: usize = 11 + 4 * 4 + 1;

fn push_number(packed: &mut String, mut number: u64) {
    loop {
        let low = (number & u64::from(MORE - 1)) as u8;
        number >>= BITS;
        if number == 0 {
            return packed.push(char::from(low));
        }
        packed.push(char::from(low | MORE));
    }
}

impl<'a> Packed<'a> {
    fn number(&mut self) -> u64 {
        let (mut number, mut length) = (0, 0);
        for (byte, shift) in self.0.bytes().zip((0..).step_by(BITS as usize)) {
            number |= u64::from(byte & (MORE - 1)) << shift;
            length += 1;
            if byte & MORE == 0 {
                break;
            }
        }
        self.take(length);
        number
    }

    fn text(&mut self) -> &'a str {
        let length = self.number() as usize;
        self.take(length)
    }

    fn time(&mut self) -> Option<Time> {
        Time::from_millis(self.number())
    }

    fn user(&mut self) -> UserIdRef<'a> {
        UserIdRef::from_id_text(self.text())
    }

    fn role(&mut self) -> Role {
        ROLES[self.number() as usize]
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest;
        taken
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

    #[test]
    fn long_texts_come_back() {
        for bytes in [63, 64, 4095, 4096, 1 << 20] {
            let user = "u".repeat(bytes);
            let profile = Profile {
                nickname: "é".repeat(bytes / 2).into(),
                ..Profile::default()
            };
            let member = Member::new(&user.as_str().into(), &"s".into(), None, &profile);
            assert_eq!(member.user().as_str(), user);
            assert_eq!(member.profile().nickname, &*profile.nickname);
        }
    }

    /// There are more members than of anything else: what one takes, in bytes.
    #[test]
    fn a_member_takes_twelve_bytes_beyond_its_texts() {
        let at = Time::from_millis(1_700_000_000_000);
        let profile = Profile {
            nickname: "Ann".into(),
            ..Profile::default()
        };
        let member = Member::new(&"ann".into(), &"7".into(), at, &profile);
        assert_eq!(member.0.len(), member.text_bytes() + 12);
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

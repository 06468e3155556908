//! How a member is packed into one text.
//!
//! The text contains, in this order: the login time in milliseconds, 0 if unknown; user,
//! session, nickname and platform, each after its length in bytes; the number of the role;
//! the custom data, up to the end. Numbers are encoded in ASCII characters, so the whole is
//! valid UTF-8, and its parts need no check when they are read.

use arcstr::ArcStr;

use crate::domain::{Role, SessionIdRef, Time, UserIdRef};

/// The roles. The index of a role is its number.
pub(super) const ROLES: [Role; 4] = [Role::Unspecified, Role::Host, Role::Audience, Role::Admin];

/// How many bits of a number one character holds, the lowest bits first. They are the low
/// bits of the character.
const NUMBER_BITS: u32 = 6;
/// The bit of a character that says that another character of the number follows.
const CONTINUED: u8 = 1 << NUMBER_BITS;

/// The space that is reserved for the numbers of a member, in bytes: a time, four lengths
/// and a role. Long texts need more.
const NUMBERS_BYTES: usize = 11 + 4 * 2 + 1;

/// How a member appears to others: a borrowed [`Profile`](crate::domain::Profile), with the
/// same order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileRef<'a> {
    /// The name shown to others.
    pub nickname: &'a str,
    /// What the user may do.
    pub role: Role,
    /// The kind of device, as the vendor names it.
    pub platform: &'a str,
    /// What the app's client attached to its login.
    pub custom_data: &'a str,
}

/// The data of a member. Equal data has one packed form, so equal texts are equal members.
#[derive(Clone, Copy)]
pub(super) struct MemberFields<'a> {
    pub(super) login_at: Option<Time>,
    pub(super) user: UserIdRef<'a>,
    pub(super) session: SessionIdRef<'a>,
    pub(super) profile: ProfileRef<'a>,
}

/// A packed member. Its clones share the text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PackedMember(ArcStr);

/// Reads the fields of a packed member in their order. It holds what is left to read.
struct FieldReader<'a>(&'a str);

impl PackedMember {
    pub(super) fn new(fields: MemberFields<'_>) -> Self {
        let MemberFields {
            login_at,
            user,
            session,
            profile,
        } = fields;
        let (user, session) = (user.as_str(), session.as_str());
        let texts = [user, session, profile.nickname, profile.platform];
        let length: usize = texts.iter().map(|text| text.len()).sum();
        let mut packed = String::with_capacity(NUMBERS_BYTES + length + profile.custom_data.len());
        push_number(&mut packed, login_at.map_or(0, Time::as_millis));
        for text in texts {
            push_number(&mut packed, text.len() as u64);
            packed.push_str(text);
        }
        push_number(&mut packed, profile.role as u64);
        packed.push_str(profile.custom_data);
        Self(ArcStr::from(packed))
    }

    /// The length of the text, in bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(test)]
    pub(super) fn shared_by(&self) -> usize {
        ArcStr::strong_count(&self.0).unwrap_or_default()
    }

    pub(super) fn is_same_allocation(&self, other: &Self) -> bool {
        ArcStr::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn fields(&self) -> MemberFields<'_> {
        let mut rest = FieldReader(&self.0);
        MemberFields {
            login_at: rest.time(),
            user: rest.user(),
            session: SessionIdRef::from_id_text(rest.text()),
            profile: ProfileRef {
                nickname: rest.text(),
                platform: rest.text(),
                role: rest.role(),
                custom_data: rest.0,
            },
        }
    }

    pub(super) fn login_at(&self) -> Option<Time> {
        FieldReader(&self.0).time()
    }

    pub(super) fn user(&self) -> UserIdRef<'_> {
        let mut rest = FieldReader(&self.0);
        rest.time();
        rest.user()
    }
}

fn push_number(packed: &mut String, mut number: u64) {
    loop {
        let low = (number & u64::from(CONTINUED - 1)) as u8;
        number >>= NUMBER_BITS;
        if number == 0 {
            return packed.push(char::from(low));
        }
        packed.push(char::from(low | CONTINUED));
    }
}

impl<'a> FieldReader<'a> {
    fn number(&mut self) -> u64 {
        let (mut number, mut length) = (0, 0);
        for (byte, shift) in self.0.bytes().zip((0..).step_by(NUMBER_BITS as usize)) {
            number |= u64::from(byte & (CONTINUED - 1)) << shift;
            length += 1;
            if byte & CONTINUED == 0 {
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
    use super::*;

    fn fields<'a>(user: &'a str, nickname: &'a str) -> MemberFields<'a> {
        MemberFields {
            login_at: Time::from_millis(1_700_000_000_000),
            user: UserIdRef::from_id_text(user),
            session: SessionIdRef::from_id_text("7"),
            profile: ProfileRef {
                nickname,
                ..ProfileRef::default()
            },
        }
    }

    #[test]
    fn long_texts_come_back() {
        for bytes in [63, 64, 4095, 4096, 1 << 20] {
            let (user, nickname) = ("u".repeat(bytes), "é".repeat(bytes / 2));
            let packed = PackedMember::new(fields(&user, &nickname));
            assert_eq!(packed.user().as_str(), user);
            assert_eq!(packed.fields().profile.nickname, nickname);
        }
    }

    #[test]
    fn what_differs_anywhere_is_not_the_same() {
        let all = [("ab", ""), ("a", "b"), ("", "ab"), ("", "")];
        for (i, (user, nickname)) in all.iter().enumerate() {
            for (j, (other, other_nickname)) in all.iter().enumerate() {
                let a = PackedMember::new(fields(user, nickname));
                let b = PackedMember::new(fields(other, other_nickname));
                assert!((a == b) == (i == j), "{i} and {j}");
            }
        }
    }

    /// There are more members than of anything else, so what one takes matters.
    #[test]
    fn a_member_takes_twelve_bytes_beside_its_texts() {
        let packed = PackedMember::new(fields("ann", "Ann"));
        assert_eq!(packed.0.len(), "ann7Ann".len() + 12);
    }
}

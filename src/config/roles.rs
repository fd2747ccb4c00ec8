//! What a node serves. Nodes of one school may share the work: one signs people in, another chats.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeRole {
    /// Accounts and sign-in: `/api/auth`, the keys that check our tokens.
    Auth,
    /// Lessons, conversations, the tutor and what staff see of them: `/api/v1`.
    Chat,
    /// The pages in the browser.
    Web,
}

impl NodeRole {
    pub const ALL: [Self; 3] = [Self::Auth, Self::Chat, Self::Web];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Chat => "chat",
            Self::Web => "web",
        }
    }
}

impl fmt::Display for NodeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a list of roles cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadRoles {
    #[error("{0:?} is no role of a node: there are auth, chat and web")]
    Unknown(String),
    #[error("no role is named: name at least one of auth, chat and web")]
    None,
}

/// The roles of one node; never none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Vec<String>", into = "Vec<NodeRole>")]
pub struct Roles {
    auth: bool,
    chat: bool,
    web: bool,
}

impl Roles {
    pub const ALL: Self = Self { auth: true, chat: true, web: true };

    pub const fn has(self, role: NodeRole) -> bool {
        match role {
            NodeRole::Auth => self.auth,
            NodeRole::Chat => self.chat,
            NodeRole::Web => self.web,
        }
    }

    fn read(names: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, BadRoles> {
        let mut roles = Self { auth: false, chat: false, web: false };
        for name in names {
            match name.as_ref().trim() {
                "auth" => roles.auth = true,
                "chat" => roles.chat = true,
                "web" => roles.web = true,
                other => return Err(BadRoles::Unknown(other.to_owned())),
            }
        }
        if roles.auth || roles.chat || roles.web { Ok(roles) } else { Err(BadRoles::None) }
    }
}

impl TryFrom<Vec<String>> for Roles {
    type Error = BadRoles;

    fn try_from(names: Vec<String>) -> Result<Self, BadRoles> {
        Self::read(names)
    }
}

impl From<Roles> for Vec<NodeRole> {
    fn from(roles: Roles) -> Self {
        NodeRole::ALL.into_iter().filter(|role| roles.has(*role)).collect()
    }
}

/// `auth,chat`, as on the command line.
impl FromStr for Roles {
    type Err = BadRoles;

    fn from_str(text: &str) -> Result<Self, BadRoles> {
        if text.trim().is_empty() {
            return Err(BadRoles::None);
        }
        Self::read(text.split(','))
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Vec::from(*self).into_iter().map(NodeRole::as_str).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_in_any_order_and_printed_in_one() {
        let roles: Roles = "web, auth".parse().unwrap();

        assert!(roles.has(NodeRole::Auth) && roles.has(NodeRole::Web));
        assert!(!roles.has(NodeRole::Chat));
        assert_eq!(roles.to_string(), "auth,web");
        assert_eq!("web,chat,auth".parse(), Ok(Roles::ALL));
    }

    #[test]
    fn an_unknown_role_or_none_is_refused_with_those_that_exist() {
        for text in ["auth,chats", "", " ", "auth,", "all"] {
            let refused = text.parse::<Roles>().unwrap_err().to_string();
            for role in NodeRole::ALL {
                assert!(refused.contains(role.as_str()), "{text:?}: {refused}");
            }
        }
        assert_eq!(Roles::try_from(Vec::new()), Err(BadRoles::None));
    }
}

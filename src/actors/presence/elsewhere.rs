//! The stays that have a socket on other nodes.

use std::collections::{HashMap, HashSet};

use crate::{
    actors::peers::StayRow,
    domain::ids::{NodeId, StayId, UserId},
};

#[derive(Default)]
pub(super) struct Elsewhere {
    nodes: HashMap<NodeId, HashMap<StayId, StayRow>>,
    /// Where else each user is. A stay that moves may be on two nodes for a moment.
    of: HashMap<UserId, HashSet<(StayId, NodeId)>>,
}

impl Elsewhere {
    /// How many stays of a user are elsewhere, but for those that are `here`.
    pub(super) fn count(&self, user: &UserId, here: impl Fn(&StayId) -> bool) -> usize {
        let stays = self.of.get(user).into_iter().flatten().map(|(stay, _)| stay);
        stays.filter(|stay| !here(stay)).collect::<HashSet<_>>().len()
    }

    /// The latest socket of a stay elsewhere.
    pub(super) fn latest(&self, user: &UserId, stay: &StayId) -> Option<&StayRow> {
        let places = self.of.get(user)?.iter().filter(|(other, _)| other == stay);
        let rows = places.filter_map(|(stay, node)| self.nodes.get(node)?.get(stay));
        rows.max_by_key(|row| (row.at, row.connection.clone()))
    }

    /// The stays of a node, for what is not among others gone from it.
    pub(super) fn stays_on(&self, node: &NodeId) -> Vec<StayId> {
        self.nodes.get(node).into_iter().flat_map(HashMap::keys).cloned().collect()
    }

    pub(super) fn user_on(&self, node: &NodeId, stay: &StayId) -> Option<&UserId> {
        self.nodes.get(node)?.get(stay).map(|row| &row.user)
    }

    pub(super) fn set(&mut self, node: &NodeId, row: StayRow) {
        // A stay is one user's for ever: only the socket may be another.
        self.of.entry(row.user.clone()).or_default().insert((row.stay.clone(), node.clone()));
        self.nodes.entry(node.clone()).or_default().insert(row.stay.clone(), row);
    }

    pub(super) fn remove(&mut self, node: &NodeId, stay: &StayId) {
        let Some(stays) = self.nodes.get_mut(node) else { return };
        let Some(StayRow { user, .. }) = stays.remove(stay) else { return };
        if stays.is_empty() {
            self.nodes.remove(node);
        }
        if let Some(places) = self.of.get_mut(&user) {
            places.remove(&(stay.clone(), node.clone()));
            if places.is_empty() {
                self.of.remove(&user);
            }
        }
    }

    /// Sockets on other nodes, as far as they have told.
    pub(super) fn len(&self) -> usize {
        self.nodes.values().map(HashMap::len).sum()
    }
}

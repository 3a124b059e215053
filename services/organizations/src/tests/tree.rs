//! Units and accounts in them: what holds of the tree whatever is done to it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{FIRST, Server};

#[tokio::test]
async fn units_are_made_within_limits() {
    let server = Server::new().await;
    let root = server.organization().await;
    let mut parent = root.clone();
    for depth in 0..5 {
        parent = server.unit(&parent, &depth.to_string()).await;
    }
    let make = |parent: &str, name: &str| json!({"ParentId": parent, "Name": name});
    let operation = "CreateOrganizationalUnit";
    assert_eq!(
        server.err(FIRST, operation, make(&parent, "6")).await,
        "ConstraintViolationException/OU_DEPTH_LIMIT_EXCEEDED"
    );
    assert_eq!(server.err(FIRST, operation, make(&root, "0")).await, "DuplicateOrganizationalUnitException");
    assert_eq!(server.err(FIRST, operation, make("r-none", "x")).await, "ParentNotFoundException");
    let other = server.unit(&root, "other").await;
    let rename = json!({"OrganizationalUnitId": other, "Name": "0"});
    assert_eq!(server.err(FIRST, "UpdateOrganizationalUnit", rename).await, "DuplicateOrganizationalUnitException");
    let rename = json!({"OrganizationalUnitId": other, "Name": "new"});
    let renamed = server.ok(FIRST, "UpdateOrganizationalUnit", rename).await;
    assert_eq!(renamed.text("OrganizationalUnit.Name"), "new");
    let children =
        server.ok(FIRST, "ListChildren", json!({"ParentId": root, "ChildType": "ORGANIZATIONAL_UNIT"})).await;
    assert_eq!(children.texts("Children", "Id").len(), 2);
    let account = server.account("a").await;
    let to = |from: &str, to: &str| json!({"AccountId": account, "SourceParentId": from, "DestinationParentId": to});
    for (from, to_, expected) in [
        (other.as_str(), root.as_str(), "DuplicateAccountException"),
        (&other, &parent, "SourceParentNotFoundException"),
        ("r-none", &parent, "SourceParentNotFoundException"),
        (&root, "r-none", "DestinationParentNotFoundException"),
    ] {
        assert_eq!(server.err(FIRST, "MoveAccount", to(from, to_)).await, expected, "{from} {to_}");
    }
    server.ok(FIRST, "MoveAccount", to(&root, &other)).await;
    let delete = json!({"OrganizationalUnitId": other});
    assert_eq!(
        server.err(FIRST, "DeleteOrganizationalUnit", delete.clone()).await,
        "OrganizationalUnitNotEmptyException"
    );
    server.ok(FIRST, "MoveAccount", to(&other, &root)).await;
    server.ok(FIRST, "DeleteOrganizationalUnit", delete.clone()).await;
    assert_eq!(server.err(FIRST, "DescribeOrganizationalUnit", delete).await, "OrganizationalUnitNotFoundException");
}

/// One thing done to a tree; the numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    Unit(usize),
    RemoveUnit(usize),
    Account,
    Move(usize, usize),
    RemoveAccount(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => any::<usize>().prop_map(Step::Unit),
        2 => any::<usize>().prop_map(Step::RemoveUnit),
        2 => Just(Step::Account),
        4 => any::<(usize, usize)>().prop_map(|(account, to)| Step::Move(account, to)),
        1 => any::<usize>().prop_map(Step::RemoveAccount),
    ];
    prop::collection::vec(step, 1..60)
}

/// Does the steps to a server and to a map from children to parents, and compares.
async fn play(steps: Vec<Step>) {
    let server = Server::new().await;
    let root = server.organization().await;
    let mut parents: BTreeMap<String, String> = BTreeMap::from([(FIRST.to_owned(), root.clone())]);
    let is_unit = |id: &&String| id.starts_with("ou-");
    for (n, step) in steps.into_iter().enumerate() {
        let units: Vec<String> = parents.keys().filter(is_unit).cloned().collect();
        let all: Vec<String> = std::iter::once(root.clone()).chain(units.iter().cloned()).collect();
        let accounts: Vec<String> = parents.keys().filter(|id| !is_unit(id)).cloned().collect();
        match step {
            Step::Unit(at) => {
                let parent = &all[at % all.len()];
                let mut depth = 1;
                let mut above = parent;
                while let Some(next) = parents.get(above) {
                    (depth, above) = (depth + 1, next);
                }
                let input = json!({"ParentId": parent, "Name": n.to_string()});
                let made = server.call(FIRST, "CreateOrganizationalUnit", input).await;
                assert_eq!(made.is_ok(), depth <= 5);
                if let Ok(made) = made {
                    parents.insert(made.text("OrganizationalUnit.Id"), parent.clone());
                }
            }
            Step::RemoveUnit(at) if !units.is_empty() => {
                let unit = &units[at % units.len()];
                let removed =
                    server.call(FIRST, "DeleteOrganizationalUnit", json!({"OrganizationalUnitId": unit})).await;
                assert_eq!(removed.is_ok(), !parents.values().any(|parent| parent == unit));
                if removed.is_ok() {
                    parents.remove(unit);
                }
            }
            Step::RemoveUnit(_) => {}
            Step::Account => {
                parents.insert(server.account(&n.to_string()).await, root.clone());
            }
            Step::Move(account, to) => {
                let (account, to) = (&accounts[account % accounts.len()], &all[to % all.len()]);
                let input =
                    json!({"AccountId": account, "SourceParentId": parents[account], "DestinationParentId": to});
                let moved = server.call(FIRST, "MoveAccount", input).await;
                assert_eq!(moved.is_ok(), parents[account] != *to);
                parents.insert(account.clone(), to.clone());
            }
            Step::RemoveAccount(at) => {
                let account = &accounts[at % accounts.len()];
                let removed = server.call(FIRST, "RemoveAccountFromOrganization", json!({"AccountId": account})).await;
                assert_eq!(removed.is_ok(), account != FIRST);
                if removed.is_ok() {
                    parents.remove(account);
                }
            }
        }
    }
    same(&server, &root, &parents);
    // And what is read from the tables is what memory had.
    let again = Server::over(std::sync::Arc::clone(&server.state)).await;
    same(&again, &root, &parents);
}

fn same(server: &Server, root: &str, parents: &BTreeMap<String, String>) {
    let world = server.organizations.store.world();
    let (organization, ..) = world.place_of(FIRST).unwrap();
    let targets =
        world.targets(organization).filter_map(|target| Some((target.id().to_owned(), target.parent()?.to_owned())));
    assert_eq!(targets.collect::<BTreeMap<_, _>>(), *parents);
    for child in parents.keys() {
        let line = world.line(organization, child);
        assert_eq!(line[0].id(), root, "every line begins at the root");
        assert!(line.len() <= 7);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_tree_stays_a_tree(steps in steps()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(steps));
    }
}

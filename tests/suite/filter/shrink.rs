//! Shrinks a failing filter.

use super::tree::Tree;

/// The smallest tree found by removing parts as long as it still fails.
pub(super) fn shrink(tree: &Tree, fails: impl Fn(&Tree) -> bool) -> Tree {
    let mut smallest = tree.clone();
    while let Some(smaller) = smaller(&smallest).into_iter().find(|tree| fails(tree)) {
        smallest = smaller;
    }
    smallest
}

/// Every tree with one node removed.
fn smaller(tree: &Tree) -> Vec<Tree> {
    match tree {
        Tree::Test(_) => Vec::new(),
        Tree::Not(inner) => {
            let mut all = vec![(**inner).clone()];
            all.extend(
                smaller(inner)
                    .into_iter()
                    .map(|tree| Tree::Not(tree.into())),
            );
            all
        }
        Tree::And(left, right) => parts(left, right, Tree::And),
        Tree::Or(left, right) => parts(left, right, Tree::Or),
    }
}

fn parts(left: &Tree, right: &Tree, join: fn(Box<Tree>, Box<Tree>) -> Tree) -> Vec<Tree> {
    let mut all = vec![left.clone(), right.clone()];
    let lefts = smaller(left).into_iter();
    all.extend(lefts.map(|left| join(left.into(), right.clone().into())));
    let rights = smaller(right).into_iter();
    all.extend(rights.map(|right| join(left.clone().into(), right.into())));
    all
}

mod tests {
    use super::super::tree::Test;
    use super::{Tree, shrink};

    #[test]
    fn shrinking_leaves_only_the_failing_test() {
        let test = |name| {
            Tree::Test(Test::Family {
                name,
                differs: false,
            })
        };
        let or = Tree::Or(test("inet").into(), test("ipv6").into());
        let tree = Tree::And(
            Tree::Not(or.into()).into(),
            Tree::Not(test("inet6").into()).into(),
        );
        let has_ipv6 = |tree: &Tree| !tree.is_all(|one| Tree::Test(one.clone()) != test("ipv6"));
        assert_eq!(shrink(&tree, has_ipv6), test("ipv6"));
    }
}

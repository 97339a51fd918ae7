//! Every lie must make its case fail; the same case holds without it.
//!
//! `cargo test -p usocket-conformance --test liars -- --nocapture` prints the list.

mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use usocket_conformance::{Case, Failure, Outcome, Row, Verdict, cases, lies};
use worlds::World;

/// One lie and what its case said.
struct Told {
    lie: &'static str,
    case: &'static str,
    rows: &'static [Row],
    outcome: Outcome,
}

/// Tells the lie of this number, on a thread of its own: one that makes the case
/// spin is caught too. `None`: there is no such lie.
fn tell(number: usize) -> Option<Told> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        worlds::one(number, |world| {
            let mut index = 0;
            lies::visit(&mut |told, tell| {
                if index == number {
                    let _ = sender.send((told.lie, told.case, told.rows, None));
                    let outcome = worlds::caught(|| tell(world));
                    let _ = sender.send((told.lie, told.case, told.rows, Some(outcome)));
                }
                index += 1;
            });
        });
    });
    let (lie, case, rows, _) = receiver.recv().ok()?;
    let outcome = match receiver.recv_timeout(Duration::from_secs(20)) {
        Ok((_, _, _, Some(outcome))) => outcome,
        _ => Err(Failure::new("the case did not end")),
    };
    Some(Told { lie, case: bare(case), rows, outcome })
}

/// The case's name without its module.
fn bare(path: &'static str) -> &'static str {
    path.rsplit("::").next().unwrap_or(path).trim()
}

/// The rows of every case that holds on the honest backend.
fn honest() -> BTreeMap<&'static str, &'static [Row]> {
    let mut held = BTreeMap::new();
    worlds::each(|world, number| {
        let mut index = 0;
        cases::visit(&mut |case| {
            if index == number && proved(case, world) {
                held.insert(case.name, case.rows);
            }
            index += 1;
        });
        number < index
    });
    held
}

fn proved<'n>(case: &Case<World<'n>>, world: &World<'n>) -> bool {
    matches!(worlds::caught(|| (case.run)(world)), Ok(Verdict::Proved))
}

#[test]
#[expect(clippy::print_stdout, reason = "the list is what this test is for")]
fn every_lie_is_caught() {
    worlds::quiet_panics();
    let honest = honest();
    let (mut wrong, mut broken, mut names) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for told in (0..).map_while(tell) {
        let Told { lie, case, rows, outcome } = told;
        let how = match outcome {
            Err(failure) => failure.to_string(),
            Ok(_) => "NOT CAUGHT".into(),
        };
        println!("{lie:<28} | {rows:?} | {case} | {how}");
        match honest.get(case) {
            _ if outcome.is_ok() => wrong.push(format!("{lie} is not caught by {case}")),
            None => wrong.push(format!("{lie}: {case} does not hold without it")),
            Some(own) if !rows.iter().all(|row| own.contains(row)) => {
                wrong.push(format!("{lie} breaks rows that {case} does not name"));
            }
            Some(_) => {
                names.insert(lie);
                broken.extend(rows);
            }
        }
    }
    println!("{} lies, {} rows broken", names.len(), broken.len());
    let by_type = cases::BY_TYPE.iter().map(|(row, _)| row);
    let shown: BTreeSet<&Row> = broken.iter().copied().chain(by_type).collect();
    for (case, rows) in &honest {
        for row in rows.iter().filter(|row| !shown.contains(row)) {
            wrong.push(format!("no lie breaks row {row} of {case}"));
        }
    }
    assert!(names.len() >= 80, "only {} lies; {wrong:#?}", names.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

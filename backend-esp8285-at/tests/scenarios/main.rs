//! The mistakes of other drivers, as scenarios: section 11 of the protocol sheet.
//!
//! Each of the 38 is a test of its name, which runs it for each profile; the table says where
//! one does not apply and why. For each mistake of another driver a naive driver makes just
//! that mistake and must fail the scenario, which it passes without.
//!
//! `cargo test --all-features --test scenarios -- --nocapture` prints the table.
//! `PROFILE=1.7.6p` runs one profile, `TRACE=1` shows the wire, `SHAKE=12` gives the modem
//! and the network other latencies.

mod bad;
mod driver;
mod faults;
mod injection;
mod maixpy;
mod others;
mod profile;
mod races;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bad::Mistake;
use profile::{
    Applies, PROFILES, Profile, V1_5, V1_7_2, V1_7_6, V1_7_6_ACTIVE, V2_1, V2_2, V2_2_ACTIVE,
    everywhere, passive_only, udp_only,
};
use stage::{Cast, Outcome, SHAKE};

/// A scenario, where it applies, and what it does.
struct Scenario {
    name: &'static str,
    applies: fn(Profile) -> Applies,
    run: fn(Profile, Cast) -> Outcome,
}

macro_rules! scenarios {
    ($($module:ident::$name:ident: $applies:expr;)*) => {
        /// All of them, in order.
        const SCENARIOS: &[Scenario] = &[$(
            Scenario { name: stringify!($name), applies: $applies, run: $module::$name },
        )*];

        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*
    };
}

scenarios! {
    maixpy::scenario_01_data_before_a_command_survives: everywhere;
    maixpy::scenario_02_payload_is_data_whatever_it_holds: everywhere;
    maixpy::scenario_03_each_link_has_its_own_data: everywhere;
    maixpy::scenario_04_long_heads_are_heads: udp_only;
    maixpy::scenario_05_an_id_that_is_taken_is_not_success: everywhere;
    maixpy::scenario_06_names_and_keys_are_escaped: everywhere;
    maixpy::scenario_07_a_slow_join_is_waited_for: everywhere;
    maixpy::scenario_08_after_the_data_comes_the_end: everywhere;
    maixpy::scenario_09_no_line_end_after_a_payload: everywhere;
    maixpy::scenario_10_a_scan_with_odd_names: everywhere;
    others::scenario_11_data_outlive_closed_and_nothing_is_resent: everywhere;
    others::scenario_12_busy_is_no_final_result: everywhere;
    others::scenario_13_buffered_data_come_first: everywhere;
    others::scenario_14_datagram_sockets_fail_with_the_network: udp_only;
    others::scenario_15_nothing_is_said_during_a_send: everywhere;
    others::scenario_16_tags_in_pieces_of_payload: everywhere;
    others::scenario_17_bytes_lengths_ids_and_replies: everywhere;
    others::scenario_18_as_the_reference_driver_does: everywhere;
    races::scenario_19_a_client_takes_the_id_of_an_open: everywhere;
    races::scenario_20_a_stale_closed_closes_nothing: everywhere;
    races::scenario_21_an_id_lives_again_while_its_socket_is_open: everywhere;
    races::scenario_22_each_send_has_one_outcome: everywhere;
    races::scenario_23_data_come_at_every_place: everywhere;
    races::scenario_24_data_without_a_notice_are_found: passive_only;
    races::scenario_25_notices_that_mean_nothing: passive_only;
    races::scenario_26_short_failed_and_interrupted_reads: passive_only;
    races::scenario_27_a_silent_client_stays: everywhere;
    races::scenario_28_a_client_too_many: everywhere;
    races::scenario_29_the_network_is_lost_at_any_time: everywhere;
    races::scenario_30_datagrams_keep_their_boundaries: everywhere;
    faults::scenario_31_a_byte_lost_in_payload: everywhere;
    faults::scenario_32_noise_before_ready: everywhere;
    faults::scenario_33_a_reboot_at_any_place: everywhere;
    faults::scenario_34_a_switch_of_the_rate: everywhere;
    faults::scenario_35_endless_busy_ends_in_a_restart: everywhere;
    faults::scenario_36_a_send_that_stalls: stalls;
    faults::scenario_37_a_chatty_modem: everywhere;
    faults::scenario_38_echo: everywhere;
}

/// The stall is a fault of 2.1 to 2.2.1.
fn stalls(on: Profile) -> Applies {
    match on.nonos() {
        true => Applies::No("the receiver of 1.x does not stall (2.5)"),
        false => Applies::Run,
    }
}

/// The scenarios whose mistakes are marked in section 11.
const MARKED: [usize; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17];

macro_rules! mistakes {
    ($($name:ident: $number:expr, $mistake:ident, $($on:expr),+;)*) => {
        /// Each mistake, the scenario that it fails, and where.
        const MISTAKES: &[(usize, Mistake, &[Profile])] = &[$(
            ($number, Mistake::$mistake, &[$($on),+]),
        )*];

        $(
            #[test]
            fn $name() {
                caught($number, Mistake::$mistake);
            }
        )*
    };
}

mistakes! {
    mistake_01_empties_the_receiver: 1, EmptiesReceiver, V1_7_6_ACTIVE, V2_2_ACTIVE;
    mistake_01_clears_on_send: 1, ClearsOnSend, V1_7_6_ACTIVE, V2_2_ACTIVE;
    mistake_02_searches_everywhere: 2, SearchesEverywhere, V1_7_6_ACTIVE, V2_2_ACTIVE, V1_7_6, V2_2;
    mistake_03_one_link: 3, OneLink, V1_7_6_ACTIVE, V2_2_ACTIVE;
    mistake_04_short_heads: 4, ShortHeads, V1_7_6, V2_2_ACTIVE;
    mistake_05_taken_is_success: 5, TakenIsSuccess, V1_7_6, V1_7_6_ACTIVE;
    mistake_06_pastes_raw: 6, PastesRaw, V1_7_6, V2_2;
    mistake_07_short_join: 7, ShortJoin, V1_7_6, V2_2;
    mistake_08_the_end_is_again: 8, EndIsAgain, V1_7_6, V2_2, V2_2_ACTIVE;
    mistake_09_line_end_after_payload: 9, LineEndAfterPayload, V1_7_6, V2_2;
    mistake_09_no_line_end_after_the_command: 9, NoLineEnd, V1_7_6, V2_2;
    mistake_10_splits_at_parentheses: 10, SplitsAtParentheses, V1_7_6, V2_2;
    mistake_11_drops_after_closed: 11, DropsAfterClosed, V1_7_2, V1_7_6;
    mistake_11_resends: 11, Resends, V1_7_6, V2_2;
    mistake_12_aborts_on_busy: 12, AbortsOnBusy, V1_7_6, V2_2;
    mistake_13_closes_with_data: 13, ClosesWithData, V1_7_6, V2_2, V2_2_ACTIVE;
    mistake_13_reads_without_room: 13, ReadsWithoutRoom, V1_7_6, V2_2;
    mistake_14_datagrams_outlive: 14, DatagramsOutlive, V2_2_ACTIVE;
    mistake_15_speaks_during_a_send: 15, SpeaksDuringSend, V1_7_6, V2_2;
    mistake_16_empties_the_receiver: 16, EmptiesReceiver, V1_7_6_ACTIVE;
    mistake_16_searches_everywhere: 16, SearchesEverywhere, V1_7_6_ACTIVE;
    mistake_17_checks_utf8: 17, ChecksUtf8, V1_7_6, V2_2, V2_2_ACTIVE;
    mistake_17_the_length_is_last: 17, LengthIsLast, V1_7_6_ACTIVE, V2_2_ACTIVE;
    mistake_17_keeps_closed_ids: 17, KeepsClosedIds, V1_7_6, V2_2;
    mistake_17_a_reply_is_unsolicited: 17, ReadIsUnsolicited, V1_7_6, V2_2;
}

fn scenario(number: usize) -> &'static Scenario {
    &SCENARIOS[number - 1]
}

/// Runs a scenario with our driver wherever it applies.
fn run(name: &str) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).expect("it is listed");
    let only = std::env::var("PROFILE").ok();
    let shake = std::env::var("SHAKE").ok().and_then(|seed| seed.parse().ok());
    SHAKE.set(shake.unwrap_or_default());
    let mut failed = Vec::new();
    for on in PROFILES {
        let wanted = only.as_ref().is_none_or(|only| *only == on.to_string());
        if wanted && (scenario.applies)(on) == Applies::Run {
            let outcome = attempt(scenario, on, Cast::Ours);
            failed.extend(outcome.err().map(|text| format!("{on}: {text}")));
        }
    }
    assert!(failed.is_empty(), "{name}\n  {}", failed.join("\n  "));
}

/// Latencies at which mistakes were found once.
const SHAKEN: [(u64, Profile); 4] = [(1, V2_1), (12, V1_5), (13, V1_5), (32, V1_7_6)];

/// All of them at other latencies than those of a quiet network.
#[test]
fn at_other_latencies() {
    let mut failed = Vec::new();
    for (seed, on) in SHAKEN {
        SHAKE.set(seed);
        for scenario in SCENARIOS.iter().filter(|it| (it.applies)(on) == Applies::Run) {
            let outcome = attempt(scenario, on, Cast::Ours);
            let text = |text| format!("{} on {on}, SHAKE={seed}: {text}", scenario.name);
            failed.extend(outcome.err().map(text));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn attempt(scenario: &Scenario, on: Profile, cast: Cast) -> Outcome {
    let run = AssertUnwindSafe(|| (scenario.run)(on, cast));
    catch_unwind(run).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map_or("no text", String::as_str);
        Err(format!("panicked: {text}"))
    })
}

/// The naive driver passes a scenario, and with the mistake it does not.
#[expect(clippy::print_stdout, reason = "how it is noticed is worth reading")]
fn caught(number: usize, mistake: Mistake) {
    let scenario = scenario(number);
    let places = MISTAKES.iter().find(|(at, what, _)| (*at, *what) == (number, mistake));
    for on in places.expect("it is listed").2 {
        assert_eq!((scenario.applies)(*on), Applies::Run);
        let good = attempt(scenario, *on, Cast::Bad(None));
        assert_eq!(good, Ok(()), "{} on {on}, without mistake", scenario.name);
        let bad = attempt(scenario, *on, Cast::Bad(Some(mistake)));
        let text = bad.expect_err("the mistake is not noticed");
        println!("{mistake:?} on {on}: {text}");
        assert!(!text.starts_with("panicked"), "{mistake:?} on {on}: {text}");
    }
}

/// Prints where each scenario runs, and checks that all of section 11 is there.
#[test]
#[expect(clippy::print_stdout, reason = "the table is what this test is for")]
fn table() {
    let names: Vec<String> = PROFILES.iter().map(ToString::to_string).collect();
    println!("{:64} {}", "scenario", names.join(" "));
    let mut cells = 0;
    for (index, scenario) in SCENARIOS.iter().enumerate() {
        let number = format!("scenario_{:02}_", index + 1);
        assert!(scenario.name.starts_with(&number), "{} is not {number}", scenario.name);
        let row = PROFILES.map(|on| (scenario.applies)(on));
        assert!(row.contains(&Applies::Run), "{} runs nowhere", scenario.name);
        let marks = row.map(|cell| if cell == Applies::Run { " run " } else { "  -  " });
        println!("{:64} {}", scenario.name, marks.join(" "));
        let mut reasons: Vec<&str> = Vec::new();
        for cell in row {
            match cell {
                Applies::Run => cells += 1,
                Applies::No(reason) if !reasons.contains(&reason) => reasons.push(reason),
                Applies::No(_) => {}
            }
        }
        for reason in reasons {
            println!("    -  {reason}");
        }
    }
    assert_eq!(SCENARIOS.len(), 38);
    println!("{cells} of {} cells run", SCENARIOS.len() * PROFILES.len());
    for number in MARKED {
        let mistakes = MISTAKES.iter().filter(|(at, ..)| *at == number);
        assert!(mistakes.count() > 0, "no mistake for {}", scenario(number).name);
    }
}

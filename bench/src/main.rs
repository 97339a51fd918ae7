//! The command. See the readme.
#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::process::ExitCode;

use usocket_bench::counts::Side;
use usocket_bench::esp8285_suite::report::{self, Options};
use usocket_bench::esp8285_suite::{instructions, recorded};
use usocket_bench::pairs::Plan;
use usocket_bench::smoltcp_suite::{self, counted, goodput, tap};
use usocket_bench::std_suite::{self, ops};
use usocket_bench::{adapters, esp8285_suite, gates, machine, table};

const USAGE: &str = "\
usage: usocket-bench [std] [--pairs N] [--quick] [--no-pin] [--only TEXT] [--markdown]
       usocket-bench syscalls          counts system calls; fails where a gate does
       usocket-bench instructions      counts instructions; fails where a gate does
       usocket-bench ceilings          what is possible on an ESP8285's wire
       usocket-bench esp8285 [--alone] [--judged] [--only TEXT]
                                       our driver and esp-at-nal beside those ceilings;
                                       fails where a gate does
       usocket-bench esp8285-instructions
                                       instructions of our driver per received byte; likewise
       usocket-bench smoltcp-instructions [--all]
                                       instructions of our end over those of bare smoltcp;
                                       fails where a gate does
       usocket-bench smoltcp-goodput   over a long and bad link in virtual time; likewise
       usocket-bench smoltcp-tap [--pairs N] [--quick] [--markdown]
                                       timed against Linux; as root, in a network namespace
       usocket-bench adapters          the network traits beside the native calls; likewise
       usocket-bench op ours|peer OP N does one operation N times";

fn main() -> ExitCode {
    machine::raise_descriptor_limit();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["syscalls"] => gated(gates::check_system_calls()),
        ["instructions"] => gated(gates::check_instructions()),
        ["ceilings"] => {
            print!("{}", esp8285_suite::ceilings());
            ExitCode::SUCCESS
        }
        ["esp8285", options @ ..] => modem(options),
        ["esp8285-instructions"] => judged(instructions::run(&mut |row| println!("{row}"))),
        ["smoltcp-instructions", options @ ..] => match options {
            [] => judged(counted::run(false, &mut |row| println!("{row}"))),
            ["--all"] => judged(counted::run(true, &mut |row| println!("{row}"))),
            _ => usage(),
        },
        ["smoltcp-goodput"] => judged(Ok(goodput::run(&mut |row| println!("{row}")))),
        ["smoltcp-tap", options @ ..] => suite(options, true),
        [tap::CLIENT] => match tap::client() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("usocket-bench: {error}");
                ExitCode::FAILURE
            }
        },
        ["adapters"] => judged(adapters::run(&mut |row| println!("{row}"))),
        ["op", side, op, count] => operation(side, op, count),
        ["std", options @ ..] => suite(options, false),
        options => suite(options, false),
    }
}

fn suite(options: &[&str], over_tap: bool) -> ExitCode {
    let (mut plan, mut only, mut markdown) = (Plan::FULL, "", false);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match *option {
            "--quick" => plan = Plan { pin: plan.pin, ..Plan::QUICK },
            "--no-pin" => plan.pin = false,
            "--markdown" => markdown = true,
            "--only" => only = rest.next().copied().unwrap_or_default(),
            "--pairs" => match rest.next().and_then(|pairs| pairs.parse().ok()) {
                Some(pairs) if pairs > 0 => plan.pairs = pairs,
                _ => return usage(),
            },
            _ => return usage(),
        }
    }
    // Asked for before the threads are kept on their cores.
    let about = machine::describe();
    let name = if over_tap { "smoltcp-tap" } else { "std" };
    let lines = if over_tap {
        match tap::run(&plan) {
            Ok(lines) => lines,
            Err(error) => {
                eprintln!("usocket-bench: {error}");
                return ExitCode::FAILURE;
            }
        }
    } else {
        std_suite::run(&plan, only, &mut |line| eprintln!("... {}: {}", line.what, line.peer))
    };
    let command = format!("usocket-bench {name} {}", options.join(" ")).trim().to_owned();
    println!(
        "{}, {about}; medians of {} interleaved pairs of {} ms, `{command}`\n",
        machine::today(),
        plan.pairs,
        plan.sample.as_millis(),
    );
    print!("{}", if markdown { table::markdown(&lines) } else { table::text(&lines) });
    ExitCode::SUCCESS
}

fn modem(options: &[&str]) -> ExitCode {
    let mut chosen = Options::default();
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match *option {
            "--alone" => chosen.alone = true,
            "--judged" => chosen.judged = true,
            "--only" => chosen.only = rest.next().copied().unwrap_or_default(),
            _ => return usage(),
        }
    }
    judged(report::run(chosen, &mut |row| println!("{row}")))
}

/// The exit code of so many failures.
fn judged(failures: std::io::Result<usize>) -> ExitCode {
    match failures {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failures) => {
            eprintln!("usocket-bench: {failures} lines fail");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("usocket-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn operation(side: &str, name: &str, count: &str) -> ExitCode {
    let Ok(count) = count.parse() else { return usage() };
    if let Some((_, feed)) = recorded::OPS.iter().find(|(op, _)| *op == name) {
        recorded::receive(*feed, count);
        return ExitCode::SUCCESS;
    }
    let mut known = ops::OPS.iter().chain(smoltcp_suite::ops::OPS).chain(&adapters::ops::OPS);
    let Some(op) = known.find(|op| op.name == name) else { return usage() };
    let run = if side == Side::Ours.name() { Some(op.ours) } else { op.peer };
    match run {
        Some(run) => {
            run(count);
            ExitCode::SUCCESS
        }
        None => usage(),
    }
}

fn gated(outcome: std::io::Result<gates::Report>) -> ExitCode {
    match outcome {
        Ok(report) => {
            print!("{}", report.text);
            if report.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("usocket-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

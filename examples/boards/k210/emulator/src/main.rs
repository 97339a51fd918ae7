//! Runs a firmware image on the emulated board, with a modem on a virtual or a real network.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use k210_emulator::{Cost, Ending, Image, Machine, Partner, World, picture, streams};
use lexopt::prelude::*;

const HELP: &str = "
Runs a firmware image for a Maix board on an emulated one.

usage: k210-emulator [options] IMAGE

  --png FILE        save what the panel shows at the end
  --card FILE       a card in the socket, with this image (times 512 KiB); it is written back
  --file FILE       what http://pictures.test/ hands out (default: a lake at dusk)
  --real            the modem is on this machine's network, and time keeps step
  --firmware V      AT firmware of the modem (default: 1.7.6)
  --ssid NAME, --key KEY   the access point (default: what images are built for)
  --mmio N          accesses to peripherals cost N times 20 cycles (default: 1)
  --late N          interrupts of the UARTs come N microseconds late
  --limit SECONDS   of the board's time (default: 120)
  --until TEXT      end when the console has said this
  --help            this text

It ends with 0 if the last line of the console is `passed`, or --until was seen.
";

struct Options {
    image: PathBuf,
    png: Option<PathBuf>,
    card: Option<PathBuf>,
    file: Option<PathBuf>,
    real: bool,
    world: World,
    cost: Cost,
    late: Duration,
    limit: Duration,
    until: Option<String>,
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            let _ = writeln!(io::stderr(), "{message}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Options, String> {
    parse().map_err(|e| format!("{e}\n{HELP}"))
}

fn parse() -> Result<Options, lexopt::Error> {
    let mut image = None;
    let mut options = Options {
        image: PathBuf::new(),
        png: None,
        card: None,
        file: None,
        real: false,
        world: World::default(),
        cost: Cost::default(),
        late: Duration::ZERO,
        limit: Duration::from_secs(120),
        until: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("png") => options.png = Some(parser.value()?.into()),
            Long("card") => options.card = Some(parser.value()?.into()),
            Long("file") => options.file = Some(parser.value()?.into()),
            Long("real") => options.real = true,
            Long("firmware") => {
                let name = parser.value()?.string()?;
                let mut all = esp8285_sim::Version::ALL.into_iter();
                let found = all.find(|version| version.profile().name == name);
                options.world.version = found.ok_or("there is no such firmware")?;
            }
            Long("ssid") => options.world.ssid = parser.value()?.string()?,
            Long("key") => options.world.key = parser.value()?.string()?,
            Long("mmio") => options.cost.access *= parser.value()?.parse::<u64>()?,
            Long("late") => options.late = Duration::from_micros(parser.value()?.parse()?),
            Long("limit") => options.limit = Duration::from_secs(parser.value()?.parse()?),
            Long("until") => options.until = Some(parser.value()?.string()?),
            Value(path) if image.is_none() => image = Some(path.into()),
            Long("help") => return Err("".into()),
            _ => return Err(arg.unexpected()),
        }
    }
    options.image = image.ok_or("which image?")?;
    Ok(options)
}

fn run(options: &Options) -> Result<bool, String> {
    let read = |path: &PathBuf| fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let image = Image::parse(&read(&options.image)?)?;
    let file = options.file.as_ref().map_or_else(|| Ok(picture()), read)?;
    let modem: Box<dyn Partner> = if options.real {
        Box::new(options.world.real_modem())
    } else {
        Box::new(options.world.virtual_modem(&file, &streams()))
    };
    let mut machine = Machine::new(image, options.cost, modem);
    machine.set_latency(options.late);
    if options.real {
        machine.keep_pace();
    }
    if let Some(path) = &options.card {
        let contents = read(path)?;
        if contents.is_empty() || !contents.len().is_multiple_of(512 << 10) {
            return Err(format!("{}: no multiple of 512 KiB", path.display()));
        }
        machine.insert_card(contents);
    }
    let began = Instant::now();
    let mut shown = 0;
    let ending = machine.run(options.limit, |said| {
        let _ = io::stdout().write_all(&said[shown..]).and_then(|()| io::stdout().flush());
        shown = said.len();
        options
            .until
            .as_ref()
            .is_some_and(|text| said.windows(text.len().max(1)).any(|part| part == text.as_bytes()))
    });
    report(&machine, ending, began.elapsed());
    if let (Some(path), Some((contents, faults))) = (&options.card, machine.remove_card()) {
        let _ = writeln!(io::stderr(), "-- card: {faults} faults");
        fs::write(path, contents).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    if let Some(path) = &options.png {
        let file = fs::File::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
        machine.screen().write_png(file).map_err(|e| e.to_string())?;
    }
    let passed = machine.console().trim_end().ends_with("passed");
    Ok(ending == Ending::Seen || (ending == Ending::Halted && passed))
}

fn report(machine: &Machine, ending: Ending, wall: Duration) {
    let (hart, uart) = (machine.stats(), machine.uart(2));
    let mut out = io::stderr();
    let _ = writeln!(
        out,
        "-- {ending:?} after {:.3} s of the board's time, {:.1} s of ours: {} instructions\n\
         -- UART2: {} bytes received, {} overruns, {} garbled, FIFO at most {} of 16, {} sent\n\
         -- interrupts: {}, of at most {:.1} us; {:.1} instructions per received byte\n\
         -- sections: code {}, read-only {}, data {}, bss {}; stack {} bytes at most",
        machine.now().since_start().as_secs_f64(),
        wall.as_secs_f64(),
        hart.instructions,
        uart.received,
        uart.overruns,
        uart.garbled,
        uart.fullest,
        uart.sent,
        hart.traps,
        hart.longest_trap as f64 / 39_000.0,
        hart.handler as f64 / uart.received.max(1) as f64,
        machine.image().section(".text"),
        machine.image().section(".rodata"),
        machine.image().section(".data"),
        machine.image().section(".bss"),
        machine.stack().unwrap_or(0),
    );
}
